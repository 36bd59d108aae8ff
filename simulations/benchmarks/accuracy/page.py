"""The page of the accuracy benchmark."""

from collections.abc import Sequence

from simulations.benchmarks.accuracy.summary import Line


def render(lines: Sequence[Line]) -> str:
    """Return the page."""
    return f"<!doctype html><p>{len(lines)} lines"
