"""The bundle's writer: whole or not at all, in the one order its format has."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from privacy.bundle import Bundle, BundleError, write_bundle
from tests.bundles_made import lines_of, rich, sealed, simple

EMPTY = Bundle(trust=b"{}", checkpoints=[], releases=[], entries=[], size=0)


def test_the_file_is_its_lines_and_a_seal_over_them(tmp_path: Path) -> None:
    bundle = simple().bundle()
    seal = write_bundle(tmp_path / "a.bundle", bundle)
    data = (tmp_path / "a.bundle").read_bytes()
    assert data == sealed(lines_of(bundle))
    body, last = data[:-78], data[-78:]
    assert json.loads(last) == {"sha256": seal} == {"sha256": hashlib.sha256(body).hexdigest()}


def test_every_line_is_a_json_value_and_the_header_says_how_many_there_are(tmp_path: Path) -> None:
    made = rich()
    some = [json.loads(line) for line in lines_of(made.bundle())]
    header = some[0]
    assert header == {
        "checkpoints": 5, "consent": None, "entries": 35, "format": "penchant-bundle-1", "releases": 2,
    }  # fmt: skip
    assert len(some) == 2 + header["checkpoints"] + 3 * header["releases"] + header["entries"]


def test_releases_stand_in_the_order_of_the_log_however_they_were_given() -> None:
    bundle = rich().bundle()
    turned = replace(bundle, releases=list(reversed(bundle.releases)))
    assert lines_of(turned) == lines_of(bundle)


@pytest.mark.parametrize(
    ("bundle", "says"),
    [
        (replace(EMPTY, entries=[b"{}"], size=2), "2 entries were announced, 1 came"),
        (replace(EMPTY, entries=[b"{\n}"], size=1), "one line"),
        (replace(EMPTY, trust=b""), "one line"),
        (replace(EMPTY, checkpoints=[b"\xff"]), "UTF-8"),
    ],
)
def test_what_is_no_bundle_leaves_no_file_and_the_old_one_as_it_was(
    bundle: Bundle, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.bundle"
    write_bundle(path, EMPTY)
    before = path.read_bytes()
    with pytest.raises(BundleError, match=says):
        write_bundle(path, bundle)
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (before, [path])


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BundleError, match="name a file that can be written"):
        write_bundle(tmp_path / "file" / "a.bundle", EMPTY)
