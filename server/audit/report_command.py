"""`penchant-audit report`: the officer's evidence pack, a folder of pages and files that needs no network."""

import argparse
import hashlib
import json
import shutil
from pathlib import Path

from privacy.balance import Balance
from privacy.canonical import encode
from privacy.label_page import page
from server.audit import bundle_command
from server.audit.budget_command import wire
from server.audit.bundle_file import is_bundle, read_bundle
from server.audit.consent_policy import consent_policy
from server.audit.documents import html, markdown
from server.audit.dpia import dpia
from server.audit.errors import SourceRefused
from server.audit.gathering import Evidence, gather, known_notices
from server.audit.pack_pages import budget, index, label_name
from server.audit.processing import processing_record

BUNDLE = "audit.bundle"


def add(parser: argparse.ArgumentParser) -> None:
    """Say which arguments it takes."""
    parser.add_argument(
        "source",
        metavar="RUN_OR_DATABASE_OR_BUNDLE",
        help="a run's folder, a bundle, a SQLite file or a database's URL",
    )
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="DIR", help="where the pack goes")
    parser.add_argument(
        "--controller", default="", metavar="NAME", help="who answers for the processing, for the documents"
    )
    parser.add_argument("--trust", type=Path, metavar="FILE", help="a database: the trust file devices pin")
    parser.add_argument(
        "--log-key", type=Path, metavar="FILE", help="a database: sign a head of its log as it stands"
    )


def run(options: argparse.Namespace) -> int:
    """Write the pack and say where to begin; exit 0, or 1 where a release in it must not go out."""
    bundle = options.out / BUNDLE
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        _bundle(options, bundle)
        notices = known_notices(options.source)
        found = gather(
            read_bundle(bundle), source=options.source, notices=notices, controller=options.controller
        )
        files = pack(found)
        for name, content in files.items():
            place = options.out / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        listed = {**{name: _sha256(content) for name, content in files.items()}, BUNDLE: _sha256_of(bundle)}
        (options.out / "files.json").write_text(
            json.dumps(listed, indent=2, sort_keys=True) + "\n", encoding="utf-8"
        )
    except OSError as problem:
        raise SourceRefused(
            f"{problem.filename}: {problem.strerror}; name a folder that can be written"
        ) from None
    print(f"{options.out}: {len(listed) + 1} files; open {options.out / 'index.html'} first")
    blocked = [(label, against) for label in found.labels if (against := found.against(label))]
    for label, against in blocked:
        print(f"{label.line}, release {label.sequence}, must not go out: {'; '.join(against)}")
    return 1 if blocked else 0


def pack(found: Evidence) -> dict[str, bytes]:
    """Return every file of a pack but the bundle, by name."""
    documents = (consent_policy(found), processing_record(found), dpia(found))
    pages = {
        "index.html": index(found, documents),
        "budget.html": budget(found),
        "budget.json": _budgets(found.balances),
        **{f"{each.name}.html": html(each) for each in documents},
        **{f"{each.name}.md": markdown(each) for each in documents},
        **{f"labels/{label_name(label)}.html": page(label) for label in found.labels},
    }
    exact = {
        **{f"labels/{label_name(label)}.json": label.encode() for label in found.labels},
        **{
            f"notices/{n.purpose}-{n.language}-{n.edition}.json": encode(dict(n.content))
            for n in found.notices
        },
    }
    return {**{name: text.encode() for name, text in pages.items()}, **exact}


def _bundle(options: argparse.Namespace, bundle: Path) -> None:
    """Put the bundle into the pack: copied where one was given, else made."""
    source = Path(options.source)
    if "://" not in options.source and source.is_file() and is_bundle(source):
        shutil.copyfile(source, bundle)
        return
    bundle_command.run(
        argparse.Namespace(
            source=options.source, out=bundle, officer=False, trust=options.trust, log_key=options.log_key
        )
    )


def _budgets(found: tuple[Balance, ...]) -> str:
    return json.dumps([wire(each) for each in found], indent=2) + "\n"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
