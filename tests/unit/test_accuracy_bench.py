"""The accuracy benchmark: rows survive any cut, code that matters is told from other code, options are checked."""

import json
import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations import baselines, provenance
from simulations.__main__ import build_parser
from simulations.benchmarks.accuracy import measuring
from simulations.benchmarks.accuracy.book import Book, BookRefused
from simulations.benchmarks.accuracy.cells import cells_of
from simulations.benchmarks.accuracy.figures import figures
from simulations.benchmarks.accuracy.methods import CONTESTANTS, METHODS
from simulations.benchmarks.accuracy.source import Source, rounded_down
from simulations.benchmarks.rows import encode_rows
from simulations.metrics import Evaluation
from simulations.split import leave_two_out
from tests.made import write_events
from tests.measured import cell, context, rows
from tests.property.test_evaluation import of_lists


@given(st.floats(0, 1, exclude_max=True))
def test_wherever_a_run_is_cut_whole_cells_stay_as_they_are_and_the_rest_is_forgotten(share: float) -> None:
    cells = [cell(seed=seed) for seed in (1, 2, 3)]
    texts = [encode_rows(rows(of), context(of)).encode() for of in cells]
    whole = b"".join(texts)
    cut = int(share * len(whole))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        path.write_bytes(whole[:cut])
        book = Book(path)
        held = [book.holds(of) for of in cells]
        assert held == [cut >= len(b"".join(texts[: place + 1])) for place in range(3)]
        assert path.read_bytes() == b"".join(texts[: sum(held)])
        book.add(rows(cells[2]), context(cells[2]))
        assert Book(path).holds(cells[2])


def test_a_cell_of_other_settings_or_of_other_code_is_measured_again_and_the_last_one_counts(
    tmp_path: Path,
) -> None:
    book = Book(tmp_path / "rows.jsonl")
    book.add(rows(cell(), 0.5), context(cell()))
    assert book.holds(cell())
    for other in (
        cell(config="other"),
        cell(code="other"),
        cell(epsilon=math.inf),
        cell(seed=2),
        cell("ease"),
    ):
        assert not book.holds(other)
    book.add(rows(cell(code="other"), 0.7), context(cell(code="other")))
    assert {key: found[0]["value"] for key, found in book.latest().items()} == {cell().key: 0.7}
    assert {key: found[0]["value"] for key, found in Book(book.path).latest().items()} == {cell().key: 0.7}


def test_a_line_that_is_no_row_is_refused_with_its_number_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    text = encode_rows(rows(cell()), context(cell()))
    path.write_text("{}\n" + text)
    with pytest.raises(BookRefused, match="line 1: not a row"):
        Book(path)
    assert path.read_text() == "{}\n" + text


def test_the_digest_of_a_result_moves_with_the_code_behind_it_and_with_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = {
        "simulations/judge.py": "def f():\n    from models import table\n",
        "models/__init__.py": "",
        "models/table.py": "import numpy\nfrom models.deep import x\n",
        "models/deep.py": "x = 1\n",
        "models/other.py": "y = 1\n",
    }
    for name, text in sources.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(provenance, "_root", lambda: tmp_path)

    def digest() -> str:
        provenance.digest_behind.cache_clear()
        return provenance.digest_behind("simulations.judge")

    before = digest()
    (tmp_path / "models" / "other.py").write_text("y = 2\n")
    assert digest() == before
    (tmp_path / "models" / "deep.py").write_text("x = 2\n")
    assert digest() != before
    provenance.digest_behind.cache_clear()


def test_who_spends_nothing_is_measured_once_a_seed() -> None:
    wanted = cells_of(("ours", "ease"), (1.0, 4.0), (1, 2))
    assert wanted == [
        ("ours", 1.0, 1), ("ours", 1.0, 2), ("ours", 4.0, 1), ("ours", 4.0, 2), ("ease", math.inf, 1),
        ("ease", math.inf, 2),
    ]  # fmt: skip


def test_figures_say_how_far_they_can_be_trusted_and_what_is_shown() -> None:
    split = leave_two_out(of_lists([[0, 1, 2, 3], [0, 1, 2, 4], [0, 5, 6, 7]], items=10), seed=1)
    shown = np.array([3, 0, 0, 0, 0, 0, 0, 0, 0, 3])
    ranks = np.array([0, 10, 1])
    found = {one.metric: one for one in figures(Evaluation(ranks, ranks, shown), split)}
    hits = found["full hr@10"]
    assert hits.value == pytest.approx(2 / 3)
    assert hits.error == pytest.approx(np.std([1, 0, 1], ddof=1) / np.sqrt(3))
    assert found["full ndcg@10"].value == pytest.approx((1 + 1 / np.log2(3)) / 3)
    assert found["coverage"].value == pytest.approx(0.2)
    assert found["gini of shown items"].value == pytest.approx(0.8)
    assert found["popularity place shown"].value == pytest.approx(0.5)
    assert {f"full ndcg@10, {group}" for group in ("light", "medium", "heavy")} <= found.keys()


def test_a_baseline_that_would_not_fit_is_a_row_that_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_events(tmp_path / "made.csv", people=20, items=30, events=6, columns="time")
    source = Source("csv", tmp_path / "made.csv")
    monkeypatch.setattr(baselines, "LARGEST_EASE", 29)
    of = source.cell("ease", epsilon=math.inf, seed=1)
    found = measuring.rows_of(of, measuring.measure(source, of), 0.1)
    assert [row.metric for row in found] == ["skipped", "seconds"]
    assert found[0].note == "EASE needs 30 x 30 numbers; it runs up to 29 items"


def test_a_cell_knows_its_data_by_content_and_its_delta_by_the_population(tmp_path: Path) -> None:
    write_events(tmp_path / "one.csv", people=20, items=30, events=6, columns="time")
    (tmp_path / "two.csv").write_bytes((tmp_path / "one.csv").read_bytes())
    write_events(tmp_path / "three.csv", people=21, items=30, events=6, columns="time")
    one, two, three = (Source("csv", tmp_path / f"{name}.csv") for name in ("one", "two", "three"))
    configs = [source.cell("ours", epsilon=4.0, seed=1).config for source in (one, two, three)]
    assert configs[0] == configs[1] != configs[2]
    scenario = one.scenario("movielens", epsilon=4.0, seed=1)
    assert scenario.population.declared == 20
    assert scenario.privacy.delta <= 20**-1.1
    assert scenario.consent.grant_share == 1.0
    slower = Source("csv", tmp_path / "one.csv", ("training.recipe.recency_tau=9",))
    assert slower.cell("ours", epsilon=4.0, seed=1).config != configs[0]
    assert slower.cell("ease", epsilon=4.0, seed=1).config == one.cell("ease", epsilon=4.0, seed=1).config


@given(st.floats(1e-12, 0.5))
def test_a_delta_is_rounded_down_to_what_can_be_written(delta: float) -> None:
    assert 0.99 * delta < rounded_down(delta) <= delta
    assert float(f"{rounded_down(delta):g}") == rounded_down(delta)


def test_options_name_data_methods_epsilons_and_seeds() -> None:
    said = "--dataset ml-100k --dataset csv --data a.csv --methods ours,ease --epsilons 1,inf --seeds 4,5"
    asked = build_parser().parse_args(["bench", "accuracy", *said.split(" ")])
    assert asked.datasets == [("ml-100k", None), ("csv", Path("a.csv"))]
    assert (asked.methods, asked.epsilons, asked.seeds) == (("ours", "ease"), (1.0, math.inf), (4, 5))
    assert build_parser().parse_args(["bench", "accuracy"]).methods == CONTESTANTS
    assert set(METHODS) - set(CONTESTANTS) == {name for name, how in METHODS.items() if how.named}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--methods ours,magic", "'magic' is none of"),
        ("--epsilons 1,many", "write numbers"),
        ("--epsilons 0,1", "above 0"),
        ("--epsilons 1000", "at most 100 or inf"),
        ("--seeds 1,-2", "whole numbers"),
        ("--data somewhere", "follows the --dataset"),
    ],
)
def test_an_option_that_means_nothing_is_refused_with_what_would(
    options: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["bench", "accuracy", *options.split()])
    assert says in capsys.readouterr().err


def test_rows_are_one_json_value_a_line_with_everything_to_measure_them_again() -> None:
    (first, *_), of = [encode_rows(rows(cell()), context(cell())).splitlines()], cell()
    row = json.loads(first[0])
    assert {
        "commit",
        "config",
        "code",
        "seed",
        "machine",
        "metric",
        "value",
        "unit",
        "standard_error",
    } <= row.keys()
    assert (row["contestant"], row["dataset"], row["epsilon"]) == (of.method, "made", 4.0)
