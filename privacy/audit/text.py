"""What an audit found, for people: what was checked, the figures, the verdict."""

from collections.abc import Iterator
from time import gmtime, strftime

from privacy.audit.faults import RULES, Broken, Unreadable
from privacy.audit.findings import Findings, LineFound, ReleaseFound, shown


def valid(found: Findings, name: str) -> str:
    """Return the report of a bundle that keeps every rule."""
    return "\n".join(_report(found, name))


def invalid(problem: Broken | Unreadable, name: str) -> str:
    """Return the report of a bundle that does not, or that could not be judged."""
    if isinstance(problem, Unreadable):
        return f"UNREADABLE  {name}\n  {problem}\n  Nothing was judged."
    return (
        f"INVALID  {name}\n"
        f"  rule    {problem.rule}: {RULES[problem.rule]}\n"
        f"  where   {problem.where}\n"
        f"  but     {problem.says}\n"
        "  This is the first rule that does not hold. Rely on nothing in this bundle."
    )


def _report(found: Findings, name: str) -> Iterator[str]:
    yield f"VALID, self-attested  {name}"
    heads = f"{found.heads} signed head{'s' * (found.heads != 1)}"
    yield f"  log       {found.origin}: {found.entries:,} entries, {heads}, append-only"
    yield f"            root {found.root}"
    keys = (
        "are those you pinned" if found.pinned else "come from the bundle itself: pin them with --trust FILE"
    )
    yield f"  keys      {keys}"
    if found.since is not None:
        yield f"  since     continues what you kept: its first {found.since:,} entries are the same"
    yield f"  rules     {len(RULES)}, none broken"
    for line in found.lines:
        yield from _line(line)
    for release in found.releases:
        yield from _release(release)
    if found.published > len(found.releases):
        yield f"  releases  {found.published - len(found.releases)} more, whose figures were not asked for"
    if found.officer is not None:
        leaves, ticks = found.officer
        yield f"  consent   {leaves:,} leaves under {ticks:,} anchors, append-only (personal data: never publish)"
    if found.lost:
        yield f"  lost      {found.lost:,} heads of the consent log went with a database; the log says which"
    beside = f"; {found.cosigned} heads carry other signatures, which nobody pinned" if found.cosigned else ""
    yield f"  witness   none: whoever holds the keys could have written another history{beside}"


def _line(line: LineFound) -> Iterator[str]:
    yield ""
    yield f"  line      {line.line}: {line.rounds:,} rounds paid for"
    if not line.private:
        yield "            NOT PRIVATE, and stamped so"
        return
    relation = line.relation.replace("_", " ")
    yield f"            epsilon {shown(line.epsilon)} of at most {line.cap:g} at delta {line.delta:g}, for one"
    yield f"            {line.unit.replace('_', ' ')} ({relation}), trust = {line.trust}"
    exact = "" if line.exact is None else f", closed form {shown(line.exact)}"
    yield f"            second accountant {shown(line.check)}{exact}"
    odds = f"{100 * line.odds:.1f} times in 100"
    yield f"            who knows all else guesses one subject's part right at best {odds}"


def _release(release: ReleaseFound) -> Iterator[str]:
    day = _day(release.expires)
    yield ""
    yield f"  release   {release.line}/{release.sequence}: signed, logged, {release.figures} label figures recomputed"
    yield f"            model {release.model}"
    if release.may_go_out:
        yield f"            MAY GO OUT, until {day}"
        return
    because = [*release.because, *(["it was withdrawn"] if release.withdrawn else [])]
    yield f"            MUST NOT GO OUT: {'; '.join(because)}"


def _day(moment: int) -> str:
    try:
        return strftime("%Y-%m-%d", gmtime(moment))
    except (OverflowError, OSError, ValueError):
        return f"second {moment}"
