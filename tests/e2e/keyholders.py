"""A service whose four keys lie in files, and the two people who replace them by the real commands over HTTP."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest

from client.device.device import Device
from client.device.purposes import Purpose
from client.device.sync import Outcome
from privacy.acts import NotCovered
from privacy.events import Event
from privacy.keys import VerifyKey
from privacy.log_pins import Pins
from privacy.manifest import TrustAnchors
from server.__main__ import main
from server.admin import bootstrap
from server.database import migrate, open_engine, serially
from server.key_file import open_key, open_logs
from server.ledger_store import StoredLedger
from server.log_keeper import LogKeeper
from server.logs import Logs
from tests.e2e.labelled import EXPORTED
from tests.e2e.serving import Service
from tests.e2e.test_own_release import DECLARATION, LINE, SAID
from tests.log_made import one_round

ORIGIN = "keys.example/log"
FEDERATED: Purpose = "federated_contribution"
PURPOSES = ("log", "consent_log", "receipt", "release")
TICK = 600
"""Longer than a test: it ticks by hand, by moving the clock."""


@dataclass(slots=True)
class Deployment:
    """The service, its key files and its people."""

    folder: Path
    files: dict[str, Path] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    service: Service = field(init=False)
    rounds: int = 0

    def __post_init__(self) -> None:
        self.files = {purpose: self.folder / f"{purpose}.key" for purpose in PURPOSES}
        self.service = Service(self.folder, key=open_key(self.files["receipt"]), logs=self.logs)
        open_key(self.files["release"])
        engine = open_engine(self.database)
        migrate(engine)
        for name, role in (("ada", "operator"), ("grace", "officer")):
            self.tokens[name] = bootstrap(engine, actor=name, role=role, days=365, now=self.service.clock())
        engine.dispose()

    @property
    def database(self) -> str:
        return f"sqlite:///{self.folder / 'service.db'}"

    @property
    def logs(self) -> Logs:
        """Who signs the logs, by the key files of now."""
        found = open_logs(ORIGIN, log_key=self.files["log"], consent_log_key=self.files["consent_log"])
        return replace(found, tick_seconds=TICK)

    @property
    def pins(self) -> Pins:
        return self.logs.pins

    @property
    def trust(self) -> TrustAnchors:
        """What an app that is built now pins."""
        release = open_key(self.files["release"]).public
        return TrustAnchors(origin=ORIGIN, release_key=release, log_key=self.pins.key)

    @contextmanager
    def up(self) -> Iterator["Deployment"]:
        """Serve with the key files of now until the block ends."""
        self.service.key, self.service.logs = open_key(self.files["receipt"]), self.logs
        with self.service.up():
            yield self

    def change(self, body: object) -> httpx.Response:
        """Let ada propose a change and grace approve it; return the answer to that."""
        asked = httpx.post(f"{self.service.url}/v1/changes", json=body, headers=self.bearer("ada"))
        assert asked.status_code == 201, asked.text
        where = f"{self.service.url}/v1/changes/{asked.json()['number']}/approval"
        return httpx.post(where, headers=self.bearer("grace"))

    def bearer(self, name: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.tokens[name]}"}

    def declare(self) -> None:
        """Declare the release line."""
        assert self.change({"kind": "budget", "payload": DECLARATION}).status_code == 200
        self.append(NotCovered(line=LINE, activity="tuning", data="public_knowledge"))

    def rotation(self, purpose: str, new: Path, *, approver: str = "grace") -> object:
        """Return the change that `rotate-key` prints."""
        said, keys = io.StringIO(), ["--old", str(self.files[purpose]), "--new", str(new)]
        people = ["--origin", ORIGIN, "--proposer", "ada", "--approver", approver]
        with redirect_stdout(said):
            assert main(["rotate-key", purpose, *keys, *people]) == 0
        return json.loads(said.getvalue())

    def rotate(self, *purposes: str) -> None:
        """Replace keys with two people's approval; the service has the old ones until it is started again."""
        for purpose in purposes:
            new = self.folder / f"{purpose}-{len(list(self.folder.glob(f'{purpose}*.key')))}.key"
            answer = self.change(self.rotation(purpose, new))
            assert answer.status_code == 200, answer.text
            self.files[purpose] = new

    def append(self, *events: Event) -> None:
        engine = open_engine(self.database)
        serially(engine, lambda c: [StoredLedger(c).append(event) for event in events])
        engine.dispose()

    def tick(self) -> None:
        """Let a tick's time pass, and see that there was one: by this hand, or by the service's own."""
        self.service.clock.now += TICK
        engine = open_engine(self.database)
        LogKeeper(engine, self.logs, clock=self.service.clock).tick()
        engine.dispose()

    def command(self, *asked: str) -> int:
        """Run `penchant-server release` as the operator, by the service's clock; return its exit code."""
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()):
            patch.setattr("server.sealing.time.time", self.service.clock)
            patch.setenv("PENCHANT_TOKEN", self.tokens["ada"])
            return main(["release", *asked])

    def publish(self) -> Path:
        """Train a round, seal, publish and promote the next release by the operator's commands; return its folder."""
        self.rounds += 1
        self.append(*one_round(self.rounds, line=LINE, noise=9.0))
        folder = self.folder / f"release-{self.rounds}"
        folder.mkdir()
        (folder / "model.onnx").write_bytes(EXPORTED[30].model)
        (folder / "catalogue.json").write_bytes(EXPORTED[30].catalogue)
        (folder / "declared.toml").write_text(SAID)
        pins = self.files["log"].with_name(f"{self.files['log'].name}.pins")
        made = ["--release-key", str(self.files["release"]), "--pins", str(pins), "--database", self.database]
        at = ["--server", self.service.url]
        seal = ["seal", str(folder), LINE, "--declared", str(folder / "declared.toml"), *made]
        assert self.command(*seal) == self.command("publish", str(folder), *at) == 0
        moved = httpx.post(
            f"{self.service.url}/v1/releases/{LINE}/{self.rounds}/promotion", headers=self.bearer("ada")
        )
        where = f"{self.service.url}/v1/changes/{moved.json()['waiting']}/approval"
        assert httpx.post(where, headers=self.bearer("grace")).status_code == 200
        return folder


@dataclass(frozen=True, slots=True)
class World:
    """A service after its rotations, and what was pinned before them.

    Args:
        made: the service, down.
        trust, pins, receipt_key: of the first day.
        between: the first release's files as the service shows them once it has its new keys.
    """

    made: Deployment
    trust: TrustAnchors
    pins: Pins
    receipt_key: VerifyKey
    between: dict[str, bytes]

    def device(self, name: str, trust: TrustAnchors | None = None) -> Device:
        """Open somebody's device that pins what apps of the first day do."""
        return Device.open(
            self.made.folder / name,
            trust=trust or self.trust,
            releases=f"{self.made.service.url}/v1/releases/{LINE}",
            server=self.made.service.url,
            keys=(self.receipt_key,),
            clock=self.made.service.clock,
        )

    def kept(self, name: str, content: bytes) -> str:
        """Write a file and return its name."""
        path = self.made.folder / name
        path.write_bytes(content)
        return str(path)


def agree(device: Device, purpose: Purpose = FEDERATED) -> None:
    device.consent.grant(device.consent.notice(purpose))


def files_of(made: Deployment, sequence: int) -> dict[str, bytes]:
    base = f"{made.service.url}/v1/releases/{LINE}"
    listed = httpx.get(base, headers=made.bearer("ada")).json()["releases"]
    (found,) = [each for each in listed if each["sequence"] == sequence]
    return {name: httpx.get(f"{base}/files/{digest}").content for name, digest in found["files"].items()}


@contextmanager
def replaced(folder: Path) -> Iterator[World]:
    """Let a device sync and consent; then replace every key, the log's twice, and publish once more."""
    made = Deployment(folder)
    first = World(made, made.trust, made.pins, made.service.key.public, {})
    with made.up():
        made.declare()
        made.publish()
        with first.device("home") as device:
            assert device.sync() == Outcome("installed", f"{LINE}/1")
            agree(device, "local_personalization")
            agree(device)
        made.tick()
        made.rotate("consent_log", "receipt", "release", "log")
    with made.up():
        between = files_of(made, 1)
        made.rotate("log")
    with made.up():
        made.tick()
        made.publish()
    yield replace(first, between=between)
