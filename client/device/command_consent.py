"""``penchant-device consent``: give, take back and look at consent from a terminal."""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from client.device.consent import Consent
from client.device.consent_errors import ConsentRefused
from client.device.purposes import LOCAL, PURPOSES
from client.device.terminal import shown
from privacy.errors import PrivacyError


def add_parser(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser
) -> None:
    """Add ``consent`` with its three verbs, each with the shared options."""
    parser = commands.add_parser("consent", help="grant, withdraw or show consent, purpose by purpose")
    verbs = parser.add_subparsers(dest="verb", required=True)
    pinned = argparse.ArgumentParser(add_help=False)
    pinned.add_argument(
        "--trust", type=Path, metavar="FILE", help="the app's trust.json: follow the service's key by its log"
    )
    grant = verbs.add_parser(
        "grant", parents=[shared, pinned], help="show the notice and give consent to one purpose"
    )
    grant.add_argument("purpose", nargs="?", choices=PURPOSES, default=LOCAL)
    grant.add_argument("--language", default="en", help="of the notice (default: en)")
    grant.add_argument("--token", help="the app's word for this device, where the service asks for one")
    grant.add_argument("--yes", action="store_true", help="the person has read this notice and says yes")
    withdraw = verbs.add_parser(
        "withdraw", parents=[shared, pinned], help="take consent back, at once and offline"
    )
    withdraw.add_argument("purpose", nargs="?", choices=PURPOSES, default=LOCAL)
    withdraw.add_argument("--keep", action="store_true", help="keep events and personal state, unused")
    withdraw.add_argument(
        "--wait",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="how long to retry until the service answers",
    )
    prove = verbs.add_parser(
        "prove", parents=[shared], help="fetch, check and keep the log proofs of receipts"
    )
    prove.add_argument("--pins", type=Path, required=True, metavar="FILE", help="whose logs to believe")
    verbs.add_parser("status", parents=[shared], help="how every purpose stands")


def run(arguments: argparse.Namespace, consent: Consent) -> int:
    """Do what was asked.

    Raises:
        ClientError: it cannot be done; says how to mend it.
    """
    verbs: dict[str, Callable[[], None]] = {
        "grant": lambda: _grant(arguments, consent),
        "withdraw": lambda: _withdraw(arguments, consent),
        "prove": lambda: _prove(arguments.pins, consent),
        "status": lambda: _status(consent),
    }
    verbs[arguments.verb]()
    return 0


def _grant(arguments: argparse.Namespace, consent: Consent) -> None:
    notice = consent.notice(arguments.purpose, language=arguments.language)
    print(f"{shown(notice.text)}\n")
    if not arguments.yes:
        if not sys.stdin.isatty():
            raise ConsentRefused(
                "nobody is here to ask: add --yes once the person agreed", problem="not_asked"
            )
        if input("Do you agree? [y/N] ").strip().lower() not in ("y", "yes", "j", "ja"):
            consent.refuse(arguments.purpose)
            print("Not granted; nobody asks again for six months.")
            return
    consent.grant(notice, token=arguments.token)
    print(f"{arguments.purpose}: granted.")


def _withdraw(arguments: argparse.Namespace, consent: Consent) -> None:
    before = len(consent.receipts())
    consent.withdraw(arguments.purpose, keep=arguments.keep)
    print(f"{arguments.purpose}: off on this device.")
    until = time.monotonic() + arguments.wait
    wait = consent.courier.deliver()
    while wait is not None and time.monotonic() + wait <= until:
        time.sleep(wait)
        wait = consent.courier.deliver()
    if consent.courier.erasing():
        print("Another program still reads the store: what was deleted leaves the disk when it ends.")
    if wait is not None:
        print(f"The service has not acknowledged yet; the next attempt is due in {wait} s.")
    elif len(consent.receipts()) > before:
        print("Acknowledged by the service; the receipt is kept.")


def _prove(path: Path, consent: Consent) -> None:
    from privacy.log_pins import Pins

    try:
        pins = Pins.decode(path.read_bytes())
    except OSError as error:
        raise ConsentRefused(f"{path}: {error.strerror}", problem="no_pins") from None
    except PrivacyError as error:
        raise ConsentRefused(f"{path}: {error}", problem="no_pins") from None
    kept, missing = consent.courier.prove(pins)
    print(f"{kept} proofs checked and kept; {missing} receipts are not in the log yet.")


def _status(consent: Consent) -> None:
    consent.courier.deliver()
    for purpose, status in consent.status().items():
        says = "on" if status.permitted else "off"
        if status.waiting is not None:
            problem = status.waiting.problem or "not sent yet"
            says += f"; withdrawal not acknowledged after {status.waiting.attempts} attempts ({problem})"
        elif status.switch.granted and not status.permitted:
            says += "; lapsed, or refused by Global Privacy Control"
        print(f"{purpose}: {says}")
    print(f"receipts kept: {len(consent.receipts())}; the device's key lies in a {consent.kept_in}")
