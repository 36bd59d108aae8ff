"""The audit: every rule over a whole bundle, in one pass over its lines, up to the first that does not hold."""

from collections.abc import Sequence
from pathlib import Path

from privacy.audit.accounting import account, best_guess
from privacy.audit.acts import key_rotated
from privacy.audit.container import Header, Lines, opened
from privacy.audit.faults import Broken, Unreadable
from privacy.audit.findings import Findings, LineFound, ReleaseFound
from privacy.audit.forms import NotCanonical
from privacy.audit.grammar import read_entry
from privacy.audit.heads import Roots, Seen, check_heads, check_since
from privacy.audit.labels import check_label, read_label
from privacy.audit.manifests import Release, check_guarantee, check_label_of, check_logged, read_manifest
from privacy.audit.notes import read_head, read_proof
from privacy.audit.officer import check_officer
from privacy.audit.pins import check_origin, check_pinned, read_pinned
from privacy.audit.rules import end, hear
from privacy.audit.state import Log, Published
from privacy.audit.tally import Tally, Whole
from privacy.audit.trust import Anchors, read_trust

Sums = dict[int, tuple[Tally | None, Whole]]
"""Release by its place in the bundle to what its label may know: its line's sums and the log's."""


def audit(
    path: Path,
    *,
    trust: bytes | None = None,
    pins: bytes | None = None,
    only: str | None = None,
    since: Path | None = None,
) -> Findings:
    """Return what a bundle holds, if it keeps every rule.

    Args:
        path: the bundle.
        trust: a trust file from outside, as devices pin it.
        pins: a service's log pins from outside, as people keep them beside their receipts.
        only: LINE/SEQUENCE of the one release whose figures are recomputed; the log is checked whole all the same.
        since: a bundle of the same log that was kept from before, which this one must continue.

    Raises:
        Broken: a rule does not hold; the first in the order of `faults.RULES` for the log, then release by release.
        Unreadable: the file is no bundle, `trust` or `pins` no such file, or there is no such release.
    """
    pinned = read_pinned(trust, pins)
    older = [] if since is None else _kept(since)
    with opened(path) as (header, lines):
        anchors = read_trust(lines.take(), lines.where)
        check_origin(pinned, anchors.origin)
        heads = [_head(lines) for _ in range(header.checkpoints)]
        releases = [_release(lines) for _ in range(header.releases)]
        chosen = _chosen(releases, only)
        proven = [release.proof.head for release in releases]
        roots = Roots([head.size for head in [*proven, *(seen.head for seen in (*older, *heads))]])
        log, sums, fault = _entries(lines, header, anchors, roots, releases)
        check_heads(heads, log, roots, header.entries)
        check_since(older, log, roots)
        check_pinned(pinned, log)
        if fault is not None:
            raise fault
        end(log)
        entries = _check_releases(releases, log, roots)
        for place, release in enumerate(releases):
            if release in chosen:
                _check_figures(release, entries[place], *sums[place])
        if header.officer is not None:
            check_officer(lines, header.officer, log, pinned)
        lines.end()
    return Findings(
        origin=log.origin,
        entries=header.entries,
        root=heads[-1].head.root.hex(),
        heads=len(heads),
        cosigned=sum(seen.head.others(log.key_at(seen.head.size)) > 0 for seen in heads),
        pinned=bool(pinned),
        since=max((seen.head.size for seen in older), default=None),
        lines=[
            _line(line.tally)
            for name, line in log.lines.items()
            if only is None or only.startswith(f"{name}/")
        ],
        releases=[_found(release, log) for release in chosen],
        published=len(log.published),
        officer=header.officer,
        lost=sum(last - first + 1 for first, last in log.gaps),
    )


def _kept(path: Path) -> list[Seen]:
    """Return the heads of a bundle that was kept from before; whether it was valid was found out then."""
    try:
        with opened(path) as (header, lines):
            lines.take()
            return [Seen(_head(lines).head, f"{path}, {lines.where}") for _ in range(header.checkpoints)]
    except Broken as problem:
        raise Unreadable(f"{path}: {problem.says}; it is no bundle to compare with") from None


def _head(lines: Lines) -> Seen:
    try:
        return Seen(read_head(lines.string()), lines.where)
    except NotCanonical as problem:
        raise Broken("log.signature", lines.where, f"{problem}") from None


def _release(lines: Lines) -> Release:
    data = lines.take()
    where = lines.where
    manifest = read_manifest(data, where)
    where = f"release {manifest['line']}/{manifest['sequence']}"
    label = read_label(lines.take(), where)
    try:
        proof = read_proof(lines.string())
    except NotCanonical as problem:
        raise Broken("release.proof", where, f"{problem}") from None
    return Release(where, data, manifest, label, proof)


def _chosen(releases: Sequence[Release], only: str | None) -> list[Release]:
    found = [release for release in releases if only in (None, release.name)]
    if only is not None and not found:
        names = ", ".join(release.name for release in releases) or "none"
        raise Unreadable(f"there is no release {only} in this bundle; it holds {names}")
    return found


def _entries(
    lines: Lines, header: Header, anchors: Anchors, roots: Roots, releases: Sequence[Release]
) -> tuple[Log, Sums, Broken | None]:
    """Hear every entry; keep the first that breaks a rule, since the heads are judged before it."""
    log = Log(anchors.origin, {"log": [(0, anchors.log_key)], "release": [(0, anchors.release_key)]})
    due: dict[int, list[int]] = {}
    for place, release in enumerate(releases):
        due.setdefault(release.label.body["entries"], []).append(place)
    sums: Sums = {}
    fault: Broken | None = None
    for at, leaf in enumerate(lines.some(header.entries)):
        roots.add(leaf)
        for place in due.get(at, ()):
            line = log.lines.get(releases[place].manifest["line"])
            sums[place] = (None if line is None else line.tally.frozen(), log.whole.frozen())
        if fault is None:
            try:
                hear(log, read_entry(at, leaf))
            except Broken as problem:
                fault = problem
        elif b'"key_rotated"' in leaf:
            _hear_key(log, at, leaf)
    return log, sums, fault


def _hear_key(log: Log, at: int, leaf: bytes) -> None:
    """Follow the keys beyond a broken rule: whether the heads are signed is another question."""
    try:
        key_rotated(log, read_entry(at, leaf))
    except Broken:
        return


def _check_releases(releases: Sequence[Release], log: Log, roots: Roots) -> list[Published]:
    """Return the entry of each release, once all of them are signed, logged and labelled."""
    entries = []
    for release in releases:
        entries.append(check_logged(release, log, roots))
        check_label_of(release, entries[-1], log)
    places = [published.at for published in entries]
    if places != sorted(published.at for published in log.published.values()):
        missing = [f"{each.line}/{each.sequence}" for each in log.published.values() if each.at not in places]
        says = f"{', '.join(missing)} is missing" if missing else "they stand in another order, or twice"
        raise Broken("release.missing", "the releases", says)
    return entries


def _check_figures(release: Release, published: Published, tally: Tally | None, whole: Whole) -> None:
    """Recompute everything that a release states."""
    if tally is None:
        raise Broken("label.release", release.where, f"line {published.line} was not declared by then")
    check_label(release.label, tally, whole, release.where)
    check_guarantee(release, published, tally)


def _line(tally: Tally) -> LineFound:
    declared, costs = tally.declared, tally.costs["line"]
    spent = account(costs, declared["delta"])
    return LineFound(
        line=declared["line"],
        private=tally.private,
        epsilon=spent.epsilon,
        check=spent.check,
        exact=spent.exact,
        cap=tally.cap("line"),
        delta=declared["delta"],
        unit=declared["unit"],
        relation=declared["neighboring_relation"],
        trust=declared["trust"],
        rounds=tally.rounds,
        odds=best_guess(costs),
    )


def _found(release: Release, log: Log) -> ReleaseFound:
    body, manifest = release.label.body, release.manifest
    return ReleaseFound(
        line=manifest["line"],
        sequence=manifest["sequence"],
        model=manifest["sha256"],
        label=release.label.digest,
        issued=manifest["issued"],
        expires=manifest["expires"],
        withdrawn=(manifest["line"], manifest["sequence"]) in log.withdrawn,
        because=body["verdict"]["because"],
        figures=len(body["figures"]) + len(body["curve"]),
    )
