"""What `penchant-sim bench accuracy` does: measure what is not measured yet, then write tables and the page."""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from simulations.benchmarks.accuracy.book import Book
from simulations.benchmarks.accuracy.cells import Cell, cells_of
from simulations.benchmarks.accuracy.markdown import markdown
from simulations.benchmarks.accuracy.measuring import measure, rows_of
from simulations.benchmarks.accuracy.methods import METHODS
from simulations.benchmarks.accuracy.page import render
from simulations.benchmarks.accuracy.publishing import SUMMARY, publish, show_table
from simulations.benchmarks.accuracy.source import DEFAULT, Source
from simulations.benchmarks.accuracy.summary import save, summarize
from simulations.benchmarks.rows import machine
from simulations.outputs import claim, write
from simulations.progress import Lines
from simulations.provenance import commit

ROWS, PAGE = "accuracy.jsonl", "accuracy.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What to measure.

    Args:
        data: kind and path of each data set.
        methods: names of contestants.
        epsilons: what those that spend are given.
        seeds: of the runs.
        overrides: of the scenarios, ``section.key=value``.
    """

    data: Sequence[tuple[str, Path | None]]
    methods: Sequence[str]
    epsilons: Sequence[float]
    seeds: Sequence[int]
    overrides: Sequence[str] = ()


def bench_or_show(options: argparse.Namespace) -> None:
    """Do what the command line asks for: measure, or only print README's tables."""
    if options.table:
        print(show_table(), end="")
        return
    if options.publish:
        publish(options.out, options.publish)
        return
    asked = Asked(
        data=options.datasets or [("ml-100k", None)],
        methods=options.methods,
        epsilons=options.epsilons,
        seeds=options.seeds,
        overrides=options.overrides,
    )
    main(asked, options.out)


def main(asked: Asked, out: Path) -> None:
    """Measure, show, and write rows, summary and page into a folder.

    Raises:
        SimulationError: the data, the settings or the folder must be mended.
    """
    claim(out)
    book = Book(out / ROWS)
    console = Console(highlight=False)
    told = Lines(quiet=console.is_terminal)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        for kind, path in asked.data:
            task = bar.add_task(f"reading {kind}", total=None)
            told.say(f"reading {kind}")

            def hear(text: str, done: int, total: int, task: int = task) -> None:
                bar.update(task, description=text, completed=done, total=total)  # type: ignore[arg-type]
                told.say(f"{done} of {total}: {text}")

            source = Source(kind, path, tuple(asked.overrides))
            measure_all(source, asked, book, hear)
    lines = summarize(book.latest())
    save(out / SUMMARY, lines)
    write(out / PAGE, render(lines).encode())
    for dataset in dict.fromkeys(line.dataset for line in lines):
        console.print(f"\n{dataset}, test items, leak-free, mean ± standard deviation over seeds\n")
        console.print(markdown(lines, dataset), markup=False, soft_wrap=True)
    console.print(
        f"Open {out / PAGE} in a browser; every figure is in {out / ROWS}.\n"
        f"penchant-sim bench accuracy --publish README.md --out {out} makes these README's tables.",
        soft_wrap=True,
    )


def measure_all(source: Source, asked: Asked, book: Book, hear: Callable[[str, int, int], None]) -> None:
    """Measure every cell of one data set that the book does not hold; each is kept as soon as it is whole.

    Args:
        source: the data.
        asked: what to measure on it.
        book: where rows go.
        hear: what begins now, how many cells are done, how many there are.
    """
    wanted = cells_of(asked.methods, asked.epsilons, asked.seeds)
    made = commit()
    for done, (method, epsilon, seed) in enumerate(wanted):
        cell = source.cell(method, epsilon=epsilon, seed=seed)
        hear(f"{cell.dataset}: {METHODS[method].label}, {_spends(cell)}seed {seed}", done, len(wanted))
        if book.holds(cell):
            continue
        began = time.perf_counter()
        measured = measure(source, cell)
        split = source.split(seed)
        context = {
            "dataset": cell.dataset,
            "people": split.people,
            "items": len(source.dataset.catalogue),
            "epsilon": cell.key[2],
            "delta": source.scenario(DEFAULT, epsilon=epsilon, seed=seed).privacy.delta,
            "config": cell.config,
            "code": cell.code,
            "commit": made,
            "machine": machine(),
        }
        book.add(rows_of(cell, measured, time.perf_counter() - began), context)


def _spends(cell: Cell) -> str:
    return f"epsilon {cell.epsilon:g}, " if METHODS[cell.method].spends else ""
