"""A fleet: validated hosts, ports and settings, and the pools that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from pydantic import ValidationError

from ..caching import cached
from ..errors import ConfigurationError, NoMatch, Problem, listing, suggestion
from .entries import (
    apply_defaults,
    check_arguments,
    plain_node,
    port_problems,
    read_entries,
    read_hosts,
    read_pools,
    repeated_names,
    settle_addresses,
    settle_ports,
    validate,
)
from .masking import masking, secrets_of
from .model import HostSpec, NamedPoolSpec, PortSpec, Settings
from .pools import PoolSlots, pool_problems, queue_pool_name, requested_pools
from .problems import problems_of, unknown_key

FLEET_KEYS = ("hosts", "ports", "pools", "host_overrides", *Settings.model_fields)
"""The keys of a balancer's node."""


@dataclass(frozen=True, repr=False)
class Fleet:
    """Hosts, ports and settings as validated data, without Airflow; `load_fleet` returns one.

    Attributes:
        hosts: The hosts, sorted by name, with the balancer's defaults applied.
        ports: The tracked ports, sorted by host and number.
        settings: The balancer's other keys.
        named_pools: The pools under `pools`, which belong to no host or port.

    >>> fleet = Fleet.from_data({"hosts": [{"name": "host1", "size": 16}, {"name": "host2"}], "default_size": 4})
    >>> [(host.name, host.size) for host in fleet.hosts]
    [('host1', 16), ('host2', 4)]
    >>> [(pool.name, pool.slots) for pool in fleet.pools]
    [('host1', 16), ('host2', 4)]
    """

    hosts: tuple[HostSpec, ...]
    ports: tuple[PortSpec, ...]
    settings: Settings
    named_pools: tuple[NamedPoolSpec, ...] = ()

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Fleet:
        """Validate a balancer's node.

        Args:
            data: The node as plain data, as in YAML; hosts and ports may also be objects.

        Raises:
            ConfigurationError: The node is wrong; the error has one problem for each wrong value.
        """
        with masking(lambda: secrets_of(data)):
            return cls._of_node(plain_node(data))

    @classmethod
    def _of_node(cls, node: Mapping[str, Any]) -> Fleet:
        settings, problems = _settings(node)
        hosts, host_specs = read_hosts(node, settings, problems)
        ports, pools = read_entries(node.get("ports"), "ports"), read_pools(node.get("pools"))
        problems += [*ports.unread, *settle_ports(ports), *pools.unread]
        port_specs, pool_specs = validate(ports, PortSpec, problems), validate(pools, NamedPoolSpec, problems)
        problems += [*port_problems(ports, hosts), *repeated_names(pools)]
        if problems:  # pools are checked as well, as far as hosts, ports and pools are valid
            host_specs, port_specs = validate(hosts.right(), HostSpec, []), validate(ports.right(), PortSpec, [])
            pool_specs = validate(pools.right(), NamedPoolSpec, [])
        name = attrgetter("name")
        by_place = tuple(sorted(port_specs, key=attrgetter("host", "port")))
        fleet = cls(tuple(sorted(host_specs, key=name)), by_place, settings, tuple(sorted(pool_specs, key=name)))
        if problems := [*problems, *pool_problems(fleet)]:
            raise ConfigurationError(problems)
        return fleet

    def __repr__(self) -> str:
        return f"Fleet({len(self.hosts)} hosts, {len(self.ports)} ports)"

    @cached
    def secrets(self) -> frozenset[str]:
        """The values under secret keys; see `fleet/masking.py`."""
        return frozenset(secrets_of({"hosts": self.hosts, "pools": self.named_pools, "settings": self.settings}))

    @cached
    def by_name(self) -> dict[str, HostSpec]:
        """The hosts by their names."""
        return {host.name: host for host in self.hosts}

    @cached
    def pools(self) -> tuple[PoolSlots, ...]:
        """The pools that Airflow should have, each name once: of hosts, ports and queues, then those under `pools:`.

        A shared pool has the slots that one of its hosts gives, else the size of each of them.
        """
        first: dict[str, PoolSlots] = {}
        for request in requested_pools(self):
            first.setdefault(request.pool.name, request.pool)
        return tuple(first.values())

    @property
    def queue_pools(self) -> tuple[PoolSlots, ...]:
        """The pools of queues; empty unless `queue_pools` is set."""
        return tuple(request.pool for request in requested_pools(self) if request.subject.startswith("queue "))

    def queue_pool(self, queue: str) -> str:
        """Return the name of a queue's pool.

        Raises:
            ConfigurationError: `queue_pools` is not set, so queues have no pools.
            NoMatch: No host serves this queue.
        """
        if not self.settings.queue_pools:
            raise ConfigurationError(f"queue {queue!r} has no pool; set queue_pools: true")
        known = sorted({name for host in self.hosts for name in host.queues})
        if queue not in known:
            raise NoMatch(f"no host is of queue {queue!r}{suggestion(queue, known)} (queues: {listing(known)})")
        return queue_pool_name(queue)

    def pool(self, name: str) -> str:
        """Return the name of a pool of this fleet.

        Raises:
            NoMatch: No pool has this name.
        """
        if name not in (known := [pool.name for pool in self.pools]):
            raise NoMatch(f"no pool is named {name!r}{suggestion(name, known)} (pools: {listing(known)})")
        return name


def checked_host(data: Mapping[str, Any]) -> dict[str, Any]:
    """Validate a host as written, and return it with its address under `address`.

    Raises:
        ConfigurationError: The host is wrong.
    """
    with masking(lambda: secrets_of(data)):
        entries = read_entries([data], "hosts")
        problems = [*entries.unread, *settle_addresses(entries), *check_arguments(entries)]
        apply_defaults(entries, Settings())
        checked = validate(entries, HostSpec, problems)
        if problems:
            raise ConfigurationError(problems)
    return {**data, "address": checked[0].address} if checked[0].address else dict(data)


def check_port(data: Mapping[str, Any]) -> None:
    """Raise ConfigurationError unless a port is valid; its host may have any name."""
    with masking(lambda: secrets_of(data)):
        entries = read_entries([data], "ports")
        problems = [*entries.unread, *settle_ports(entries)]
        validate(entries, PortSpec, problems)
        if problems:
            raise ConfigurationError(problems)


def _settings(node: Mapping[str, Any]) -> tuple[Settings, list[Problem]]:
    """Return the settings, with the default for each wrong one, and the problems."""
    problems = [Problem(unknown_key(key, FLEET_KEYS), path=(key,)) for key in node if key not in FLEET_KEYS]
    given = {key: value for key, value in node.items() if key in Settings.model_fields and value is not None}
    try:
        return Settings.model_validate(given), problems
    except ValidationError as error:
        wrong = problems_of(error, Settings)
    keys = {problem.path[0] for problem in wrong}
    return Settings.model_validate({key: value for key, value in given.items() if key not in keys}), [*problems, *wrong]
