"""Releases in the store: files by digest, lines and where they point; one transaction a change."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, func, select, update

from privacy.channel import NAMES, Pointer
from privacy.errors import PrivacyError
from privacy.manifest import TrustAnchors
from server.releases import NoRelease, Published, ReleaseLine, ReleaseRefused, check_release, check_signed
from server.store import insert_once
from server.tables import release_files, release_lines, releases

LARGEST_FILE = 64 * 2**20
WITHDRAWAL = "withdrawal.json"
"""One more file of a release that was withdrawn."""


class ReleaseStore:
    """The release half of the store, over one open transaction.

    Args:
        connection: a transaction of `server.database`.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put_file(self, digest: str, data: bytes) -> bool:
        """Keep a file under its digest; return whether it is new.

        Raises:
            ReleaseRefused: the digest is another file's.
        """
        if hashlib.sha256(data).hexdigest() != digest:
            raise ReleaseRefused("the file is not the one its digest names: send it again")
        return insert_once(self._connection, release_files, digest=digest, data=data)

    def put(self, data: bytes) -> str:
        """Keep a file and return its digest."""
        digest = hashlib.sha256(data).hexdigest()
        self.put_file(digest, data)
        return digest

    def size(self, line: str, digest: str) -> int:
        """Return how many bytes a file of a line's releases has.

        Raises:
            NoRelease: no release of the line has such a file.
        """
        rows = self._connection.execute(select(releases.c.files).where(releases.c.line == line)).scalars()
        if any(digest in json.loads(files).values() for files in rows):
            length = func.length(release_files.c.data)
            query = select(length).where(release_files.c.digest == digest)
            return int(self._connection.execute(query).scalar_one())
        raise NoRelease("no release of this line has such a file")

    def part(self, digest: str, start: int, length: int) -> bytes:
        """Return some bytes of a file."""
        piece = func.substr(release_files.c.data, start + 1, length)
        query = select(piece).where(release_files.c.digest == digest)
        return bytes(self._connection.execute(query).scalar_one())

    def line(self, line: str) -> ReleaseLine:
        """Return a line as it stands, for reading only.

        Raises:
            NoRelease: nothing was ever published in it.
        """
        return self._line(self._row(line, hold=False))

    def publish(self, line: str, files: Pointer, *, trust: TrustAnchors | None, now: int) -> Published:
        """Publish a release whose files were put here before; the first one of a line pins whom it trusts.

        Args:
            line: its name.
            files: SHA-256 by name.
            trust: whom its devices trust: what the line pins, or keys that rotations lead to from there.
            now: seconds since 1970 UTC.

        Raises:
            ReleaseRefused: it may not go out.
        """
        held = self._connection.execute(
            select(release_lines).where(release_lines.c.line == line).with_for_update()
        ).one_or_none()
        pinned = TrustAnchors.decode(held.trust.encode()) if held is not None else trust
        if pinned is None:
            raise ReleaseRefused("give the line's trust.json with its first release")
        found = self.read(files.files)
        release = check_release(found, trust=pinned, line=line, now=now)
        if trust not in (None, pinned):
            check_signed(found, trust)
        if (newest := self._newest(line)) is not None:
            check_signed(found, pinned, before=self.read(newest.files))
        if held is None:
            values = {
                "line": line,
                "trust": pinned.encode().decode(),
                "current": 0,
                "canary": 0,
                "share": 0.0,
            }
            insert_once(self._connection, release_lines, **values)
        self._save(self._line(self._row(line, hold=True)).publish(release))
        return release

    def trusted(self, line: str) -> TrustAnchors:
        """Return whom a line's devices trust, pinned with its first release.

        Raises:
            NoRelease: nothing was ever published in it.
        """
        return TrustAnchors.decode(self._row(line, hold=False).trust.encode())

    def trust_in(self, origin: str) -> TrustAnchors | None:
        """Return whom lines in a log trust from the first on; None before the first."""
        kept = self._connection.execute(
            select(release_lines.c.trust).order_by(release_lines.c.line)
        ).scalars()
        found = (TrustAnchors.decode(trust.encode()) for trust in kept)
        return next((trust for trust in found if trust.origin == origin), None)

    def lines(self, origin: str) -> list[str]:
        """Return the names of the lines whose log this is."""
        rows = self._connection.execute(select(release_lines).order_by(release_lines.c.line)).all()
        return [row.line for row in rows if TrustAnchors.decode(row.trust.encode()).origin == origin]

    def change(self, line: str, step: Callable[[ReleaseLine], ReleaseLine]) -> ReleaseLine:
        """Move a line.

        Raises:
            NoRelease, ReleaseRefused: it cannot be moved so.
        """
        moved = step(self._line(self._row(line, hold=True)))
        self._save(moved)
        return moved

    def _row(self, line: str, *, hold: bool) -> Any:
        query = select(release_lines).where(release_lines.c.line == line)
        row = self._connection.execute(query.with_for_update() if hold else query).one_or_none()
        if row is None:
            raise NoRelease("nothing was published in this line")
        return row

    def _line(self, row: Any) -> ReleaseLine:
        found = self._connection.execute(select(releases).where(releases.c.line == row.line)).all()
        known = {each.sequence: _published(each) for each in found}
        return ReleaseLine(
            line=row.line, releases=known, current=row.current, canary=row.canary, share=row.share
        )

    def _newest(self, line: str) -> Pointer | None:
        query = select(releases.c.files).where(releases.c.line == line)
        found = self._connection.execute(query.order_by(releases.c.sequence.desc()).limit(1)).scalar()
        return None if found is None else Pointer(json.loads(found))

    def read(self, files: Mapping[str, str]) -> dict[str, bytes]:
        """Read files that were put here, by name; a missing one is left out.

        Args:
            files: SHA-256 by name.
        """
        digests = list(files.values())
        rows = self._connection.execute(select(release_files).where(release_files.c.digest.in_(digests)))
        held = {row.digest: bytes(row.data) for row in rows}
        return {name: held[digest] for name, digest in files.items() if digest in held}

    def _save(self, line: ReleaseLine) -> None:
        """Write a line that is held."""
        self._connection.execute(
            update(release_lines)
            .where(release_lines.c.line == line.line)
            .values(current=line.current, canary=line.canary, share=line.share)
        )
        for release in line.releases.values():
            withdrawal = {WITHDRAWAL: release.withdrawal} if release.withdrawal else {}
            moved = {"state": release.state, "files": json.dumps({**release.files.files, **withdrawal})}
            insert_once(
                self._connection,
                releases,
                line=line.line,
                sequence=release.sequence,
                expires=release.expires,
                **moved,
            )
            here = (releases.c.line == line.line) & (releases.c.sequence == release.sequence)
            self._connection.execute(update(releases).where(here).values(**moved))


def _published(row: Any) -> Published:
    files: dict[str, str] = json.loads(row.files)
    withdrawal = files.pop(WITHDRAWAL, "")
    return Published(
        sequence=row.sequence,
        expires=row.expires,
        files=Pointer(files),
        state=row.state,
        withdrawal=withdrawal,
    )


def read_pointer(files: dict[str, str]) -> Pointer:
    """Read what a publisher says its files are.

    Raises:
        ReleaseRefused: a name is missing, or a digest is none.
    """
    if set(files) != set(NAMES):
        raise ReleaseRefused(f"a release is published with {', '.join(NAMES)}")
    try:
        return Pointer(files)
    except PrivacyError as problem:
        raise ReleaseRefused(str(problem)) from None


def apply_release(connection: Connection, payload: dict[str, Any], *, now: int) -> None:
    """Promote a release as its second person: ``{"line", "sequence"}``."""
    sequence = int(payload["sequence"])
    ReleaseStore(connection).change(payload["line"], lambda line: line.promote(sequence, now=now))
