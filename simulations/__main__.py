"""`penchant-sim`: the researcher's command."""

import argparse
import os
import sys
from pathlib import Path

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # nodes are the threads; two layers of them fight
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # spinning threads starve a busy machine

from client.errors import ClientError
from models.errors import ModelError
from privacy.errors import PrivacyError
from server.errors import ServerError
from simulations.benchmarks.accuracy.arguments import add_arguments
from simulations.errors import SimulationError


def build_parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    parser = argparse.ArgumentParser(
        prog="penchant-sim", description="Simulate private personalization from a scenario file."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="train, export, evaluate and report one scenario")
    run.add_argument("scenario", type=Path, metavar="SCENARIO.toml")
    run.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="section.key=value",
        help="override one knob of the scenario; may be given often",
    )  # fmt: skip
    run.add_argument(
        "--data", type=Path, metavar="PATH", help="read the data set here instead of fetching it"
    )
    run.add_argument("--seed", type=int, metavar="N", help="replace the scenario's seed")
    run.add_argument("--out", type=Path, default=Path("runs/latest"), metavar="DIR", help="where results go")
    run.add_argument(
        "--runtime", choices=["process", "flower"], default="process",
        help="where the nodes run: in this process, or in Flower's simulation runtime (flwr run, Ray)",
    )  # fmt: skip
    run.add_argument(
        "--database", metavar="URL",
        help="let people consent and rounds run in the store of penchant-server: an empty database",
    )  # fmt: skip
    run.add_argument("--quiet", action="store_true", help="print nothing but errors")
    bench = commands.add_parser("bench", help="measure against a peer, in one run")
    bench.add_argument(
        "which", choices=["accuracy", "gradient", "consent", "strangers", "device", "scale", "ledger", "vote"]
    )
    bench.add_argument("--out", type=Path, default=Path("runs/bench"), metavar="DIR", help="where rows go")
    bench.add_argument(
        "--subjects", type=int, default=1_000_000, metavar="N", help="consent: how many are enrolled"
    )
    add_arguments(bench)
    race = commands.add_parser(
        "race", help="try to break consent: processes race on one database and are killed"
    )
    race.add_argument("--schedules", type=int, default=2000, metavar="N", help="interleavings to try")
    race.add_argument(
        "--database", metavar="URL", help="an empty database; a temporary SQLite file without it"
    )
    _add_plan(commands)
    verify = commands.add_parser("verify", help="recompute a run's epsilon from its signed ledger")
    verify.add_argument("folder", type=Path, metavar="RUN_FOLDER")
    return parser


def _add_plan(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    plan = commands.add_parser(
        "plan", help="print what a line would ask and spend, and why, before it starts"
    )
    plan.add_argument("--people", type=int, required=True, metavar="N", help="the declared population")
    plan.add_argument("--items", type=int, required=True, metavar="I", help="size of the public catalogue")
    plan.add_argument("--epsilon", type=float, required=True, metavar="E", help="of the whole line, or inf")
    plan.add_argument("--delta", type=float, metavar="D", help="at most N^-1.1, which is also the default")
    plan.add_argument(
        "--history", type=float, metavar="n", help="items a person has typically met, where that is public"
    )
    plan.add_argument("--text", action="store_true", help="items have public text")
    plan.add_argument("--genres", action="store_true", help="items have public genres or years")
    plan.add_argument("--timed", action="store_true", help="events come with times")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code: 0 done, 1 a guarantee was broken, 2 the input must be mended."""
    options = build_parser().parse_args(arguments)
    try:
        if options.command == "verify":
            from simulations.verification import verify_run

            print(verify_run(options.folder))
        elif options.command == "plan":
            from simulations.planning import show_plan

            show_plan(
                people=options.people,
                items=options.items,
                epsilon=options.epsilon,
                delta=options.delta,
                history=options.history,
                features=options.text or options.genres,
                timed=options.timed,
            )
        elif options.command == "race":
            from simulations.attacks.command import race_and_show

            return race_and_show(options.database, schedules=options.schedules)
        elif options.command == "bench":
            if options.which == "consent":
                from simulations.benchmarks.consent import main as bench_consent

                bench_consent(options.out, subjects=options.subjects)
            elif options.which == "device":
                from simulations.benchmarks.device import main as bench_device

                bench_device(options.out)
            elif options.which == "scale":
                from simulations.benchmarks.scale import main as bench_scale

                bench_scale(options.out)
            elif options.which == "ledger":
                from simulations.benchmarks.ledger import main as bench_ledger

                bench_ledger(options.out)
            elif options.which == "vote":
                from simulations.benchmarks.vote import main as bench_vote

                bench_vote(options.out)
            elif options.which == "accuracy":
                from simulations.benchmarks.accuracy.command import bench_or_show

                bench_or_show(options)
            elif options.which == "strangers":
                from simulations.benchmarks.strangers import main as bench_strangers

                bench_strangers(options.out)
            else:
                from simulations.benchmarks.gradient import main as bench_gradient

                bench_gradient(options.out)
        else:
            from simulations.command import run_scenario

            run_scenario(
                options.scenario,
                overrides=options.overrides,
                data=options.data,
                seed=options.seed,
                out=options.out,
                quiet=options.quiet,
                runtime=options.runtime,
                database=options.database,
            )
    except (SimulationError, PrivacyError, ModelError, ClientError, ServerError) as problem:
        print(f"penchant-sim: {problem}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
