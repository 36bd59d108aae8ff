"""The trial of a release: it ranks for nobody and for somebody made up, and what it says must hold together.

A signature says who made a model, the guard what it may hold; neither says that it ranks. What does not rank here is
never pointed at.
"""

import math
from itertools import islice

from client.device.person import Person
from client.device.ranking import Ranker
from client.device.request import Request
from client.device.slate import Event, Slate
from client.device.tables import ModelRefused
from models.catalogue import Listing

MET, LOOKED_AT, SLATE = 3, 64, 10
"""Items the made-up person met, among so many of the catalogue; items of a slate."""
TOLERANCE = 1e-6


def try_out(ranker: Ranker, catalogue: Listing) -> None:
    """Rank twice and look at what comes.

    Raises:
        GuardError, ModelRefused: the release cannot rank, ranks nothing, or its reasons do not make its scores.
    """
    withheld = {at for positions in catalogue.sensitive.values() for at in positions}
    open_items = (at for at in range(min(LOOKED_AT, len(catalogue))) if at not in withheld)
    speaks = [kind for kind, weight in sorted(catalogue.signals.kinds.items()) if weight > 0]
    events = [Event(catalogue.ids[at], kind=kind) for at in islice(open_items, MET) for kind in speaks[:1]]
    for person in (Person(), Person(events=events)):
        slate = ranker.rank(person, Request(k=SLATE))
        if len(slate.items) < min(SLATE, len(catalogue) - len(person.events)):
            raise ModelRefused("the release ranks fewer items than it has")
        if not _holds_together(slate):
            raise ModelRefused("the release's reasons do not make its scores")


def _holds_together(slate: Slate) -> bool:
    """Tell whether all is finite, and each score the sum of its reasons; a comparison with no number is false."""
    return math.isfinite(slate.confidence) and all(
        abs(sum(reason.amount for reason in item.reasons) - item.score) <= TOLERANCE * max(1, abs(item.score))
        for item in slate.items
    )
