"""What the accuracy benchmark publishes: a page that says what its figures are, and README's tables as measured."""

import math
import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.__main__ import build_parser
from simulations.benchmarks.accuracy.book import Book
from simulations.benchmarks.accuracy.cells import Cell, cells_of
from simulations.benchmarks.accuracy.markdown import markdown
from simulations.benchmarks.accuracy.methods import METHODS
from simulations.benchmarks.accuracy.page import render
from simulations.benchmarks.accuracy.pictures import APART, spread_out
from simulations.benchmarks.accuracy.publishing import (
    BEGINS,
    ENDS,
    SUMMARY,
    publish,
    show_table,
    tables,
    with_tables,
)
from simulations.benchmarks.accuracy.summary import KEPT, Line, SummaryRefused, read, save, summarize
from tests.measured import cell, context, rows

README = Path(__file__).parents[2] / "README.md"


def measured(tmp_path: Path, cells: Iterable[tuple[Cell, float]], **more: str) -> list[Line]:
    book = Book(tmp_path / "rows.jsonl")
    for of, value in cells:
        book.add(rows(of, value, **more), context(of))
    return summarize(book.latest())


def everything(tmp_path: Path) -> list[Line]:
    wanted = cells_of(METHODS, (1.0, 4.0, math.inf), (1, 2))
    return measured(
        tmp_path,
        [(cell(m, epsilon=e, seed=s), 0.2 + 0.01 * n) for n, (m, e, s) in enumerate(wanted)],
        tried="rate 1",
    )


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", page.split("</style>")[1]))


def test_the_readmes_tables_are_those_that_were_measured() -> None:
    assert README.read_text() == with_tables(README.read_text(), show_table())


def test_the_commands_that_readme_names_can_be_run() -> None:
    named = re.findall(r"penchant-sim (bench accuracy[^`\n]*)", README.read_text().replace(BEGINS, ""))
    assert len(named) >= 2
    for command in named:
        assert build_parser().parse_args(command.split()).which == "accuracy"


def test_a_file_without_the_place_for_tables_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# No tables here\n")
    save(tmp_path / SUMMARY, everything(tmp_path))
    with pytest.raises(SummaryRefused, match="penchant-sim bench accuracy --table"):
        publish(tmp_path, tmp_path / "README.md", kept=tmp_path / "kept.jsonl")
    assert not (tmp_path / "kept.jsonl").exists()


def test_publishing_keeps_the_summary_and_puts_its_tables_between_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(f"before\n{BEGINS}\nyesterday's\n{ENDS}\nafter\n")
    save(tmp_path / SUMMARY, everything(tmp_path))
    publish(tmp_path, page, kept=tmp_path / "kept.jsonl")
    told = [line for line in read(tmp_path / SUMMARY) if not METHODS[line.method].named]
    assert read(tmp_path / "kept.jsonl") == told
    text = page.read_text()
    assert text.startswith(f"before\n{BEGINS}")
    assert text.endswith(f"{ENDS}\nafter\n")
    assert "yesterday's" not in text
    assert show_table(tmp_path / "kept.jsonl").strip() in text


def test_publishing_some_methods_leaves_the_others_as_they_were_measured(tmp_path: Path) -> None:
    page, kept = tmp_path / "README.md", tmp_path / "kept.jsonl"
    page.write_text(f"{BEGINS}\n{ENDS}\n")
    before = everything(tmp_path)
    save(kept, before)
    (tmp_path / "again").mkdir()
    anew = measured(tmp_path / "again", [(cell(epsilon=4.0), 0.9), (cell(epsilon=8.0), 0.95)])
    save(tmp_path / SUMMARY, anew)
    publish(tmp_path, page, kept=kept)
    after = {line.key: line for line in read(kept)}
    assert after == {line.key: line for line in before} | {line.key: line for line in anew}
    assert [line.key for line in read(kept)][:2] == [("made", "ours", 1.0), ("made", "ours", 4.0)]
    assert ".900 ± .000" in page.read_text()


def test_what_is_kept_was_measured_with_three_seeds_and_says_by_which_code() -> None:
    for line in read(KEPT):
        assert len(line.seeds) >= 3
        assert line.commit
        assert line.metrics or line.skipped


def test_a_table_of_other_figures_than_were_kept_is_seen(tmp_path: Path) -> None:
    lines = read(KEPT)
    spread = lines[0].metrics["full hr@10"]
    object.__setattr__(spread, "mean", spread.mean + 0.01)
    save(tmp_path / "other.jsonl", lines)
    assert show_table(tmp_path / "other.jsonl") != show_table()


def test_seeds_are_folded_into_mean_and_standard_deviation(tmp_path: Path) -> None:
    (line,) = measured(tmp_path, [(cell(seed=seed), value) for seed, value in ((1, 0.2), (2, 0.3), (3, 0.4))])
    found = line.metrics["full ndcg@10"]
    assert (found.mean, found.sd, found.error) == (0.3, 0.1, 0.01)
    assert line.seeds == [1, 2, 3]
    assert ".300 ± .100" in markdown([line], "made")


def test_a_table_without_rows_is_left_out(tmp_path: Path) -> None:
    lines = everything(tmp_path)
    spending, others = (
        [line for line in lines if METHODS[line.method].spends is kind] for kind in (True, False)
    )
    assert [markdown(some, "made").count("\n| ---") for some in (lines, spending, others)] == [5, 4, 1]
    told = [line for line in lines if METHODS[line.method].kind == "oracle"]
    assert markdown(told, "made").count("NOT PRIVATE: ") == 4, "each under both protocols"
    assert "NOT PRIVATE" not in markdown([line for line in lines if line not in told], "made")
    for some, title in ((spending, "Beside what spends no"), (others, "Accuracy at each")):
        assert title in render(lines)
        assert title not in render(some)


def test_several_data_sets_are_told_apart(tmp_path: Path) -> None:
    lines = everything(tmp_path)
    others = [replace(line, dataset="other") for line in lines]
    assert "**" not in tables(lines)
    printed = tables([*lines, *others])
    assert printed == f"**made**\n\n{tables(lines)}\n**other**\n\n{tables(others)}"
    assert all(name in render([*lines, *others]) for name in ("made: 900 people", "other: 900 people"))


def test_a_summary_reads_back_as_it_was_written(tmp_path: Path) -> None:
    lines = everything(tmp_path)
    save(tmp_path / "summary.jsonl", lines)
    assert read(tmp_path / "summary.jsonl") == lines


@pytest.mark.parametrize("text", ["no json", "{}", '{"metrics": 3}'])
def test_what_is_no_summary_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.jsonl").write_text(text)
    with pytest.raises(SummaryRefused, match=r"bad\.jsonl"):
        read(tmp_path / "bad.jsonl")
    with pytest.raises(SummaryRefused, match="penchant-sim bench accuracy"):
        read(tmp_path / "none.jsonl")


def test_the_leaky_sampler_is_called_leaky_wherever_it_shows(tmp_path: Path) -> None:
    lines = everything(tmp_path)
    (leaky,) = (line for line in lines if line.method == "pfedrec_leaky")
    clean = [line for line in lines if line.method != "pfedrec_leaky"]
    shown = f"{leaky.metrics['full hr@10'].mean:.3f}"
    for text in (render(lines), markdown(lines, "made")):
        where = [
            part for part in re.split(r"<tr|\n", text) if shown in part or shown.removeprefix("0") in part
        ]
        assert where
        assert all("LEAKY" in part for part in where)
    assert "LEAKY" not in markdown(clean, "made")


def test_the_page_needs_no_network_and_no_script_and_every_picture_can_be_heard(tmp_path: Path) -> None:
    page = render(everything(tmp_path))
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in page
    assert page.count("<svg") == page.count('role="img" aria-label="') >= 5
    assert page.count("<table>") == page.count("<caption>")
    assert 'lang="en"' in page


def test_trust_stands_wherever_an_epsilon_does_and_what_is_not_private_says_so(tmp_path: Path) -> None:
    page = render(everything(tmp_path))
    for part in re.split(r"(?=<section )|(?=<header)", page):
        if re.search(r"ε (=|≤)? ?\d", text_of("</style>" + part)):
            assert "trust" in part, part[:200]
    assert "not private" in text_of(page)


def test_a_name_from_outside_is_escaped(tmp_path: Path) -> None:
    of = cell("ease", epsilon=math.inf)
    (line,) = measured(tmp_path, [(of, 0.2)], skipped="<b>too large</b>")
    page = render([line])
    assert "<b>too large</b>" not in page
    assert "&lt;b&gt;too large" in page
    assert "skipped" in markdown([line], "made")


@given(st.lists(st.floats(0, 300), max_size=12))
def test_names_stand_apart_in_their_order_and_inside_the_picture(wanted: list[float]) -> None:
    places = spread_out(sorted(wanted), low=0.0, high=300.0)
    assert len(places) == len(wanted)
    assert all(after - before >= APART - 1e-6 for before, after in pairwise(places))
    assert all(-1e-6 <= place <= 300 + 1e-6 for place in places)


def test_what_an_oracle_was_told_is_never_published(tmp_path: Path) -> None:
    save(tmp_path / SUMMARY, everything(tmp_path))
    page, kept = tmp_path / "page.md", tmp_path / "kept.jsonl"
    page.write_text(f"{BEGINS}\n{ENDS}\n")
    publish(tmp_path, page, kept=kept)
    assert METHODS["ours"].label in page.read_text()
    assert not any(METHODS[line.method].named for line in read(kept))
    assert "without noise" not in page.read_text()
