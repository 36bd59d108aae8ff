"""Write the conformance suite: `python -m tests.vectors.regenerate` from the repository's root."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from client.device.contracts import StoredEvent, judge
from client.device.ranking import Ranker
from client.device.reference import Reference
from client.device.runtime import Executor
from models.export import export_release
from tests.rankers import ranker
from tests.vectors.cases import ERRORS, EXPLAINING, FORGETTING, GRAPH, RELEASES, RULES, SLATES
from tests.vectors.contract_cases import CONTRACTS, GOOD, NOW, RETENTION
from tests.vectors.wire import item_to, person_of, plain, profile_to, request_of, slate_to

HERE = Path(__file__).parent
Open = Callable[[bytes], Executor]


def files() -> dict[str, str]:
    """Return every file of the suite by name."""
    releases = {}
    for name, (params, catalogue) in RELEASES.items():
        exported = export_release(params, catalogue)
        model = base64.b64encode(exported.model).decode()
        releases[name] = {"model": model, "catalogue": exported.catalogue.decode()}
    rankers = open_rankers(Reference)
    answers: dict[str, Any] = {
        "releases": releases,
        "graph": [graph_case(case, Reference) for case in GRAPH],
        "slates": [slate_case(case, rankers) for case in SLATES],
        "forgetting": [forgetting_case(case, rankers) for case in FORGETTING],
        "explaining": [explaining_case(case, rankers) for case in EXPLAINING],
        "rules": [{**case, "code": "rules_refused"} for case in RULES],
        "errors": ERRORS,
        "contracts": [contract_case(*case) for case in CONTRACTS],
    }
    return {f"{name}.json": _text(answer) for name, answer in answers.items()}


def open_rankers(executor: Open) -> dict[str, Ranker]:
    """Load every release with one executor."""
    return {
        name: ranker(catalogue, params, executor=executor) for name, (params, catalogue) in RELEASES.items()
    }


def graph_case(case: dict[str, Any], executor: Open) -> dict[str, Any]:
    """Answer a case of the bare graph, on the full release; ages count evidence."""
    params, catalogue = RELEASES["full"]
    magnitudes = np.abs(np.array(case["kinds"], np.float64))
    ages = [float(magnitudes[at + 1 :].sum()) for at in range(len(magnitudes))]
    ranked = executor(export_release(params, catalogue).model).rank(
        case["history"],
        ages=ages,
        kinds=case["kinds"],
        deltas={int(at): by for at, by in case["deltas"].items()},
        seen=case["seen"],
        k=case["k"],
    )
    parts = ("items", "scores", "events", "bias", "local")
    return {**case, "ages": ages, **{name: plain(getattr(ranked, name).tolist()) for name in parts}}


def slate_case(case: dict[str, Any], rankers: dict[str, Ranker]) -> dict[str, Any]:
    """Answer a case of a slate."""
    one = rankers[case.get("release", "full")]
    slate = one.rank(person_of(case["person"]), request_of(case["request"]))
    return {"release": "full", **case, "slate": slate_to(slate)}


def forgetting_case(case: dict[str, Any], rankers: dict[str, Ranker]) -> dict[str, Any]:
    """Answer a case of forgetting by somebody to whom it never happened."""
    person = dict(case["person"])
    if "item" in (forget := case["forget"]):
        gone = forget["item"]
        person["events"] = [event for event in person["events"] if event["item"] != gone]
        person["tuned"] = {item: by for item, by in person["tuned"].items() if item != gone}
        person["hidden"] = [item for item in person["hidden"] if item != gone]
    else:
        person["events"] = [event for event in person["events"] if event["time"] < forget["since"]]
    slate = rankers["full"].rank(person_of(person), request_of(case["request"]))
    return {"release": "full", **case, "slate": slate_to(slate)}


def explaining_case(case: dict[str, Any], rankers: dict[str, Ranker]) -> dict[str, Any]:
    """Explain an item, or the person where none is named."""
    one, person = rankers["full"], person_of(case["person"])
    profiling = bool(case.get("profiling", True))
    if "item" in case:
        return {"release": "full", **case, "explanation": item_to(one.explain(person, case["item"]))}
    return {"release": "full", **case, "profile": profile_to(one.profile(person, profiling=profiling))}


def contract_case(name: str, change: dict[str, object], code: str) -> dict[str, Any]:
    """State a case of the event contract with what is kept of it, in its canonical form."""
    event = {**GOOD, **change}
    found = judge(event, now=NOW, retention=RETENTION)
    kept = found.to_wire() if isinstance(found, StoredEvent) else None
    return {"name": name, "event": event, "now": NOW, "retention": RETENTION, "code": code, "kept": kept}


def _text(answer: Any) -> str:
    return json.dumps(answer, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def main() -> None:
    """Write the files beside this script."""
    for name, text in files().items():
        (HERE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
