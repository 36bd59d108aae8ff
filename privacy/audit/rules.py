"""The rules of order: each kind of entry, and what must have stood in the log before it."""

from collections.abc import Callable

from privacy.audit.acts import (
    check_approval,
    check_pinned_keys,
    hazard_mitigated,
    hazard_raised,
    key_rotated,
    notice_published,
)
from privacy.audit.faults import Broken
from privacy.audit.grammar import Entry
from privacy.audit.rounds import privacy_event, round_aborted, round_committed, round_terms
from privacy.audit.state import Line, Log, Published
from privacy.audit.tally import Tally, times

DAY = 86_400


def hear(log: Log, entry: Entry) -> None:
    """Take in the log's next entry.

    Raises:
        Broken: a rule does not hold of it.
    """
    if "approved_by" in entry.says:
        check_approval(entry)
    _RULES[entry.kind](log, entry)


def end(log: Log) -> None:
    """Hold what is left against the caps and the pinned keys once every entry was heard.

    Raises:
        Broken: a cap was passed, or the log's keys are not those that are pinned.
    """
    check_pinned_keys(log)
    for line in log.lines.values():
        line.check_caps()


def _line_declared(log: Log, entry: Entry) -> None:
    name = entry.says["line"]
    if name in log.lines:
        raise Broken("line.declared", entry.where, f"line {name} is declared a second time")
    log.lines[name] = Line(Tally(entry.says), costly=entry.at)
    log.whole.lines += 1


def _not_private(log: Log, entry: Entry) -> None:
    line = log.line(entry)
    line.tally.stamped, line.costly = True, entry.at


def _cap_changed(log: Log, entry: Entry) -> None:
    line, scope, epsilon = log.line(entry), entry.says["scope"], entry.says["epsilon"]
    tally = line.tally
    if epsilon > min(tally.caps[scope], tally.declared["epsilon_budget"]):
        raise Broken("cap.falls", entry.where, f"the cap over the {scope} would rise to {epsilon:g}")
    line.check_caps()
    tally.caps[scope], line.costly = epsilon, entry.at


def _period_started(log: Log, entry: Entry) -> None:
    line, tally = log.line(entry), log.line(entry).tally
    starts, length = entry.says["starts"], tally.declared["period_days"] * DAY
    if entry.says["period"] != tally.period + 1:
        raise Broken("period.order", entry.where, f"it follows period {tally.period}")
    if line.starts is not None and starts < line.starts + length:
        raise Broken("period.order", entry.where, "the period before it was shorter than declared")
    line.check_caps()
    tally.costs["period"].clear()
    tally.period, tally.period_releases = entry.says["period"], 0
    line.starts, line.costly = starts, entry.at


def _metric_released(log: Log, entry: Entry) -> None:
    _number(log.line(entry), entry, entry.says["metric"])
    spend(log, entry)
    log.line(entry).tally.metrics += 1


def _tuning_accounted(log: Log, entry: Entry) -> None:
    _number(log.line(entry), entry, "")
    spend(log, entry)
    log.line(entry).tally.looks += entry.says["looks"]


def _number(line: Line, entry: Entry, name: str) -> None:
    expected = line.numbers.get(name, 0) + 1
    if entry.says["number"] != expected:
        raise Broken(
            "spend.number", entry.where, f"number {entry.says['number']} stands where {expected} is due"
        )
    line.numbers[name] = expected


def _privacy_event(log: Log, entry: Entry) -> None:
    privacy_event(log.line(entry), entry)
    spend(log, entry)
    log.line(entry).tally.rounds += 1


def spend(log: Log, entry: Entry) -> None:
    """Add up what an entry costs.

    Raises:
        Broken: it has no noise, and its line promises privacy.
    """
    line, says = log.line(entry), entry.says
    if says["noise_multiplier"] == 0 and not line.tally.stamped:
        raise Broken("line.stamp", entry.where, f"line {says['line']} is not stamped, and this adds no noise")
    line.tally.spend(says, times(entry))
    log.whole.costs[says["noise_multiplier"], says["sampling_rate"]] += times(entry)
    line.unchecked, line.costly = entry, entry.at


def _not_covered(log: Log, entry: Entry) -> None:
    line, activity, data = log.line(entry), entry.says["activity"], entry.says["data"]
    if line.tally.uncovered.get(activity) != "private_data":
        line.tally.uncovered[activity] = data
    line.costly = entry.at


def _accountant_declared(log: Log, entry: Entry) -> None:
    line = log.line(entry)
    line.tally.accountant, line.costly = entry.says, entry.at


def _audit_measured(log: Log, entry: Entry) -> None:
    line = log.line(entry)
    if line.tally.lower is None or entry.says["epsilon_lower"] > line.tally.lower:
        line.tally.measured = entry.says
    line.costly = entry.at


def _consent_root_anchored(log: Log, entry: Entry) -> None:
    expected = log.whole.anchors + 1
    if entry.says["number"] != expected:
        says = f"number {entry.says['number']} stands where {expected} is due"
        raise Broken("consent.number", entry.where, says)
    log.whole.anchors = expected
    log.anchors += bytes.fromhex(entry.says["commitment"])
    log.anchored.append(entry.at)


def _consent_log_gap(log: Log, entry: Entry) -> None:
    first, last = entry.says["first"], entry.says["last"]
    known = log.gaps[-1][1] if log.gaps else 0
    if not known < first <= last == log.whole.anchors:
        says = f"a gap of {first} to {last} does not end with the newest anchor, {log.whole.anchors}"
        raise Broken("consent.number", entry.where, says)
    log.gaps.append((first, last))


def _release_published(log: Log, entry: Entry) -> None:
    line, says = log.line(entry), entry.says
    if says["sequence"] <= line.sequence:
        raise Broken("release.order", entry.where, f"it follows release {line.sequence} of {says['line']}")
    line.check_caps()
    line.sequence = says["sequence"]
    log.published[says["manifest"]] = Published(
        at=entry.at,
        line=says["line"],
        sequence=says["sequence"],
        private=line.tally.private,
        uncovered="private_data" in line.tally.uncovered.values(),
        costly=max(line.costly, log.hazard_at),
    )
    line.tally.costs["release"].clear()
    line.tally.period_releases += 1
    line.costly = entry.at


def _release_withdrawn(log: Log, entry: Entry) -> None:
    wanted = entry.says["line"], entry.says["sequence"]
    log.line(entry)
    if wanted not in {(release.line, release.sequence) for release in log.published.values()}:
        raise Broken("release.order", entry.where, "no such release was published before it")
    log.withdrawn.add(wanted)


_RULES: dict[str, Callable[[Log, Entry], None]] = {
    "line_declared": _line_declared,
    "round_terms": lambda log, entry: round_terms(log.line(entry), entry),
    "privacy_event": _privacy_event,
    "round_committed": lambda log, entry: round_committed(log.line(entry), entry),
    "round_aborted": lambda log, entry: round_aborted(log.line(entry), entry),
    "release_published": _release_published,
    "not_private": _not_private,
    "notice_published": notice_published,
    "cap_changed": _cap_changed,
    "period_started": _period_started,
    "metric_released": _metric_released,
    "tuning_accounted": _tuning_accounted,
    "not_covered": _not_covered,
    "accountant_declared": _accountant_declared,
    "hazard_raised": hazard_raised,
    "hazard_mitigated": hazard_mitigated,
    "key_rotated": key_rotated,
    "consent_root_anchored": _consent_root_anchored,
    "consent_log_gap": _consent_log_gap,
    "release_withdrawn": _release_withdrawn,
    "audit_measured": _audit_measured,
}
