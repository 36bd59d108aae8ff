"""The public log's events from wherever an officer has them: a run's folder, a database, or a bundle."""

from pathlib import Path

from privacy.errors import PrivacyError
from privacy.events import Event
from privacy.ledger import read_ledger
from privacy.manifest import TrustAnchors
from server.audit.bundle_file import is_bundle, read_bundle
from server.audit.errors import SourceRefused


def read_events(source: str) -> tuple[Event, ...]:
    """Return every event of a log, oldest first.

    A run's and a bundle's are read under their own signed head; a database is taken at its word, since whoever asks
    has it. What nobody has to trust is `penchant-audit verify`'s to say.

    Args:
        source: a run's folder, a bundle, a SQLite file, or a database's URL.

    Raises:
        SourceRefused: there is no log, or it is not whole.
    """
    path = Path(source)
    try:
        if path.is_dir():
            return _run(path / "ledger")
        if "://" not in source and is_bundle(path):
            return read_bundle(path).events
    except OSError as problem:
        raise SourceRefused(
            f"{problem.filename}: {problem.strerror}; name a run's folder, a bundle or a database"
        ) from None
    except PrivacyError as problem:
        raise SourceRefused(f"{source}: {problem}") from None
    return _database(source)


def _run(folder: Path) -> tuple[Event, ...]:
    trust = TrustAnchors.decode((folder / "trust.json").read_bytes())
    entries, head = (folder / "entries.jsonl").read_bytes(), (folder / "checkpoint").read_bytes()
    return read_ledger(entries, head, trust.log_key, origin=trust.origin)


def _database(source: str) -> tuple[Event, ...]:
    from server.audit.stored import open_database
    from server.database import reading
    from server.ledger_store import StoredLedger

    engine = open_database(source)
    try:
        with reading(engine) as connection:
            return tuple(StoredLedger(connection).events())
    finally:
        engine.dispose()
