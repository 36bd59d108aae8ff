"""Progress in lines: what begins is told once in a while, and nothing where it must be quiet."""

import pytest

from simulations.progress import Lines


@pytest.mark.parametrize(("every", "told"), [(0.0, ["reading", "training"]), (1e6, ["reading"])])
def test_a_line_is_written_at_most_once_in_so_many_seconds(
    every: float, told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = Lines(every=every)
    lines.say("reading")
    lines.say("training")
    said = capsys.readouterr()
    assert [line.split(" s  ")[1] for line in said.err.splitlines()] == told
    assert not said.out


def test_nothing_is_written_where_it_must_be_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    Lines(quiet=True, every=0.0).say("reading")
    assert capsys.readouterr() == ("", "")
