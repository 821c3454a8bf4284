"""The current occupancy of Airflow's pools, for the viewer, the command line and operators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..errors import BalancerError
from ..fleet.fleet import Fleet
from .pools import PoolOccupancy
from .target import current_options, read_target

SECONDS = 2.0
"""How long to wait for Airflow."""


class Occupancy(NamedTuple):
    """The occupancy of all pools by name, and where it was read."""

    source: str
    pools: Mapping[str, PoolOccupancy]


class LiveLoad(NamedTuple):
    """The taken slots by host, and the source they were read from; empty, and `why`, if they cannot be read."""

    load: Mapping[str, int]
    source: str
    why: str


def live_load(fleet: Fleet, *, api_url: str = "", api_username: str = "") -> LiveLoad:
    """Return the current load of a fleet's hosts, or the reason if it cannot be read."""
    try:
        read = read_occupancy(seconds=SECONDS, api_url=api_url, api_username=api_username)
    except BalancerError as error:
        return LiveLoad({}, "", str(error))
    return LiveLoad(load_of(fleet, read.pools), read.source, "")


def host_load(fleet: Fleet, *, seconds: float = SECONDS) -> dict[str, int]:
    """Return the taken slots of a fleet's hosts, by name.

    A host's load is the pool slots of the running and queued tasks in its pool, and of deferred tasks if the
    pool includes them. See `load_of` for hosts that share a pool, and `read_occupancy` for the source and the errors.
    """
    return load_of(fleet, read_occupancy(seconds=seconds).pools)


def load_of(fleet: Fleet, pools: Mapping[str, PoolOccupancy]) -> dict[str, int]:
    """Return the taken slots by host; a missing pool counts as empty.

    A shared pool does not say which of its hosts a task runs on. Each host gets a share in proportion to its
    size, rounded up, so that hosts of equal size have equal load.
    """
    sizes: dict[str, int] = {}
    for host in fleet.hosts:
        sizes[host.pool_name] = sizes.get(host.pool_name, 0) + host.size
    taken = {name: pool.taken for name, pool in pools.items()}
    return {host.name: -(-taken.get(host.pool_name, 0) * host.size // sizes[host.pool_name]) for host in fleet.hosts}


def read_occupancy(*, seconds: float = SECONDS, api_url: str = "", api_username: str = "") -> Occupancy:
    """Return the occupancy of all pools of the target; see `open_target`.

    Args:
        seconds: The deadline for connecting, logging in and reading all pages together. Importing Airflow
            does not count.
        api_url: The API server to read; default: `[balancer] api_url`.
        api_username: The user to log in as; default: `[balancer] api_username`.

    Raises:
        UnavailableError: The occupancy cannot be read in time; the message says why.
        ConfigurationError: An option of section `[balancer]` is invalid.
    """
    options = current_options(api_url=api_url, api_username=api_username)
    return Occupancy(options.target, read_target(options, lambda target: target.read_occupancy(), seconds=seconds))
