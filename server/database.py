"""Engines: SQLite with a write-ahead log by default, PostgreSQL by URL; one transaction is one serial step."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from typing import Any, ClassVar, TypeVar
from weakref import WeakKeyDictionary

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from server.errors import ServerError

Result = TypeVar("Result")
BUSY_SECONDS = 10
RETRIES = 8
POOL: dict[str, Any] = {"pool_size": 10, "max_overflow": 30, "hide_parameters": True}
"""As many connections as the server has worker threads."""
ABSENT = ("08", "28", "3D", "53", "57")
"""Classes of SQLSTATE that say the database is not there for us: connection, login, name, resources, shutdown."""

_WRITERS: WeakKeyDictionary[Engine, threading.Lock] = WeakKeyDictionary()
"""SQLite has one writer at a time. Threads take turns here, since it would have each sleep and try again."""


class StoreUnavailable(ServerError):
    """The database does not answer: nothing was decided, and nothing may be assumed.

    Args:
        message: what to tell anybody.
        reason: what the database said, for whoever runs the service.
    """

    code: ClassVar[str] = "store_unavailable"

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


def open_engine(url: str, *, patience: float | None = BUSY_SECONDS) -> Engine:
    """Open the store.

    Args:
        url: ``sqlite:///path`` or ``postgresql://user@host/name``; PostgreSQL is spoken through pg8000.
        patience: longest wait for one answer of PostgreSQL, seconds; None where a statement may take its time.

    Raises:
        StoreUnavailable: the URL names no database we speak.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as problem:
        raise StoreUnavailable(f"{url!r} is not a database URL: {problem}") from None
    kind = parsed.get_backend_name()
    if kind == "postgresql":
        parsed = parsed.set(drivername="postgresql+pg8000")
        engine = create_engine(
            parsed,
            isolation_level="READ COMMITTED",
            connect_args=_patient(patience),
            pool_timeout=BUSY_SECONDS,
            **POOL,
        )
        event.listen(engine, "handle_error", _lost)
        return engine
    if kind != "sqlite":
        raise StoreUnavailable(f"{kind} is not spoken here: use sqlite:///PATH or postgresql://...")
    engine = create_engine(parsed, connect_args={"timeout": BUSY_SECONDS}, pool_timeout=BUSY_SECONDS, **POOL)
    _WRITERS[engine] = threading.Lock()
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin)
    return engine


def _patient(seconds: float | None) -> dict[str, Any]:
    """Let the server give up first, which leaves a connection in order, and the socket where no server is left."""
    if seconds is None:
        return {"timeout": None}
    return {"timeout": seconds, "startup_params": {"statement_timeout": f"{900 * seconds:.0f}"}}


def _lost(context: ExceptionContext) -> None:
    """Give up a connection whose server fell silent: an answer that comes late must not answer the next question.

    SQLAlchemy leaves what the socket raises as it is.
    """
    problem = context.original_exception
    if isinstance(problem, OSError):
        context.is_disconnect = True
        raise StoreUnavailable(
            "the database fell silent; ask again to learn what it decided", reason=str(problem)
        ) from problem


def _prepare_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "foreign_keys=ON",
        "synchronous=FULL",
        f"busy_timeout={BUSY_SECONDS * 1000}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """Take the write lock at once: a transaction that reads first could not write after another's write."""
    reading = connection.get_execution_options().get("reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def migrate(engine: Engine) -> None:
    """Bring the schema to the newest version."""
    with as_file(files("server") / "migrations") as folder:
        config = Config()
        config.set_main_option("script_location", str(folder))
        with _answering(), engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Run one serial step; it happens whole or not at all.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    with _turn(engine), _answering(), engine.begin() as connection:
        yield connection


@contextmanager
def _turn(engine: Engine) -> Iterator[None]:
    lock = _WRITERS.get(engine)
    if lock is None:
        yield
        return
    if not lock.acquire(timeout=BUSY_SECONDS):
        raise StoreUnavailable("the database is busy; nothing was decided")
    try:
        yield
    finally:
        lock.release()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Read one consistent state without holding anybody up.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    with _answering(), engine.connect() as plain:
        connection = plain.execution_options(reading=True)
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield connection


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except PoolTimeout:
        raise StoreUnavailable("the database is busy; nothing was decided") from None
    except DBAPIError as problem:
        gone = problem.connection_invalidated or isinstance(problem, OperationalError | InterfaceError)
        if gone or _state(problem)[:2] in ABSENT:
            raise StoreUnavailable(
                "the database does not answer; nothing was decided", reason=str(problem.orig)
            ) from problem
        raise


def serially(engine: Engine, step: Callable[[Connection], Result]) -> Result:
    """Run a step, again if the database asks for it because another step was first."""
    for attempt in range(RETRIES):
        try:
            with transaction(engine) as connection:
                return step(connection)
        except DBAPIError as problem:
            if attempt == RETRIES - 1 or not _again(problem):
                raise
            time.sleep(0.002 * 2**attempt)
    raise StoreUnavailable("the database was busy for too long; nothing was decided")


def _again(problem: DBAPIError) -> bool:
    """Tell whether PostgreSQL asks for the step to be repeated: serialization failure, deadlock, lost race."""
    return _state(problem) in ("40001", "40P01", "23505")


def _state(problem: DBAPIError) -> str:
    """Return PostgreSQL's SQLSTATE, empty where there is none."""
    detail = problem.orig.args[0] if problem.orig is not None and problem.orig.args else None
    return str(detail.get("C", "")) if isinstance(detail, dict) else ""
