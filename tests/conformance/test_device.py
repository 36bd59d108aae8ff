"""The device against its own published suite: the numpy reference and the ONNX runtime, case by case."""

import base64
import json
from typing import Any, get_args

import pytest

from client.device.contracts import KINDS, LATE, Code, StoredEvent, judge
from client.device.guard import read_model
from client.device.ranking import Ranker
from client.device.reference import Reference
from client.device.rules import RulesRefused, read_rules
from client.device.runtime import Executor, Runtime
from client.errors import ClientError
from models.catalogue_file import decode_catalogue
from models.errors import ModelError
from models.signals import DEFAULT
from tests.rankers import opened
from tests.vectors.regenerate import HERE, files, graph_case
from tests.vectors.wire import differs, item_to, person_of, profile_to, request_of, slate_to

EXECUTORS: dict[str, type[Executor]] = {"onnxruntime": Runtime, "numpy": Reference}


def suite(name: str) -> Any:
    return json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))


RELEASES = suite("releases")


def load(name: str, executor: type[Executor]) -> Ranker:
    release = RELEASES[name]
    return opened(
        base64.b64decode(release["model"]), decode_catalogue(release["catalogue"].encode()), executor=executor
    )


@pytest.fixture(scope="module", params=sorted(EXECUTORS))
def rankers(request: pytest.FixtureRequest) -> dict[str, Ranker]:
    return {name: load(name, EXECUTORS[request.param]) for name in RELEASES}


def named(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", suite(name), ids=lambda case: case.get("name", case.get("where")))


def test_the_script_writes_the_suite_as_it_is() -> None:
    for name, text in files().items():
        assert (HERE / name).read_text(encoding="utf-8") == text, (
            f"{name}: run python -m tests.vectors.regenerate"
        )


@pytest.mark.parametrize("executor", sorted(EXECUTORS))
@named("graph")
def test_graph(case: dict[str, Any], executor: str) -> None:
    asked = {key: case[key] for key in ("name", "history", "kinds", "deltas", "seen", "k")}
    assert differs(graph_case(asked, EXECUTORS[executor]), case) == ""


@named("slates")
def test_slates(case: dict[str, Any], rankers: dict[str, Ranker]) -> None:
    slate = rankers[case["release"]].rank(person_of(case["person"]), request_of(case["request"]))
    assert differs(slate_to(slate), case["slate"]) == ""


@named("forgetting")
def test_forgetting(case: dict[str, Any], rankers: dict[str, Ranker]) -> None:
    forget, person = case["forget"], case["person"]
    gone = forget.get("item")
    left = {
        "events": [
            event
            for event in person["events"]
            if event["item"] != gone and event["time"] < forget.get("since", 1 << 40)
        ],
        "tuned": {item: by for item, by in person["tuned"].items() if item != gone},
        "hidden": [item for item in person["hidden"] if item != gone],
    }
    one = rankers[case["release"]]
    one.rank(person_of(person), request_of(case["request"]))
    slate = one.rank(person_of({**person, **left}), request_of(case["request"]))
    assert differs(slate_to(slate), case["slate"]) == ""


@named("explaining")
def test_explaining(case: dict[str, Any], rankers: dict[str, Ranker]) -> None:
    one, person = rankers[case["release"]], person_of(case["person"])
    if "item" in case:
        assert differs(item_to(one.explain(person, case["item"])), case["explanation"]) == ""
    else:
        profile = one.profile(person, profiling=case.get("profiling", True))
        assert differs(profile_to(profile), case["profile"]) == ""


@named("rules")
def test_rules(case: dict[str, Any]) -> None:
    with pytest.raises(RulesRefused) as refused:
        read_rules(case["rules"])
    assert refused.value.code == case["code"]
    assert case["where"] in str(refused.value)


@named("errors")
def test_errors(case: dict[str, Any], rankers: dict[str, Ranker]) -> None:
    assert code_of(case, rankers["full"]) == case["code"]


def code_of(case: dict[str, Any], one: Ranker) -> str:
    try:
        if "model" in case:
            read_model(base64.b64decode(case["model"]))
        elif "catalogue" in case:
            decode_catalogue(case["catalogue"].encode())
        else:
            one.rank(person_of(case.get("person", {})), request_of(case.get("request", {})))
    except (ClientError, ModelError) as refused:
        return refused.code
    return "accepted"


@named("contracts")
def test_contracts(case: dict[str, Any]) -> None:
    found = judge(case["event"], now=case["now"], retention=case["retention"])
    if isinstance(found, StoredEvent):
        late = found.time < case["now"] - LATE
        assert (case["code"], case["kept"]) == ("stored_late" if late else "stored", found.to_wire())
    else:
        assert (case["code"], case["kept"]) == (found, None)


def test_the_suite_holds_every_verdict_that_an_event_alone_decides() -> None:
    by_the_store = {"duplicate", "no_consent", "paused"}
    assert {case["code"] for case in suite("contracts")} == set(get_args(Code)) - by_the_store


def test_every_kind_of_the_contract_has_a_weight_and_no_other() -> None:
    assert set(DEFAULT.kinds) == set(KINDS)


def test_the_comparison_sees_a_changed_score_reason_or_order() -> None:
    case = next(case for case in suite("slates") if case["slate"]["personalized"])
    wanted = case["slate"]
    for change in (
        {"items": wanted["items"][::-1]},
        {"items": wanted["items"][:-1]},
        {"confidence": wanted["confidence"] + 1e-5},
        {"items": [{**wanted["items"][0], "reasons": []}, *wanted["items"][1:]]},
        {"personalized": False},
    ):
        assert differs({**wanted, **change}, wanted)
