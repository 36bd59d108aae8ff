"""The rules of a round: terms, then the intent to spend, then a commit or an abort, each once and unchanged."""

import math

from privacy.audit.faults import Broken
from privacy.audit.grammar import Entry
from privacy.audit.state import Line, Round

SHARED = ("clipping_norm", "noise_multiplier", "sampling_rate", "denominator")


def round_terms(line: Line, entry: Entry) -> None:
    """Hear a round's terms.

    Raises:
        Broken: its number does not rise, or it asks for more than the line declared.
    """
    says, declared = entry.says, line.tally.declared
    if says["round"] <= line.newest:
        raise Broken("round.order", entry.where, f"round {says['round']} follows round {line.newest}")
    if says["trust"] != declared["trust"]:
        why = f"it asks for trust = {says['trust']}, the line declared {declared['trust']}"
        raise Broken("round.trust", entry.where, why)
    expected = says["sampling_rate"] * declared["declared_population"]
    if not math.isclose(says["denominator"], expected, rel_tol=1e-9):
        why = f"it divides by {says['denominator']:g}, not by {expected:g}"
        raise Broken("round.denominator", entry.where, why)
    line.newest = says["round"]
    line.rounds[line.newest] = Round(says)


def privacy_event(line: Line, entry: Entry) -> None:
    """Hear the intent to spend what a round's terms said.

    Raises:
        Broken: it has no terms, is over, or was paid for; or the terms were others.
    """
    found = _open(line, entry)
    if found.paid:
        raise Broken("round.terms", entry.where, f"round {entry.says['round']} is paid for twice")
    for name in SHARED:
        if entry.says[name] != found.terms[name]:
            why = f"{name} is {entry.says[name]:g}, the terms said {found.terms[name]:g}"
            raise Broken("round.unchanged", entry.where, why)
    found.paid = True


def round_committed(line: Line, entry: Entry) -> None:
    """Hear a round's result.

    Raises:
        Broken: it has no terms or is over, or nothing was paid before its noise was drawn.
    """
    if not _open(line, entry).paid:
        raise Broken("round.intent", entry.where, "no privacy event of this round stands before it")
    del line.rounds[entry.says["round"]]
    line.tally.codes[entry.says["code_digest"]] = None
    line.costly = entry.at


def round_aborted(line: Line, entry: Entry) -> None:
    """Hear that a round ended without a result; what it paid stays paid.

    Raises:
        Broken: it has no terms or is over.
    """
    _open(line, entry)
    del line.rounds[entry.says["round"]]


def _open(line: Line, entry: Entry) -> Round:
    number = entry.says["round"]
    found = line.rounds.get(number)
    if found is None:
        why = "has no terms before it" if number > line.newest else "is over, or never had terms"
        raise Broken("round.terms", entry.where, f"round {number} {why}")
    return found
