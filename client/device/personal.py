"""What a person sets themselves: tuned and hidden items, interests, attributes; sealed, gone with their events."""

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from client.device.database import Database
from client.device.purposes import LOCAL
from client.device.runtime import RequestError
from client.device.shredding import PERSONAL, Scope, ask
from client.device.store import EventStore
from client.device.switches import Switches
from client.device.vault import NONCE
from client.errors import ClientError


class ConsentNeeded(ClientError):
    """This keeps something personal, and consent to that does not hold: show the notice and ask first."""

    code = "no_consent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the person set.

    Args:
        tuned: shift of an item's score, by item id.
        hidden: item ids never to show.
        interests: categories they chose.
        attributes: what they told the app, {"plan": "free"} say.
    """

    tuned: Mapping[str, float] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    interests: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """Return plain JSON, for export."""
        return {
            "tuned": dict(self.tuned),
            "hidden": list(self.hidden),
            "interests": list(self.interests),
            "attributes": dict(self.attributes),
        }

    def hiding(self, item: str, *, hidden: bool) -> "Settings":
        """Return the settings with an item hidden, or shown again."""
        others = tuple(name for name in self.hidden if name != item)
        return replace(self, hidden=(*others, item) if hidden else others)

    def tuning(self, item: str, by: float) -> "Settings":
        """Return the settings with an item lifted or lowered; 0 takes that back.

        Raises:
            RequestError: not a finite number within a million.
        """
        if not abs(by) <= 1e6:
            raise RequestError("a person's own shift must be a finite number within a million")
        others = {name: each for name, each in self.tuned.items() if name != item}
        return replace(self, tuned={**others, item: float(by)} if by else others)

    def without(self, item: str) -> "Settings":
        """Return what is left when an item is forgotten."""
        tuned = {name: by for name, by in self.tuned.items() if name != item}
        return replace(self, tuned=tuned, hidden=tuple(name for name in self.hidden if name != item))


def settings_from_json(value: object) -> Settings | None:
    """Read `to_json`'s form; None where it is anything else."""
    if not isinstance(value, dict) or value.keys() != {"tuned", "hidden", "interests", "attributes"}:
        return None
    tuned, attributes = value["tuned"], value["attributes"]
    lists = value["hidden"], value["interests"]
    if not isinstance(tuned, dict) or not isinstance(attributes, dict):
        return None
    numbers = all(type(by) in (int, float) and abs(by) <= 1e6 for by in tuned.values())
    texts = all(isinstance(text, str) for text in attributes.values())
    if not numbers or not texts or not all(isinstance(found, list) and _texts(found) for found in lists):
        return None
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return None
    return Settings(tuned=tuned, hidden=tuple(lists[0]), interests=tuple(lists[1]), attributes=attributes)


def _texts(values: list[object]) -> bool:
    return all(isinstance(value, str) for value in values)


class PersonalStore:
    """Keep the person's settings under the personal key.

    Args:
        database: the device's.
        events: holds the keys.
        permitted: tells within a transaction whether the local purpose holds.
    """

    def __init__(
        self, database: Database, events: EventStore, *, permitted: Callable[[Switches], bool]
    ) -> None:
        self._database = database
        self._events = events
        self._permitted = permitted
        self._read: tuple[tuple[int, int], Settings] | None = None

    def get(self) -> Settings:
        """Return what is set."""
        version = self._database.version()
        if self._read is None or self._read[0] != version:
            with self._database.reading() as connection:
                self._read = version, self._load(connection)
        return self._read[1]

    def change(self, step: Callable[[Settings], Settings]) -> None:
        """Set something else.

        Raises:
            ConsentNeeded: nothing may be kept now.
        """
        with self._database.writing() as connection:
            if not self._permitted(Switches(connection)):
                raise ConsentNeeded(f"consent to {LOCAL} does not hold: show consent.notice and ask first")
            self._save(connection, step(self._load(connection)))

    def forget_item(self, connection: sqlite3.Connection, item: str, *, scope: Scope, now: int) -> None:
        """Drop an item from the settings and seal the rest under a new key; the old key goes."""
        before = self._load(connection)
        after = before.without(item)
        if after != before:
            ask(connection, PERSONAL, scope=scope, now=now)
            connection.execute("DELETE FROM personal")
            self._save(connection, after)

    def _load(self, connection: sqlite3.Connection) -> Settings:
        row = connection.execute("SELECT sealed FROM personal WHERE name = 'settings'").fetchone()
        if row is None:
            return Settings()
        plain = self._events.personal_key(connection).open(row[0][:NONCE], row[0][NONCE:])
        return settings_from_json(json.loads(plain)) or Settings()

    def _save(self, connection: sqlite3.Connection, settings: Settings) -> None:
        try:
            plain = json.dumps(settings.to_json(), ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise RequestError("ids and what a person tells must be whole characters of Unicode") from None
        sealed = b"".join(self._events.personal_key(connection).seal(plain + b" " * (-len(plain) % 256)))
        connection.execute("INSERT OR REPLACE INTO personal VALUES ('settings', ?)", (sealed,))
