"""`penchant-audit verify`: check a bundle offline; 0 valid, 1 invalid, 2 unreadable."""

import argparse
import json
from pathlib import Path

from privacy.audit import text
from privacy.audit.faults import Broken, Unreadable
from privacy.audit.findings import failed
from privacy.audit.verify import audit


def add(parser: argparse.ArgumentParser) -> None:
    """Say which arguments it takes."""
    parser.add_argument("file", type=Path, metavar="FILE", help="what penchant-audit bundle wrote")
    parser.add_argument("--json", action="store_true", help="print the findings as one JSON value")
    parser.add_argument(
        "--trust", type=Path, metavar="FILE", help="the trust file you hold, from outside the bundle"
    )
    parser.add_argument(
        "--pins",
        type=Path,
        metavar="FILE",
        help="a service's log pins you hold, for the consent log's key too",
    )
    parser.add_argument(
        "--since", type=Path, metavar="OLDER", help="a bundle you kept: this one must continue its log"
    )
    parser.add_argument(
        "--release",
        metavar="LINE/N",
        help="recompute the figures of this release only; the log is checked whole",
    )


def run(options: argparse.Namespace) -> int:
    """Audit, and print what was found."""
    name = str(options.file)
    try:
        found = audit(
            options.file,
            trust=_read(options.trust),
            pins=_read(options.pins),
            only=options.release,
            since=options.since,
        )
    except (Broken, Unreadable) as problem:
        print(json.dumps(failed(problem), indent=2) if options.json else text.invalid(problem, name))
        return 1 if isinstance(problem, Broken) else 2
    print(json.dumps(found.body(), indent=2) if options.json else text.valid(found, name))
    return 0


def _read(path: Path | None) -> bytes | None:
    try:
        return None if path is None else path.read_bytes()
    except OSError as problem:
        raise Unreadable(f"{path}: {problem.strerror}") from None
