"""The three-round recipe on a small world: planted tastes are found, noise is told from signal."""

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from client.statistics import contribution_sum
from models.basis import Basis, BasisError, build_basis, positive_popularity
from models.content import content_table
from models.history import Histories, from_lists
from models.inputs import ContextInput, InputError, MomentsInput, Nearness, RoundInput, from_parts, to_parts
from models.parameters import GlobalParameters
from models.preference import score
from models.recipe import (
    RecipeError,
    RecipeSettings,
    basis_of,
    context_input,
    default_blend,
    moments_input,
    popularity_input,
    publish,
    taste_tables,
)
from models.streams import stream
from models.tastes import LEAST_FIDELITY, company, find_tastes, noise_edge
from privacy.moments import MomentsError, dimension, side_of, to_matrix, to_vector

ITEMS, PEOPLE, CLUSTERS = 60, 120, 3
SETTINGS = RecipeSettings(
    scale_power=0.4,
    feature_directions=4,
    top_items=40,
    near_window=12,
    near_tau=5.0,
    near_share=0.65,
    rank_limit=4,
    taste_blend=0.25,
    numbers_per_item=12,
    content_dimensions=6,
    recency_floor=0.01,
    recency_tau=5.0,
    fade_in=0.5,
    taste_weight=1.0,
    content_weight=0.2,
    popularity_weight=0.2,
)
Wide = NDArray[np.float64]


def world() -> Histories:
    """People who each meet ten items of one cluster, item i being of cluster i modulo three."""
    draw = stream(7, "world")
    pools = [np.arange(cluster, ITEMS, CLUSTERS) for cluster in range(CLUSTERS)]
    return from_lists([draw.permutation(pools[person % CLUSTERS])[:10].tolist() for person in range(PEOPLE)])


def features() -> NDArray[np.float32]:
    return stream(7, "features").normal(size=(ITEMS, 9)).astype(np.float32)


def train(histories: Histories, table: NDArray[np.float32]) -> GlobalParameters:
    def mean(question: RoundInput) -> Wide:
        total = contribution_sum(question, histories, clipping_norm=1.0, scale_bits=30)
        return np.ldexp(total, -30) / PEOPLE

    popularity = positive_popularity(mean(popularity_input(ITEMS)), std=0.0, population=PEOPLE)
    basis = basis_of(popularity, table, SETTINGS)
    moments = to_matrix(mean(moments_input(basis, SETTINGS, spared=0)))
    tastes = find_tastes(moments, basis, std=0.0, rank_limit=SETTINGS.rank_limit)
    assert tastes
    context = mean(context_input(basis, tastes, SETTINGS, spared=0)).reshape(ITEMS, -1)
    tables = taste_tables(basis, tastes, context, SETTINGS)
    return publish(tables, basis.log_popularity, table, default_blend(SETTINGS), SETTINGS)


def test_three_rounds_learn_which_items_belong_together() -> None:
    scores = score(train(world(), features()), from_lists([[0, 3, 6], [1, 4, 7], [2, 5, 8]]))
    clusters = np.arange(ITEMS) % CLUSTERS
    for person in range(CLUSTERS):
        unseen = np.setdiff1d(np.arange(ITEMS), [person, person + 3, person + 6])
        best = unseen[np.argsort(-scores[person][unseen])][:10]
        assert (clusters[best] == person).all()


def test_a_catalogue_without_features_still_trains() -> None:
    params = train(world(), np.zeros((ITEMS, 0), np.float32))
    assert params.content.shape == (ITEMS, 0)
    assert params.taste_in.shape[1] >= 2


def test_an_item_never_holds_more_numbers_than_it_may() -> None:
    params = train(world(), features())
    held = params.taste_in.shape[1] + params.taste_out.shape[1] + params.content.shape[1]
    assert held <= SETTINGS.numbers_per_item


def test_training_twice_gives_the_same_bits() -> None:
    first, second = train(world(), features()), train(world(), features())
    for name in ("taste_in", "taste_out", "content", "bias"):
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes()


def test_a_basis_is_orthonormal_and_blind_to_popularity() -> None:
    popularity = stream(1, "popularity").random(ITEMS) + 0.1
    basis = build_basis(popularity, features(), scale_power=0.4, feature_directions=4, top_items=20)
    assert basis.table.shape == (ITEMS, 24)
    assert np.allclose(basis.table.T @ basis.table, np.eye(24), atol=1e-12)
    assert np.allclose((basis.popularity * basis.scale) @ basis.table, 0, atol=1e-10)


def test_a_basis_leaves_out_what_other_directions_already_span() -> None:
    popularity = stream(1, "popularity").random(ITEMS) + 0.1
    basis = build_basis(popularity, features(), scale_power=0.4, feature_directions=9, top_items=ITEMS)
    assert basis.table.shape == (ITEMS, ITEMS - 1)


def test_noisy_popularity_is_positive_and_keeps_its_order_without_new_ties() -> None:
    mean = np.array([-0.3, -0.2, 0.0, 0.2, 0.5])
    smooth = positive_popularity(mean, std=0.1, population=100)
    assert (smooth > 0).all()
    assert (np.diff(smooth) > 0).all()
    assert positive_popularity(np.array([0.0, 0.4]), std=0.0, population=100) == pytest.approx([0.005, 0.405])


def planted(strengths: list[float], *, side: int, std: float) -> tuple[Wide, Wide]:
    """Return orthonormal directions (side, n) and the matrix with those strengths plus noise."""
    draw = stream(3, "planted", side)
    directions = np.linalg.qr(draw.normal(size=(side, len(strengths))))[0]
    noise = to_matrix(draw.normal(size=dimension(side)) * std)
    return directions, (directions * strengths) @ directions.T + noise


def plain_basis(side: int) -> Basis:
    return build_basis(
        np.ones(side + 1),
        np.zeros((side + 1, 0), np.float32),
        scale_power=0.0,
        feature_directions=0,
        top_items=side,
    )


def test_noise_alone_ends_at_the_edge() -> None:
    _, matrix = planted([0.0], side=200, std=1.0)
    assert np.linalg.eigvalsh(matrix)[-1] == pytest.approx(noise_edge(200, std=1.0), rel=0.06)


def test_a_wrong_scale_off_the_diagonal_would_move_the_edge() -> None:
    _, matrix = planted([0.0], side=200, std=1.0)
    unscaled = matrix + (np.sqrt(2) - 1) * (matrix - np.diag(np.diagonal(matrix)))
    assert np.linalg.eigvalsh(unscaled)[-1] > 1.3 * noise_edge(200, std=1.0)


def test_only_tastes_above_the_noise_are_kept_and_their_fidelity_is_right() -> None:
    side, std = 150, 0.1
    edge = noise_edge(side, std=std)
    directions, matrix = planted([4 * edge, 1.5 * edge, 0.2 * edge], side=side, std=std)
    basis = plain_basis(side)
    tastes = find_tastes(matrix, basis, std=std, rank_limit=8)
    assert tastes
    assert tastes.rank == 2
    overlap = ((basis.table @ directions[:, :2]) * tastes.table).sum(axis=0) ** 2
    assert tastes.fidelity == pytest.approx(overlap, abs=0.08)


def test_pure_noise_gives_no_taste() -> None:
    side, std = 100, 1.0
    noise = to_matrix(stream(2, "noise").normal(size=dimension(side)) * std)
    assert find_tastes(noise, plain_basis(side), std=std, rank_limit=8) is None
    faint = find_tastes(noise, plain_basis(side), std=std / 1.2, rank_limit=8)
    assert faint, "an understated noise would pass for taste"
    assert faint.fidelity.min() >= LEAST_FIDELITY


def test_company_is_what_popularity_alone_does_not_explain() -> None:
    popularity = stream(1, "popularity").random(ITEMS) + 0.1
    basis = build_basis(popularity, features(), scale_power=0.4, feature_directions=4, top_items=20)
    special = stream(1, "special").normal(size=(ITEMS, 2))
    common = np.outer(basis.share, [30.0, -20.0])
    assert np.allclose(company(special + common, basis), company(special, basis), atol=1e-9)
    assert np.allclose(np.linalg.norm(company(special, basis), axis=0), 1)


def test_content_rows_have_unit_length_but_for_their_mean_which_says_nothing() -> None:
    table = content_table(features(), dimensions=9)
    assert np.allclose(table.mean(axis=0), 0, atol=1e-6)
    taken = np.linalg.lstsq(2 * table, 1 - (table**2).sum(axis=1), rcond=None)[0]
    assert 0.01 < np.linalg.norm(taken) < 1
    assert np.allclose(np.linalg.norm(table + taken, axis=1), 1, atol=1e-4)
    assert content_table(features(), dimensions=3).shape == (ITEMS, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rank_limit": 0},
        {"rank_limit": 7},
        {"content_dimensions": -1},
        {"top_items": 0, "feature_directions": 0},
    ],
)
def test_a_setting_out_of_range_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(RecipeError):
        dataclasses.replace(SETTINGS, **wrong)


def test_features_of_another_catalogue_are_refused() -> None:
    with pytest.raises(BasisError):
        build_basis(np.ones(5), features(), scale_power=0.4, feature_directions=4, top_items=2)


def test_a_round_input_survives_the_trip_as_arrays_and_scalars() -> None:
    near = Nearness(window=3, tau=2.0, share=0.5)
    table = features()
    for question in (
        popularity_input(ITEMS),
        MomentsInput(projection=table, near=near),
        ContextInput(tastes=table, scale=np.ones(ITEMS, np.float32), near=near),
    ):
        arrays, scalars = to_parts(question)
        again_arrays, again_scalars = to_parts(from_parts(arrays, scalars))
        assert scalars == again_scalars
        assert all(np.array_equal(arrays[name], again_arrays[name]) for name in arrays)


@pytest.mark.parametrize(
    "scalars",
    [
        {},
        {"statistic": "gradient"},
        {"statistic": "popularity"},
        {"statistic": "popularity", "items": 0},
        {"statistic": "popularity", "items": "9"},
        {"statistic": "popularity", "items": 9, "surplus": 1},
        {"statistic": "moments", "near": {"window": 0, "tau": 1.0, "share": 0.5}},
        {"statistic": "moments", "near": 3},
        {"statistic": ["popularity"]},
    ],
)
def test_a_round_input_that_does_not_fit_is_refused(scalars: dict[str, object]) -> None:
    with pytest.raises(InputError):
        from_parts({}, scalars)


def test_a_vector_of_the_wrong_length_is_no_matrix() -> None:
    assert side_of(dimension(160)) == 160
    with pytest.raises(MomentsError):
        to_matrix(np.zeros(5))
    with pytest.raises(MomentsError):
        to_vector(np.zeros((2, 3)))
