"""The run folder: refused before the work, not after it."""

from pathlib import Path

import pytest

from simulations.outputs import OutputRefused, claim


def test_a_folder_that_cannot_be_written_is_refused_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputRefused, match="name a folder that can be written"):
        claim(tmp_path / "file" / "run")


def test_claiming_a_folder_leaves_what_was_in_it(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    claim(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
