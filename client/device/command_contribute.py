"""``penchant-device contribute``: what a training round would get from this device, before anything leaves.

A round as a folder: ``terms.json`` (the logged leaf), ``terms.proof`` (its log proof), ``settings.json`` and
``public.npz`` (the round's public input). What the person's notice allows stands in a file of its own.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from client.device.command_moving import Add
from client.device.device import Device
from client.errors import ClientError

if TYPE_CHECKING:
    from client.contribution import Call
    from client.participation import AcceptedTerms

MOST_BYTES = 256 * 2**20


class RoundUnreadable(ClientError):
    """The round's folder, or what was accepted, is missing or malformed: nothing was computed."""

    code = "round_unreadable"


def add_parser(verb: Add) -> None:
    """Add ``contribute``."""
    parser = verb("contribute", "show what a round would get from this device, and what it costs")
    parser.add_argument(
        "round", type=Path, help="folder of terms.json, terms.proof, settings.json, public.npz"
    )
    parser.add_argument("--accepted", type=Path, required=True, metavar="FILE", help="what the notice allows")
    parser.add_argument(
        "--hand-over",
        type=Path,
        metavar="FILE",
        help="record the cost, then write exactly the bytes that leave",
    )


def run(asked: argparse.Namespace, device: Device) -> int:
    """Show the contribution; hand it over where that is asked for too.

    Raises:
        RoundUnreadable: a file is missing or malformed.
        ClientError: the round asks for what nobody sees, or for too much, or consent does not hold.
    """
    shown = device.contribute(read_call(asked.round), accepted=read_accepted(asked.accepted))
    payload = shown.payload
    print(f"round {shown.terms.round} of line {shown.terms.line}, {shown.terms.mechanism}")
    print(f"would leave: {len(payload)} bytes, SHA-256 {hashlib.sha256(payload).hexdigest()}, nothing else")
    print(f"cost: {shown.cost.statement()}")
    if asked.hand_over is not None:
        from client.device.files import replace_private

        replace_private(asked.hand_over, device.hand_over(shown))
        print(f"recorded; {asked.hand_over} holds those bytes", file=sys.stderr)
    return 0


def read_call(folder: Path) -> "Call":
    """Read a round's folder; what it says is believed by nobody yet.

    Raises:
        RoundUnreadable: a file is missing or malformed.
    """
    import io

    import numpy as np

    from client.contribution import Call

    terms, proof, settings, public = (
        _read(folder / name) for name in ("terms.json", "terms.proof", "settings.json", "public.npz")
    )
    try:
        with np.load(io.BytesIO(public), allow_pickle=False) as arrays:
            parts = {name: arrays[name] for name in arrays.files}
    except Exception:  # a malformed archive raises whatever its part raises
        raise RoundUnreadable(f"{folder}/public.npz is no archive of plain arrays") from None
    return Call(terms=terms, proof=proof, public=parts, settings=_object(settings, f"{folder}/settings.json"))


def read_accepted(path: Path) -> "AcceptedTerms":
    """Read what a notice allows.

    Raises:
        RoundUnreadable: it is missing or malformed.
    """
    from client.participation import AcceptedTerms

    try:
        return AcceptedTerms(**_object(_read(path), str(path)))
    except TypeError:
        raise RoundUnreadable(f"{path} does not hold exactly the accepted terms") from None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise RoundUnreadable(f"{path}: {error.strerror}") from None
    if len(data) > MOST_BYTES:
        raise RoundUnreadable(f"{path} is longer than {MOST_BYTES} bytes")
    return data


def _object(data: bytes, name: str) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise RoundUnreadable(f"{name} is no JSON object")
    return value
