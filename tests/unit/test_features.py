"""Public item features: what titles, genres and years say, the same on every machine that reads them."""

import numpy as np
import pytest

from models import features
from models.catalogue import Catalogue
from models.content import content_table
from models.features import YEAR_WEIGHT, item_features, tokens


def films() -> Catalogue:
    return Catalogue(
        ids=("a", "b", "c", "d", "e", "f"),
        titles=(
            "Batman",
            "Batman Returns",
            "The Return of Martin Guerre",
            "Misérables, Les",
            "",
            "Les Miserables",
        ),
        years=np.array([1989, 1990, 1950, 1949, 0, 1998], np.int16),
        genres=(("Action",), ("Action", "Crime"), ("Drama",), ("Drama",), (), ("Drama",)),
    )


def test_titles_are_tied_by_the_words_they_share_whatever_the_accent() -> None:
    text = item_features(films()).text
    alike = text @ text.T
    assert alike[0, 1] > 0.9
    assert alike[3, 5] > 0.9
    assert alike[0, 3] == 0
    assert not text[2].any()
    assert tokens("The Cook, the Thief, His Wife & Her Lover") == {
        "cook",
        "thief",
        "his",
        "wife",
        "her",
        "lover",
    }


def test_titles_in_any_script_are_tied_by_their_words() -> None:
    titles = ("Красная ночь", "ночь, улица", "北京 物語", "東京 物語", "Κόκκινη νύχτα", "Night")
    made = Catalogue(ids=tuple("abcdef"), titles=titles, years=np.zeros(6, np.int16), genres=((),) * 6)
    text = item_features(made).text
    alike = text @ text.T
    assert alike[0, 1] > 0.9
    assert alike[2, 3] > 0.9
    assert alike[0, 2] == 0
    assert not text[4:].any(), "what shares no word is tied to nothing"


def test_years_are_finer_near_the_newest_item_than_long_ago() -> None:
    catalogue = films()
    eras = item_features(catalogue).facts[:, len(catalogue.genre_names) :]
    lengths = np.linalg.norm(eras, axis=1)
    assert np.allclose(lengths, [YEAR_WEIGHT] * 4 + [0, YEAR_WEIGHT])
    assert eras[2] @ eras[3] > eras[0] @ eras[1] > eras[0] @ eras[5]


def test_a_catalogue_of_other_years_is_described_as_finely() -> None:
    early, late = films(), films()
    later = Catalogue(late.ids, late.titles, np.where(late.years > 0, late.years + 30, 0), late.genres)
    assert np.array_equal(item_features(early).table, item_features(later).table)


def test_a_catalogue_that_knows_nothing_has_features_without_extent() -> None:
    bare = Catalogue(("a", "b"), ("", ""), np.zeros(2, np.int16), ((), ()))
    assert item_features(bare).table.shape == (2, 0)
    assert content_table(item_features(bare).table, dimensions=8).shape == (2, 0)


def test_what_is_equally_popular_is_more_alike_and_what_has_no_features_stays_without() -> None:
    table = item_features(films()).table
    logs = np.array([2.0, -1.0, 2.0, -1.0, 2.0, -1.0])
    known = content_table(table, dimensions=40, log_popularity=logs)
    plain = content_table(table, dimensions=40)
    closer = known @ known.T - plain @ plain.T
    same = logs[:, None] == logs
    assert closer[same & ~np.eye(6, dtype=bool)].mean() > 0.05 > 0 > closer[~same].mean()
    assert np.allclose(content_table(table, dimensions=40, log_popularity=0 * logs), plain, atol=1e-5)
    assert content_table(table[:, :0], dimensions=8, log_popularity=logs).shape == (6, 0)


def test_features_do_not_depend_on_the_order_of_the_catalogue() -> None:
    films_, order = films(), np.array([3, 0, 5, 1, 4, 2])
    shuffled = Catalogue(
        tuple(films_.ids[row] for row in order),
        tuple(films_.titles[row] for row in order),
        films_.years[order],
        tuple(films_.genres[row] for row in order),
    )
    assert np.array_equal(item_features(films_).table[order], item_features(shuffled).table)


def test_the_text_of_a_large_catalogue_is_folded_and_keeps_who_is_like_whom(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    items = 200
    titles = tuple(f"alpha{item % 20} beta{item % 7} gamma{item % 3}" for item in range(items))
    made = Catalogue(tuple(map(str, range(items))), titles, np.zeros(items, np.int16), ((),) * items)
    whole = item_features(made).text
    monkeypatch.setattr(features, "MOST_CELLS", 10)
    monkeypatch.setattr(features, "FOLDED_WORDS", 30)
    folded = item_features(made).text
    assert folded.shape[1] <= 30
    assert np.abs(whole @ whole.T - folded @ folded.T).max() < 1e-4
    monkeypatch.setattr(features, "MOST_WORDS", 5)
    monkeypatch.setattr(features, "MOST_CELLS", 10**9)
    assert item_features(made).text.shape == (items, 5)
