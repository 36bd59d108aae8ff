"""From a measurement to what README says of it: the summary beside the code, and the tables between two marks."""

from collections.abc import Sequence
from pathlib import Path

from simulations.benchmarks.accuracy.markdown import markdown
from simulations.benchmarks.accuracy.methods import METHODS
from simulations.benchmarks.accuracy.summary import KEPT, Line, SummaryRefused, ordered, read, save
from simulations.outputs import write

SUMMARY = "accuracy-summary.jsonl"
BEGINS, ENDS = "<!-- penchant-sim bench accuracy --table -->", "<!-- end of the table -->"


def show_table(summary: Path = KEPT) -> str:
    """Return README's tables, by default from the summary that is kept beside the code.

    Raises:
        SummaryRefused: there is none, or it is not one.
    """
    return tables(read(summary))


def tables(lines: Sequence[Line]) -> str:
    """Print every data set's tables, under its name where there are several."""
    names = list(dict.fromkeys(line.dataset for line in lines))
    return "\n".join((f"**{name}**\n\n" if len(names) > 1 else "") + markdown(lines, name) for name in names)


def publish(out: Path, page: Path, *, kept: Path = KEPT) -> None:
    """Keep a measurement's summary beside the code and put its tables into a file, both or neither.

    What was kept before and is not measured anew stays, under the commit that measured it. Oracles are left out.

    Args:
        out: the benchmark's folder.
        page: a text file with the two marks, e.g. README.md.
        kept: where the summary is kept.

    Raises:
        SummaryRefused: nothing was measured there, or the file has no place for tables.
    """
    before = read(kept) if kept.exists() else []
    found = [line for line in read(out / SUMMARY) if not METHODS[line.method].named]
    lines = ordered({line.key: line for line in (*before, *found)}.values())
    try:
        text = with_tables(page.read_text(encoding="utf-8"), tables(lines))
    except OSError as problem:
        raise SummaryRefused(f"{page}: {problem.strerror}") from None
    except ValueError:
        raise SummaryRefused(f"{page}: has no lines {BEGINS} and {ENDS} to put the tables between") from None
    save(kept, lines)
    write(page, text.encode())


def with_tables(text: str, printed: str) -> str:
    """Replace what stands between the marks.

    Raises:
        ValueError: a mark is missing.
    """
    before, rest = text.split(f"{BEGINS}\n", 1)
    _, after = rest.split(f"{ENDS}\n", 1)
    return f"{before}{BEGINS}\n\n{printed.strip()}\n\n{ENDS}\n{after}"
