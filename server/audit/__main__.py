"""`penchant-audit`: the compliance officer's command, one module a subcommand."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Protocol, cast

from privacy.errors import PrivacyError
from server.errors import ServerError

COMMANDS: dict[str, tuple[str, str]] = {
    "bundle": ("server.audit.bundle_command", "write everything an audit needs into one file"),
    "verify": ("server.audit.verify_command", "check such a file offline, trusting nobody"),
    "label": ("server.audit.label_command", "show a release's privacy label, and whether it may go out"),
    "diff": ("server.audit.diff_command", "show what changed between two labels"),
    "budget": (
        "server.audit.budget_command",
        "show what every line spent, may spend, and how far that reaches",
    ),
    "report": ("server.audit.report_command", "write the officer's evidence pack for the record"),
}
"""Name to (module with `add` and `run`, what it does); only the module of the command asked for is loaded."""


class Command(Protocol):
    """What the module of a subcommand holds."""

    def add(self, parser: argparse.ArgumentParser) -> None:
        """Say which arguments it takes."""

    def run(self, options: argparse.Namespace) -> int:
        """Do it and return the exit code.

        Raises:
            PrivacyError, ServerError: the input must be mended; exit code 2.
        """


def _command(name: str) -> Command:
    return cast(Command, importlib.import_module(COMMANDS[name][0]))


def build_parser(asked: Sequence[str]) -> argparse.ArgumentParser:
    """Return the command line's grammar: every command's name, and the arguments of those asked for."""
    parser = argparse.ArgumentParser(
        prog="penchant-audit",
        description="See what was promised and spent, and check it without trusting us.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (_, does) in COMMANDS.items():
        added = commands.add_parser(name, help=does, description=f"{does.capitalize()}.")
        if name in asked:
            _command(name).add(added)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 0 done or valid, 1 not valid, 2 the input must be mended."""
    given = sys.argv[1:] if arguments is None else arguments
    options = build_parser(given).parse_args(given)
    try:
        code = _command(options.command).run(options)
        sys.stdout.flush()
    except (ServerError, PrivacyError) as problem:
        print(f"penchant-audit: {problem}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read has read enough
        return 0
    return code


if __name__ == "__main__":
    sys.exit(main())
