"""Rounds through Flower's own apps: the sum does not depend on shards, and who left is not in it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from flwr.app import Context, Message
from numpy.typing import NDArray

from client.app import make_client_app
from client.participation import AcceptedTerms, TermsRefused
from client.statistics import contribution_sum
from models.history import Histories, from_lists
from models.inputs import PopularityInput, to_parts
from privacy.events import RoundTerms
from privacy.keys import SigningKey
from privacy.ledger import Ledger
from server.app import Fleet, FleetError
from server.round_book import Contribution
from simulations.grid import InProcessGrid
from simulations.population import SimulatedShard, draw_departures, draw_granted

PEOPLE, ITEMS = 23, 40
KEY = SigningKey.generate()
ACCEPTED = AcceptedTerms(
    line="test",
    trust="central",
    declared_population=PEOPLE,
    clipping_norm=1.0,
    least_noise_multiplier=1.0,
    largest_dimension=1000,
    largest_epsilon=5.0,
    delta=1e-2,
    log_origin="log.example/test",
    log_key=KEY.public.base64,
)
QUESTION = PopularityInput(items=ITEMS)


def people() -> Histories:
    rng = np.random.default_rng(5)
    return from_lists([rng.permutation(ITEMS)[: rng.integers(0, 12)].tolist() for _ in range(PEOPLE)])


def terms(**changes: Any) -> RoundTerms:
    values: dict[str, Any] = {
        "line": "test", "round": 1, "mechanism": "popularity", "dimension": ITEMS, "clipping_norm": 1.0,
        "noise_multiplier": 2.0, "sampling_rate": 1.0, "denominator": float(PEOPLE), "scale_bits": 24,
        "trust": "central",
    }  # fmt: skip
    return RoundTerms(**{**values, **changes})


def fleet(shards: int, *, off: NDArray[np.bool_] | None = None, failures: list[str] | None = None) -> Fleet:
    switched_off = np.zeros(PEOPLE, bool) if off is None else off
    parts = [
        SimulatedShard(part, train=people(), switched_off=switched_off, accepted=ACCEPTED)
        for part in np.array_split(np.arange(PEOPLE, dtype=np.int64), shards)
    ]
    app = make_client_app(lambda context: parts[int(context.node_config["partition-id"])])
    heard = [] if failures is None else failures
    connected = Fleet(
        InProcessGrid(app, nodes=shards), timeout=9.0, on_failure=lambda node, reason: heard.append(reason)
    )
    connected.connect()
    return connected


def ask(of: Fleet, cohort: list[int], **changes: Any) -> Mapping[int, Contribution]:
    public, settings = to_parts(QUESTION)
    subjects = np.array(cohort, np.int64)
    versions = np.ones(len(cohort), np.int64)
    asked, ledger = terms(**changes), Ledger("log.example/test", KEY)
    proof = ledger.proof(ledger.append(asked))
    return of.contribute(
        asked, proof=proof, public=public, settings=settings, cohort=subjects, versions=versions
    )


def total(replies: Mapping[int, Contribution]) -> NDArray[np.int64]:
    return sum((reply.total for reply in replies.values()), np.zeros(ITEMS, np.int64))


@pytest.mark.parametrize("shards", [2, 7, PEOPLE])
def test_the_sum_is_bit_equal_for_any_sharding(shards: int) -> None:
    everyone = list(range(PEOPLE))
    assert np.array_equal(total(ask(fleet(shards), everyone)), total(ask(fleet(1), everyone)))


def test_only_the_cohort_is_in_the_sum() -> None:
    cohort = [2, 3, 5, 7, 11, 13]
    expected = contribution_sum(QUESTION, people().take(np.array(cohort)), clipping_norm=1.0, scale_bits=24)
    replies = ask(fleet(3), cohort)
    assert np.array_equal(total(replies), expected)
    assert sorted(np.concatenate([reply.subjects for reply in replies.values()]).tolist()) == cohort


def test_a_device_whose_own_switch_is_off_sends_nothing_even_if_asked() -> None:
    off = np.zeros(PEOPLE, bool)
    off[3] = True
    replies = ask(fleet(2, off=off), [2, 3, 5])
    assert sorted(np.concatenate([reply.subjects for reply in replies.values()]).tolist()) == [2, 5]
    assert np.array_equal(total(replies), total(ask(fleet(2), [2, 5])))


@pytest.mark.parametrize(
    "excess",
    [
        {"clipping_norm": 2.0},
        {"noise_multiplier": 0.5},
        {"trust": "secure_sum"},
        {"denominator": 5.0},
        {"line": "another"},
    ],
)
def test_devices_refuse_terms_beyond_their_notice_and_name_the_term(excess: dict[str, Any]) -> None:
    failures: list[str] = []
    assert ask(fleet(2, failures=failures), [0, 1, 20], **excess) == {}
    (name,) = excess
    assert failures
    assert all(TermsRefused.__name__ in reason and name in reason for reason in failures)


def test_a_node_answers_until_the_accepted_epsilon_is_reached_and_repeats_what_it_answered() -> None:
    failures: list[str] = []
    connected = fleet(1, failures=failures)
    answered = [bool(ask(connected, [0, 1], round=number, noise_multiplier=1.0)) for number in range(1, 9)]
    assert answered == sorted(answered, reverse=True)
    assert answered[0]
    assert not answered[-1]
    assert all(reason.startswith("CapReached") for reason in failures)
    assert ask(connected, [0, 1], round=1, noise_multiplier=1.0)


def test_a_failing_node_counts_as_zero_and_the_others_go_on() -> None:
    def broken(context: Context) -> SimulatedShard:
        part = int(context.node_config["partition-id"])
        subjects = np.array_split(np.arange(PEOPLE, dtype=np.int64), 2)[part]
        history = people() if part == 0 else from_lists([[ITEMS + 5]] * PEOPLE)
        return SimulatedShard(subjects, train=history, switched_off=np.zeros(PEOPLE, bool), accepted=ACCEPTED)

    heard: list[int] = []
    connected = Fleet(
        InProcessGrid(make_client_app(broken), nodes=2),
        timeout=9.0,
        on_failure=lambda node, reason: heard.append(node),
    )
    connected.connect()
    assert list(ask(connected, list(range(PEOPLE)))) == [1]
    assert heard == [2]


def test_two_nodes_that_claim_one_device_are_refused() -> None:
    part = SimulatedShard(
        np.arange(3, dtype=np.int64), train=people(), switched_off=np.zeros(PEOPLE, bool), accepted=ACCEPTED
    )
    twice = Fleet(
        InProcessGrid(make_client_app(lambda context: part), nodes=2), timeout=9.0, on_failure=print
    )
    with pytest.raises(FleetError):
        twice.connect()


def test_the_world_goes_on_while_updates_are_in_flight() -> None:
    seen: list[str] = []

    def delivered(message: Message) -> None:
        seen.append(message.metadata.message_type)

    part = SimulatedShard(
        np.arange(3, dtype=np.int64), train=people(), switched_off=np.zeros(PEOPLE, bool), accepted=ACCEPTED
    )
    grid = InProcessGrid(make_client_app(lambda context: part), nodes=1, on_delivery=delivered)
    connected = Fleet(grid, timeout=9.0, on_failure=print)
    connected.connect()
    ask(connected, [0, 1])
    assert seen == ["query.shard", "train.contribute"]


def test_departures_are_the_stated_share_and_none_precedes_the_first_round() -> None:
    granted = draw_granted(1000, share=0.8, seed=1)
    assert granted.sum() == 800
    leaving = draw_departures(granted, share=0.1, rounds=3, seed=1)
    everyone = np.concatenate([*leaving.before.values(), *leaving.in_flight.values()])
    assert len(everyone) == len(np.unique(everyone)) == 80
    assert granted[everyone].all()
    assert 1 not in leaving.before
    assert leaving.in_flight[1].size > 0
