"""Gaussian noise from the operating system's random bits, rounded to the contributions' integer grid."""

import math
import os
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from numpy.typing import NDArray

from privacy.errors import PrivacyError

Bits = Callable[[int], bytes]
"""Given a number of bytes, return that many uniform random ones."""


class NoiseError(PrivacyError):
    """The noise asked for cannot be made: the caller mends the terms."""

    code: ClassVar[str] = "noise_refused"


def _chacha20(key: bytes) -> Bits:
    encryptor = Cipher(ChaCha20(key, bytes(16)), mode=None).encryptor()
    return lambda count: encryptor.update(bytes(count))


def system_bits() -> Bits:
    """Return a fresh ChaCha20 stream under a key of the operating system: use one per round."""
    return _chacha20(os.urandom(32))


def seeded_bits(seed: int) -> Bits:
    """Return a repeatable stream, for tests only: whoever uses it must stamp the run "not private"."""
    return _chacha20(seed.to_bytes(32, "little"))


def uniforms(count: int, bits: Bits) -> NDArray[np.float64]:
    """Draw (count,) float64 uniforms in (0, 1), odd multiples of 2**-53 and exact: never 0, never 1."""
    words = np.frombuffer(bits(8 * count), np.uint64) >> np.uint64(12)
    return (words.astype(np.float64) + 0.5) * 2.0**-52


def standard_normals(count: int, bits: Bits) -> NDArray[np.float64]:
    """Draw (count,) independent standard normals by the Box-Muller transform.

    The tail ends at 8.5 standard deviations, beyond which a Gaussian has mass 1e-17.
    """
    half = (count + 1) // 2
    draws = uniforms(2 * half, bits)
    radius = np.sqrt(-2.0 * np.log(draws[:half]))
    angle = (2.0 * math.pi) * draws[half:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:count]


def gaussian_on_grid(count: int, *, std: float, scale_bits: int, bits: Bits) -> NDArray[np.int64]:
    """Draw Gaussian noise in units of the grid step, each value rounded to the nearest integer.

    The sum it is added to is an integer, so rounding the noise is post-processing of the Gaussian mechanism:
    accounting for the continuous Gaussian holds and no low bit of a float reveals anything.

    Args:
        count: number of coordinates.
        std: standard deviation of each, in the contributions' own unit; 0 gives no noise.
        scale_bits: grid step 2**-scale_bits.
        bits: where randomness comes from, `system_bits()` outside tests.

    Returns:
        (count,) int64.

    Raises:
        NoiseError: std is not a finite number of at least 64 grid steps (or 0), or would overflow.

    Source: Mironov 2012 (low bits); Balle and Wang, arXiv 1805.06530 (the Gaussian mechanism).
    """
    if std == 0.0:
        return np.zeros(count, np.int64)
    steps = math.ldexp(std, scale_bits) if math.isfinite(std) else math.inf
    if not 64 <= steps < 2.0**58:
        raise NoiseError(f"noise of standard deviation {std} does not fit a grid of 2**-{scale_bits}")
    return np.rint(standard_normals(count, bits) * steps).astype(np.int64)
