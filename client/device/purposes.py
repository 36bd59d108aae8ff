"""The purposes a person decides on, one by one; missing means no."""

from typing import Literal, get_args

Purpose = Literal["local_personalization", "federated_contribution", "aggregate_metrics", "research_release"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
LOCAL: Purpose = "local_personalization"
"""The one purpose for which nothing leaves the device: it can be granted without a service."""

SENDS: frozenset[Purpose] = frozenset(PURPOSES) - {LOCAL}
"""Purposes for which something leaves the device: Global Privacy Control refuses them."""

LIFETIME = 365 * 86_400
"""Seconds after which consent lapses unless it is given again."""


def refused_by_signal(purpose: Purpose, *, gpc: bool) -> bool:
    """Tell whether Global Privacy Control refuses a purpose."""
    return gpc and purpose in SENDS
