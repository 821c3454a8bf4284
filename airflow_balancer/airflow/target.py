"""The Airflow that is meant: the API server whose address is given, else the one that is installed here."""

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
"""An abandoned read runs until the other side ends it; at most this many may run at once."""


def within(seconds: float, source: str, read: Callable[[], T]) -> T:
    """Return what `read` returns, or abandon it when the time is up.

    It runs in a thread of its own, since some of what may hang takes no deadline: looking up a name,
    connecting to a database, a server that sends one byte at a time.

    Raises:
        UnavailableError: It took longer; the message names the `source`. What `read` raises is raised here.
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


_NOWHERE = "there is no Airflow here; give the address of its API server in [balancer] api_url (AIRFLOW__BALANCER__API_URL)"


class Target(Protocol):
    """An Airflow whose pools and connections are read, compared with fleets, and changed.

    Each method raises BalancerError where Airflow cannot be reached or refuses; `plan` and `apply` raise
    ConfigurationError where the fleets contradict each other or do not fit Airflow.
    """

    def read_pools(self) -> list[PoolSlots]:
        """Return all pools."""

    def read_occupancy(self) -> dict[str, PoolOccupancy]:
        """Return how full all pools are now, by their names."""

    def plan(self, fleets: Mapping[str, Fleet]) -> Plans:
        """Return what `apply` would write."""

    def apply(self, fleets: Mapping[str, Fleet], *, prune: bool = False) -> Plans:
        """Make pools and connections what the `fleets` want; with `prune`, delete those that they no longer want."""


def current_options(*, api_url: str = "", api_username: str = "") -> SectionOptions:
    """Return the options of section `[balancer]`: of airflow.cfg where Airflow is installed, else of the environment.

    The arguments take precedence over the section's.

    Raises:
        ConfigurationError: An option cannot be read.
    """
    options = read_options(versions.option if versions.has_airflow() else environment_option)
    return replace(options, api_url=api_url or options.api_url, api_username=api_username or options.api_username)


@contextmanager
def open_target(options: SectionOptions, *, seconds: float | None = None) -> Iterator[Target]:
    """Give the API server at `api_url` where it is set, else the metadata database of the Airflow that is installed.

    Each step of a request and each statement may take so many `seconds`.

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
        raise UnavailableError(_NOWHERE)


def read_target(options: SectionOptions, read: Callable[[Target], T], *, seconds: float) -> T:
    """Return what `read` reads from the target, or abandon it when the time is up.

    Loading Airflow, where this process has not yet, does not count.

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
