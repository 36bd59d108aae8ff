"""One scenario from data to report: load, train, export, open as a device would, evaluate."""

import math
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

from models.export import export_release
from models.parameters import GlobalParameters
from privacy.terms import largest_delta
from simulations.backends import Backend, InMemory
from simulations.comparison import BASELINES, Comparison, compare, scorer_of
from simulations.line import ReleaseLine
from simulations.loading import load_dataset
from simulations.metrics import evaluate
from simulations.outputs import claim, encode, write, write_ledger, write_release
from simulations.publishing import declarations, publish
from simulations.report import render
from simulations.reporting import report_data
from simulations.runtimes import InProcess, Runtime
from simulations.samples import Sample, sample_slates
from simulations.scenario import Scenario, ScenarioError
from simulations.sources import default_cache
from simulations.split import Split, leave_two_out
from simulations.text import describe
from simulations.training import train

Progress = Callable[[str, float], None]
"""Hears what begins now and how much of the whole is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run found; everything is in its folder too, but for the ranks behind the test figures."""

    result: dict[str, Any]
    samples: tuple[Sample, ...]
    comparison: Comparison


def run(
    scenario: Scenario,
    *,
    data: Path | None,
    out: Path,
    progress: Progress,
    runtime: Runtime | None = None,
    backend: Backend | None = None,
    beside: Collection[str] = BASELINES,
) -> Outcome:
    """Carry a scenario through and write its folder.

    Args:
        scenario: every knob.
        data: where the data set is, or None to find it.
        out: the run's folder; existing files of the same names are replaced.
        progress: hears each stage.
        runtime: where the nodes run, by default in this process.
        backend: where log, rounds and consent are, by default in memory.
        beside: which baselines to hold the model against; the report needs private popularity.

    Raises:
        DatasetError, ScenarioError, BudgetExceeded, OutputRefused: the input must be mended; nothing
            half-written remains.
    """
    claim(out)
    timing: dict[str, float] = {}

    @contextmanager
    def timed(stage: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        timing[stage] = time.perf_counter() - began

    progress(f"loading {scenario.dataset.name}", 0.02)
    with timed("load_s"):
        dataset = load_dataset(scenario.dataset, data=data, cache=default_cache())
        split = leave_two_out(dataset, seed=scenario.seed)
    check_population(scenario, split)
    judged = split.sample(items=len(dataset.catalogue), seed=scenario.seed)

    curve: list[tuple[str, float, float]] = []

    def observe(label: str, parameters: GlobalParameters) -> None:
        found = evaluate(scorer_of(parameters), judged, "validation").table()
        curve.append((label, found["full"]["ndcg@10"], found["sampled99"]["ndcg@10"]))
        progress(f"training: {label} committed", 0.1 + 0.4 * len(curve) / (len(curve) + 1))

    with timed("features_s"):
        features = describe(
            dataset.catalogue,
            model=scenario.features.text,
            cache=default_cache(),
            hear=lambda share: progress(f"reading the items' texts: {share:.0%}", 0.04),
        ).table
    progress("planning the noise", 0.06)
    line = ReleaseLine(scenario, backend=backend or InMemory())
    trained = train(
        scenario,
        train=split.train,
        timed=dataset.timed,
        features=features,
        line=line,
        observe=observe,
        runtime=runtime or InProcess(),
    )
    timing["train_s"] = trained.seconds
    timing["device_updates_per_s"] = trained.updates_per_second

    progress("exporting, labelling and signing the release", 0.55)
    with timed("export_s"):
        exported = export_release(trained.parameters, dataset.catalogue)
        public = dataset.catalogue_source == "public"
        publication = publish(line, exported, declarations(line, public_catalogue=public))
        folder = write_release(out, publication)
        write_ledger(out, line)
    samples = sample_slates(scenario, dataset, split, folder=folder, trust=publication.trust)

    with timed("evaluate_s"):
        comparison = compare(
            trained.parameters,
            split,
            judged=judged,
            features=features,
            privacy=scenario.privacy,
            beside=beside,
            hear=lambda name: progress(f"evaluating: {' '.join(name.split('_'))}", 0.6),
        )

    mean, half = comparison.ndcg_change
    result = {
        "scenario": scenario.name,
        "config_digest": scenario.digest(),
        "seed": scenario.seed,
        "dataset": {
            "name": dataset.name,
            "people": dataset.people,
            "items": len(dataset.catalogue),
            "interactions": len(dataset.item),
            "catalogue": dataset.catalogue_source,
        },
        "reading": {
            **dataset.summary(),
            "people_left_out": dataset.people - split.people,
            "people_judged": judged.people,
        },
        "privacy": line.privacy_result(),
        "plan": dict(trained.planned),
        "test": comparison.released.table(),
        "baselines": {name: found.table() for name, found in comparison.baselines.items()},
        "consent": dict(trained.fleet.result()),
        "release": {
            "model": f"{publication.folder}/model.onnx",
            "manifest": f"{publication.folder}/manifest.json",
            "label": f"{publication.folder}/label.html",
            "may_go_out": publication.label.may_go_out,
            "because": list(publication.label.because),
            "bytes": exported.size,
            "ndcg_change": {"mean": mean, "ci95": half},
        },
        "timing": timing,
    }
    progress("writing the report", 0.97)
    page = report_data(
        result,
        curve=curve,
        comparison=comparison,
        fleet=trained.fleet,
        line=line,
        samples=samples,
        commands=next_commands(out, scenario, data),
    )
    write(out / "report.html", render(page).encode())
    write(out / "result.json", encode(result))
    progress("done", 1.0)
    return Outcome(result, samples, comparison)


def next_commands(out: Path, scenario: Scenario, data: Path | None) -> tuple[tuple[str, str], ...]:
    """Return commands worth trying after a run on the same data, each with what it shows."""
    program, on = command_name(), _same_data(scenario, data)
    audit, bundle = program.replace("penchant-sim", "penchant-audit"), out / "audit.bundle"
    scenarios = f"{program} run simulations/scenarios"
    return (
        (f"{scenarios}/movielens.toml{on} --set privacy.epsilon=1 --out runs/epsilon-1", "a tighter promise"),
        (
            f"{scenarios}/movielens.toml{on} --set privacy.epsilon=inf --out runs/open",
            "no privacy, and stamped so",
        ),
        (f"{scenarios}/movielens-fedavg.toml{on} --out runs/fedavg", "the same model by gradient rounds"),
        (f"{audit} label {out}", "the privacy label: may it go out, and what to tell a person who asks"),
        (f"{audit} report {out} -o {out}/evidence", "the compliance officer's evidence pack"),
        (
            f"{audit} bundle {out} -o {bundle} && {audit} verify {bundle}",
            "every root, signature, approval, epsilon and label figure, checked by other code than wrote them",
        ),
    )


def _same_data(scenario: Scenario, data: Path | None) -> str:
    """Return the options that name this run's data again; none for the data set every scenario names."""
    if data is None:
        return ""
    said: dict[str, str | int] = {
        "dataset.name": scenario.dataset.name,
        "population.declared": scenario.population.declared,
        "privacy.delta": f"{scenario.privacy.delta:g}",
    }
    said |= {
        f"dataset.columns.{role}": name for role, name in scenario.dataset.columns.asked().items() if name
    }
    if not scenario.dataset.header:
        said["dataset.header"] = "false"
    return f" --data {quote(str(data))}" + "".join(
        f" --set {quote(f'{key}={value}')}" for key, value in said.items()
    )


def command_name() -> str:
    """Name the command as its caller typed it, so that what we print can be pasted."""
    typed = Path(sys.argv[0])
    return str(typed) if typed.name == "penchant-sim" and not typed.is_absolute() else "penchant-sim"


def check_population(scenario: Scenario, split: Split) -> None:
    """Refuse a population larger than declared: delta and the denominator would promise too much."""
    if split.people > scenario.population.declared:
        delta = math.floor(largest_delta(split.people) * 1e9) / 1e9
        raise ScenarioError(
            f"population.declared is {scenario.population.declared}, the data holds {split.people} people; "
            "declare at least as many, delta and the denominator rest on it: "
            f"--set population.declared={split.people} --set privacy.delta={delta:g}"
        )
