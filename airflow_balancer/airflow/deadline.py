"""A deadline for reading from Airflow, whichever way it is read."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import BoundedSemaphore, Thread
from time import monotonic
from typing import TypeVar

from ..errors import UnavailableError

__all__ = ("within",)

T = TypeVar("T")
_readers = BoundedSemaphore(4)
"""An abandoned read runs until the other side ends it; at most this many may run at once."""


def within(seconds: float, source: str, read: Callable[[], T]) -> T:
    """Return what `read` returns, or abandon it when the time is up.

    It runs in a thread of its own, since some of what may hang takes no deadline: looking up a name,
    connecting to a database, a server that sends one byte at a time.

    Args:
        seconds: How long to wait.
        source: What is read, for the error.
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

    late = UnavailableError(f"{source} gave no answer within {seconds:.2g} s")
    if not _readers.acquire(timeout=max(seconds, 0)):
        raise late
    Thread(target=run, name=f"airflow-balancer: {source}", daemon=True).start()
    if not wait([future], max(ends - monotonic(), 0)).done:
        raise late
    return future.result()
