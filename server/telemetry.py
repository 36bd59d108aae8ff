"""Metrics and logs that say how the service does, and nothing about who uses it.

Labels and fields are route templates, methods, status codes, purposes and decisions: no path, no address, no name.
Counts of people are personal in sum, so whoever reads the metrics needs a credential.
"""

import json
import logging
import time
import traceback
from types import TracebackType

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALWAYS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
"""On every answer that says nothing else: a cache could go on saying yes."""
LOG = logging.getLogger("penchant.server")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""What a label may say; a client may send any word."""
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)


class Metrics:
    """The service's own counters, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "penchant_requests", "Requests answered", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "penchant_request_seconds", "Time to answer", ["route"], registry=self.registry, buckets=SECONDS
        )
        self.decisions = Counter(
            "penchant_decisions", "Decisions acknowledged", ["purpose", "decision"], registry=self.registry
        )

    def text(self) -> bytes:
        """Return everything in the Prometheus text format."""
        return generate_latest(self.registry)


class JsonLines(logging.Formatter):
    """One JSON object a line; of an exception its kind and where it happened, never what it says."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "at": round(record.created, 3),
            "level": record.levelname.lower(),
            "event": record.msg if record.name.startswith("penchant") else record.name,
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["where"] = _frames(record.exc_info[2])
        return json.dumps(line)


def _frames(trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)[-6:]
    return [f"{frame.filename.rsplit('/', 2)[-1]}:{frame.lineno} {frame.name}" for frame in frames]


def log_to_stderr() -> None:
    """Send every log line of the process through `JsonLines`; uvicorn's own access log stays off."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    LOG.setLevel(logging.INFO)


class Observed:
    """Count, time and log each request by its route's template; answer what nobody expected with a problem.

    Args:
        app: the application.
        metrics: where it counts.
        failed: the response when the application raises.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, failed: ASGIApp) -> None:
        self._app = app
        self._metrics = metrics
        self._failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                said = list(message.get("headers", ()))
                named = {name for name, _ in said}
                message["headers"] = [*said, *(each for each in ALWAYS if each[0] not in named)]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            LOG.exception("request_failed", extra={"fields": {"route": _route(scope)}})
            if not status:
                await self._failed(scope, receive, watched)
        spent, route = time.perf_counter() - began, _route(scope)
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        self._metrics.requests.labels(method, route, str(status)).inc()
        self._metrics.seconds.labels(route).observe(spent)
        fields = {"method": method, "route": route, "status": status, "ms": round(1000 * spent, 2)}
        LOG.info("request", extra={"fields": fields})


def _route(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", "unmatched"))
