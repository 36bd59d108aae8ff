"""Public item features: what a text model or plain words make of titles, and genres and release years."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

import numpy as np

from models.catalogue import Catalogue
from models.history import Float
from models.spectral import principal_scores

STOP_WORDS = frozenset([
    "a", "an", "and", "at", "by", "d", "de", "der", "des", "die", "du", "el", "et", "for", "from", "il", "in", "is",
    "it", "l", "la", "le", "les", "lo", "los", "of", "on", "or", "part", "s", "t", "the", "to", "und", "with",
])  # fmt: skip
MOST_WORDS = 2048
"""Words told apart: the most frequent ones."""
MOST_CELLS, FOLDED_WORDS = 1 << 24, 256
"""A larger text table is folded into so many principal directions, so that a catalogue of any size fits."""
YEAR_STEP = 0.15
"""Distance of neighbouring eras in log years, and how far a year reaches into them."""
YEAR_WEIGHT = 1.5
"""Length of an item's era row; a genre has 1 and a title 1."""
FACTS_BESIDE_MEANING, WORDS_BESIDE_MEANING = 0.3, 0.3
"""How much facts and words still count where a text model has read both; chosen on validation."""


@dataclass(frozen=True, slots=True)
class ItemFeatures:
    """What everyone may know about each item, as numbers.

    Args:
        text: (items, t) float32, tf-idf of title tokens, rows of length 1 or 0, or their leading directions.
        facts: (items, f) float32, 0/1 genres, then how near the release year is to each era.
        meaning: (items, m) float32, a text model's row for each item less their mean; m is 0 without one.
    """

    text: Float
    facts: Float
    meaning: Float

    @property
    def table(self) -> Float:
        """All blocks side by side, (items, m + t + f)."""
        beside = (WORDS_BESIDE_MEANING, FACTS_BESIDE_MEANING) if self.meaning.size else (1.0, 1.0)
        blocks = [self.meaning, beside[0] * self.text, beside[1] * self.facts]
        return np.concatenate(blocks, axis=1).astype(np.float32)


def item_features(catalogue: Catalogue, *, embedded: Float | None = None) -> ItemFeatures:
    """Describe every item of a catalogue by its own public metadata.

    Args:
        catalogue: the items.
        embedded: (items, m) what a text model makes of `sentences(catalogue)`, rows of zeros where there is
            no text; left out where there is no model.

    >>> made = Catalogue(("1", "2"), ("Star Trek", "Star Wars"), np.array([1979, 1979], np.int16),
    ...                  (("Sci-Fi",), ("Sci-Fi", "War")))
    >>> item_features(made).text.tolist(), item_features(made).facts.tolist()
    ([[0.0], [0.0]], [[1.0, 0.0, 1.5], [1.0, 1.0, 1.5]])
    """
    facts = np.concatenate([_genres(catalogue), _eras(catalogue)], axis=1)
    return ItemFeatures(_text(catalogue), facts, _centred(embedded, len(catalogue)))


def sentences(catalogue: Catalogue) -> tuple[str, ...]:
    """Say of each item what a text model should read: its title, its year and its open categories.

    >>> made = Catalogue(("1", "2"), ("Star Wars", ""), np.array([1977, 0], np.int16), (("Sci-Fi", "War"), ()))
    >>> sentences(made)
    ('Star Wars (1977), Sci-Fi, War', '')
    """
    told = []
    for title, year, genres in zip(catalogue.titles, catalogue.years.tolist(), catalogue.genres, strict=True):
        dated = f"{title} ({year})" if title and year and str(year) not in title else title
        told.append(", ".join(part for part in (dated, *genres) if part))
    return tuple(told)


def _centred(embedded: Float | None, items: int) -> Float:
    """Take the mean of all described items out of each of them: what they share tells none apart."""
    if embedded is None:
        return np.zeros((items, 0), np.float32)
    said = embedded.any(axis=1)
    centred = np.zeros_like(embedded)
    if said.any():
        centred[said] = embedded[said] - embedded[said].mean(axis=0, dtype=np.float64)
    return centred


def tokens(title: str) -> set[str]:
    """Return the words of a title in any script, in one case, without accents and stop words.

    >>> sorted(tokens("The Empire Strikes Back")), sorted(tokens("Ночь – Amélie №5"))
    (['back', 'empire', 'strikes'], ['amelie', 'no5', 'ночь'])
    """
    apart = unicodedata.normalize("NFKD", title).casefold()
    plain = "".join(letter for letter in apart if not unicodedata.combining(letter))
    return set(re.findall(r"[^\W_]+", plain)) - STOP_WORDS


def _text(catalogue: Catalogue) -> Float:
    """Weigh tokens by rarity; one that stands in a single title ties it to nothing and is left out."""
    words = [tokens(title) for title in catalogue.titles]
    frequency = Counter(word for title in words for word in title)
    shared = sorted(
        (word for word, n in frequency.items() if n > 1), key=lambda word: (-frequency[word], word)
    )
    vocabulary = {word: place for place, word in enumerate(sorted(shared[:MOST_WORDS]))}
    table = np.zeros((len(catalogue), len(vocabulary)), np.float32)
    for row, title in zip(table, words, strict=True):
        for word in title & vocabulary.keys():
            row[vocabulary[word]] = np.log(len(catalogue) / frequency[word])
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    table /= np.where(lengths > 0, lengths, 1.0)
    return table if table.size <= MOST_CELLS else principal_scores(table, FOLDED_WORDS).astype(np.float32)


def _genres(catalogue: Catalogue) -> Float:
    names = catalogue.genre_names
    place = {name: column for column, name in enumerate(names)}
    table = np.zeros((len(catalogue), len(names)), np.float32)
    for row, genres in zip(table, catalogue.genres, strict=True):
        for name in genres:
            row[place[name]] = 1.0
    return table


def _eras(catalogue: Catalogue) -> Float:
    """Place each release year softly among eras that grow longer towards the past.

    Last year and the year before are as far apart as decades long ago, and neighbours overlap: hard five-year
    bins tell 1995 from 1994 and not from 1999. Items without a year have a zero row.
    """
    known = catalogue.years > 0
    if not known.any():
        return np.zeros((len(catalogue), 0), np.float32)
    years = catalogue.years[known].astype(np.float64)
    age = np.log(2.0 + years.max() - years)
    eras = age.min() + YEAR_STEP * np.arange(np.ceil(np.ptp(age) / YEAR_STEP) + 1)
    near = np.exp(-0.5 * ((age[:, None] - eras) / YEAR_STEP) ** 2)
    table = np.zeros((len(catalogue), len(eras)), np.float32)
    table[known] = YEAR_WEIGHT * near / np.linalg.norm(near, axis=1, keepdims=True)
    return table
