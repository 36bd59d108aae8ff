"""The vote: sweeps over many people and ways come to the integers of one way and one length at a time."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from client import ballot as device
from client.ballot import Values
from models.ballot import HIDDEN, BallotError, BallotInput, Blend, Ways, ballot, elect, ways
from models.history import Histories, from_lists
from models.parameters import GlobalParameters
from models.popularity import Popularity
from models.preference import score
from models.streams import stream
from simulations.benchmarks import vote
from tests.made import parameters

ITEMS = 500
POPULAR = Popularity(np.geomspace(0.5, 0.001, ITEMS), std=0.002, people=300)
QUESTIONS = [
    ballot(
        parameters(ITEMS, taste=taste, content=content), POPULAR, among, stream(1, "rivals"), spared=spared
    )
    for taste, content, spared in ((3, 4, 3), (0, 4, 0), (3, 0, 3), (3, 4, 0))
    for timed in (True, False)
    for among in [ways(content=content > 0, tastes=taste > 0, timed=timed)]
]
crowds = st.lists(st.lists(st.integers(0, ITEMS - 1), max_size=30, unique=True), min_size=1, max_size=12).map(
    from_lists
)


def same(asked: BallotInput, people: Histories) -> bool:
    return np.array_equal(vote.in_sweeps(asked, people), vote.one_by_one(asked, people))


@given(st.sampled_from(QUESTIONS), crowds)
def test_sweeps_come_to_the_same_integers_as_one_way_at_a_time(asked: BallotInput, people: Histories) -> None:
    assert same(asked, people)


@pytest.mark.parametrize("asked", QUESTIONS)
def test_long_histories_of_many_lengths_do_too(asked: BallotInput) -> None:
    draw = stream(3, "long")
    rows = [draw.permutation(ITEMS)[: draw.integers(2, 300)].tolist() for _ in range(40)]
    assert vote.in_sweeps(asked, from_lists(rows)).any()
    assert same(asked, from_lists(rows))


def test_a_sweep_that_ranks_among_items_met_before_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    unmet = device._unmet
    monkeypatch.setattr(device, "_unmet", lambda asked, people, hidden: unmet(asked, people, hidden + 1))
    people = from_lists([stream(4, "met", person).permutation(ITEMS)[:40].tolist() for person in range(20)])
    assert not same(QUESTIONS[0], people)


def test_a_sweep_that_judges_by_what_was_learnt_or_counts_the_person_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people = from_lists([stream(5, "short", person).permutation(ITEMS)[:7].tolist() for person in range(40)])
    assert same(QUESTIONS[0], people)
    with monkeypatch.context() as patch:
        patch.setattr(device, "_judged", lambda asked, lengths: np.minimum(lengths - 1, HIDDEN))
        assert not same(QUESTIONS[0], people)
    voted = vote.in_sweeps(QUESTIONS[2], people)
    with monkeypatch.context() as patch:
        patch.setattr(Popularity, "logs_without", lambda self, items, own: self.logs[items])
        assert not np.array_equal(vote.in_sweeps(QUESTIONS[2], people), voted)


@pytest.mark.parametrize(("taste", "content", "timed"), [(3, 4, True), (0, 4, True), (3, 0, False)])
def test_devices_judge_the_model_that_ranks_for_them(
    taste: int, content: int, timed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.ballot.RIVALS", ITEMS)
    plain = parameters(ITEMS, taste=taste, content=content)
    model = replace(plain, content=plain.content + np.float32(0.5), taste_out=plain.taste_out - 1)
    among = ways(content=content > 0, tastes=taste > 0, timed=timed)
    asked = ballot(model, POPULAR, among, stream(6, "rivals"), spared=3)
    people = from_lists(
        [stream(7, "judge", person).permutation(ITEMS)[: 8 + person].tolist() for person in range(9)]
    )
    assert np.array_equal(_ranked_by_ballot(asked, people), _ranked_by_model(model, among, people))
    off_centre = replace(asked, content=asked.content - 1, taste_in=asked.taste_in - 1)
    assert not np.array_equal(_ranked_by_ballot(off_centre, people), _ranked_by_model(model, among, people))


def _ranked_by_ballot(asked: BallotInput, people: Histories) -> Values:
    recencies = device._recencies(asked)
    told = device._tell(asked, people, recencies)
    latest = device._Told(*(part[0] for part in (told.taste, told.content, told.fade)))
    return device._ranks(asked, people, recencies, latest, 1)


def _ranked_by_model(model: GlobalParameters, among: Ways, people: Histories) -> Values:
    """Rank by the float reference what each person met last, as if it and its count were not there."""
    lists = [people.of(person).tolist() for person in range(people.people)]
    before, own = from_lists([met[:-1] for met in lists]), np.sqrt(1 / people.lengths)
    latest = np.array([met[-1] for met in lists])
    rank = np.empty((people.people, len(among.listed)))
    for place, way in enumerate(among.listed):
        shown = replace(
            model,
            bias=(way.popularity * POPULAR.logs).astype(np.float32),
            taste_weight=way.taste,
            content_weight=way.content,
            alpha=way.alpha,
            tau=way.tau,
        )
        scores = score(shown, before)
        for person, met in enumerate(lists):
            lost = POPULAR.logs[met[-1:]] - POPULAR.logs_without(latest[[person]], own[[person]])
            wanted = scores[person, met[-1]] - way.popularity * lost[0]
            unmet = np.setdiff1d(np.arange(ITEMS), met)
            rank[person, place] = (scores[person, unmet] >= wanted).sum()
    return rank


def test_a_way_that_puts_a_few_unpopular_items_above_is_not_taken_for_one_that_puts_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    items, who = 12_000, range(200)
    plain = parameters(items, taste=0, content=4)
    model = replace(plain, content=plain.content / np.linalg.norm(plain.content, axis=1, keepdims=True))
    popular = Popularity(np.geomspace(0.5, 0.001, items), std=0.002, people=300)
    among = ways(content=True, tastes=False, timed=False)
    likes = [stream(8, "likes", person).integers(items) for person in who]
    rows = [np.argsort(-(model.content @ model.content[like]))[:40] for like in likes]
    people = from_lists([stream(9, "met", i).permutation(row)[:6].tolist() for i, row in enumerate(rows)])

    def answered() -> Values:
        asked = ballot(model, popular, among, stream(6, "rivals"), spared=0)
        answers: Values = 1 / (1 + _ranked_by_ballot(asked, people) / device.TOP)
        return np.asarray(answers.mean(axis=0))

    with monkeypatch.context() as patch:
        patch.setattr("models.ballot.RIVALS", items)
        exact = answered()
    assert np.abs(answered() - exact).max() < 0.015
    monkeypatch.setattr("models.ballot.STAND_INS", 200)
    assert np.abs(answered() - exact).max() > 0.03


def test_who_kept_nothing_out_of_what_was_learnt_does_not_judge_it() -> None:
    short = from_lists([[1, 2, 3]])
    assert not vote.in_sweeps(QUESTIONS[0], short).any()
    assert vote.in_sweeps(replace(QUESTIONS[0], spared=0), short).any()


def test_many_who_gain_a_place_far_down_do_not_outvote_few_who_lose_one_at_the_top(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = QUESTIONS[2]
    people = from_lists([[person, 1, 2, 3, 4] for person in range(5, 105)])
    plain, others = np.repeat([300, 3], [90, 10])[:, None], np.repeat([280, 40], [90, 10])[:, None]
    ranked = np.concatenate([plain, np.tile(others, len(asked.blends) - 1)], axis=1).astype(np.float64)
    monkeypatch.setattr(device, "_ranks", lambda asked, some, *rest: ranked[: some.people])
    among = ways(content=False, tastes=True, timed=True)

    def elected() -> Blend:
        return elect(device.answers(asked, people).mean(axis=0), among, std=0.001)

    assert elected() == among.plain
    monkeypatch.setattr(device, "LITTLE", 1e-6)
    assert elected() != among.plain


def test_the_benchmark_compares_equal_sums_and_states_the_ratio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vote.main(tmp_path, people=8)
    rows = [json.loads(line) for line in (tmp_path / "vote.jsonl").read_text().splitlines()]
    assert {row["contestant"] for row in rows} == {
        "one way, one length at a time",
        "penchant, in sweeps",
        "ratio",
    }
    assert all(row["value"] > 0 for row in rows)
    monkeypatch.setattr(vote, "in_sweeps", lambda asked, people: vote.one_by_one(asked, people) + 1)
    with pytest.raises(vote.SumsDiffer):
        vote.main(tmp_path, people=8)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"measured": np.full(ITEMS, np.nan)}, "finite float64"),
        ({"noise": -1.0}, "must not be negative"),
        ({"taste_in": QUESTIONS[0].taste_in[:-1]}, "taste_in"),
        ({"content": QUESTIONS[0].content.astype(np.float64)}, "float64"),
        ({"blends": QUESTIONS[0].blends[:1]}, "two ways"),
        ({"rivals": QUESTIONS[0].rivals.astype(np.int64)}, "list of rivals"),
        ({"rivals": np.full(len(QUESTIONS[0].rivals), 7, np.int32)}, "twice"),
        ({"rivals": QUESTIONS[0].rivals + np.int32(1)}, "of the catalogue"),
        ({"fade_in": -1.0}, "fade_in"),
        ({"blends": QUESTIONS[0].blends * np.float32(-1)}, "alpha"),
    ],
)
def test_a_ballot_whose_parts_do_not_fit_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(BallotError, match=said):
        replace(QUESTIONS[0], **change)
