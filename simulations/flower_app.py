"""The ServerApp that Flower's own runtimes load: the same run, its nodes behind Flower's Grid."""

from pathlib import Path

from flwr.app import Context
from flwr.serverapp import Grid

from server.app import make_server_app
from simulations.flower_job import DEVICES, Job
from simulations.reporting import slate
from simulations.run import run
from simulations.runtimes import OnFlower


def conduct(grid: Grid, context: Context) -> None:
    """Carry out the job that the run's configuration names."""
    job = Job.load(Path(str(context.run_config["job"])))
    try:
        outcome = run(
            job.scenario,
            data=job.data,
            out=job.out,
            progress=lambda text, share: job.tell(text=text, share=share),
            runtime=OnFlower(grid, devices=job.folder / DEVICES),
        )
        job.tell(text="done", share=1.0, sample=slate(outcome.samples[0]))
    except Exception as problem:
        job.tell(error=str(problem))
        raise


app = make_server_app(conduct)
