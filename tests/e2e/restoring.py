"""A line with rounds behind it and one under way, to back up and restore."""

from pathlib import Path

from sqlalchemy import Connection, Engine, insert

from privacy.events import Event, PrivacyEvent, RoundCommitted, RoundTerms, encode_event
from server.database import reading, serially
from server.ledger_store import StoredLedger
from server.restore import Restored, restore
from server.tables import contributions, rounds, subjects
from tests.e2e.consenting import Device, Service


def terms(number: int) -> RoundTerms:
    return RoundTerms(
        line="test", round=number, mechanism="popularity", dimension=4, clipping_norm=1.0, noise_multiplier=1.0,
        sampling_rate=0.5, denominator=3.0, scale_bits=20, trust="central",
    )  # fmt: skip


def intent(number: int) -> PrivacyEvent:
    return PrivacyEvent(
        line="test", round=number, mechanism="gaussian", clipping_norm=1.0, noise_multiplier=1.0,
        sampling_rate=0.5, denominator=3.0,
    )  # fmt: skip


def committed(number: int) -> RoundCommitted:
    digests = dict.fromkeys(("model_in", "model_out", "config_digest", "code_digest"), "a" * 64)
    return RoundCommitted(line="test", round=number, consent_commitment="b" * 64, **digests)


def log(engine: Engine, *events: Event) -> list[Event]:
    """Append events and return the whole log."""

    def step(connection: Connection) -> None:
        for event in events:
            StoredLedger(connection).append(event)

    serially(engine, step)
    with reading(engine) as connection:
        return StoredLedger(connection).events()


def under_way(engine: Engine, number: int, device: Device) -> None:
    """Leave a round open with a device's contribution in it."""

    def step(connection: Connection) -> None:
        run = connection.execute
        handle = run(subjects.select().where(subjects.c.subject == device.subject)).one().handle
        wire = encode_event(terms(number)).decode()
        run(insert(rounds).values(line="test", round=number, state="open", terms=wire, salt=b"\x00\xff"))
        run(insert(contributions).values(line="test", round=number, handle=handle, version=1, node="1"))

    serially(engine, step)


def again(
    service: Service, path: Path, *, events: list[Event] | None = None, replace: bool = True
) -> Restored:
    return restore(
        service.engine, path, log=events or [], key=service.key.public, now=service.clock(), replace=replace
    )
