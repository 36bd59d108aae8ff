"""Gradient rounds: device updates a second, ours through Flower's messages beside textbook DP-FedAvg in torch."""

import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from client.app import make_client_app
from client.participation import AcceptedTerms
from models.history import Histories
from models.inputs import to_parts
from models.objective import GradientInput, tasks
from models.streams import stream
from privacy.events import RoundTerms
from privacy.keys import SigningKey
from privacy.ledger import Ledger
from privacy.noise import system_bits
from server.aggregation import Aggregator
from server.app import Fleet
from simulations.benchmarks.rows import Row, write_rows
from simulations.grid import InProcessGrid
from simulations.population import SimulatedShard

PEOPLE, ITEMS, EVENTS, DIMENSIONS = 900, 1682, 100, 32
SEEDS, ROUNDS, PEER_ROUNDS, PEER_PEOPLE = (1, 2, 3), 15, 3, 60
NORM, NOISE = 1.0, 1.0


def population(seed: int) -> Histories:
    """Return 900 people with 100 events each over 1,682 items, popular ones more often."""
    rng = stream(seed, "benchmark")
    chance = 1 / np.arange(10, ITEMS + 10)
    chance /= chance.sum()
    rows = [rng.choice(ITEMS, EVENTS, replace=False, p=chance) for _ in range(PEOPLE)]
    return Histories(np.arange(PEOPLE + 1, dtype=np.int64) * EVENTS, np.concatenate(rows).astype(np.int32))


def question(tables: "np.typing.NDArray[np.float32]", number: int) -> GradientInput:
    """Ask one single-step gradient round."""
    return GradientInput(
        taste_in=tables[0],
        taste_out=tables[1],
        bias=np.zeros(ITEMS, np.float32),
        alpha=0.05,
        tau=5.0,
        folds=8,
        local_steps=1,
        local_learning_rate=0.0,
        round=number,
    )


def ours(histories: Histories, tables: "np.typing.NDArray[np.float32]") -> list[float]:
    """Time whole rounds: message, clipped integer sums on two nodes, reply, noise, server step."""
    ledger = Ledger("bench.example/log", key := SigningKey.generate())
    accepted = AcceptedTerms(
        line="bench",
        trust="central",
        declared_population=PEOPLE,
        clipping_norm=NORM,
        least_noise_multiplier=NOISE,
        largest_dimension=1 << 20,
        largest_epsilon=math.inf,
        delta=1e-6,
        log_origin="bench.example/log",
        log_key=key.public.base64,
    )
    everyone, off = np.arange(PEOPLE, dtype=np.int64), np.zeros(PEOPLE, np.bool_)
    shards = [
        SimulatedShard(part, train=histories, switched_off=off, accepted=accepted)
        for part in np.array_split(everyone, 2)
    ]
    app = make_client_app(lambda context: shards[int(context.node_config["partition-id"])])
    fleet = Fleet(InProcessGrid(app, nodes=2, threads=2), timeout=60.0, on_failure=_fail)
    fleet.connect()
    aggregator = Aggregator(tables.ravel(), inner=_sgd, bits=system_bits)
    times = []
    for number in range(ROUNDS):
        began = time.perf_counter()
        public, settings = to_parts(question(aggregator.value.reshape(tables.shape), number))
        terms = RoundTerms(
            line="bench",
            round=number + 1,
            mechanism="gradient",
            dimension=tables.size,
            clipping_norm=NORM,
            noise_multiplier=NOISE,
            sampling_rate=1.0,
            denominator=float(PEOPLE),
            scale_bits=40,
            trust="central",
        )
        replies = fleet.contribute(
            terms,
            proof=ledger.proof(ledger.append(terms)),
            public=public,
            settings=settings,
            cohort=everyone,
            versions=np.ones(PEOPLE, np.int64),
        )
        total = np.sum([reply.total for reply in replies.values()], axis=0)
        aggregator.step(total, count=PEOPLE, terms=terms)
        times.append((time.perf_counter() - began) / PEOPLE)
    return times


def textbook(histories: Histories, tables: "np.typing.NDArray[np.float32]") -> list[float]:
    """Time textbook DP-FedAvg: per device a copy of the tables, autograd, clip, add; then noise and step."""
    parameters = torch.nn.Parameter(torch.from_numpy(tables.copy()))
    optimizer = _sgd([parameters])
    some = histories.take(np.arange(PEER_PEOPLE, dtype=np.int64))
    bounds = some.indptr
    times = []
    for number in range(PEER_ROUNDS):
        began = time.perf_counter()
        (task,) = tasks(question(tables, number), some, np.arange(PEER_PEOPLE, dtype=np.int64))
        total = torch.zeros_like(parameters)
        for person in range(PEER_PEOPLE):
            rows = slice(bounds[person], bounds[person + 1])
            items = torch.from_numpy(some.item[rows].astype(np.int64))
            context = torch.from_numpy(task.context[rows].astype(np.float32))
            target = torch.from_numpy(task.target[rows].astype(np.float32))
            local = parameters.detach().clone().requires_grad_(True)
            scores = local[1] @ (context @ local[0][items])
            scores = scores.index_fill(0, items[context > 0], -torch.inf)
            loss = -(torch.log_softmax(scores, 0)[items][target > 0] * target[target > 0]).sum()
            (gradient,) = torch.autograd.grad(loss, local)
            total -= gradient * (NORM / gradient.norm()).clamp(max=1.0)
        noisy = total + torch.randn_like(total) * NOISE * NORM
        parameters.grad = -noisy / PEOPLE
        optimizer.step()
        times.append((time.perf_counter() - began) / PEER_PEOPLE)
    return times


def main(out: Path) -> None:
    """Measure both sides in turn for each seed, print the ratio, keep the rows."""
    torch.set_num_threads(2)
    contestants: dict[str, Callable[..., list[float]]] = {
        "penchant, 2 nodes, exact integers": ours,
        "torch, a copy of the tables per device": textbook,
    }
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for seed in track(SEEDS, description="gradient rounds"):
        histories = population(seed)
        tables = stream(seed, "tables").normal(0, 0.2, (2, ITEMS, DIMENSIONS)).astype(np.float32)
        for name, contest in contestants.items():
            rates[name].append(1 / statistics.median(contest(histories, tables)))
    rows = [
        Row(benchmark="gradient", contestant=name, seed=seed, metric="device_updates", value=rate, unit="1/s")
        for name, found in rates.items()
        for seed, rate in zip(SEEDS, found, strict=True)
    ]
    write_rows(out / "gradient.jsonl", rows)
    table = Table(title=f"whole rounds, cohort {PEOPLE}, {ITEMS} items, d = {DIMENSIONS}, one local step")
    table.add_column("engine")
    table.add_column("device updates a second, 3 seeds", justify="right")
    for name, found in rates.items():
        table.add_row(name, "  ".join(f"{rate:,.0f}" for rate in found))
    first, second = (statistics.median(found) for found in rates.values())
    console = Console(highlight=False)
    console.print(table)
    console.print(f"ratio {first / second:.1f}; rows in {out / 'gradient.jsonl'}")


def _sgd(parameters: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=1e-3, momentum=0.9)


def _fail(node: int, reason: str) -> None:
    raise RuntimeError(f"node {node}: {reason}")
