"""Where a log stands while it is read: its lines, hazards, notices, keys and releases, one rule at a time."""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from privacy.audit.accounting import below
from privacy.audit.faults import Broken
from privacy.audit.grammar import Entry
from privacy.audit.tally import SCOPES, Tally, Whole


@dataclass(slots=True)
class Round:
    """A round that is not over: its terms, and whether it was paid for."""

    terms: Mapping[str, Any]
    paid: bool = False


@dataclass(slots=True)
class Line:
    """A release line.

    Args:
        tally: its sums.
        rounds: those that are not over, by number.
        newest: number of the newest round.
        numbers: of each metric, and of tuning runs under the empty name.
        starts: when its period started, if that is on record.
        sequence: its newest release.
        costly: the newest entry that changed what a label of it says.
        unchecked: the newest spend that was not yet held against the caps.
    """

    tally: Tally
    rounds: dict[int, Round] = field(default_factory=dict)
    newest: int = 0
    numbers: dict[str, int] = field(default_factory=dict)
    starts: int | None = None
    sequence: int = 0
    costly: int = -1
    unchecked: Entry | None = None

    def check_caps(self) -> None:
        """Hold everything spent so far against every cap, as it stands; between changes of caps spends only add up.

        Raises:
            Broken: a cap was passed.
        """
        if self.unchecked is None:
            return
        declared, tally = self.tally.declared, self.tally
        for scope in SCOPES:
            if not below(tally.costs[scope], declared["delta"], tally.cap(scope)):
                says = (
                    f"it takes line {declared['line']} past its cap of {tally.cap(scope):g} over the {scope}"
                )
                raise Broken("line.cap", self.unchecked.where, says)
        self.unchecked = None


@dataclass(frozen=True, slots=True)
class Published:
    """A release as the log has it.

    Args:
        at: index of its entry.
        line, sequence: which one it is.
        private, uncovered: whether its line promised privacy then, and had used private data outside epsilon.
        costly: the newest entry before it that changed what its label says.
    """

    at: int
    line: str
    sequence: int
    private: bool
    uncovered: bool
    costly: int


@dataclass(slots=True)
class Log:
    """Everything heard of a log so far.

    Args:
        origin: its name.
        chains: for each purpose (from which size of the log on, key), oldest first; keys of notices, receipts and
            the consent log are known from their first rotation on.
        rotated: purposes whose key was replaced.
        awaited: pinned keys that the first rotation of their purpose does not begin with, and none has led to yet.
        lines: by name.
        whole: the sums over all lines.
        editions: newest edition of each notice.
        published: releases by the digest of their manifest.
        withdrawn: releases that were flagged.
        anchors: commitments to the consent log's heads, 32 bytes each.
        anchored: the entries that hold them.
        gaps: (first, last) number of the anchors whose heads were lost, oldest first.
        hazard_at: the newest entry about a hazard.
    """

    origin: str
    chains: dict[str, list[tuple[int, bytes]]]
    rotated: set[str] = field(default_factory=set)
    awaited: dict[str, bytes] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)
    whole: Whole = field(default_factory=Whole)
    editions: dict[tuple[str, str], int] = field(default_factory=dict)
    published: dict[str, Published] = field(default_factory=dict)
    withdrawn: set[tuple[str, int]] = field(default_factory=set)
    anchors: bytearray = field(default_factory=bytearray)
    anchored: "array[int]" = field(default_factory=lambda: array("q"))
    gaps: list[tuple[int, int]] = field(default_factory=list)
    hazard_at: int = -1

    def line(self, entry: Entry) -> Line:
        """Return the line an entry belongs to.

        Raises:
            Broken: it is not declared yet.
        """
        found = self.lines.get(entry.says["line"])
        if found is None:
            raise Broken("line.declared", entry.where, f"line {entry.says['line']} is not declared before it")
        return found

    def keys(self, purpose: str) -> list[bytes]:
        """Return the keys of a purpose that followed each other; none where nothing names one."""
        return [key for _, key in self.chains.get(purpose, ())]

    def key_at(self, size: int, purpose: str = "log") -> bytes:
        """Return the key in use once the log had a size, by default the one that signs its heads."""
        return next(key for since, key in reversed(self.chains[purpose]) if since <= size)
