"""What anybody outside could hear of a device (bytes, logs, exceptions, output), and the sentinels to hear."""

import base64
import contextlib
import io
import logging
import socket
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

WORD = "sentinel"
ITEM, LIST, PLACE, PLAN, INTEREST = (
    f"{WORD} {name}" for name in ("item", "list", "place", "plan", "interest")
)
TUNED = 48151.623
PHRASE = f"{WORD} passphrase"


@dataclass(slots=True)
class Heard:
    """What anybody outside could have heard."""

    sent: bytearray = field(default_factory=bytearray)
    said: io.StringIO = field(default_factory=io.StringIO)
    secrets: list[bytes] = field(default_factory=list)

    def needles(self) -> list[bytes]:
        plain = [WORD.encode(), str(TUNED).encode()]
        for secret in self.secrets:
            coded = (base64.b64encode(secret), base64.urlsafe_b64encode(secret))
            plain += [
                secret,
                secret.hex().encode(),
                repr(secret).encode(),
                *(each.rstrip(b"=") for each in coded),
            ]
        return plain

    def found(self) -> set[bytes]:
        whole = bytes(self.sent) + self.said.getvalue().encode("utf-8", "replace")
        return {needle for needle in self.needles() if needle in whole}

    def attempt(self, verb: Callable[[], object], *, fails: bool = False) -> None:
        """Call a verb; what it raises is heard as an app would log it."""
        failed = False
        try:
            self.said.write(repr(type(verb())))
        except Exception as error:
            failed = True
            self.said.write("".join(traceback.format_exception(error)) + repr(error) + str(error.args))
        assert failed == fails, self.said.getvalue()[-800:]


@contextlib.contextmanager
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[Heard]:
    """Hear every byte any socket of this process sends, every log line of any level, stdout and stderr."""
    heard = Heard()
    plain_send, plain_all = socket.socket.send, socket.socket.sendall

    def send(self: socket.socket, data: Any, *more: Any) -> int:
        heard.sent += bytes(data)
        return plain_send(self, data, *more)

    def sendall(self: socket.socket, data: Any, *more: Any) -> None:
        heard.sent += bytes(data)
        plain_all(self, data, *more)

    monkeypatch.setattr(socket.socket, "send", send)
    monkeypatch.setattr(socket.socket, "sendall", sendall)
    handler, root = logging.StreamHandler(heard.said), logging.getLogger()
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s %(exc_info)s"))
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with contextlib.redirect_stdout(heard.said), contextlib.redirect_stderr(heard.said):
            yield heard
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
