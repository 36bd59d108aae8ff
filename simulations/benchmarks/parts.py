"""Where a withdrawal's time goes: its parts, each timed by itself on the filled store."""

import secrets
import statistics
import time
from collections.abc import Callable

from sqlalchemy import Engine

from privacy.http_signature import Proof, SignedRequest, sign, verify
from privacy.keys import SigningKey
from privacy.records import ReceiptFacts, write_receipt
from server.consent_service import ConsentService
from server.policy import CurrentNotices
from simulations.benchmarks.enrolled import PURPOSE

TIMES = 300


def parts(engine: Engine, *, whole: float) -> dict[str, float]:
    """Time the parts of a withdrawal.

    Args:
        engine: the filled store's.
        whole: microseconds of a whole withdrawal over one connection.

    Returns:
        Median microseconds by part; what is left of the whole is HTTP, FastAPI and pydantic.
    """
    key, notices = SigningKey.generate(), CurrentNotices(engine)
    service = ConsentService(
        engine, key=key, controller="bench", notices=notices, clock=lambda: int(time.time())
    )

    def proof(signer: SigningKey) -> Proof:
        return Proof(signer.public, int(time.time()), secrets.token_urlsafe(16))

    plain = SignedRequest(
        method="DELETE",
        authority="127.0.0.1:8400",
        path=f"/v1/subjects/{'a' * 64}/consents/{PURPOSE}",
        query="",
        headers={"host": "127.0.0.1:8400", "accept": "*/*"},
        body=b"",
    )
    signature = sign(plain, key, created=int(time.time()), nonce=secrets.token_urlsafe(16))
    signed = SignedRequest(
        method=plain.method,
        authority=plain.authority,
        path=plain.path,
        query="",
        headers={**plain.headers, **signature},
        body=b"",
    )
    notice = next(notice for notice in notices().listed("en") if notice.purpose == PURPOSE)
    facts = ReceiptFacts(
        subject="a" * 64,
        purpose=PURPOSE,
        decision="withdrawn",
        version=3,
        notice=notice.content,
        notice_digest=notice.digest,
        at=1,
        valid_until=0,
        effective="at_ack",
        effective_by=1,
        controller="bench",
    )
    devices = [SigningKey.generate() for _ in range(TIMES)]
    for device in devices:
        service.enrol(proof(device))
    waiting = iter(devices)
    receipt = _median(lambda: write_receipt(facts, key))
    decided = _median(lambda: service.stop(proof(next(waiting)), PURPOSE, "withdraw"))
    found = {
        "signature check": _median(lambda: verify(signed)),
        "receipt, signed": receipt,
        "store": decided - receipt,
    }
    return {**found, "HTTP, FastAPI, pydantic": whole - sum(found.values()), "whole": whole}


def _median(run: Callable[[], object]) -> float:
    """Return the median of what a call takes, microseconds."""
    times = []
    for _ in range(TIMES):
        began = time.perf_counter()
        run()
        times.append(1e6 * (time.perf_counter() - began))
    return statistics.median(times)
