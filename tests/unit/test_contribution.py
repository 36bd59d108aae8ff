"""What leaves a device for a round: shown before it leaves, priced, and refused where it must be."""

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import client.participation
from client.contribution import Call, Contribution, contribute
from client.participation import AcceptedTerms, CapReached, TermsNotLogged, TermsRefused
from models.ballot import ballot, ways
from models.history import Histories, from_lists
from models.inputs import ContextInput, MomentsInput, Nearness, PopularityInput, Question, to_parts
from models.objective import GradientInput
from models.popularity import Popularity
from models.streams import stream
from privacy.accountant import spent
from privacy.clipping import norm_limit, squared_norm
from privacy.events import NotPrivate, PrivacyEvent, RoundTerms, encode_event
from privacy.keys import SigningKey
from privacy.ledger import Ledger
from tests.made import parameters

ITEMS, PEOPLE, DELTA = 30, 40, 1e-3
KEY, ORIGIN = SigningKey.generate(), "log.example/test"
NEAR = Nearness(window=4, tau=2.0, share=0.6)


def table(columns: int) -> NDArray[np.float32]:
    return stream(1, "table", columns).normal(size=(ITEMS, columns)).astype(np.float32)


QUESTIONS: dict[str, Question] = {
    "popularity": PopularityInput(items=ITEMS),
    "moments": MomentsInput(projection=table(6), near=NEAR),
    "context": ContextInput(tastes=table(3), scale=np.ones(ITEMS, np.float32), near=NEAR),
    "ballot": ballot(
        parameters(ITEMS, taste=3, content=4), Popularity(np.linspace(0.9, 0.1, ITEMS), std=0.1, people=PEOPLE),
        ways(content=True, tastes=True, timed=True), stream(1, "rivals"), spared=3,
    ),
    "gradient": GradientInput(
        taste_in=table(4), taste_out=table(4), bias=np.zeros(ITEMS, np.float32), alpha=0.1, tau=3.0, folds=4,
        local_steps=2, local_learning_rate=0.1, round=1,
    ),
}  # fmt: skip
ACCEPTED = AcceptedTerms(
    line="test",
    trust="central",
    declared_population=100,
    clipping_norm=1.0,
    least_noise_multiplier=0.5,
    largest_dimension=1000,
    largest_epsilon=8.0,
    delta=DELTA,
    log_origin=ORIGIN,
    log_key=KEY.public.base64,
)


def terms(mechanism: str = "popularity", **changes: Any) -> RoundTerms:
    values: dict[str, Any] = {
        "line": "test", "round": 1, "mechanism": mechanism,
        "dimension": int(np.prod(QUESTIONS[mechanism].shape)), "clipping_norm": 1.0, "noise_multiplier": 1.0,
        "sampling_rate": 1.0, "denominator": 100.0, "scale_bits": 36, "trust": "central",
    }  # fmt: skip
    return RoundTerms(**{**values, **changes})


def call(asked: RoundTerms, *, key: SigningKey = KEY, origin: str = ORIGIN) -> Call:
    public, settings = to_parts(QUESTIONS[asked.mechanism])
    ledger = Ledger(origin, key)
    proof = ledger.proof(ledger.append(asked))
    return Call(terms=encode_event(asked), proof=proof, public=public, settings=settings)


def people() -> Histories:
    rng = stream(2, "people")
    return from_lists([rng.permutation(ITEMS)[: rng.integers(0, 14)].tolist() for _ in range(PEOPLE)])


def sent(asked: Call, crowd: list[int], *, earlier: list[RoundTerms] | None = None) -> Contribution:
    chosen = np.array(crowd, np.int64)
    return contribute(
        asked, accepted=ACCEPTED, earlier=earlier or [], histories=people().take(chosen), subjects=chosen
    )


@pytest.mark.parametrize("mechanism", sorted(QUESTIONS))
def test_a_shards_sum_is_the_sum_of_its_devices_bytes(mechanism: str) -> None:
    asked = call(terms(mechanism))
    single = [np.frombuffer(sent(asked, [person]).payload, "<i8") for person in range(PEOPLE)]
    assert np.array_equal(sent(asked, list(range(PEOPLE))).total, np.sum(single, axis=0))
    assert np.any(single)


@pytest.mark.parametrize("mechanism", sorted(QUESTIONS))
def test_what_leaves_is_as_long_as_the_terms_say_and_never_louder(mechanism: str) -> None:
    asked = terms(mechanism)
    for person in range(8):
        one = sent(call(asked), [person])
        assert len(one.payload) == 8 * asked.dimension
        assert squared_norm(one.total) <= norm_limit(asked.clipping_norm, asked.scale_bits)


def test_the_same_terms_input_and_events_give_the_same_bytes() -> None:
    asked = call(terms("gradient"))
    assert sent(asked, [3]).payload == sent(asked, [3]).payload


def test_the_cost_is_what_the_accountant_says_and_adds_up() -> None:
    first, second = terms(), terms(round=2, noise_multiplier=2.0)
    cost = sent(call(second), [1], earlier=[first, second, replace(first, line="other")]).cost

    def event(asked: RoundTerms) -> PrivacyEvent:
        return PrivacyEvent(
            line=asked.line, round=asked.round, mechanism="gaussian", clipping_norm=1.0,
            noise_multiplier=asked.noise_multiplier, sampling_rate=1.0, denominator=100.0,
        )  # fmt: skip

    assert cost.alone.epsilon == pytest.approx(spent([event(second)], DELTA).epsilon, abs=0.02)
    assert cost.together.epsilon == pytest.approx(
        spent([event(first), event(second)], DELTA).epsilon, abs=0.02
    )
    assert cost.left == ACCEPTED.largest_epsilon - cost.together.epsilon
    assert "trust = central" in cost.statement()
    assert f"{cost.left:.2f} left" in cost.statement()


def test_a_round_without_noise_says_so_and_needs_that_accepted() -> None:
    loud = terms(noise_multiplier=0.0)
    with pytest.raises(TermsRefused, match="noise_multiplier"):
        sent(call(loud), [1])
    bare = replace(ACCEPTED, least_noise_multiplier=0.0, largest_epsilon=float("inf"))
    one = contribute(
        call(loud), accepted=bare, earlier=[], histories=people().take(np.array([1])), subjects=np.array([1])
    )
    assert one.cost.statement().startswith("NOT PRIVATE")


@pytest.mark.parametrize(
    "excess",
    [
        {"line": "another"},
        {"trust": "secure_sum"},
        {"clipping_norm": 1.5},
        {"noise_multiplier": 0.25},
        {"denominator": 50.0},
        {"dimension": 1001},
    ],
)
def test_terms_beyond_what_was_accepted_are_refused_by_name(excess: dict[str, Any]) -> None:
    (name,) = excess
    with pytest.raises(TermsRefused, match=name):
        sent(call(terms(**excess)), [1])


def test_a_line_whose_cap_is_reached_gets_nothing_more() -> None:
    rounds = [terms(round=number) for number in range(1, 20)]
    with pytest.raises(CapReached, match="nothing was sent"):
        sent(call(terms(round=20)), [1], earlier=rounds)
    assert sent(call(terms(round=20)), [1], earlier=[replace(each, line="other") for each in rounds])


def refused(asked: Call) -> bool:
    try:
        sent(asked, [1])
    except TermsNotLogged:
        return True
    return False


def test_terms_that_nobody_else_can_see_are_refused() -> None:
    honest = call(terms())
    other = call(terms(round=2))
    assert not refused(honest)
    assert refused(replace(honest, terms=other.terms))
    assert refused(replace(honest, proof=b""))
    assert refused(replace(honest, terms=b"{}"))
    assert refused(call(terms(), key=SigningKey.generate()))
    assert refused(call(terms(), origin="log.example/other"))
    ledger = Ledger(ORIGIN, KEY)
    stamp = NotPrivate(line="test", reason="no_noise")
    proof = ledger.proof(ledger.append(stamp))
    assert refused(replace(honest, terms=encode_event(stamp), proof=proof))


def test_a_device_that_believes_any_proof_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    forged = call(terms(), key=SigningKey.generate())
    assert refused(forged)
    monkeypatch.setattr(client.participation, "follow_log_proof", lambda *_, **__: None)
    assert not refused(forged)


def test_what_was_accepted_reads_back_from_plain_json() -> None:
    assert AcceptedTerms(**asdict(ACCEPTED)) == ACCEPTED


def test_an_unusable_log_key_refuses_everything() -> None:
    with pytest.raises(TermsNotLogged):
        replace(ACCEPTED, log_key="no key").open(encode_event(terms()), b"")
