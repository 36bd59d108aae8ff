"""Broken connections go on where they broke; a device killed anywhere in an install opens one release whole."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest

from client.device.sync import Outcome
from tests.e2e.shelves import Handler, Taker, lay_out, serving
from tests.e2e.signed import publisher, tiny

ROOT = Path(__file__).parents[2]
SIGNER = publisher()
FIRST = SIGNER.publish(tiny(800))
SECOND = SIGNER.publish(tiny(801), sequence=2)


class Cutting(Handler):
    """A server that knows ranges and hangs up after some bytes of every answer."""

    after = 4096
    sent: ClassVar[list[int]]

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        data, start = path.read_bytes(), 0
        asked = self.headers.get("Range")
        if asked:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        part = data[start : start + self.after]
        self.sent.append(len(part))
        self.wfile.write(part)
        self.close_connection = True


def test_a_download_that_breaks_goes_on_where_it_broke(tmp_path: Path) -> None:
    class Handles(Cutting):
        sent: ClassVar[list[int]] = []

    lay_out(tmp_path / "www", FIRST)
    size = sum(map(len, FIRST.values()))
    with serving(tmp_path / "www", Handles) as url:
        taker, found = Taker(tmp_path, SIGNER.trust, url), Outcome("kept")
        for _ in range(2 + size // Cutting.after):
            found = taker.sync()
            if found.found == "installed":
                break
            assert found == Outcome("kept", problem="no_answer")
    assert found == Outcome("installed", "tiny/1")
    channel = (tmp_path / "www" / "channel.json").stat().st_size
    requests = len(Handles.sent)
    assert sum(Handles.sent) < size + requests * channel
    assert requests > size // Cutting.after


def test_a_server_that_goes_on_with_another_file_is_noticed(tmp_path: Path) -> None:
    class Changing(Cutting):
        sent: ClassVar[list[int]] = []
        after = 10**9

    lay_out(tmp_path / "www", FIRST)
    with serving(tmp_path / "www", Changing) as url:
        taker = Taker(tmp_path, SIGNER.trust, url)
        digest = hashlib.sha256(FIRST["model.onnx"]).hexdigest()
        (tmp_path / "incoming").mkdir(mode=0o700)
        handle = os.open(tmp_path / "incoming" / digest, os.O_CREAT | os.O_WRONLY, 0o600)
        os.write(handle, b"other bytes")
        os.close(handle)
        assert taker.sync() == Outcome("kept", problem="release_incomplete")
        assert taker.sync() == Outcome("installed", "tiny/1")


INSTALL = """
import json, os, shutil, signal, sys
from pathlib import Path
from typing import ClassVar
from tests.e2e.shelves import Taker, try_it
from tests.e2e.signed import Publisher
from privacy.keys import SigningKey

before, work, files, keys, die_in = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], sys.argv[5]
release, log = (SigningKey.from_seed(bytes.fromhex(seed)) for seed in keys.split(","))
second = {file.name: file.read_bytes() for file in files.iterdir()}
signer = Publisher(release, log)

def install(at):
    seen = 0
    def dying(call):
        def step(*arguments, **more):
            nonlocal seen
            seen += 1
            if seen == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **more)
        return step
    for name in ("replace", "fsync", "rmdir"):
        setattr(os, name, dying(getattr(os, name)))
    def trial(release):
        if die_in == "trial":
            os.kill(os.getpid(), signal.SIGKILL)
        return try_it(release)
    Taker(work, signer.trust, "", trial=trial).shelf.install(second)

found, ended = [], False
while not ended and len(found) < 90:
    shutil.copytree(before, work)
    child = os.fork()
    if child == 0:
        install(0 if die_in else len(found) + 1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    ended = status == 0 or die_in == "trial"
    found.append(Taker(work, signer.trust, "").ranks_with())
    if not ended:
        shutil.rmtree(work)
print(json.dumps(found))
"""


def installs(tmp_path: Path, die_in: str) -> list[str]:
    """Kill an install of the second release at every step in turn; return what the device ranks with after each."""
    before, files = tmp_path / "before", tmp_path / "files"
    before.mkdir()
    files.mkdir()
    Taker(before, SIGNER.trust, "").shelf.install(FIRST)
    for name, data in SECOND.items():
        (files / name).write_bytes(data)
    keys = f"{SIGNER.release_key.seed.hex()},{SIGNER.log_key.seed.hex()}"
    command = [sys.executable, "-c", INSTALL, str(before), str(tmp_path / "work"), str(files), keys, die_in]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
def test_a_kill_at_any_step_of_an_install_leaves_the_old_release_or_the_new_one(tmp_path: Path) -> None:
    found = installs(tmp_path, "")
    assert found == sorted(found)
    assert set(found) == {"tiny/1", "tiny/2"}
    assert len(found) > 20


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
def test_a_release_that_ends_the_process_is_not_tried_a_second_time(tmp_path: Path) -> None:
    assert installs(tmp_path, "trial") == ["tiny/1"]
    shutil.copytree(tmp_path / "work" / "shelf", tmp_path / "next" / "shelf")
    lay_out(tmp_path / "www", SECOND)
    with serving(tmp_path / "www") as url:
        taker = Taker(tmp_path / "next", SIGNER.trust, url)
        assert taker.sync() == Outcome("kept", problem="release_refused_before")
        assert taker.ranks_with() == "tiny/1"
