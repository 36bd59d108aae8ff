"""The compliance officer's command finds every subcommand it names, and loads no other than the one asked for."""

import importlib

import pytest

from server.audit.__main__ import COMMANDS, build_parser, main


def test_every_subcommand_has_a_module_that_adds_arguments_and_runs() -> None:
    for name, (module, does) in COMMANDS.items():
        found = importlib.import_module(module)
        assert callable(found.add), name
        assert callable(found.run), name
        assert not does.endswith("."), name


def test_help_names_every_subcommand(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert all(name in shown and does in shown for name, (_, does) in COMMANDS.items())


def test_an_unknown_subcommand_is_refused_with_exit_code_two(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser(["no-such"]).parse_args(["no-such"])
    assert ended.value.code == 2
    assert "no-such" in capsys.readouterr().err
