"""Killed between any two statements of a withdrawal, a device has obeyed whole or was never told."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.homes import home

ROOT = Path(__file__).parents[2]
WITHDRAW = """
import json, os, shutil, signal, sys
from dataclasses import replace
from pathlib import Path
from client.device.consent import Consent
from client.device.switches import Switches, Withdrawal
from tests.e2e.homes import home

granted, folder, kind = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]

class TwoSteps(Consent):  # a planted fault: the switch in one transaction, the queue in the next
    def withdraw(self, purpose):
        with self._database.writing(durable=True) as connection:
            switch = Switches(connection).get(purpose)
            Switches(connection).put(replace(switch, granted=False, epoch=switch.epoch + 1))
        with self._database.writing(durable=True) as connection:
            Switches(connection).clear(purpose, keep=False, now=0)
            Switches(connection).queue(
                Withdrawal(origin=self._origin, purpose=purpose, epoch=switch.epoch + 1, how="withdraw")
            )

def withdraw(at):
    seen = 0
    def kill(statement):
        nonlocal seen
        seen += 1
        if seen == at:
            os.kill(os.getpid(), signal.SIGKILL)
    consent = {"whole": Consent, "two steps": TwoSteps}[kind]
    with home(folder, server="http://127.0.0.1:9", kind=consent) as device:
        device.database._connection.set_trace_callback(kill)
        device.consent.withdraw("local_personalization")

def outcome():
    with home(folder) as device:
        on, queued = bool(device.on()), [each.purpose for each in device.queue()]
        left = set(device.counts().values())
    if on and not queued and 0 not in left:
        return "before"
    if not on and queued == ["local_personalization"] and left == {0}:
        return "after"
    return "torn"

found, ended = [], False
while not ended:
    shutil.copytree(granted, folder)
    child = os.fork()
    if child == 0:
        withdraw(len(found) + 1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    ended = status == 0
    assert ended or os.WTERMSIG(status) == signal.SIGKILL
    found.append(outcome())
    shutil.rmtree(folder)
print(json.dumps(found))
"""


def outcomes(tmp_path: Path, kind: str) -> list[str]:
    """Kill a withdrawal at each of its statements in turn, until one run ends by itself; return what each left."""
    granted = tmp_path / "granted"
    with home(granted) as device:
        device.consent.grant(device.consent.notice("local_personalization"))
        device.fill()
    command = [sys.executable, "-c", WITHDRAW, str(granted), str(tmp_path / "killed"), kind]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
def test_a_kill_at_any_statement_leaves_the_switch_the_queue_and_the_data_in_one_state(
    tmp_path: Path,
) -> None:
    found = outcomes(tmp_path, "whole")
    assert found == sorted(found, reverse=True)
    assert set(found) == {"before", "after"}


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
def test_a_device_that_switches_first_and_queues_later_is_caught(tmp_path: Path) -> None:
    assert "torn" in outcomes(tmp_path, "two steps")
