"""The ranking: one release, one person and one request in, a slate with its reasons out; no clock, no disk, no state.

candidates -> scores -> business rules -> diversity -> slate. Exploration is no part of it yet: it would exchange some
of what `arrange` placed, and say so in those items' reasons.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from client.device.arranging import Placed, Pool, arrange, unit_rows
from client.device.features import History, Index, Shift, fold_events, joined, local_shifts
from client.device.person import Person
from client.device.profile import Profile, describe
from client.device.reasons import reasons
from client.device.release import VerifiedRelease
from client.device.request import Request
from client.device.runtime import Executor, Ranked, Runtime
from client.device.selecting import Selection, public_shifts, select
from client.device.slate import Reason, Slate, SlateItem
from client.device.tables import Wide


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An item that may be shown: ranked by the release at some place, or unknown to it."""

    item: str
    score: float
    ranked: Ranked | None = None
    place: int = 0


class Ranker:
    """Rank from one release; the person's state is recomputed from their events at every call."""

    def __init__(self, release: VerifiedRelease, *, executor: Callable[[bytes], Executor] = Runtime) -> None:
        """Load a release that `open_release` verified.

        Args:
            release: its model and its catalogue.
            executor: runs the model; the ONNX runtime, or another that passes the conformance suite.

        Raises:
            GuardError, ModelRefused: its model cannot be run here.
        """
        self._index = Index(release.catalogue)
        self._runtime = executor(release.model)
        self.release = release.name

    def rank(self, person: Person, request: Request) -> Slate:
        """Make a slate.

        Items this release does not know are passed over in a history. Forgetting an item is leaving its events
        out: the slate is then bit for bit that of a device that never saw it. Without profiling, nothing of
        `person` is read at all.

        Args:
            person: what is known about them.
            request: what the app asks for.

        Raises:
            RequestError: an event or a shift is out of its range.
        """
        known = person if request.profiling else Person()
        history = fold_events(known, self._index)
        own = local_shifts(known, self._index)
        shifts = [*own, *public_shifts(request, self._index)]
        chosen = select(request, history, known.hidden, self._index)
        return Slate(
            items=tuple(self._items(request, chosen, history, shifts)),
            release=self.release,
            personalized=bool(history.positions or own),
            confidence=self._confidence(history),
            list_id=request.list_id,
            surface=request.surface,
        )

    def _items(
        self, request: Request, chosen: Selection, history: History, shifts: Sequence[Shift]
    ) -> list[SlateItem]:
        """Make the items, straight from the ranking where nothing but scores decides."""
        if _plain(request) and not chosen.pins and not chosen.strangers:
            return self._best(self._run(history, shifts, chosen.never, request.wanted), history, shifts)
        pinned, placed, pool = self._arranged(request, chosen, history, shifts)
        items = self._shown(pool, placed, history, shifts)
        for (place, _), item in zip(pinned, self._pinned(pinned, history, shifts), strict=True):
            items.insert(place, item)
        return items[: request.wanted]

    def _best(self, ranked: Ranked, history: History, shifts: Sequence[Shift]) -> list[SlateItem]:
        named, positions, scores = self._index.named, ranked.items.tolist(), ranked.scores.tolist()
        said = reasons(ranked, range(len(positions)), history=history, shifts=shifts, index=self._index)
        return [
            SlateItem(*named(at), score, tuple(why))
            for at, score, why in zip(positions, scores, said, strict=True)
        ]

    def explain(self, person: Person, item: str, *, profiling: bool = True) -> SlateItem | None:
        """Say what an item's score is made of, even one that was met or hidden; None if nobody knows it."""
        if item not in self._index.position:
            return None
        known = replace(person, hidden=()) if profiling else Person()
        asked = Request(candidates=(item,), profiling=profiling)
        return self.rank(known, asked).items[0]

    def profile(self, person: Person, *, profiling: bool = True) -> Profile:
        """Say in plain words what the model thinks the person likes, and which events made it so."""
        known = person if profiling else Person()
        history = fold_events(known, self._index)
        return describe(self._runtime.tables, self._index, known, history, self._confidence(history))

    def _confidence(self, history: History) -> float:
        tables = self._runtime.tables
        return tables.strength(float(np.abs(tables.recency(history.ages) * history.weights).sum()))

    def _arranged(
        self, request: Request, chosen: Selection, history: History, shifts: Sequence[Shift]
    ) -> tuple[list[tuple[int, _Candidate]], list[Placed], list[_Candidate]]:
        """Rank as deep as the rules need, then order: pins by place, the order, and what it points into."""
        pinned = (
            self._ranked(history, shifts, self._all_but(chosen.pins), len(chosen.pins)) if chosen.pins else []
        )
        by_item = {candidate.item: candidate for candidate in pinned}
        pins = [(place, by_item[self._index.catalogue.ids[at]]) for place, at in chosen.pins]
        k = max(request.wanted - len(pins), 0)
        plain = _plain(request)
        depth = k if plain else max(4 * k, k + 40)
        strangers = [_Candidate(item, score) for item, score in chosen.strangers]
        while True:
            found = self._ranked(history, shifts, chosen.never, depth) if depth else []
            pool = sorted(found + strangers, key=lambda each: -each.score) if strangers else found
            if plain:
                return pins, [Placed(row) for row in range(min(k, len(pool)))], pool
            pool = pinned + pool
            placed = arrange(
                self._pool(pool),
                k=k,
                taken=range(len(pinned)),
                caps=request.rules.caps,
                diversity=request.diversity,
            )
            if len(placed) == k or len(found) < depth:
                return pins, placed, pool
            depth *= 4

    def _all_but(self, pins: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
        others = np.ones(self._runtime.tables.items, np.bool_)
        others[[at for _, at in pins]] = False
        return np.flatnonzero(others)

    def _ranked(
        self, history: History, shifts: Sequence[Shift], never: NDArray[np.int64], k: int
    ) -> list[_Candidate]:
        ranked = self._run(history, shifts, never, k)
        ids = self._index.catalogue.ids
        scores = ranked.scores.tolist()
        return [
            _Candidate(ids[at], scores[place], ranked, place)
            for place, at in enumerate(ranked.items.tolist())
        ]

    def _run(self, history: History, shifts: Sequence[Shift], never: NDArray[np.int64], k: int) -> Ranked:
        return self._runtime.rank(
            history.positions,
            ages=history.ages,
            kinds=history.weights,
            deltas=joined(shifts),
            seen=never,
            k=k,
        )

    def _pool(self, pool: Sequence[_Candidate]) -> Pool:
        index, table = self._index, self._runtime.tables.parts[-1].outward
        known = [row for row, candidate in enumerate(pool) if candidate.ranked is not None]
        vectors: Wide = np.zeros((len(pool), table.rows.shape[1]))
        vectors[known] = unit_rows(
            table.at(np.array([index.position[pool[row].item] for row in known], np.int64))
        )
        categories = [index.categories(candidate.item) for candidate in pool]
        return Pool(np.array([candidate.score for candidate in pool]), vectors, categories)

    def _shown(
        self, pool: Sequence[_Candidate], placed: Sequence[Placed], history: History, shifts: Sequence[Shift]
    ) -> list[SlateItem]:
        chosen = [pool[one.row] for one in placed]
        items = []
        for candidate, one, found in zip(chosen, placed, self._reasons(chosen, history, shifts), strict=True):
            if one.like is not None:
                like = self._title(pool[one.like].item)
                found.append(Reason("diversity", -one.penalty, f"much like {like}, which is shown too"))
            score = candidate.score - one.penalty
            items.append(SlateItem(candidate.item, self._title(candidate.item), score, tuple(found)))
        return items

    def _pinned(
        self, pinned: Sequence[tuple[int, _Candidate]], history: History, shifts: Sequence[Shift]
    ) -> list[SlateItem]:
        chosen = [candidate for _, candidate in pinned]
        pin = Reason("rule", 0.0, "the app puts it here for everyone")
        return [
            SlateItem(candidate.item, self._title(candidate.item), candidate.score, (*found, pin))
            for candidate, found in zip(chosen, self._reasons(chosen, history, shifts), strict=True)
        ]

    def _reasons(
        self, chosen: Sequence[_Candidate], history: History, shifts: Sequence[Shift]
    ) -> list[list[Reason]]:
        """Say why, item by item; what the release ranked was ranked in one go."""
        known = [candidate for candidate in chosen if candidate.ranked is not None]
        places = [candidate.place for candidate in known]
        said = iter(
            reasons(known[0].ranked, places, history=history, shifts=shifts, index=self._index)
            if known and known[0].ranked is not None
            else []
        )
        return [next(said) if candidate.ranked is not None else _stranger(candidate) for candidate in chosen]

    def _title(self, item: str) -> str:
        at = self._index.position[item]
        return "" if at < 0 else self._index.catalogue.titles[at]


def _plain(request: Request) -> bool:
    """Tell whether the order is that of the scores."""
    return not request.rules.caps and not request.diversity


def _stranger(candidate: _Candidate) -> list[Reason]:
    found = [Reason("unknown", 0.0, "new here: this release does not know it yet")]
    if candidate.score:
        found.append(Reason("relevance", candidate.score, "answers your search"))
    return found
