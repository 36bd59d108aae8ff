"""The client update: terms, public inputs and a shard's events in; one exact, clipped, integer sum out.

A pure function, the same for a shard in simulation and for a single device.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from client.errors import ClientError
from client.gradient import gradient_sum
from client.statistics import contribution_sum
from models.history import Histories
from models.inputs import from_parts
from models.objective import GradientInput
from privacy.clipping import Int64
from privacy.events import RoundTerms


class UpdateError(ClientError):
    """The round's inputs do not give a contribution of the size its terms state: nothing is sent."""

    code: ClassVar[str] = "update_refused"


def update_sum(
    terms: RoundTerms,
    *,
    public: Mapping[str, NDArray[Any]],
    settings: Mapping[str, Any],
    histories: Histories,
    subjects: NDArray[np.int64],
) -> Int64:
    """Return the exact sum of the devices' contributions to one round.

    Args:
        terms: the round's terms; their clipping norm and grid bind every single contribution.
        public: the round's public arrays.
        settings: the rest of the round's public input, plain JSON.
        histories: the training events of the devices, in the order of `subjects`.
        subjects: (devices,) their numbers.

    Returns:
        (terms.dimension,) int64 in grid steps of 2**-scale_bits.

    Raises:
        UpdateError: the inputs ask for another dimension than the terms.
    """
    question = from_parts(dict(public), dict(settings))
    norm, bits = terms.clipping_norm, terms.scale_bits
    if isinstance(question, GradientInput):
        total = gradient_sum(question, histories, subjects, clipping_norm=norm, scale_bits=bits)
    else:
        total = contribution_sum(question, histories, clipping_norm=norm, scale_bits=bits)
    if total.shape != (terms.dimension,):
        raise UpdateError(
            f"round {terms.round} asks for {total.size} numbers, its terms state {terms.dimension}"
        )
    return total
