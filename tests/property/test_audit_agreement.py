"""Two programs that share nothing give every line of any log the same figures."""

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.acts import (
    AuditMeasured,
    CapChanged,
    ConsentRootAnchored,
    HazardRaised,
    MetricReleased,
    NotCovered,
    PeriodStarted,
    TuningAccounted,
)
from privacy.audit.figures import against, check_figures, figures
from privacy.audit.grammar import read_entry
from privacy.audit.rules import end, hear
from privacy.audit.state import Log
from privacy.audit.words import check_rows
from privacy.events import Event, NotPrivate, ReleasePublished, encode_event
from privacy.label import _row
from privacy.label_figures import figures_of, objections
from privacy.label_rows import rows
from privacy.standing import standing
from tests.log_made import LINE, ORIGIN, SAID, declared, one_round, opening

OTHER = "another-line"
PEOPLE = {"proposed_by": "ann", "approved_by": "bob"}
noises = st.sampled_from([4.0, 20.0])
rates = st.sampled_from([0.1, 1.0])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("round"), noises, rates),
        st.tuples(st.just("other"), noises, rates),
        st.tuples(st.just("metric"), noises, rates),
        st.tuples(st.just("tuning"), noises, rates),
        st.sampled_from(
            ["period", "release", "cap", "anchor", "hazard", "audit", "stamp", "private_data"]
        ).map(lambda name: (name, 0.0, 0.0)),
    ),
    max_size=9,
)


def life(some: list[tuple[str, float, float]]) -> Iterator[Event]:
    """Yield a log in which these things happen, one after the other."""
    yield from opening(epsilon=100.0)
    yield declared(OTHER, epsilon=100.0)
    counts: dict[str, int] = {"period": 1}
    for name, noise, rate in some:
        number = counts[name] = counts.get(name, 0) + 1
        spend = {
            "mechanism": "gaussian",
            "clipping_norm": 0.5,
            "noise_multiplier": noise,
            "sampling_rate": rate,
        }
        if name in ("round", "other"):
            yield from one_round(number, line=LINE if name == "round" else OTHER, noise=noise, rate=rate)
        elif name == "metric":
            yield MetricReleased(line=LINE, metric="hit rate", number=number, **spend)  # type: ignore[arg-type]
        elif name == "tuning":
            yield TuningAccounted(line=LINE, number=number, looks=3, **spend)  # type: ignore[arg-type]
        elif name == "period":
            yield PeriodStarted(line=LINE, period=number, starts=number * 365 * 86_400)
        elif name == "release":
            yield ReleasePublished(line=LINE, sequence=number, manifest=f"{number:064x}")
        elif name == "cap":
            yield CapChanged(line=LINE, scope="period", epsilon=100.0 / number, **PEOPLE)
        elif name == "anchor":
            yield ConsentRootAnchored(number=number, commitment="5" * 64)
        elif name == "hazard":
            yield HazardRaised(hazard=f"h{number}", component="c", version="1", reference="r")
        elif name == "audit":
            yield AuditMeasured(
                line=LINE, method="m", epsilon_lower=number / 2, delta=5e-4, confidence=0.9, evidence="6" * 64
            )
        elif name == "stamp":
            yield NotPrivate(line=LINE, reason="seeded_randomness")
        else:
            yield NotCovered(line=LINE, activity="evaluation", data="private_data")


@settings(max_examples=8)
@given(steps)
def test_figures_rows_and_objections_of_any_log_are_the_same_twice(
    some: list[tuple[str, float, float]],
) -> None:
    events = list(life(some))
    log = Log(ORIGIN, {"log": [(0, b"l" * 32)], "release": [(0, b"r" * 32)]})
    for at, event in enumerate(events):
        hear(log, read_entry(at, encode_event(event)))
    end(log)
    for line in (LINE, OTHER):
        theirs, ours = standing(events, line), log.lines[line].tally
        stated = figures_of(theirs, events, issued=1, expires=2)
        found = figures(ours, log.whole, issued=1, expires=2)
        check_figures(stated, found, line)
        labelled = rows(theirs, SAID)
        unknown = check_rows([_row(row) for row in labelled], ours, log.whole, line)
        because = [f"required row {row} is unknown" for row in unknown]
        assert because + against(ours, found) == objections(theirs, stated, labelled)
