"""Every figure of a label, recomputed from the log's sums, and what they say against a release."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from privacy.audit.accounting import APART, Account, account, best_guess, epsilons
from privacy.audit.faults import Broken
from privacy.audit.forms import NotCanonical, decimal, spelled
from privacy.audit.tally import Costs, Tally, Whole

CEILING = 8.0
DELTAS = tuple(float(f"{10 ** (-step / 4):.4g}") for step in range(2, 41))
"""Deltas of the curve, largest first: 0.32 to 1e-10."""
LAST_DIGIT = 2e-6
"""What two machines may differ by in a figure of six decimals: the last of them."""


def figures(tally: Tally, whole: Whole, *, issued: int, expires: int) -> dict[str, str | int]:
    """Return every figure of a label, by name.

    Args:
        tally: the line's sums up to the label.
        whole: the log's.
        issued: seconds since 1970 UTC.
        expires: the same, the release's last moment.
    """
    declared, delta = tally.declared, tally.declared["delta"]
    spent = account(tally.costs["line"], delta)
    extremes = tally.extremes

    def over(costs: Costs) -> str:
        return upward(account(costs, delta).epsilon)

    def extreme(place: int) -> str:
        return "none" if extremes is None else spelled(extremes[place])

    return {
        "accountant_error": spelled(APART if tally.accountant is None else tally.accountant["error"]),
        "cap_line": spelled(tally.cap("line")),
        "cap_period": spelled(tally.cap("period")),
        "cap_release": spelled(tally.cap("release")),
        "clipping_norm": extreme(0),
        "consent_anchors": whole.anchors,
        "declared_population": declared["declared_population"],
        "delta": spelled(delta),
        "epsilon": upward(spent.epsilon),
        "epsilon_check": upward(spent.check),
        "epsilon_composed": over(whole.costs),
        "epsilon_exact": "none" if spent.exact is None else upward(spent.exact),
        "epsilon_lower": "none" if tally.lower is None else spelled(tally.lower),
        "epsilon_period": over(tally.costs["period"]),
        "epsilon_release": over(tally.costs["release"]),
        "expires": expires,
        "hazards_mitigated": len(whole.mitigated),
        "hazards_open": len(whole.open_hazards),
        "issued": issued,
        "lines": whole.lines,
        "metrics": tally.metrics,
        "noise_multiplier": extreme(1),
        "notices": whole.notices,
        "odds": upward(best_guess(tally.costs["line"])),
        "odds_worst": upward(1 / (1 + math.exp(-spent.epsilon))),
        "period": tally.period,
        "period_days": declared["period_days"],
        "releases_before": tally.period_releases,
        "releases_declared": declared["releases"],
        "rounds": tally.rounds,
        "sampling_rate": extreme(2),
        "tuning_looks": tally.looks,
    }


def curve(tally: Tally) -> list[tuple[float, float]]:
    """Return (delta, epsilon) of everything spent; empty where nothing is private."""
    costs = tally.costs["line"]
    if not tally.private or any(noise == 0 for noise, _ in costs):
        return []
    return list(zip(DELTAS, epsilons(costs, DELTAS), strict=True))


def check_accountants(tally: Tally, spent: Account, where: str) -> None:
    """Return only if the two accountants agree, within what the log said they may differ by.

    Raises:
        Broken: they do not.
    """
    error = APART if tally.accountant is None else max(APART, tally.accountant["error"])
    apart = spent.epsilon - spent.check if math.isfinite(spent.check) else 0.0
    if not spent.agree or (spent.by == "prv" and apart > error):
        raise Broken(
            "accountants.agree", where, f"one gives epsilon {spent.epsilon:g}, the other {spent.check:g}"
        )


def check_figures(stated: Mapping[str, Any], found: Mapping[str, str | int], where: str) -> None:
    """Return only if a label states what was found.

    Raises:
        Broken: it states something else; names the first such figure.
    """
    if stated.keys() != found.keys():
        raise Broken("label.form", where, "a figure is missing, or one too many")
    for name, value in found.items():
        if not _same(stated[name], value):
            raise Broken("label.figure", where, f"{name} is {stated[name]}, the log gives {value}")


def check_curve(stated: Sequence[Any], found: Sequence[tuple[float, float]], where: str) -> None:
    """Return only if a label draws the curve that was found.

    Raises:
        Broken: it draws another.
    """
    if len(stated) != len(found):
        raise Broken("label.curve", where, f"it has {len(stated)} points, the log gives {len(found)}")
    for point, (delta, epsilon) in zip(stated, found, strict=True):
        if point[0] != spelled(delta) or not _same(point[1], upward(epsilon)):
            says = f"({point[0]}, {point[1]}) is not on it; at {delta:g} the log gives {upward(epsilon)}"
            raise Broken("label.curve", where, says)


def against(tally: Tally, stated: Mapping[str, Any]) -> list[str]:
    """Return what the figures say against a release."""
    epsilon = _number(stated["epsilon"])
    found = []
    if not tally.private:
        found.append("the line is stamped not private")
    if epsilon > CEILING:
        found.append("epsilon is above 8")
    for scope, spent in (("line", "epsilon"), ("period", "epsilon_period"), ("release", "epsilon_release")):
        if _number(stated[spent]) > _number(stated[f"cap_{scope}"]) + 1e-6:
            found.append(f"the cap over the {scope} is exceeded")
    if stated["hazards_open"]:
        found.append("a hazard is open")
    if tally.lower is not None and tally.lower > epsilon:
        found.append("the empirical lower bound is above epsilon")
    if stated["releases_before"] >= stated["releases_declared"]:
        found.append("the period has had every release it declared")
    return found


def upward(value: float) -> str:
    """Spell a bound to six digits after the point, never below itself."""
    return "inf" if math.isinf(value) else spelled(math.ceil(value * 1e6 - 1e-9) / 1e6)


def _same(stated: Any, found: str | int) -> bool:
    """Say whether a stated figure is the one found: counts exactly, decimals up to their last digit."""
    if stated == found and type(stated) is type(found):
        return True
    if not isinstance(stated, str) or not isinstance(found, str) or "none" in (stated, found):
        return False
    try:
        return abs(decimal(stated) - decimal(found)) <= LAST_DIGIT
    except NotCanonical:
        return False


def _number(value: str | int) -> float:
    return float(value)
