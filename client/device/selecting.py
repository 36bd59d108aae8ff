"""Which items may be shown, before anything is scored: candidates, rules, what was met, what was hidden."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from client.device.features import History, Index, Shift
from client.device.request import Request
from client.device.rules import Rules

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Selection:
    """What the release must not rank, and what stands beside its ranking.

    Args:
        never: (n,) int64 positions never to show, pins among them.
        pins: place and position of each pinned item, by place.
        strangers: candidates the release does not know, each with the score its relevance gives it.
    """

    never: NDArray[np.int64]
    pins: tuple[tuple[int, int], ...]
    strangers: tuple[tuple[str, float], ...]


def select(request: Request, history: History, hidden: Collection[str], index: Index) -> Selection:
    """Apply everything that decides by itself whether an item may be shown.

    Args:
        request: what the app asks for.
        history: what the person met; nothing where nothing personal may be read.
        hidden: what the person never wants to see; it beats a pin.
        index: the catalogue.
    """
    rules, position = request.rules, index.position
    if not hidden and request.candidates is None and not _selects(rules):
        return Selection(np.array(_met_before(request, history), np.int64), (), ())
    unwanted = {position[item] for item in hidden if item in position}
    pins = tuple(
        (place, position[item])
        for place, item in rules.pins
        if place < request.wanted and item in position and position[item] not in unwanted
    )
    strangers: tuple[tuple[str, float], ...] = ()
    never = {*_met_before(request, history), *unwanted, *(at for _, at in pins)}
    never.update(position[item] for item in rules.items if item in position)
    if request.candidates is not None:
        barred = {*hidden, *rules.items}
        strangers = tuple(
            (item, by)
            for item, by in zip(request.candidates, relevances(request), strict=True)
            if item not in position and item not in barred
        )
    listed = np.fromiter(never, np.int64, len(never))
    if request.candidates is None and not rules.categories and rules.before_year is None:
        return Selection(listed, pins, strangers)
    out = _excluded(request, index)
    out[listed] = True
    return Selection(np.flatnonzero(out), pins, strangers)


def _selects(rules: Rules) -> bool:
    """Tell whether a rule picks items by itself."""
    return bool(rules.pins or rules.items or rules.categories or rules.before_year is not None)


def _excluded(request: Request, index: Index) -> NDArray[np.bool_]:
    """Return, per item, whether a list, a category or a year keeps it out."""
    rules, catalogue = request.rules, index.catalogue
    out = np.full(len(catalogue), request.candidates is not None)
    for item in request.candidates or ():
        if item in index.position:
            out[index.position[item]] = False
    for category in rules.categories:
        out[index.of(category)] = True
        out[list(catalogue.sensitive.get(category, ()))] = True
    if rules.before_year is not None:
        out[(catalogue.years != 0) & (catalogue.years < rules.before_year)] = True
    return out


def _met_before(request: Request, history: History) -> list[int]:
    match request.rules.seen:
        case "show":
            return []
        case int(days):
            return [at for at, time in history.met.items() if request.now - time < days * DAY]
        case None if request.candidates is not None:
            return []
        case _:
            return list(history.met)


def relevances(request: Request) -> list[float]:
    """Return what each candidate's relevance adds to its score: its standard score times the blend."""
    count = len(request.candidates or ())
    values = np.array([0.0] * count if request.relevance is None else request.relevance, np.float64)
    largest = np.abs(values).max(initial=0.0)
    values = values / largest if largest > 0 else values
    spread = float(values.std()) if count else 0.0
    if spread <= 1e-12:
        return [0.0] * count
    standard: list[float] = ((values - values.mean()) / spread * request.blend).tolist()
    return standard


def public_shifts(request: Request, index: Index) -> list[Shift]:
    """Return what moves scores for everyone alike: relevance to a search, and what is new."""
    found = []
    if request.relevance is not None and request.candidates is not None:
        for item, by in zip(request.candidates, relevances(request), strict=True):
            if item in index.position and by:
                found.append(Shift("relevance", "answers your search", np.array([index.position[item]]), by))
    if request.rules.since_year is not None and request.rules.lift:
        new = np.flatnonzero(index.catalogue.years >= request.rules.since_year)
        text = f"the app lifts what is from {request.rules.since_year} or later"
        found.append(Shift("rule", text, new, request.rules.lift))
    return found
