"""What this device would contribute: its own events through the one function that the Flower client uses too."""

import numpy as np

from client.contribution import Call, Contribution, contribute
from client.device.engine import Engine
from client.device.features import Index, fold_events
from client.device.personal import ConsentNeeded
from client.participation import AcceptedTerms
from models.history import from_lists


def contribution(engine: Engine, call: Call, *, accepted: AcceptedTerms) -> Contribution:
    """Return what would leave, and what it costs.

    What spoke against an item, and items of sensitive categories, are no part of the history that contributes.

    Raises:
        ConsentNeeded: consent to contribute does not hold.
        TermsNotLogged, TermsRefused, CapReached: the round asks for what nobody sees, or too much.
    """
    if not engine.consent.permits("federated_contribution"):
        raise ConsentNeeded("consent to federated_contribution does not hold: nothing is computed")
    index = Index(engine.loaded().release.catalogue)
    history = fold_events(engine.person(), index)
    liked = [at for at, weight in zip(history.positions, history.weights, strict=True) if weight > 0]
    number = int.from_bytes(engine.memory.salt("subject")[:7])
    return contribute(
        call,
        accepted=accepted,
        earlier=engine.memory.earlier(),
        histories=from_lists([liked]),
        subjects=np.array([number], np.int64),
    )
