"""A catalogue read as it is asked for says what the whole one says; ids are found as a dictionary finds them."""

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from client.device.positions import LONGEST, Positions
from client.device.release import ReleaseForged, open_release
from models.catalogue import Catalogue, CatalogueError
from models.catalogue_file import decode_catalogue, encode_catalogue
from models.catalogue_view import CatalogueView, Texts
from models.export import ExportedRelease
from models.graph import build_graph
from tests.e2e.persons import FILES, SIGNER
from tests.e2e.signed import NOW, tiny
from tests.made import parameters
from tests.rankers import CATALOGUE

TRAPS = [
    '],"ids":[',
    '],"sensitive":{',
    '","titles":[',
    '],"years":[',
    '"',
    "\\",
    '",',
    "\\\\",
    "ids",
    "\0",
    "é",
    "日本",
    "",
]
texts = st.one_of(st.sampled_from(TRAPS), st.text(st.characters(exclude_categories=["Cs"]), max_size=12))


@st.composite
def catalogues(draw: st.DrawFn) -> Catalogue:
    ids = draw(st.lists(texts, unique=True, max_size=8))
    some = st.lists(texts, min_size=len(ids), max_size=len(ids))
    genres = draw(st.lists(st.lists(texts, max_size=2), min_size=len(ids), max_size=len(ids)))
    return Catalogue(
        ids=tuple(ids),
        titles=tuple(draw(some)),
        years=np.array(draw(st.lists(st.integers(-5, 3000), min_size=len(ids), max_size=len(ids))), np.int16),
        genres=tuple(map(tuple, genres)),
        sensitive={"titles": tuple(range(len(ids))), "years": ()} if draw(st.booleans()) else {},
        signals=CATALOGUE.signals,
    )


@given(catalogues())
@example(CATALOGUE)
def test_every_column_is_that_of_the_whole_catalogue(whole: Catalogue) -> None:
    whole = replace(
        whole, genres=tuple(tuple(n for n in row if n not in whole.sensitive) for row in whole.genres)
    )
    view = CatalogueView(encode_catalogue(whole))
    assert (len(view), tuple(view.ids), tuple(view.titles)) == (len(whole), whole.ids, whole.titles)
    assert [view.titles[at] for at in range(len(view))] == list(whole.titles)
    assert view.titles[1:] == list(whole.titles[1:])
    assert (view.genres, view.genre_names) == (whole.genres, whole.genre_names)
    assert view.years.tolist() == whole.years.tolist()
    assert (view.sensitive, view.signals) == (whole.sensitive, whole.signals)


@given(st.lists(texts, unique=True, max_size=30), texts)
@example(["a" * 63, "a" * 64, "a" * 8, "a" * 9], "a" * 7)
@example([f"item {number}" for number in range(9000)], "item 8999")
@example(["a" * (LONGEST + 1), "b"], "b")
def test_an_id_is_found_where_a_dictionary_finds_it(ids: list[str], other: str) -> None:
    listed = Catalogue(tuple(ids), ("",) * len(ids), np.zeros(len(ids), np.int16), ((),) * len(ids))
    found, known = (
        Positions(CatalogueView(encode_catalogue(listed)).ids),
        {item: at for at, item in enumerate(ids)},
    )
    for item in (*ids, other, "\ud800", *ids):
        assert found[item] == known.get(item, -1)
        assert (item in found) == (item in known)
    nothing: Any = 5
    assert nothing not in found


def test_ids_that_share_a_number_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [f"{number:016}" for number in range(40)]
    monkeypatch.setattr("client.device.positions._FACTOR", 0)
    monkeypatch.setattr("client.device.positions._MODULUS", 2**64)
    found = Positions(Texts(("[" + ",".join(f'"{item}"' for item in ids) + "]").encode()))
    assert [found[item] for item in ids] == list(range(40))
    assert found["0" * 15 + "x"] == -1


@given(st.binary(max_size=60))
def test_any_bytes_are_a_catalogue_or_our_error(data: bytes) -> None:
    head = b'{"format":"penchant-catalogue-2","genres":'
    marked = head + b'[],"ids":[' + data + b'],"sensitive":{' + data + b',"titles":[' + data + b'],"years":['
    for whole in (data, head + data, marked):
        with pytest.raises(CatalogueError):
            CatalogueView(whole)


@pytest.mark.parametrize("name", ["model.onnx", "catalogue.json"])
def test_a_release_known_here_is_held_to_its_digests_all_the_same(name: str) -> None:
    data: Any = bytearray(FILES[name])
    data[len(data) // 2] ^= 1
    known = open_release(FILES, trust=SIGNER.trust, now=NOW, known=True)
    first = open_release(FILES, trust=SIGNER.trust, now=NOW)
    assert (
        tuple(known.catalogue.ids)
        == tuple(first.catalogue.ids)
        == decode_catalogue(FILES["catalogue.json"]).ids
    )
    with pytest.raises(Exception, match="signed"):
        open_release({**FILES, name: bytes(data)}, trust=SIGNER.trust, now=NOW, known=True)


def test_a_signed_catalogue_that_contradicts_itself_is_refused_when_it_first_comes() -> None:
    twice = tiny().catalogue.replace(b'"i1"', b'"i0"', 1)
    digest = hashlib.sha256(twice).hexdigest()
    model = build_graph(parameters(30, taste=4, content=6), metadata={"catalogue_sha256": digest})
    files = SIGNER.publish(ExportedRelease(model, twice))
    with pytest.raises(ReleaseForged, match="unique"):
        open_release(files, trust=SIGNER.trust, now=NOW)
    assert open_release(files, trust=SIGNER.trust, now=NOW, known=True).catalogue.ids[1] == "i0"


def test_what_was_asked_for_is_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client.device.positions.MOST_REMEMBERED", 10)
    found = Positions(Texts(b'["a","b"]'))
    for number in range(50):
        assert (found[f"unknown {number}"], found["a"], found["b"]) == (-1, 0, 1)
        assert len(found) <= 12
    before = len(found)
    assert found["x" * 10_000] == -1
    assert len(found) == before
