"""Experiments are assigned here: by a salted hash that is sticky, local and never sent."""

import hashlib
from collections.abc import Sequence
from typing import ClassVar

from client.errors import ClientError


class ExperimentRefused(ClientError):
    """The experiment has no arms, or one twice: the caller mends it."""

    code: ClassVar[str] = "experiment_malformed"


def variant(salt: bytes, experiment: str, arms: Sequence[str]) -> str:
    """Return this device's arm: the same at every call, independent between experiments.

    Args:
        salt: this device's own random bytes.
        experiment: its name.
        arms: equally likely, in any order.

    >>> variant(bytes(16), "larger titles", ["on", "off"])
    'on'
    """
    known = sorted(arms)
    if not known or len(set(known)) != len(known):
        raise ExperimentRefused("an experiment has one or more arms, each named once")
    digest = hashlib.sha256(
        b"penchant experiment v1\n" + salt + experiment.encode("utf-8", "replace")
    ).digest()
    return known[int.from_bytes(digest) % len(known)]
