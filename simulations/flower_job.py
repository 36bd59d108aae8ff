"""What passes between `penchant-sim` and the ServerApp that Flower starts: a job, its progress, its end."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulations.outputs import write
from simulations.scenario import Scenario

FOLDER = "flower"
JOB, PROGRESS, DEVICES = "job.json", "progress.jsonl", "devices"


@dataclass(frozen=True, slots=True)
class Job:
    """One run as its ServerApp finds it: everything by absolute path, since Flower runs it from elsewhere.

    Args:
        scenario: every knob, overrides applied.
        data: where the data set is, or None to find it.
        out: the run's folder.
    """

    scenario: Scenario
    data: Path | None
    out: Path

    @property
    def folder(self) -> Path:
        """Everything Flower leaves behind."""
        return self.out / FOLDER

    def save(self) -> Path:
        """Write the job file and return its path."""
        value = {
            "scenario": self.scenario.model_dump(),
            "data": None if self.data is None else str(self.data.resolve()),
            "out": str(self.out.resolve()),
        }
        path = self.folder.resolve() / JOB
        write(path, json.dumps(value).encode())
        return path

    @classmethod
    def load(cls, path: Path) -> "Job":
        """Read a job file."""
        value = json.loads(path.read_text())
        data = value["data"]
        return cls(
            Scenario.model_validate(value["scenario"]),
            None if data is None else Path(data),
            Path(value["out"]),
        )

    def tell(self, **entry: Any) -> None:
        """Append one line of progress: ``text`` and ``share``, at the end a ``sample``; or ``error``."""
        with (self.folder / PROGRESS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


class Listener:
    """Hears a job's progress, each line once and only whole lines."""

    def __init__(self, job: Job) -> None:
        self._path, self._at = job.folder / PROGRESS, 0

    def news(self) -> Iterator[dict[str, Any]]:
        """Yield the entries written since the last call."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._at)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._at += len(line)
                yield json.loads(line)
