"""A made-up release line's log, whole or with one thing wrong, for the tests of label, bundle and audit."""

from collections.abc import Iterator

from privacy.acts import (
    AccountantDeclared,
    ConsentRootAnchored,
    HazardMitigated,
    HazardRaised,
    NotCovered,
    NoticePublished,
)
from privacy.events import Event, LineDeclared, PrivacyEvent, RoundCommitted, RoundTerms
from privacy.label_rows import Declarations

LINE = "made-up"
ORIGIN = "penchant.example/made-up"
SAID = Declarations(
    one_person_one_id="One account for one person.",
    pretraining="Titles and genres, public.",
    side_channels="Traffic shows that a device takes part.",
    security="Keys are kept apart.",
    data_collected="one clipped vector a round; no event leaves the device.",
    retention="Contributions until their round commits.",
    approver="ann",
)


def declared(
    line: str = LINE, *, epsilon: float = 4.0, delta: float = 5e-4, releases: int = 2
) -> LineDeclared:
    return LineDeclared(
        line=line, epsilon_budget=epsilon, delta=delta, unit="enrolled_subject",
        neighboring_relation="add_or_remove_one", trust="central", declared_population=943, period_days=365,
        releases=releases,
    )  # fmt: skip


def opening(line: str = LINE, *, epsilon: float = 4.0) -> Iterator[Event]:
    """Yield what stands in a log before the first round."""
    yield declared(line, epsilon=epsilon)
    yield AccountantDeclared(
        line=line, accountant="opacus prv", version="1.6.0", check="dp-accounting pld", check_version="0.6.0",
        error=0.005,
    )  # fmt: skip
    yield NoticePublished(
        purpose="federated_contribution", language="en", edition=1, notice="ab" * 32, proposed_by="ann",
        approved_by="bob",
    )  # fmt: skip
    yield HazardRaised(hazard="lib-1", component="lib", version="1", reference="lib.example/1")
    yield HazardMitigated(hazard="lib-1", mitigation="rounded", test="tests/t.py::test_t", evidence="cd" * 32)
    yield NotCovered(line=line, activity="tuning", data="public_benchmark")


def one_round(number: int, *, line: str = LINE, noise: float = 3.0, rate: float = 1.0) -> Iterator[Event]:
    """Yield a round from its terms to its commit."""
    shared = {
        "line": line,
        "round": number,
        "clipping_norm": 1.0,
        "noise_multiplier": noise,
        "sampling_rate": rate,
    }
    denominator = rate * 943
    yield RoundTerms(
        mechanism="popularity", dimension=8, scale_bits=30, trust="central", denominator=denominator, **shared  # type: ignore[arg-type]
    )  # fmt: skip
    yield PrivacyEvent(mechanism="gaussian", denominator=denominator, **shared)  # type: ignore[arg-type]
    yield RoundCommitted(
        line=line, round=number, model_in="0" * 64, model_out="1" * 64, config_digest="2" * 64,
        code_digest="3" * 64, consent_commitment="4" * 64,
    )  # fmt: skip


def whole_log(rounds: int = 3) -> list[Event]:
    """Return a line's log up to its first release."""
    events = list(opening())
    for number in range(1, rounds + 1):
        events += one_round(number)
    return [*events, ConsentRootAnchored(number=1, commitment="5" * 64)]
