"""Reads live data of Airflow: the way to its metadata database, and a deadline for whatever is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from pathlib import Path
from threading import BoundedSemaphore, Thread
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from ..errors import UnavailableError
from .targets import has_airflow

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

__all__ = ("metadata_connection", "metadata_engine", "within")

T = TypeVar("T")
_readers = BoundedSemaphore(4)
"""A reading that is given up goes on until the other side ends it; so many may, at most."""


def within(seconds: float, what: str, read: Callable[[], T]) -> T:
    """Return what `read` returns, or give it up.

    It runs in a thread of its own, since some of what may hang there takes no deadline: looking up a
    name, connecting to a database, a server that sends one byte at a time.

    Args:
        seconds: How long to wait.
        what: Who is read, for the error.
        read: Is called without arguments.

    Raises:
        UnavailableError: It took longer. What `read` raises is raised here.
    """
    ends, future = monotonic() + seconds, Future[T]()

    def run() -> None:
        try:
            future.set_result(read())
        except BaseException as error:
            future.set_exception(error)
        finally:
            _readers.release()

    late = UnavailableError(f"{what} gave no answer within {seconds:.2g} s")
    if not _readers.acquire(timeout=max(seconds, 0)):
        raise late
    Thread(target=run, name=f"airflow-balancer: {what}", daemon=True).start()
    if not wait([future], max(ends - monotonic(), 0)).done:
        raise late
    return future.result()


def metadata_engine() -> Engine:
    """Return the engine of the metadata database, not yet connected.

    Raises:
        UnavailableError: This process has none.
    """
    if not has_airflow():
        raise UnavailableError("Airflow is not installed here; its metadata is shown where the page is opened within Airflow")
    from sqlalchemy.exc import SQLAlchemyError

    from . import versions

    try:
        engine = versions.engine()
    except (ImportError, RuntimeError, SQLAlchemyError) as error:
        raise UnavailableError(_told(error)) from None
    _check_file(engine)
    return engine


@contextmanager
def metadata_connection(engine: Engine | None = None) -> Iterator[Connection]:
    """Give a connection to the metadata database; whatever is done in it is rolled back.

    Raises:
        UnavailableError: There is none, or it refuses.
    """
    engine = engine or metadata_engine()
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise UnavailableError(_told(error)) from None


def _told(error: Exception) -> str:
    from sqlalchemy.exc import SQLAlchemyError

    if not isinstance(error, SQLAlchemyError):
        return str(error)
    # Not the statement: its parameters may hold secrets.
    text = str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()[0]
    return f"the metadata database refuses: {text}"


def _check_file(engine: Engine) -> None:
    """Raise where SQLite would make an empty database on being opened."""
    url = engine.url
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).is_file():
        raise UnavailableError("Airflow's metadata database is not made yet: airflow db migrate")
