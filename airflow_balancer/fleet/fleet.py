"""A fleet: hosts, ports and settings as validated plain data; Airflow is not loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from operator import attrgetter
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from ..errors import ConfigurationError, NoMatch, Problem, listing, suggestion
from ..files.garbage import pause_gc
from .entries import Entries, override_hosts, plain_node, read_entries, settle_addresses, settle_ports
from .messages import problems_of, unknown_key
from .model import HostSpec, PortSpec, Settings
from .pools import PoolSlots, queue_pool_name, requested_pools
from .rules import host_problems, pool_problems, port_problems
from .strategy import check_strategy

__all__ = ("FLEET_KEYS", "Fleet", "check_port", "checked_host")

_M = TypeVar("_M", bound=BaseModel)
FLEET_KEYS = ("hosts", "ports", "host_overrides", *Settings.model_fields)
"""The keys of a balancer's node."""


@dataclass(frozen=True)
class Fleet:
    """Hosts sorted by name, ports sorted by host and number, and the settings they share."""

    hosts: tuple[HostSpec, ...]
    ports: tuple[PortSpec, ...]
    settings: Settings

    @classmethod
    @pause_gc()
    def from_data(cls, data: Mapping[str, Any]) -> Fleet:
        """Validate a balancer's node.

        Args:
            data: The node as plain data, as YAML has it; hosts and ports may be objects, too.

        Raises:
            ConfigurationError: The node is wrong; the error has one problem for each wrong value.
        """
        node = plain_node(data)
        settings = _settings(node)
        hosts, wrong_hosts = read_entries(node.get("hosts"), "hosts", HostSpec)
        ports, wrong_ports = read_entries(node.get("ports"), "ports", PortSpec)
        overrides = node.get("host_overrides")
        _raise([*wrong_hosts, *settle_addresses(hosts), *override_hosts(hosts, overrides), *wrong_ports, *settle_ports(ports)])
        _apply_defaults(hosts, settings)
        host_specs, port_specs = _validate(hosts, HostSpec), _validate(ports, PortSpec)
        _raise([*host_problems(hosts), *port_problems(ports, {host.name for host in host_specs})])
        fleet = cls(
            tuple(sorted(host_specs, key=attrgetter("name"))),
            tuple(sorted(port_specs, key=attrgetter("host", "port"))),
            settings,
        )
        _raise(pool_problems(fleet))
        return fleet

    @cached_property
    def by_name(self) -> dict[str, HostSpec]:
        """The hosts by their names."""
        return {host.name: host for host in self.hosts}

    @cached_property
    def pools(self) -> tuple[PoolSlots, ...]:
        """The pools that Airflow should have: of hosts, then of ports, then of queues, each name once.

        A shared pool has the slots that one of its hosts gives, else the size of each of them.
        """
        first: dict[str, PoolSlots] = {}
        for _, pool in requested_pools(self):
            first.setdefault(pool.name, pool)
        return tuple(first.values())

    @property
    def queue_pools(self) -> tuple[PoolSlots, ...]:
        """The pools of queues; empty unless `queue_pools` is set."""
        return tuple(pool for subject, pool in requested_pools(self) if subject.startswith("queue "))

    def queue_pool(self, queue: str) -> str:
        """Return the name of a queue's pool.

        Raises:
            ConfigurationError: Queues have no pools, as `queue_pools` is not set.
            NoMatch: No host serves this queue.
        """
        if not self.settings.queue_pools:
            raise ConfigurationError(f"queue {queue!r} has no pool; set queue_pools: true")
        known = sorted({name for host in self.hosts for name in host.queues})
        if queue not in known:
            raise NoMatch(f"no host is of queue {queue!r}{suggestion(queue, known)} (queues: {listing(known)})")
        return queue_pool_name(queue)


def checked_host(data: Mapping[str, Any]) -> dict[str, Any]:
    """Check a host as it may be written, and return it with its address under the key `address`.

    Raises:
        ConfigurationError: The host is wrong.
    """
    entries, problems = read_entries([data], "hosts", HostSpec)
    _raise([*problems, *settle_addresses(entries)])
    _apply_defaults(entries, Settings())
    [host] = _validate(entries, HostSpec)
    return {**data, "address": host.address} if host.address else dict(data)


def check_port(data: Mapping[str, Any]) -> None:
    """Raise ConfigurationError unless `data` is a valid port; its host may have any name."""
    entries, problems = read_entries([data], "ports", PortSpec)
    _raise([*problems, *settle_ports(entries)])
    _validate(entries, PortSpec)


def _raise(problems: Iterable[Problem]) -> None:
    if found := tuple(problems):
        raise ConfigurationError(found)


def _settings(node: Mapping[str, Any]) -> Settings:
    unknown = [Problem(unknown_key(key, FLEET_KEYS), path=(key,)) for key in node if key not in FLEET_KEYS]
    given = {key: value for key, value in node.items() if key in Settings.model_fields and value is not None}
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        raise ConfigurationError([*unknown, *problems_of(error, Settings)]) from None
    wrong = check_strategy(settings.strategy)
    _raise([*unknown, *([Problem(wrong, path=("strategy",))] if wrong else [])])
    return settings


def _apply_defaults(hosts: Entries, settings: Settings) -> None:
    defaults = {key: default for key in ("username", "password", "key_file") if (default := getattr(settings, f"default_{key}"))}
    for at, given in enumerate(hosts.data):
        data = {key: value for key, value in given.items() if value is not None} if None in given.values() else given
        data.setdefault("size", settings.default_size)
        for key, default in defaults.items():
            if not data.get(key):
                data[key] = default
        hosts.data[at] = data


@cache
def _list_of(model: type[_M]) -> TypeAdapter[list[_M]]:
    return TypeAdapter(list[model])  # type: ignore[valid-type]


def _validate(entries: Entries, model: type[_M]) -> list[_M]:
    try:
        return _list_of(model).validate_python(entries.data)
    except ValidationError as error:
        problems = problems_of(error, model, lambda at: (entries.subject(at), entries.path(at)))
        raise ConfigurationError(problems) from None
