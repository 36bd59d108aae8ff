"""The figures of a privacy label: every number a function of the log's events, and what they object to."""

import math
from collections.abc import Callable, Mapping, Sequence

from privacy.accountant import AGREEMENT, account, attacker_success, epsilon_at
from privacy.canonical import decimal
from privacy.events import Event
from privacy.gaussian import GaussianRound
from privacy.label_rows import Row
from privacy.spending import all_costs
from privacy.standing import Standing, lines_of

CEILING = 8.0
"""Above this epsilon no release goes out."""
DELTAS = tuple(float(f"{10 ** (-step / 4):.4g}") for step in range(2, 41))
"""Deltas of the curve, largest first: 0.32 to 1e-10."""


def figures_of(
    found: Standing, events: Sequence[Event], *, issued: int, expires: int
) -> dict[str, str | int]:
    """Return every number of a label, by name."""
    delta, purse = found.declared.delta, found.purse
    costs = purse.costs("line")
    whole = account(costs, delta)
    lower, named = found.lower_bound, found.accountant

    def bound(some: list[GaussianRound]) -> str:
        return upward((whole if some == costs else account(some, delta)).epsilon)

    return {
        "accountant_error": decimal(AGREEMENT if named is None else named.error),
        "cap_line": decimal(purse.cap("line")),
        "cap_period": decimal(purse.cap("period")),
        "cap_release": decimal(purse.cap("release")),
        "clipping_norm": _extreme(max, [event.clipping_norm for event in purse.spends]),
        "consent_anchors": found.anchors,
        "declared_population": found.declared.declared_population,
        "delta": decimal(delta),
        "epsilon": upward(whole.epsilon),
        "epsilon_check": upward(whole.check),
        "epsilon_composed": bound(all_costs(events)),
        "epsilon_exact": "none" if whole.exact is None else upward(whole.exact),
        "epsilon_lower": "none" if lower is None else decimal(lower.epsilon_lower),
        "epsilon_period": bound(purse.costs("period")),
        "epsilon_release": bound(purse.costs("release")),
        "expires": expires,
        "hazards_mitigated": len(found.mitigated),
        "hazards_open": len(found.open_hazards),
        "issued": issued,
        "lines": len(lines_of(events)),
        "metrics": found.metrics,
        "noise_multiplier": _extreme(min, [event.noise_multiplier for event in purse.spends]),
        "notices": len(found.notices),
        "odds": upward(attacker_success(costs)),
        "odds_worst": upward(_worst(whole.epsilon)),
        "period": found.period,
        "period_days": found.declared.period_days,
        "releases_before": found.period_releases,
        "releases_declared": found.declared.releases,
        "rounds": found.rounds,
        "sampling_rate": _extreme(max, [event.sampling_rate for event in purse.spends]),
        "tuning_looks": found.looks,
    }


def objections(found: Standing, figures: Mapping[str, str | int], every: Sequence[Row]) -> list[str]:
    """Return what stands against a release, in plain sentences; nothing else blocks it, and nothing overrides."""
    because = [
        f"required row {row.row} is unknown" for row in every if row.required and row.status == "unknown"
    ]
    if not found.private:
        because.append("the line is stamped not private")
    epsilon = _number(figures["epsilon"])
    if epsilon > CEILING:
        because.append("epsilon is above 8")
    for scope in ("line", "period", "release"):
        spent = epsilon if scope == "line" else _number(figures[f"epsilon_{scope}"])
        if spent > _number(figures[f"cap_{scope}"]) + 1e-6:
            because.append(f"the cap over the {scope} is exceeded")
    if found.open_hazards:
        because.append("a hazard is open")
    if found.lower_bound is not None and found.lower_bound.epsilon_lower > epsilon:
        because.append("the empirical lower bound is above epsilon")
    if found.period_releases >= found.declared.releases:
        because.append("the period has had every release it declared")
    return because


def curve_of(found: Standing) -> tuple[tuple[str, str], ...]:
    """Return (delta, epsilon) of everything a line spent; empty where nothing is private."""
    costs = found.purse.costs("line")
    if not found.private or any(cost.noise_multiplier == 0 for cost in costs):
        return ()
    epsilons = epsilon_at(costs, DELTAS)
    return tuple((decimal(delta), upward(epsilon)) for delta, epsilon in zip(DELTAS, epsilons, strict=True))


def upward(value: float) -> str:
    """Spell a bound to six digits after the point, rounded up: never less than it is.

    >>> upward(3.98765432), upward(math.inf)
    ('3.987655', 'inf')
    """
    return decimal(value if math.isinf(value) else math.ceil(value * 1e6 - 1e-9) / 1e6)


def _extreme(pick: Callable[[list[float]], float], values: list[float]) -> str:
    return decimal(pick(values)) if values else "none"


def _worst(epsilon: float) -> float:
    return 1 / (1 + math.exp(-epsilon))


def _number(value: str | int) -> float:
    return float(value)
