"""The server's database as the source of a bundle: its public log, and the releases that stand in it.

The bundle's heads are those the store kept, one a tick, and those of releases' proofs; with the log's key at hand a
fresh one is signed over everything. Without it, entries after the newest head have nobody's signature yet and are
left out: the next tick signs them, or whoever holds the key.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, Table, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from privacy.bundle import Bundle, BundledRelease, ConsentPart, ConsentTick
from privacy.channel import LABEL, MANIFEST, PROOF
from privacy.checkpoint import LogProof
from privacy.keys import SigningKey
from privacy.log_pins import Pins
from privacy.manifest import TrustAnchors
from privacy.note import split_note
from server.audit.errors import SourceRefused
from server.database import open_engine
from server.ledger_store import LogKey, StoredLedger
from server.tables import (
    consent_leaves,
    consent_ticks,
    ledger,
    log_heads,
    release_files,
    release_lines,
    releases,
)

PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Stored:
    """What a database gives.

    Args:
        bundle: what to write, while the database is open.
        left_out: entries newer than the newest signed head.
    """

    bundle: Bundle
    left_out: int


def url_of(source: str) -> str:
    """Return the URL of a database that was named by URL or by path.

    Raises:
        SourceRefused: there is no such file.
    """
    if "://" in source:
        return source
    if not Path(source).is_file():
        raise SourceRefused(f"{source}: neither a run's folder, nor a SQLite file, nor a database's URL")
    return f"sqlite:///{source}"


def open_database(source: str) -> Engine:
    """Open a database that `penchant-server` wrote.

    Raises:
        SourceRefused: it is none.
        StoreUnavailable: it does not answer, or the URL is none.
    """
    engine = open_engine(url_of(source))
    try:
        missing = {"ledger", "tree_heads", "releases", "log_heads"} - set(inspect(engine).get_table_names())
    except SQLAlchemyError as problem:
        raise SourceRefused(f"{source}: {getattr(problem, 'orig', problem)}") from None
    if missing:
        raise SourceRefused(
            f"{source}: not a database of penchant-server; it lacks {', '.join(sorted(missing))}; "
            "an older one is brought up by penchant-server migrate"
        )
    return engine


def read_stored(
    connection: Connection, *, trust: TrustAnchors | None, key: SigningKey | None, pins: Pins | None = None
) -> Stored:
    """Return everything of a database that an audit needs.

    Args:
        connection: one consistent reading of it.
        trust: whom devices trust; that of the store's releases if not given.
        key: signs a fresh head of the log.
        pins: names the consent log's key; with it the officer's part goes along.

    Raises:
        SourceRefused: nothing says whom devices trust, several logs are meant, or there is no signed head.
    """
    pinned = trust or _pinned(connection)
    found = list(_releases(connection, pinned.origin))
    heads = {LogProof.decode(release.proof).checkpoint for release in found}
    heads |= {note.encode() for note in connection.execute(select(log_heads.c.note)).scalars()}
    whole = StoredLedger(connection).tree.size
    if key is not None:
        heads.add(StoredLedger(connection).checkpoint(LogKey(pinned.origin, key)))
    by_size = {_size(head): head for head in sorted(heads)}
    if not by_size or max(by_size) > whole:
        raise SourceRefused(
            "no signed head of this log is stored here: name the log's key with --log-key, and --trust"
        )
    size = max(by_size)
    bundle = Bundle(
        trust=pinned.encode(),
        checkpoints=[by_size[each] for each in sorted(by_size)],
        releases=found,
        entries=_leaves(connection, ledger, size),
        size=size,
        consent=None if pins is None else _consent(connection, pins, size),
    )
    return Stored(bundle, whole - size)


def _consent(connection: Connection, pins: Pins, size: int) -> ConsentPart:
    """Return the consent log as the first entries of the public one anchor it."""
    rows = connection.execute(
        select(consent_ticks).where(consent_ticks.c.position < size).order_by(consent_ticks.c.number)
    ).all()
    ticks = [
        ConsentTick(number=row.number, salt=bytes(row.salt), checkpoint=row.checkpoint.encode())
        for row in rows
    ]
    leaves = rows[-1].size if rows else 0
    return ConsentPart(
        origin=pins.consent_origin,
        key=pins.consent_key,
        ticks=ticks,
        leaves=_leaves(connection, consent_leaves, leaves),
        size=leaves,
    )


def _pinned(connection: Connection) -> TrustAnchors:
    found = set(connection.execute(select(release_lines.c.trust)).scalars())
    if len(found) != 1:
        raise SourceRefused(
            f"the database pins {len(found)} trust files: name the one of its log with --trust FILE"
        )
    return TrustAnchors.decode(found.pop().encode())


def _releases(connection: Connection, origin: str) -> Iterator[BundledRelease]:
    """Yield the releases whose log is this one."""
    rows = connection.execute(
        select(releases.c.files, release_lines.c.trust).join(
            release_lines, release_lines.c.line == releases.c.line
        )
    ).all()
    for files, trust in rows:
        if TrustAnchors.decode(trust.encode()).origin == origin:
            names = json.loads(files)
            manifest, label, proof = (
                bytes(
                    connection.execute(
                        select(release_files.c.data).where(release_files.c.digest == names[name])
                    ).scalar_one()
                )
                for name in (MANIFEST, LABEL, PROOF)
            )
            yield BundledRelease(manifest=manifest, label=label, proof=proof)


def _leaves(connection: Connection, table: Table, size: int) -> Iterator[bytes]:
    """Yield the first leaves of a log, a page at a time."""
    for start in range(0, size, PAGE):
        page = (table.c.position >= start) & (table.c.position < min(start + PAGE, size))
        found = connection.execute(select(table.c.leaf).where(page).order_by(table.c.position)).scalars()
        yield from (leaf.encode() for leaf in found)


def _size(head: bytes) -> int:
    return int(split_note(head)[0].split("\n")[1])
