"""A label in plain language: what to tell a person who asks, and every figure's name for people."""

import math
from datetime import UTC, datetime

from privacy.label import Label

NAMES = {
    "accountant_error": "may differ by",
    "cap_line": "cap, whole line",
    "cap_period": "cap, each period",
    "cap_release": "cap, each release",
    "clipping_norm": "C, longest contribution",
    "consent_anchors": "consent roots",
    "declared_population": "N declared",
    "delta": "δ",
    "epsilon": "ε spent",
    "epsilon_check": "ε, second accountant",
    "epsilon_composed": "ε over all lines",
    "epsilon_exact": "ε, closed form",
    "epsilon_lower": "ε at least",
    "epsilon_period": "ε, this period",
    "epsilon_release": "ε, this release",
    "expires": "expires",
    "hazards_mitigated": "mitigated",
    "hazards_open": "open",
    "issued": "issued",
    "lines": "lines in this log",
    "metrics": "metrics paid for",
    "noise_multiplier": "least noise / C",
    "notices": "notices",
    "odds": "best attack, on average",
    "odds_worst": "worst single case",
    "period": "period",
    "period_days": "days a period",
    "releases_before": "releases before, this period",
    "releases_declared": "releases declared",
    "rounds": "rounds paid for",
    "sampling_rate": "highest rate q",
    "tuning_looks": "looks paid for",
}
"""Every figure a label may hold, and what it is called."""


def shown(name: str, value: str | int) -> str:
    """Spell a figure for people."""
    if name in ("issued", "expires"):
        return datetime.fromtimestamp(int(value), UTC).strftime("%Y-%m-%d")
    if name in ("odds", "odds_worst"):
        return f"{in_hundred(value)} in 100"
    if value in ("inf", "none"):
        return "no bound" if value == "inf" else "none"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{float(value):.4g}" if name.startswith(("epsilon", "cap", "noise")) else f"{float(value):.3g}"


def in_hundred(share: str | int) -> int:
    """Return a share as so many in a hundred, rounded up."""
    return math.ceil(100 * float(share) - 1e-9)


def bounded(label: Label) -> bool:
    """Tell whether its figures bound anything: a line stamped not private has epsilons that hold nothing."""
    return bool(label.curve)


def promise(label: Label) -> str:
    """State epsilon with everything that belongs to it."""
    figures = label.figures
    if not bounded(label):
        return "NOT PRIVATE: nothing bounds what one enrolled subject reveals"
    return (
        f"epsilon {float(figures['epsilon']):.2f} at delta {float(figures['delta']):.3g} for one enrolled subject "
        f"(add or remove one), {evidence_of(label, 'trust').partition(',')[0]}"
    )


def evidence_of(label: Label, row: str) -> str:
    """Return the evidence of a row."""
    return next(each.evidence for each in label.rows if each.row == row)


def for_a_person(label: Label) -> list[str]:
    """Return what to tell a person who asks, one paragraph each."""
    figures = label.figures
    data = next(each.says for each in label.rows if each.row == "data")
    trust = next(each.says for each in label.rows if each.row == "trust")
    paragraphs = [f"What left your device, if you agreed: {data}", trust]
    if not bounded(label):
        paragraphs.append("Nothing bounds what this model tells about you. It is not meant to be released.")
    else:
        missed = max(1, math.ceil(10_000 * float(figures["delta"]) - 1e-9))
        paragraphs.append(
            "Imagine somebody who knows everything about everyone, except whether you took part. By tossing a coin "
            f"they are right 50 times in 100. With this model in hand, even the best attack is right at most "
            f"{in_hundred(figures['odds'])} times in 100. The worst single case is "
            f"{in_hundred(figures['odds_worst'])} in 100, except for events that together happen at "
            f"most {missed} times in 10,000."
        )
    paragraphs.append(
        "You can switch off at any time, as easily as you switched on: nothing of yours enters a later sum. What you "
        "added to rounds that are over stays in published models, within the bound above."
    )
    return paragraphs
