"""A population that has consented: a million subjects put into a store at once, a few with keys of their own."""

import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from privacy.http_signature import SignedRequest, sign
from privacy.keys import SigningKey
from privacy.pseudonym import subject_of
from server.bulk import insert_rows
from server.consent import LIFETIME, Purpose
from server.database import migrate, transaction
from server.policy import notices_in
from server.tables import consents, subjects
from simulations.benchmarks import bare
from simulations.benchmarks.load import wire

PURPOSE: Purpose = "federated_contribution"


@dataclass(frozen=True, slots=True)
class Active:
    """A subject whose device takes part in the benchmark."""

    key: SigningKey
    subject: str

    def request(self, method: str, authority: str, path: str, *, body: bytes = b"", **headers: str) -> bytes:
        """Return a signed request as it travels; headers are named with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        plain = SignedRequest(
            method=method, authority=authority, path=path, query="", headers=named, body=body
        )
        signed = sign(plain, self.key, created=int(time.time()), nonce=secrets.token_urlsafe(16))
        kind = {"content-type": "application/json"} if body else {}
        return wire(method, authority, path, {**named, **kind, **signed}, body)

    def grant(self, authority: str, *, notice: str, version: int) -> bytes:
        """Return a grant on a version."""
        body = json.dumps({"notice": notice, "language": "en"}).encode()
        path = f"/v1/subjects/{self.subject}/consents/{PURPOSE}"
        conditions = {"if_match": f'"{version}"', "idempotency_key": secrets.token_hex(8)}
        return self.request("PUT", authority, path, body=body, **conditions)

    def withdraw(self, authority: str) -> bytes:
        """Return a withdrawal."""
        return self.request("DELETE", authority, f"/v1/subjects/{self.subject}/consents/{PURPOSE}")


def actives(count: int) -> list[Active]:
    """Make devices."""
    keys = [SigningKey.generate() for _ in range(count)]
    return [Active(key, subject_of(key.public)) for key in keys]


def fill(engine: Engine, devices: list[Active], *, people: int) -> str:
    """Enrol people who have granted at version 1, the devices among them; return the notice they saw."""
    migrate(engine)
    now = int(time.time())
    names = [device.subject for device in devices]
    names += [hashlib.sha256(b"%d" % number).hexdigest() for number in range(people - len(devices))]
    handles = [secrets.randbits(62) + 1 for _ in names]
    with transaction(engine) as connection:
        bare.metadata.create_all(connection)
        notice = next(n.digest for n in notices_in(connection).listed("en") if n.purpose == PURPOSE)
        state = {"purpose": PURPOSE, "version": 1, "decision": "granted", "notice": notice, "language": "en"}
        times = {"valid_until": now + LIFETIME, "quiet_until": 0, "hour": 0, "grants": 0}

        def enrolled() -> Iterator[dict[str, Any]]:
            for handle, name in zip(handles, names, strict=True):
                yield {"handle": handle, "subject": name, "enrolled_at": now, "confirm_by": 0}

        insert_rows(connection, subjects, enrolled())
        insert_rows(connection, consents, ({"handle": handle, **state, **times} for handle in handles))
        insert_rows(connection, bare.rows, ({"name": name, "value": 0} for name in names))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as plain:
        if engine.dialect.name == "postgresql":
            plain.exec_driver_sql("VACUUM ANALYZE")
    return notice
