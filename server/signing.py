"""A device's signed request as a curl command: to try the service by hand, and to see what is signed."""

import json
import secrets
import shlex
import time
from pathlib import Path

import httpx

from privacy.http_signature import SignedRequest, sign
from privacy.pseudonym import subject_of
from server.errors import InputRefused
from server.key_file import open_key


def run_sign_request(
    *, method: str, path: str, server: str, device_key: Path, body: str | None, header: list[str]
) -> None:
    """Print the request, signed now; it is good for five minutes, and once."""
    print(
        curl(
            method, path, server=server, device_key=device_key, body=body, header=header, now=int(time.time())
        )
    )


def curl(
    method: str, path: str, *, server: str, device_key: Path, body: str | None, header: list[str], now: int
) -> str:
    """Return a signed request as a shell command.

    Args:
        method: of HTTP.
        path: where SUBJECT stands for the key's pseudonym.
        server: the service's origin.
        device_key: file of the device's key; made where there is none.
        body: JSON text.
        header: conditions as ``name: value``.
        now: seconds since 1970 UTC.

    Raises:
        InputRefused, KeyFileRefused: name what to mend.
    """
    key = open_key(device_key)
    where, _, query = path.replace("SUBJECT", subject_of(key.public)).partition("?")
    headers = {}
    for line in header:
        name, colon, value = line.partition(":")
        if not colon:
            raise InputRefused("--header reads NAME:VALUE")
        headers[name.strip().lower()] = value.strip()
    try:
        content = b"" if body is None else json.dumps(json.loads(body), separators=(",", ":")).encode()
        authority = httpx.URL(server).netloc.decode()
    except (ValueError, httpx.InvalidURL):
        raise InputRefused("--body is JSON, --server a URL such as http://127.0.0.1:8400") from None
    if not where.startswith("/") or not authority:
        raise InputRefused("the path begins with /, the server with http:// or https://")
    asked = SignedRequest(
        method=method, authority=authority, path=where, query=query, headers=headers, body=content
    )
    signed = sign(asked, key, created=now, nonce=secrets.token_urlsafe(16))
    kind = {"content-type": "application/json"} if content else {}
    words = ["curl", "-sS", "-X", method]
    for name, value in {**headers, **kind, **signed}.items():
        words += ["-H", f"{name}: {value}"]
    if content:
        words += ["--data-binary", content.decode()]
    return shlex.join([*words, f"{server.rstrip('/')}{where}{f'?{query}' if query else ''}"])
