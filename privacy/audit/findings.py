"""What an audit found, as a value and as the JSON whose schema is findings.schema.json."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from privacy.audit.faults import RULES, Broken, Unreadable
from privacy.audit.forms import spelled

FORMAT = "penchant-audit-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFound:
    """What a line promised and spent, recomputed.

    Args:
        line: its name.
        private: whether it makes a promise that nothing took back.
        epsilon: spent, by the first accountant.
        check: the same by the second.
        exact: the same by the closed form, where there is one.
        cap: most it may spend.
        delta: at which.
        unit, relation, trust: the rest of the promise.
        rounds: paid for.
        odds: how often the best attacker guesses one subject's presence right.
    """

    line: str
    private: bool
    epsilon: float
    check: float
    exact: float | None
    cap: float
    delta: float
    unit: str
    relation: str
    trust: str
    rounds: int
    odds: float

    def body(self) -> dict[str, Any]:
        """Return it as JSON holds it: decimals as strings."""
        return {
            "cap": spelled(self.cap),
            "delta": spelled(self.delta),
            "epsilon": spelled(self.epsilon),
            "epsilon_check": spelled(self.check),
            "epsilon_exact": None if self.exact is None else spelled(self.exact),
            "line": self.line,
            "neighboring_relation": self.relation,
            "odds": spelled(self.odds),
            "private": self.private,
            "rounds": self.rounds,
            "trust": self.trust,
            "unit": self.unit,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFound:
    """What a release's label says, once every figure of it was recomputed.

    Args:
        line: its line.
        sequence: its number.
        model: SHA-256 of the model file.
        label: SHA-256 of the label.
        issued: seconds since 1970 UTC.
        expires: the same, its last moment.
        withdrawn: whether it was flagged later.
        because: what stands against it; empty where it may go out.
        figures: how many figures and points of the curve were recomputed.
    """

    line: str
    sequence: int
    model: str
    label: str
    issued: int
    expires: int
    withdrawn: bool
    because: Sequence[str]
    figures: int

    @property
    def may_go_out(self) -> bool:
        """Whether nothing stands against it, then or since."""
        return not self.because and not self.withdrawn

    def body(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "because": list(self.because),
            "expires": self.expires,
            "figures": self.figures,
            "issued": self.issued,
            "label": self.label,
            "line": self.line,
            "may_go_out": self.may_go_out,
            "model": self.model,
            "sequence": self.sequence,
            "withdrawn": self.withdrawn,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything an audit found in a bundle that keeps every rule.

    Args:
        origin: the log's name.
        entries: how many the log has.
        root: the newest head's, hex.
        heads: signed heads, and of how many somebody else's signature stands beside the log's.
        pinned: whether the keys came from outside the bundle.
        since: entries of the older bundle that this one continues, None where none was given.
        lines: every line whose spending was recomputed.
        releases: every release whose label was recomputed.
        published: how many releases the log publishes.
        officer: (leaves, ticks) of the consent log, None without the officer's part.
        lost: anchors whose heads of the consent log are lost, as the log says.
    """

    origin: str
    entries: int
    root: str
    heads: int
    cosigned: int
    pinned: bool
    since: int | None
    lines: Sequence[LineFound]
    releases: Sequence[ReleaseFound]
    published: int
    officer: tuple[int, int] | None
    lost: int = 0

    def body(self) -> dict[str, Any]:
        """Return them as JSON holds them."""
        consent = None
        if self.officer is not None:
            consent = {"entries": self.officer[0], "ticks": self.officer[1]}
        return {
            "attested": "self",
            "broken": None,
            "consent": consent,
            "format": FORMAT,
            "keys": "pinned" if self.pinned else "bundled",
            "lines": [line.body() for line in self.lines],
            "log": {
                "cosigned": self.cosigned,
                "entries": self.entries,
                "heads": self.heads,
                "lost": self.lost,
                "origin": self.origin,
                "root": self.root,
            },
            "published": self.published,
            "releases": [release.body() for release in self.releases],
            "rules": len(RULES),
            "since": self.since,
            "verdict": "valid",
        }


def failed(problem: Broken | Unreadable) -> dict[str, Any]:
    """Return what JSON says where there is nothing to find."""
    if isinstance(problem, Unreadable):
        return {"broken": None, "format": FORMAT, "says": str(problem), "verdict": "unreadable"}
    broken = {
        "requires": RULES[problem.rule],
        "rule": problem.rule,
        "says": problem.says,
        "where": problem.where,
    }
    return {"broken": broken, "format": FORMAT, "verdict": "invalid"}


def shown(value: float) -> str:
    """Spell a bound for people, never below itself: four digits after the point.

    >>> shown(3.99871), shown(math.inf)
    ('3.9988', 'unbounded')
    """
    return "unbounded" if math.isinf(value) else f"{math.ceil(value * 1e4 - 1e-6) / 1e4:.4f}"
