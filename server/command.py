"""What `penchant-server` does, command by command; each prints what a person needs next."""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from privacy.errors import PrivacyError
from privacy.events import Event
from privacy.keys import SigningKey, read_verifier
from privacy.ledger import read_ledger
from server.admin import LONGEST, Role, bootstrap, token_digest
from server.api import ServiceSettings, create_app, routes_over
from server.backup import write_backup
from server.database import BUSY_SECONDS, migrate, open_engine, reading
from server.enrolment import Admit, admit_everyone, admit_vouched
from server.errors import InputRefused
from server.key_file import open_key, open_logs, read_key, read_public
from server.policy import notices_in
from server.restore import restore
from server.serving import address_of, listen, say, serve


def run_serve(
    *,
    host: str,
    port: int,
    database: str,
    key: Path,
    controller: str,
    authority: str | None,
    app_key: str | None,
    origin: str,
    log_key: Path,
    consent_log_key: Path,
    tick_seconds: int,
    tick_slots: int,
) -> None:
    """Migrate, then serve until told to end."""
    with _store(database) as engine:
        settings = ServiceSettings(
            key=open_key(key),
            controller=controller,
            authority=authority,
            admit=_admission(app_key),
            logs=replace(
                open_logs(origin, log_key=log_key, consent_log_key=consent_log_key),
                slots=tick_slots,
                tick_seconds=tick_seconds,
            ),
        )
        app = create_app(engine, settings)
        with listen(host, port) as listening:
            shown = make_url(database).render_as_string(hide_password=True)
            where = f"{address_of(listening)} from {shown}"
            say(f"serving consent at {where}, receipts signed by {key}; Ctrl-C ends it")
            serve(app, listening)


def run_credential(*, database: str, role: Role, name: str, days: int | None) -> None:
    """Make a first credential and print its token, once."""
    lasting = LONGEST[role] if days is None else days
    with _store(database) as engine:
        print(bootstrap(engine, actor=name, role=role, days=lasting, now=int(time.time())))


def run_token() -> None:
    """Print a new token, for oneself, and its digest, for the change that makes it a credential."""
    token = secrets.token_urlsafe(32)
    print(f"token         {token}\ntoken_digest  {token_digest(token)}")


def run_migrate(*, database: str) -> None:
    """Bring the schema to the newest version."""
    with _store(database):
        print("the schema is at its newest version")


def run_openapi() -> None:
    """Print the OpenAPI document."""
    engine = open_engine("sqlite:///never-opened.db")
    settings = ServiceSettings(key=SigningKey.generate(), controller="")
    print(json.dumps(routes_over(engine, settings).openapi(), indent=2, ensure_ascii=False))


def run_notices(*, database: str) -> None:
    """Print the notices that hold, by purpose and language."""
    with _store(database) as engine, reading(engine) as connection:
        for notice in notices_in(connection).listed():
            print(f"{notice.digest}  {notice.purpose} {notice.language} edition {notice.edition}")


def run_backup(*, database: str, file: Path) -> None:
    """Write a backup."""
    with _store(database, patience=None) as engine:
        count = write_backup(engine, file, now=int(time.time()))
    print(
        f"{file}: {count} rows; it holds pseudonyms and receipts, and not the signing key: keep both safe, apart"
    )


def run_restore(
    *, database: str, file: Path, key: Path, log: Path | None, checkpoint: Path | None,
    verifier: str | None, replace: bool,
) -> None:  # fmt: skip
    """Restore a backup, with nothing resurrected."""
    events = _log(log, checkpoint, verifier)
    public = read_key(key).public
    with _store(database, patience=None) as engine:
        done = restore(engine, file, log=events, key=public, now=int(time.time()), replace=replace)
    made = time.strftime("%Y-%m-%d %H:%M", time.gmtime(done.made_at))
    gone = f"{done.lost} heads of the consent log are lost, and the log says so.\n" if done.lost else ""
    print(
        f"restored the backup of {made} UTC: {done.subjects} subjects, whose consent is denied until their devices "
        f"confirm it;\n{done.aborted} rounds under way aborted, {done.recovered} younger entries of the log kept; "
        f"no credential is left.\n{gone}"
        "Next: penchant-server credential operator NAME, and compare GET /v1/ledger and each line's cap with what "
        "was promised."
    )


@contextmanager
def _store(database: str, *, patience: float | None = BUSY_SECONDS) -> Iterator[Engine]:
    engine = open_engine(database, patience=patience)
    try:
        migrate(engine)
        yield engine
    finally:
        engine.dispose()


def _admission(app_key: str | None) -> Admit:
    return admit_everyone if app_key is None else admit_vouched(read_public(app_key))


def _log(log: Path | None, checkpoint: Path | None, verifier: str | None) -> tuple[Event, ...]:
    if log is None:
        return ()
    if checkpoint is None or verifier is None:
        raise InputRefused("--log needs its --checkpoint and the log's --verifier, name+id+base64")
    try:
        name, key = read_verifier(verifier)
        return read_ledger(log.read_bytes(), checkpoint.read_bytes(), key, origin=name)
    except OSError as problem:
        raise InputRefused(f"{problem.filename}: {problem.strerror}") from None
    except PrivacyError as problem:
        raise InputRefused(f"{log}: {problem}") from None
