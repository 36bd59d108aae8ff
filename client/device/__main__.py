"""``penchant-device``: the device from a terminal."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from client.device import command_consent, command_device
from client.device.consent import Consent
from client.device.database import Database
from client.device.device import Device
from client.device.engine import DATABASE
from client.device.files import private_folder
from client.device.vault import Vault
from client.errors import ClientError
from privacy.errors import PrivacyError
from privacy.keys import VerifyKey


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0 when done and 2 when it cannot be."""
    asked = _parser().parse_args(arguments)
    try:
        keys = [VerifyKey.from_base64(key) for key in asked.key]
        return _consent(asked, keys) if asked.command == "consent" else _device(asked, keys)
    except (ClientError, PrivacyError) as error:
        print(f"penchant-device: {error} [{error.code}]", file=sys.stderr)
        return 2


def _consent(asked: argparse.Namespace, keys: Sequence[VerifyKey]) -> int:
    """Decide without a release: withdrawing must need nothing."""
    database = Database(private_folder(asked.home) / DATABASE)
    try:
        vault = Vault.open(asked.home, database)
        trust = command_device.read_trust(asked) if getattr(asked, "trust", None) else None
        consent = Consent(
            database, vault, server=asked.server, keys=keys, trust=trust, clock=lambda: int(time.time())
        )
        try:
            return command_consent.run(asked, consent)
        finally:
            consent.close()
    finally:
        database.close()


def _device(asked: argparse.Namespace, keys: Sequence[VerifyKey]) -> int:
    with Device.open(
        asked.home,
        trust=command_device.read_trust(asked),
        bundle=getattr(asked, "release", None),
        releases=getattr(asked, "releases", None),
        server=asked.server,
        keys=keys,
    ) as device:
        return command_device.run(asked, device)


def _parser() -> argparse.ArgumentParser:
    home = Path(os.environ.get("PENCHANT_HOME", "~/.penchant")).expanduser()
    shared = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    shared.add_argument("--home", type=Path, help="the device's own folder (default: ~/.penchant)")
    shared.add_argument("--server", metavar="URL", help="the consent service")
    shared.add_argument("--key", action="append", metavar="BASE64", help="pin a key of the consent service")
    parser = argparse.ArgumentParser(prog="penchant-device", description=__doc__, parents=[shared])
    parser.set_defaults(home=home, server=None, key=[])
    commands = parser.add_subparsers(dest="command", required=True)
    command_consent.add_parser(commands, shared)
    command_device.add_parsers(commands, shared)
    return parser


if __name__ == "__main__":
    sys.exit(main())
