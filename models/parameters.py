"""Global parameters: everything a release publishes and a device needs to rank."""

from dataclasses import dataclass

import numpy as np

from models.errors import ModelError
from models.history import Float


class ParameterError(ModelError):
    """Shapes or values of the parameters do not fit together: the caller mends the training output."""

    code = "parameters_malformed"


@dataclass(frozen=True, slots=True)
class GlobalParameters:
    """The published model; a person's part is recomputed from their events and has no serializer.

    With weights w_j = alpha + (1 - alpha) exp(-age_j / tau) over a person's events j and W = sum_j w_j:

        u1 = sum_j w_j taste_in[item_j],  u2 = sum_j w_j content[item_j],
        z(u, T) = u / sqrt(u' cov(T) u + 1e-12),  fade = W / (W + fade_in),
        score_i = fade (taste_weight z(u1, taste_out).(taste_out_i - mean)
                        + content_weight z(u2, content).(content_i - mean)) + bias_i + delta_i

    where cov and mean run over the catalogue: each part has unit standard deviation there, no events leave
    the bias alone, and every event's share of a score is exact.

    Args:
        taste_in: (items, d1) float32, item input embedding E.
        taste_out: (items, d1) float32, item output embedding V.
        content: (items, d2) float32, public item knowledge; d2 may be 0.
        bias: (items,) float32, standardized log popularity times its weight.
        alpha: recency floor in [0, 1].
        tau: recency decay in events.
        fade_in: evidence (in summed weights) at which personalization has half its strength, >= 0.
        taste_weight: weight of the learnt part.
        content_weight: weight of the public part.
    """

    taste_in: Float
    taste_out: Float
    content: Float
    bias: Float
    alpha: float
    tau: float
    fade_in: float
    taste_weight: float
    content_weight: float

    def __post_init__(self) -> None:
        items = len(self.bias)
        tables = {"taste_in": self.taste_in, "taste_out": self.taste_out, "content": self.content}
        for name, table in tables.items():
            if table.ndim != 2 or len(table) != items:
                raise ParameterError(f"{name} has shape {table.shape}, expected ({items}, d)")
        if self.taste_in.shape != self.taste_out.shape:
            raise ParameterError("taste_in and taste_out must have the same shape")
        for name, table in {**tables, "bias": self.bias}.items():
            if table.dtype != np.float32 or not np.isfinite(table).all():
                raise ParameterError(f"{name} must be finite float32")
        if not 0 <= self.alpha <= 1 or not self.tau > 0 or not self.fade_in >= 0:
            raise ParameterError("alpha must be in [0, 1], tau positive and fade_in not negative")

    @property
    def items(self) -> int:
        """Number of items in the catalogue."""
        return len(self.bias)
