"""Around Flower's runtime: what is missing or fails is said in words, and nothing outlives its run."""

import importlib.util
import json
import os
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
from flwr.app import Context, RecordDict
from flwr.app.user_config import UserConfig

from client.node import DevicesUnreadable, open_node, write_devices
from client.participation import AcceptedTerms
from models.history import from_lists
from simulations import flower
from simulations.errors import SimulationError
from simulations.flower import run_on_flower
from simulations.flower_job import Job, Listener
from simulations.runtimes import RuntimeUnusable
from simulations.scenario import Scenario, load

MOVIELENS = Path(flower.__file__).parent / "scenarios" / "movielens.toml"
Patch = pytest.MonkeyPatch
NUMBERS = np.array([70, 30, 50, 10, 90])
ACCEPTED = AcceptedTerms(
    line="t", trust="central", declared_population=5, clipping_norm=1.0, least_noise_multiplier=1.0,
    largest_dimension=9, largest_epsilon=4.0, delta=1e-3, log_origin="t/log", log_key="AAAA",
)  # fmt: skip


def scenario() -> Scenario:
    return load(MOVIELENS, overrides=["privacy.epsilon=inf"], seed=None)


def programs(folder: Path, **bodies: str) -> Path:
    """Make programs that stand in for Flower's, in Python."""
    folder.mkdir()
    for name, body in bodies.items():
        program = folder / name.replace("_", "-")
        program.write_text(f"#!{sys.executable}\nimport json, sys, time, http.server\n{body}\n")
        program.chmod(0o755)
    return folder


SERVES = """
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Handler).serve_forever()
"""


def ends(status: str) -> str:
    return f"""
if sys.argv[1] == "ls":
    print(json.dumps({{"success": True, "runs": [{{"status": "{status}"}}]}}))
"""


def attempt(tmp_path: Path, monkeypatch: Patch, **bodies: str) -> dict[str, object]:
    made = programs(tmp_path / "bin", **bodies)
    monkeypatch.setattr(flower, "_programs", lambda: made)
    return run_on_flower(scenario(), data=None, out=tmp_path / "out", progress=lambda text, share: None)


@pytest.mark.parametrize("missing", ["ray", "flwr"])
def test_a_missing_package_is_named_with_its_extra(monkeypatch: Patch, missing: str, tmp_path: Path) -> None:
    found = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == missing else found(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    with pytest.raises(RuntimeUnusable, match=rf"needs {missing}: pip install 'penchant\[simulations\]'"):
        run_on_flower(scenario(), data=None, out=tmp_path / "out", progress=lambda text, share: None)
    assert not (tmp_path / "out").exists()


def test_a_superlink_that_does_not_start_is_named_with_its_log(tmp_path: Path, monkeypatch: Patch) -> None:
    with pytest.raises(RuntimeUnusable, match=r"SuperLink did not start.*superlink\.log"):
        attempt(tmp_path, monkeypatch, flower_superlink="print('no port'); sys.exit(1)", flwr="")
    assert "no port" in (tmp_path / "out" / "flower" / "superlink.log").read_text()


def test_a_run_that_failed_is_no_success_although_its_command_exits_0(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    with pytest.raises(RuntimeUnusable, match="Flower says the run is finished:failed"):
        attempt(tmp_path, monkeypatch, flower_superlink=SERVES, flwr=ends("finished:failed"))


def test_a_status_that_cannot_be_read_is_a_failure(tmp_path: Path, monkeypatch: Patch) -> None:
    with pytest.raises(RuntimeUnusable, match="Flower says the run is unknown"):
        attempt(tmp_path, monkeypatch, flower_superlink=SERVES, flwr="print('gone')")


def test_a_reason_that_the_run_gave_reaches_the_user(tmp_path: Path, monkeypatch: Patch) -> None:
    where = str(tmp_path / "out" / "flower" / "progress.jsonl")
    told = f"open({where!r}, 'a').write(json.dumps({{'error': 'mend it'}}) + chr(10))"
    with pytest.raises(SimulationError, match="mend it"):
        attempt(tmp_path, monkeypatch, flower_superlink=SERVES, flwr=told)


def test_what_a_run_leaves_behind_is_ended_and_nothing_else() -> None:
    sleep = [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"]
    ours = subprocess.Popen(sleep, env={**os.environ, flower.TAG: "mine"}, start_new_session=True)
    theirs = subprocess.Popen(sleep, env={**os.environ, flower.TAG: "theirs"})
    try:
        while not {ours.pid} <= set(flower.tagged("mine")):
            assert ours.poll() is None
        flower.sweep("mine", within=0.4)
        assert ours.wait(5) != 0
        assert theirs.poll() is None
    finally:
        theirs.kill()
        theirs.wait()


def test_a_job_says_the_same_on_the_other_side(tmp_path: Path) -> None:
    job = Job(scenario(), Path("some.csv"), tmp_path / "run")
    found = Job.load(job.save())
    assert found.scenario.digest() == job.scenario.digest()
    assert (found.data, found.out) == (Path("some.csv").resolve(), tmp_path / "run")
    listener = Listener(job)
    assert list(listener.news()) == []
    job.tell(text="a", share=0.5)
    with (job.folder / "progress.jsonl").open("a") as file:
        file.write('{"text": "ha')
    assert list(listener.news()) == [{"text": "a", "share": 0.5}]
    with (job.folder / "progress.jsonl").open("a") as file:
        file.write('lf", "share": 1.0}\n')
    assert list(listener.news()) == [{"text": "half", "share": 1.0}]


def context(**places: str | int) -> Context:
    run_config: UserConfig = {"devices": places.pop("run")} if "run" in places else {}
    node_config: UserConfig = {**places}
    return Context(run_id=1, node_id=1, node_config=node_config, state=RecordDict(), run_config=run_config)


def test_nodes_over_one_folder_share_its_people_and_see_their_switches(tmp_path: Path) -> None:
    people = from_lists([[1, 2], [], [3], [4, 5, 6], [7]])
    switches = write_devices(
        tmp_path, histories=people, subjects=NUMBERS, switched_off=np.zeros(5, np.bool_), accepted=ACCEPTED
    )
    nodes = [
        open_node(context(run=str(tmp_path), **{"partition-id": n, "num-partitions": 2})) for n in (0, 1)
    ]
    assert [node.subjects.tolist() for node in nodes] == [[70, 30, 50], [10, 90]]
    assert nodes[1].histories(np.array([90, 10])).item.tolist() == [7, 4, 5, 6]
    assert nodes[0].accepted() == ACCEPTED
    switches[2] = True
    assert nodes[0].willing(np.array([70, 50])).tolist() == [True, False]
    alone = open_node(context(devices=str(tmp_path), run="/nowhere"))
    assert alone.subjects.tolist() == NUMBERS.tolist()
    with pytest.raises(DevicesUnreadable, match="does not stand for"):
        nodes[0].histories(np.array([70, 90]))


def test_a_node_without_its_devices_says_so(tmp_path: Path) -> None:
    with pytest.raises(DevicesUnreadable, match="set devices=FOLDER"):
        open_node(context())
    with pytest.raises(DevicesUnreadable, match="not a folder of devices"):
        open_node(context(devices=str(tmp_path)))
    one, off = from_lists([[1]]), np.zeros(1, np.bool_)
    write_devices(tmp_path, histories=one, subjects=NUMBERS[:1], switched_off=off, accepted=ACCEPTED)
    (tmp_path / "accepted.json").write_text(json.dumps({"line": "t"}))
    with pytest.raises(DevicesUnreadable, match="not a folder of devices"):
        open_node(context(devices=str(tmp_path)))
