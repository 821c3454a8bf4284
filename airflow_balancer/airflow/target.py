"""The target: the Airflow behind the configured API server, else the one installed here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import replace
from threading import BoundedSemaphore, Thread
from time import monotonic
from typing import Protocol, TypeVar

from ..errors import UnavailableError
from ..fleet.fleet import Fleet
from ..fleet.pools import PoolSlots
from . import versions
from .connections import Plans
from .options import SectionOptions, environment_option, read_options
from .pools import PoolOccupancy

T = TypeVar("T")
_readers = BoundedSemaphore(4)
"""Limits concurrent reads: an abandoned one runs on until the other side ends it."""


def within(seconds: float, source: str, read: Callable[[], T]) -> T:
    """Return the result of `read`, or abandon it after some seconds.

    `read` runs in its own thread, because some operations accept no deadline: resolving a name, connecting to a
    database, reading from a server that sends one byte at a time.

    Raises:
        UnavailableError: `read` took longer; the message names the `source`. Errors of `read` are re-raised.
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


class Target(Protocol):
    """An Airflow to read, to compare with fleets, and to change.

    Each method raises BalancerError if Airflow is unreachable or refuses. `plan` and `apply` raise
    ConfigurationError if the fleets contradict each other or Airflow's limits.
    """

    def read_pools(self) -> list[PoolSlots]:
        """Return all pools."""

    def read_occupancy(self) -> dict[str, PoolOccupancy]:
        """Return the pools' current occupancy by name."""

    def plan(self, fleets: Mapping[str, Fleet]) -> Plans:
        """Return the plans that `apply` would carry out."""

    def apply(self, fleets: Mapping[str, Fleet], *, prune: bool = False) -> Plans:
        """Bring pools and connections to what the `fleets` want; with `prune`, delete orphans."""


def current_options(*, api_url: str = "", api_username: str = "") -> SectionOptions:
    """Return the options of section `[balancer]`, from airflow.cfg if Airflow is installed, else from the environment.

    The arguments override those options.

    Raises:
        ConfigurationError: An option is invalid.
    """
    options = read_options(versions.option if versions.has_airflow() else environment_option)
    return replace(options, api_url=api_url or options.api_url, api_username=api_username or options.api_username)


@contextmanager
def open_target(options: SectionOptions, *, seconds: float | None = None) -> Iterator[Target]:
    """Yield the API server at `api_url` if that is set, else the metadata database of the installed Airflow.

    `seconds` limits each step of a request, and each statement.

    Raises:
        UnavailableError: There is neither, or it cannot be opened.
    """
    if options.api_url:
        try:
            from .api import RestApi
        except ImportError:
            raise UnavailableError("an API server is reached with httpx: pip install 'airflow-balancer[api]'") from None
        user, password = options.api_username, options.api_password
        with RestApi(options.api_url, username=user, password=password, seconds=seconds or 60.0) as api:
            yield api
    elif versions.has_airflow():
        from .database import MetadataDatabase

        yield MetadataDatabase(seconds)
    else:
        raise UnavailableError(
            "there is no Airflow here; give the address of its API server in [balancer] api_url (AIRFLOW__BALANCER__API_URL)"
        )


def read_target(options: SectionOptions, read: Callable[[Target], T], *, seconds: float) -> T:
    """Return what `read` reads from the target, or abandon it after some seconds, not counting the import of Airflow.

    Raises:
        UnavailableError: There is no target, or it cannot be read in time.
    """
    if not options.api_url and versions.has_airflow():
        from .database import open_engine

        open_engine()

    def opened() -> T:
        with open_target(options, seconds=seconds) as target:
            return read(target)

    return within(seconds, options.target, opened)
