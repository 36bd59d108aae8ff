"""How a log begins: a line's declaration, the accountants that bound it, the known flaws of what is in use."""

from collections.abc import Collection, Iterator
from importlib.metadata import version

from privacy.accountant import AGREEMENT
from privacy.acts import AccountantDeclared
from privacy.events import Event, LineDeclared
from privacy.hazards import KNOWN


def accountants(line: str) -> AccountantDeclared:
    """Return which accountants bound a line's epsilon, in the versions installed here."""
    return AccountantDeclared(
        line=line,
        accountant="opacus PRV",
        version=version("opacus"),
        check="dp-accounting PLD",
        check_version=version("dp-accounting"),
        error=AGREEMENT,
    )


def opening(declared: LineDeclared, *, recorded: Collection[Event] = ()) -> Iterator[Event]:
    """Yield what stands in a log before a line's first round.

    Args:
        declared: the line's promise.
        recorded: what the log holds already; a hazard that is recorded as it is today is not recorded again.
    """
    yield declared
    yield accountants(declared.line)
    for hazard in KNOWN:
        known = tuple(hazard.events())
        if not set(known) <= set(recorded):
            yield from known
