"""How full Airflow's pools are now, for the viewer, the command line and operators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..errors import BalancerError
from ..fleet.fleet import Fleet
from .pools import PoolOccupancy
from .target import current_options, read_target

SECONDS = 2.0
"""How long Airflow has to say how full its pools are."""


class Occupancy(NamedTuple):
    """The occupancy of all pools, by their names, and where it was read."""

    source: str
    pools: Mapping[str, PoolOccupancy]


class LiveLoad(NamedTuple):
    """How many slots are taken on each host, by name, and where it was read; or nothing, and why it could not be read."""

    load: Mapping[str, int]
    source: str
    why: str


def live_load(fleet: Fleet, *, api_url: str = "", api_username: str = "") -> LiveLoad:
    """Return the load of a fleet's hosts now, or none where it cannot be read."""
    try:
        read = read_occupancy(seconds=SECONDS, api_url=api_url, api_username=api_username)
    except BalancerError as error:
        return LiveLoad({}, "", str(error))
    return LiveLoad(load_of(fleet, read.pools), read.source, "")


def host_load(fleet: Fleet, *, seconds: float = SECONDS) -> dict[str, int]:
    """Return how many slots are taken on each host of a fleet now, by the hosts' names.

    They are those of running and queued tasks in the host's pool (and of deferred ones where the pool
    includes them), each task counting as many as it has pool slots. See `load_of` for hosts that share
    a pool, and `read_occupancy` for where it is read, in what time, and what it raises.
    """
    return load_of(fleet, read_occupancy(seconds=seconds).pools)


def load_of(fleet: Fleet, pools: Mapping[str, PoolOccupancy]) -> dict[str, int]:
    """Return how many slots are taken on each host, by name; a missing pool counts as empty.

    On which of several hosts the tasks of a shared pool run is unknown: each host gets the share of
    its size, rounded up, so that hosts of one size are as loaded as each other.
    """
    sizes: dict[str, int] = {}
    for host in fleet.hosts:
        sizes[host.pool_name] = sizes.get(host.pool_name, 0) + host.size
    taken = {name: pool.taken for name, pool in pools.items()}
    return {host.name: -(-taken.get(host.pool_name, 0) * host.size // sizes[host.pool_name]) for host in fleet.hosts}


def read_occupancy(*, seconds: float = SECONDS, api_url: str = "", api_username: str = "") -> Occupancy:
    """Return how full all pools of the Airflow that is meant are; see `open_target`.

    Args:
        seconds: How long all of it may take: connecting, logging in, every page. Loading Airflow, where this process
            has not yet, is not counted.
        api_url: The API server that is meant; default: `[balancer] api_url`.
        api_username: The user to log in as; default: `[balancer] api_username`.

    Raises:
        UnavailableError: It cannot be read, or not in time; the text says why.
        ConfigurationError: An option of section `[balancer]` cannot be read.
    """
    options = current_options(api_url=api_url, api_username=api_username)
    return Occupancy(options.target, read_target(options, lambda target: target.read_occupancy(), seconds=seconds))
