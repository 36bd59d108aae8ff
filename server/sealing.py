"""``penchant-server release seal``: label a trained model from the service's log and sign it for publication."""

import hashlib
import time
import tomllib
from dataclasses import fields
from pathlib import Path

from sqlalchemy import Connection, func, select

from privacy.channel import CATALOGUE, LABEL, MANIFEST, MODEL
from privacy.errors import PrivacyError
from privacy.keys import SigningKey
from privacy.label import Label, make_label
from privacy.label_page import page
from privacy.label_rows import Declarations
from privacy.log_pins import Pins
from privacy.manifest import Manifest, TrustAnchors, sign_manifest, state
from privacy.terms import Guarantee
from server.admin import DAY
from server.database import migrate, open_engine, reading
from server.key_file import open_key
from server.ledger_store import StoredLedger
from server.line_policy import cap_of
from server.releases import ReleaseRefused
from server.tables import releases


def seal(
    folder: Path, line: str, *, database: str, declared: Path, release_key: Path, pins: Path, days: int
) -> Label:
    """Write label.json, label.html, manifest.json and trust.json beside model.onnx and catalogue.json.

    Args:
        folder: holds the model and its catalogue.
        line: declared in the service's log.
        database: the service's.
        declared: TOML of what no ledger can show, as `privacy.label_rows.Declarations` names it.
        release_key: signs the line's manifests; made where there is none.
        pins: whose logs the service's are.
        days: until the release expires.

    Raises:
        ReleaseRefused: a file is missing or says something else than it should.
    """
    try:
        model, said = (folder / MODEL).read_bytes(), _declared(declared)
        (folder / CATALOGUE).stat()
        pinned = Pins.decode(pins.read_bytes())
    except OSError as problem:
        raise ReleaseRefused(f"{problem.filename}: {problem.strerror}") from None
    key, now = open_key(release_key), int(time.time())
    engine = open_engine(database)
    try:
        migrate(engine)
        with reading(engine) as connection:
            label = _label(connection, line, pinned.origin, said, issued=now, expires=now + days * DAY)
            guarantee = cap_of(connection, line)
    except PrivacyError as problem:
        raise ReleaseRefused(f"{line}: {problem}") from None
    finally:
        engine.dispose()
    if guarantee is None:
        raise ReleaseRefused(f"line {line} is not declared here")
    trust = TrustAnchors(origin=pinned.origin, release_key=key.public, log_key=pinned.key)
    written = {
        LABEL: label.encode(),
        "label.html": page(label).encode(),
        MANIFEST: _manifest(label, model, guarantee, key),
        "trust.json": trust.encode(),
    }
    for name, content in written.items():
        (folder / name).write_bytes(content)
    return label


def _declared(path: Path) -> Declarations:
    known = [field.name for field in fields(Declarations)]
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise ReleaseRefused(f"{path}: not TOML: {problem}") from None
    if not set(said) <= set(known) or not all(isinstance(each, str) for each in said.values()):
        raise ReleaseRefused(f"{path}: holds texts named {', '.join(known)}, nothing else")
    return Declarations(**said)


def _label(
    connection: Connection, line: str, origin: str, said: Declarations, *, issued: int, expires: int
) -> Label:
    newest = select(func.coalesce(func.max(releases.c.sequence), 0)).where(releases.c.line == line)
    return make_label(
        StoredLedger(connection).events(),
        line,
        origin=origin,
        sequence=int(connection.execute(newest).scalar_one()) + 1,
        issued=issued,
        expires=expires,
        declared=said,
    )


def _manifest(label: Label, model: bytes, cap: Guarantee, key: SigningKey) -> bytes:
    spent = Guarantee(
        epsilon=float(label.figures["epsilon"]),
        delta=cap.delta,
        unit=cap.unit,
        neighboring_relation=cap.neighboring_relation,
        trust=cap.trust,
    )
    return sign_manifest(
        Manifest(
            line=label.line,
            sequence=label.sequence,
            sha256=hashlib.sha256(model).hexdigest(),
            size=len(model),
            issued=label.issued,
            expires=label.expires,
            rollout=1.0,
            label_digest=label.digest,
            privacy=state(spent, private=cap.private and label.may_go_out),
        ),
        key,
    )
