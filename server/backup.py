"""Backups: one file of plain JSON lines for either database, checked by its own digest.

What must never come back is not in it: nonces, credentials, and whatever is not committed. The file holds
pseudonyms and receipts; it is personal data, readable by its owner alone.
"""

import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, Select, Table, exists, select

from server.bulk import read_rows, to_wire
from server.database import reading
from server.errors import ServerError
from server.tables import contributions, credentials, invitations, metadata, nonces, rounds, sums

FORMAT = "penchant-backup-1"
LEFT_OUT = (nonces, credentials, sums, invitations)
KEPT = tuple(table for table in metadata.sorted_tables if table not in LEFT_OUT)
ENDED = ("committed", "aborted")


class BackupRefused(ServerError):
    """The file is not a whole backup that this version reads: the caller names another."""

    code: ClassVar[str] = "backup_refused"


@dataclass(frozen=True, slots=True)
class Header:
    """What a backup says of itself.

    Args:
        revision: of the schema its rows are of.
        at: when it was made, seconds since 1970 UTC.
    """

    revision: str
    at: int


def write_backup(engine: Engine, path: Path, *, now: int) -> int:
    """Write one consistent state of the store and return how many rows it has; whole or not at all.

    Raises:
        StoreUnavailable: the database does not answer.
        BackupRefused: the file cannot be written.
    """
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as raw:
            with gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as file, reading(engine) as connection:
                digest, count = hashlib.sha256(), -1
                for line in _lines(connection, now):
                    digest.update(line)
                    file.write(line)
                    count += 1
                file.write(_line({"sha256": digest.hexdigest()}))
            raw.flush()
            os.fsync(raw.fileno())
        half.replace(path)
    except OSError as problem:
        raise BackupRefused(
            f"{path}: {problem.strerror or problem}; name a file that can be written"
        ) from None
    finally:
        half.unlink(missing_ok=True)
    return count


def read_backup(path: Path) -> tuple[Header, Iterator[tuple[Table, dict[str, Any]]]]:
    """Check a whole backup, then return its header and its rows, by table, as they travel.

    Raises:
        BackupRefused: it is damaged, cut short, or not one of ours.
    """
    tables = {table.name: table for table in KEPT}
    header = _check(path)

    def rows() -> Iterator[tuple[Table, dict[str, Any]]]:
        with gzip.open(path, "rb") as file:
            next(file)
            for line in file:
                entry = json.loads(line)
                if "sha256" not in entry:
                    yield tables[entry["table"]], entry["row"]

    return header, rows()


def revision_of(connection: Connection) -> str:
    """Return the version of the schema that a database has, empty where it has none."""
    return MigrationContext.configure(connection).get_current_revision() or ""


def _lines(connection: Connection, now: int) -> Iterator[bytes]:
    yield _line({"format": FORMAT, "revision": revision_of(connection), "at": now})
    for table in KEPT:
        for row in read_rows(connection, _query(table)):
            yield _line({"table": table.name, "row": to_wire(row)})


def _query(table: Table) -> Select[Any]:
    query = select(table).order_by(*table.primary_key)
    if table is not contributions:
        return query
    ended = (rounds.c.line == table.c.line) & (rounds.c.round == table.c.round) & rounds.c.state.in_(ENDED)
    return query.where(exists(select(rounds.c.line).where(ended)))


def _check(path: Path) -> Header:
    digest, last = hashlib.sha256(), b""
    try:
        with gzip.open(path, "rb") as file:
            first = next(file, b"")
            line = first
            for last in file:
                digest.update(line)
                line = last
        header, end = json.loads(first), json.loads(last or b"{}")
        if header.get("format") != FORMAT or end.get("sha256") != digest.hexdigest():
            raise BackupRefused(f"{path} is not a whole {FORMAT} file")
        return Header(str(header["revision"]), int(header["at"]))
    except (OSError, EOFError, ValueError, KeyError, AttributeError) as problem:
        what = problem.strerror if isinstance(problem, OSError) and problem.strerror else "damaged"
        raise BackupRefused(f"{path} is not a whole {FORMAT} file: {what}") from None


def _line(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
