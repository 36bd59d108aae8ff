"""Eight-bit tables: a row of int8 and one float scale, at most half a step away from the float row."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.history import Float
from models.parameters import GlobalParameters

LEVELS = 127
"""Largest magnitude of a code; -128 stays unused, so that a row and its negation have the same error."""


@dataclass(frozen=True, slots=True)
class QuantizedTable:
    """A table as a release stores it.

    Args:
        rows: (items, d) int8 codes in [-127, 127].
        scale: (items,) float32 size of one step of the row, 0 where the row is zero.
    """

    rows: NDArray[np.int8]
    scale: Float

    def dequantized(self) -> Float:
        """Return the float32 table that the codes stand for."""
        return self.rows * self.scale[:, None]


def quantize(table: Float) -> QuantizedTable:
    """Round each row to 255 even steps between minus and plus its largest magnitude.

    Args:
        table: (items, d) float32, finite; d may be 0.

    Returns:
        Codes whose dequantized row differs from the float row by at most scale / 2 in every coordinate (up
        to float32 rounding). A row too small for a normal float32 scale becomes zero.
    """
    peak = np.abs(table).max(axis=1, initial=0.0).astype(np.float64)
    scale = (peak / LEVELS).astype(np.float32)
    scale[scale < np.finfo(np.float32).smallest_normal] = 0
    steps = table / np.where(scale > 0, scale, np.inf).astype(np.float64)[:, None]
    return QuantizedTable(np.clip(np.rint(steps), -LEVELS, LEVELS).astype(np.int8), scale)


def quantized(params: GlobalParameters) -> GlobalParameters:
    """Return the parameters a release of these parameters really ranks by.

    The scores and reasons of the exported graph are those of the returned parameters under
    `models.preference.score`, up to rounding. The graph's first pass also rounds the person's vector to eight
    bits; that can only decide which 2k items are rescored exactly, never a score or an order among them.
    """
    return replace(
        params,
        taste_in=quantize(params.taste_in).dequantized(),
        taste_out=quantize(params.taste_out).dequantized(),
        content=quantize(params.content).dequantized(),
    )
