"""Moving between a person's own devices: what goes out, and what is taken over."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from client.device.engine import Engine
from client.device.memory import merged
from client.device.personal import ConsentNeeded
from client.device.purposes import LOCAL
from client.device.transfer import (
    MAGIC,
    Pairing,
    TransferRefused,
    export_of,
    open_under,
    read_export,
    seal_to,
    seal_under,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came from the person's other device.

    Args:
        codes: how many events got which verdict.
        one_subject: whether services see both devices as one from now on.
    """

    codes: Mapping[str, int]
    one_subject: bool


def export(engine: Engine, *, to: str | None, passphrase: str | None) -> bytes:
    """Return everything personal: sealed to a pairing code or under a passphrase, else as plain JSON.

    Raises:
        TransferRefused: the code was mistyped, or the passphrase is too short.
    """
    sealed = to is not None or passphrase is not None
    plain = export_of(
        engine.memory.events.events(),
        engine.memory.settings(),
        receipts=[*engine.consent.receipts("consent"), *engine.consent.receipts("forgetting")],
        secret=engine.vault.secret() if sealed else None,
    ).to_json()
    if to is not None:
        return seal_to(to, plain)
    return plain if passphrase is None else seal_under(passphrase, plain)


def take_over(engine: Engine, data: bytes, *, pairing: Pairing | None, passphrase: str | None) -> Imported:
    """Take over an export: each event judged anew, own settings first, consent never.

    Raises:
        TransferRefused: it does not open, or is no export.
        ConsentNeeded: nothing may be kept now.
    """
    if not engine.consent.permits(LOCAL):
        raise ConsentNeeded(f"consent to {LOCAL} does not hold: show consent.notice and ask first")
    if pairing is not None:
        data = pairing.open(data)
    elif passphrase is not None:
        data = open_under(passphrase, data)
    elif data.startswith(MAGIC):
        raise TransferRefused("the file is sealed: open it with its pairing, or with its passphrase")
    found = read_export(data)
    if found.secret is not None and pairing is None and passphrase is None:
        raise TransferRefused("a plain export carries no secret: a device did not write this one")
    codes = Counter[str](verdict.code for verdict in engine.memory.events.add(found.events))
    engine.memory.change(lambda own: merged(own, found.settings))
    adopted = found.secret is not None and engine.consent.unknown_to_services()
    if found.secret is not None and adopted:
        engine.vault.adopt(found.secret)
    return Imported(codes=dict(codes), one_subject=adopted)
