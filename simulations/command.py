"""What `penchant-sim run` shows: a progress bar, one person's slate, a short table, what to try next."""

import json
from collections.abc import Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any, Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from privacy.terms import RELATION, UNIT, Guarantee
from simulations.backends import InMemory
from simulations.flower import run_on_flower
from simulations.progress import Lines
from simulations.publishing import DRAFT
from simulations.reporting import slate
from simulations.run import next_commands, run
from simulations.scenario import load
from simulations.served import Served

NAMES = {
    "popularity": "popularity",
    "popularity_private": "private popularity",
    "content_only": "content only",
    "content_popularity_private": "content + private pop.",
    "puresvd": "PureSVD *",
    "ease": "EASE *",
}


def run_scenario(
    path: Path,
    *,
    overrides: list[str],
    data: Path | None,
    seed: int | None,
    out: Path,
    quiet: bool,
    runtime: Literal["process", "flower"],
    database: str | None,
) -> None:
    """Run a scenario file and show what came out.

    Raises:
        SimulationError: the scenario or the data must be mended.
    """
    scenario = load(path, overrides=overrides, seed=seed)
    console = Console(quiet=quiet, highlight=False)
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task("starting", total=1.0)
        lines = Lines(quiet=quiet or console.is_terminal)

        def progress(text: str, share: float) -> None:
            bar.update(task, description=text, completed=share)
            lines.say(text)

        if runtime == "flower":
            sample = run_on_flower(scenario, data=data, out=out, progress=progress)
            result = json.loads((out / "result.json").read_text(encoding="utf-8"))
        else:
            with closing(Served(database)) if database else nullcontext(InMemory()) as backend:
                outcome = run(scenario, data=data, out=out, progress=progress, backend=backend)
            sample, result = slate(outcome.samples[0]), outcome.result
    _show(console, result, sample, out, next_commands(out, scenario, data))


def _show(
    console: Console,
    result: dict[str, Any],
    sample: dict[str, Any],
    out: Path,
    commands: Sequence[tuple[str, str]],
) -> None:
    privacy = result["privacy"]
    console.print()
    _show_sample(console, sample)
    console.print(_table(result))
    spent = Guarantee(
        epsilon=float("inf") if privacy["epsilon"] is None else privacy["epsilon"],
        delta=privacy["delta"],
        unit=UNIT,
        neighboring_relation=RELATION,
        trust=privacy["trust"],
    )
    odds = round(100 * privacy["attacker_success"])
    console.print(f"[bold]{spent.statement()}[/bold]")
    console.print(
        f"An attacker who knows all but one subject's part guesses it right at best {odds} times in 100."
    )
    _show_release(console, result["release"], out)
    console.print(f"Open {out / 'report.html'} in a browser: the whole run, readable offline.\n\nNext:")
    for command, shows in commands:
        console.print(f"  [dim]{shows}:[/dim]\n    {command}", soft_wrap=True)


def _show_release(console: Console, release: dict[str, Any], out: Path) -> None:
    label = escape(str(out / release["label"]))
    size = f"{release['bytes'] / 1000:.0f} kB"
    if release["may_go_out"]:
        console.print(f"Release: {size}, signed, logged and labelled ({label}), opened offline.\n")
        return
    console.print(
        f"[bold]BLOCKED: no release.[/bold] A draft of {size} is in {escape(str(out / DRAFT))}, because"
    )
    for reason in release["because"]:
        console.print(f"  - {escape(reason)}")
    console.print(f"Its label says more: {label}\n")


def _show_sample(console: Console, sample: dict[str, Any]) -> None:
    recent = escape(", ".join(sample["recent"][:3]))
    console.print(f"[bold]One person's device[/bold], offline, after {recent}:\n")
    for place, item in enumerate(sample["items"], 1):
        reasons = sorted(item["reasons"], key=lambda reason: -reason[1])[:2]
        why = escape("; ".join(f"{text} ({amount:+.2f})" for text, amount in reasons))
        title = f"[bold]{escape(item['title'])}[/bold]"
        console.print(f"  {place}. {title}  {item['score']:.2f}  [dim]{why}[/dim]")
    console.print()


def _table(result: dict[str, Any]) -> Table:
    private = result["privacy"]["private"]
    table = Table(
        title=f"{result['scenario']}: test items, leak-free",
        caption="* central training on everyone's raw events, not private",
        box=SIMPLE_HEAD,
    )
    table.add_column("")
    for protocol in ("full", "sampled-99"):
        for metric in ("HR@10", "NDCG@10"):
            table.add_column(f"{protocol}\n{metric}", justify="right")
    ours = "Penchant" if private else "Penchant, NOT PRIVATE"
    rows = {ours: result["test"], **{NAMES[name]: found for name, found in result["baselines"].items()}}
    for name, found in rows.items():
        figures = [found[part][metric] for part in ("full", "sampled99") for metric in ("hr@10", "ndcg@10")]
        table.add_row(name, *(f"{figure:.3f}" for figure in figures), style="bold" if name == ours else "")
    return table
