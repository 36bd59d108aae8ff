"""A service whose four keys lie in files, and the two people who replace them by the real commands over HTTP."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from privacy.acts import NotCovered
from privacy.events import Event
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
        self.service.clock.now += TICK
        engine = open_engine(self.database)
        assert LogKeeper(engine, self.logs, clock=self.service.clock).tick()
        engine.dispose()

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
        with redirect_stdout(io.StringIO()):
            assert (
                main(
                    ["release", "seal", str(folder), LINE, "--declared", str(folder / "declared.toml"), *made]
                )
                == 0
            )
            assert main(["release", "publish", str(folder), *at]) == 0
        moved = httpx.post(
            f"{self.service.url}/v1/releases/{LINE}/{self.rounds}/promotion", headers=self.bearer("ada")
        )
        where = f"{self.service.url}/v1/changes/{moved.json()['waiting']}/approval"
        assert httpx.post(where, headers=self.bearer("grace")).status_code == 200
        return folder
