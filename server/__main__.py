"""`penchant-server`: the operator's command."""

import argparse
import importlib
import os
import sys
from pathlib import Path

from privacy.errors import PrivacyError
from server import release_command
from server.errors import ServerError
from server.logs import SLOTS, TICK_SECONDS

DATABASE = "sqlite:///penchant.db"


def build_parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    parser = argparse.ArgumentParser(
        prog="penchant-server", description="Serve consent that holds, and administer the service."
    )
    stored = argparse.ArgumentParser(add_help=False)
    stored.add_argument(
        "--database", default=os.environ.get("PENCHANT_DATABASE", DATABASE), metavar="URL",
        help=f"sqlite:///PATH or postgresql://USER@HOST/NAME (PENCHANT_DATABASE, else {DATABASE})",
    )  # fmt: skip
    keyed = argparse.ArgumentParser(add_help=False)
    keyed.add_argument(
        "--key", type=Path, default=Path("penchant.key"), metavar="FILE",
        help="the service's signing key (penchant.key); serve makes it when it is not there",
    )  # fmt: skip
    commands = parser.add_subparsers(dest="command", required=True)

    serve = commands.add_parser("serve", parents=[stored, keyed], help="serve consent over HTTP")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    serve.add_argument("--port", type=int, default=8400, help="port to listen on (8400; 0 takes a free one)")
    serve.add_argument(
        "--controller", default="not named", help="who answers for the processing, for receipts"
    )
    serve.add_argument(
        "--authority",
        metavar="HOST[:PORT]",
        help="what devices call this service, behind a proxy that renames it",
    )
    serve.add_argument(
        "--origin",
        default="penchant.local/log",
        metavar="NAME",
        help="the public log's name, for ever the same",
    )
    serve.add_argument(
        "--log-key", type=Path, default=Path("penchant-log.key"), metavar="FILE",
        help="signs the public log (penchant-log.key); made when it is not there, with its .pins beside it",
    )  # fmt: skip
    serve.add_argument(
        "--consent-log-key", type=Path, default=Path("penchant-consent-log.key"), metavar="FILE",
        help="signs the private consent log (penchant-consent-log.key)",
    )  # fmt: skip
    serve.add_argument(
        "--tick-seconds",
        type=int,
        default=TICK_SECONDS,
        metavar="N",
        help="between two ticks of the consent log",
    )
    serve.add_argument(
        "--tick-slots", type=int, default=SLOTS, metavar="N", help="decisions that a tick holds; a constant"
    )
    serve.add_argument("--app-key", metavar="KEY", help="enrol only devices this public key vouches for")

    credential = commands.add_parser(
        "credential", parents=[stored], help="make a role's first credential; print its token once"
    )
    credential.add_argument("role", choices=["operator", "officer", "auditor", "aggregator"])
    credential.add_argument("name", help="who holds it: a-z 0-9 . _ -")
    credential.add_argument(
        "--days", type=int, metavar="N", help="how long it lasts (auditor 30, others 365)"
    )
    commands.add_parser("token", help="print a new token and the digest to propose it by")
    rotate = commands.add_parser(
        "rotate-key", help="print the change of kind key that replaces one, signed by both keys"
    )
    rotate.add_argument("purpose", choices=["receipt", "log", "consent_log", "release"], help="what it signs")
    rotate.add_argument("--old", type=Path, required=True, metavar="FILE", help="the key in use")
    rotate.add_argument("--new", type=Path, required=True, metavar="FILE", help="made when it is not there")
    rotate.add_argument(
        "--origin", default="penchant.local/log", metavar="NAME", help="the public log's name"
    )
    rotate.add_argument("--proposer", required=True, metavar="NAME", help="who will propose it")
    rotate.add_argument("--approver", required=True, metavar="NAME", help="the officer who will approve it")
    commands.add_parser("migrate", parents=[stored], help="bring the schema to the newest version")
    commands.add_parser("openapi", help="print the OpenAPI document")
    commands.add_parser("notices", parents=[stored], help="print the notices that hold")

    backup = commands.add_parser("backup", parents=[stored], help="write everything durable to one file")
    backup.add_argument("file", type=Path, metavar="FILE")
    restore = commands.add_parser(
        "restore", parents=[stored, keyed], help="read it back; all consent is denied until confirmed"
    )
    restore.add_argument("file", type=Path, metavar="FILE")
    restore.add_argument("--replace", action="store_true", help="lose what the database holds")
    restore.add_argument("--log", type=Path, metavar="FILE", help="the witnessed log: its spend counts too")
    restore.add_argument("--checkpoint", type=Path, metavar="FILE", help="the signed head of that log")
    restore.add_argument("--verifier", metavar="NAME+ID+KEY", help="the log's pinned key")

    verify = commands.add_parser("verify-receipt", help="check a saved receipt offline")
    verify.add_argument("file", type=Path, metavar="FILE")
    verify.add_argument(
        "--key", default="penchant.key.pub", metavar="KEY", help="public key, or a file of it"
    )
    verify.add_argument(
        "--proof", type=Path, metavar="FILE", help="its log proof, too: it stands in both logs"
    )
    verify.add_argument(
        "--pins",
        type=Path,
        default=Path("penchant-log.key.pins"),
        metavar="FILE",
        help="whose logs to believe",
    )

    sign = commands.add_parser("sign-request", help="print a device's signed request as a curl command")
    sign.add_argument("method", choices=["GET", "POST", "PUT", "DELETE"])
    sign.add_argument("path", help="/v1/...; SUBJECT stands for the device's pseudonym")
    sign.add_argument("--server", default="http://127.0.0.1:8400", metavar="URL")
    sign.add_argument(
        "--device-key", type=Path, default=Path("device.key"), metavar="FILE", help="made if absent"
    )
    sign.add_argument("--body", metavar="JSON")
    sign.add_argument(
        "--header", action="append", default=[], metavar="NAME:VALUE", help="may be given often"
    )
    release_command.add_parser(commands)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code: 0 done, 2 the input must be mended."""
    options = vars(build_parser().parse_args(arguments))
    os.umask(0o077)  # whatever is made here holds what people decided
    name = options.pop("command")
    modules = {
        "sign-request": "server.signing",
        "release": "server.release_command",
        "verify-receipt": "server.receipt_command",
        "rotate-key": "server.key_command",
    }
    module = importlib.import_module(modules.get(name, "server.command"))
    run = getattr(module, f"run_{name.replace('-', '_')}")
    try:
        run(**options)
        sys.stdout.flush()
    except (ServerError, PrivacyError) as problem:
        reason = getattr(problem, "reason", "")
        print(f"penchant-server: {problem}{f' ({reason})' if reason else ''}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read has read enough
    return 0


if __name__ == "__main__":
    sys.exit(main())
