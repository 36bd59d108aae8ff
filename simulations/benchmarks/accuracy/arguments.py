"""The options of `penchant-sim bench accuracy`; nothing heavy is imported to read them."""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simulations.benchmarks.accuracy.methods import CONTESTANTS, EPSILONS, METHODS, SEEDS


class DataOf(argparse.Action):
    """Says where the data set named last is."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Pair the path with the name before it."""
        named: list[tuple[str, Path | None]] = namespace.datasets or []
        if not named or named[-1][1] is not None:
            parser.error("--data PATH follows the --dataset NAME it belongs to")
        namespace.datasets = [*named[:-1], (named[-1][0], Path(str(values)))]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the accuracy benchmark understands."""
    group = parser.add_argument_group("accuracy")
    group.add_argument(
        "--dataset", dest="datasets", action="append", type=lambda name: (name, None), metavar="NAME",
        help="ml-100k (the default), ml-1m, csv or parquet; may be given often, each with its --data",
    )  # fmt: skip
    group.add_argument("--data", action=DataOf, metavar="PATH", help="where the data set named before is")
    group.add_argument(
        "--methods",
        type=_methods,
        default=CONTESTANTS,
        metavar="A,B",
        help=f"of {', '.join(METHODS)}; oracles only where they are named",
    )
    group.add_argument(
        "--epsilons", type=_epsilons, default=EPSILONS, metavar="A,B", help="default 0.5,1,2,4,8,inf"
    )
    group.add_argument("--seeds", type=_seeds, default=SEEDS, metavar="A,B", help="default 1,2,3")
    group.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="section.key=value",
        help="override one knob of the scenarios; may be given often",
    )  # fmt: skip
    group.add_argument("--table", action="store_true", help="measure nothing, print README's tables")
    group.add_argument(
        "--publish", type=Path, metavar="README.md",
        help="measure nothing, keep the summary of --out beside the code and put its tables into this file",
    )  # fmt: skip


def _methods(text: str) -> tuple[str, ...]:
    names = _listed(text)
    unknown = [name for name in names if name not in METHODS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(METHODS)}")
    return names


def _epsilons(text: str) -> tuple[float, ...]:
    try:
        found = tuple(float(part) for part in _listed(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: write numbers like 0.5,4,inf") from None
    if not all(epsilon > 0 and not 100 < epsilon < math.inf for epsilon in found):
        raise argparse.ArgumentTypeError(f"{text!r}: an epsilon is above 0, and at most 100 or inf")
    return found


def _seeds(text: str) -> tuple[int, ...]:
    if not all(part.isascii() and part.isdigit() for part in _listed(text)):
        raise argparse.ArgumentTypeError(f"{text!r}: write whole numbers like 1,2,3")
    return tuple(int(part) for part in _listed(text))


def _listed(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
