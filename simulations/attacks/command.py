"""What `penchant-sim race` shows: how many schedules were tried, and each guarantee that broke."""

import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from simulations.attacks.history import Verdict
from simulations.attacks.race import run_race
from simulations.attacks.racers import Race

SHOWN = 10


def race_and_show(database: str | None, *, schedules: int) -> int:
    """Race and print what came of it; return 1 if a guarantee broke.

    Raises:
        RaceStopped, StoreUnavailable: nothing can be said.
    """
    console = Console(highlight=False)
    bar = Progress(
        TextColumn("schedules"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    with tempfile.TemporaryDirectory(prefix="penchant-race-") as folder, bar:
        task = bar.add_task("racing", total=schedules)

        def progress(verdict: Verdict) -> None:
            bar.update(task, completed=verdict.schedules)

        url = database or f"sqlite:///{Path(folder) / 'store.db'}"
        outcome = run_race(Race(url=url, schedules=schedules), progress=progress)
    verdict = outcome.verdict
    kind = url.split(":", 1)[0]
    console.print(
        f"{kind}: {len(verdict.violations)} violations of G1, G2, G8 and G9 in {verdict.schedules} schedules "
        f"({verdict.commits} commits, {verdict.aborts} aborts, {outcome.kills} processes killed at a write, "
        f"{outcome.seconds:.0f} s)"
    )
    for violation in verdict.violations[:SHOWN]:
        console.print(f"  {violation}", style="red")
    return 1 if verdict.violations else 0
