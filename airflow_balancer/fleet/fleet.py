"""A fleet: hosts, ports and settings as validated plain data, with the rules that hold between them.

Nothing here loads Airflow: the command line, the resolvers and the pools work on a `Fleet` alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from ..errors import ConfigurationError, NoMatch, Problem, listing, suggestion
from ..files.garbage import pause_gc
from ..picking.index import HostIndex
from ..picking.strategies import check_strategy
from .entries import Entries, override_hosts, plain_node, read_entries, settle_addresses, settle_ports
from .messages import problems_of, unknown_key
from .model import HostSpec, PortSpec, Settings

__all__ = ("FLEET_KEYS", "Fleet", "PoolSlots", "check_port", "checked_host")

_M = TypeVar("_M", bound=BaseModel)
FLEET_KEYS = ("hosts", "ports", "host_overrides", *Settings.model_fields)
"""The keys of a balancer's node."""
_RESERVED_POOL = "default_pool"


class PoolSlots(NamedTuple):
    """A pool that Airflow should have for a host, a port or a queue."""

    name: str
    slots: int
    description: str
    include_deferred: bool


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
            ConfigurationError: With one problem for each thing that is wrong.
        """
        node = plain_node(data)
        settings = _settings(node)
        hosts, problems = read_entries(node.get("hosts"), "hosts", HostSpec)
        problems += settle_addresses(hosts)
        problems += override_hosts(hosts, node.get("host_overrides"))
        ports, port_problems = read_entries(node.get("ports"), "ports", PortSpec)
        problems += port_problems
        problems += settle_ports(ports)
        _raise(problems)
        _apply_defaults(hosts, settings)
        host_specs, port_specs = _validate(hosts, HostSpec), _validate(ports, PortSpec)
        _raise([*_host_rules(hosts), *_port_rules(ports, {host.name for host in host_specs})])
        fleet = cls(
            tuple(sorted(host_specs, key=attrgetter("name"))),
            tuple(sorted(port_specs, key=attrgetter("host", "port"))),
            settings,
        )
        _raise(_pool_rules(fleet))
        return fleet

    @cached_property
    def by_name(self) -> dict[str, HostSpec]:
        """The hosts by their names."""
        return {host.name: host for host in self.hosts}

    @cached_property
    def index(self) -> HostIndex[HostSpec]:
        """The hosts by what queries ask for."""
        return HostIndex(self.hosts)

    @cached_property
    def pools(self) -> tuple[PoolSlots, ...]:
        """The pools that Airflow should have: one for each host, then one for each port, then one for each queue that has one.

        Hosts that name the same pool share it; its slots are those given with it, else the host's size.
        """
        first: dict[str, PoolSlots] = {}
        for _, pool in _asked_pools(self):
            first.setdefault(pool.name, pool)
        return tuple(first.values())

    @property
    def queue_pools(self) -> tuple[PoolSlots, ...]:
        """The pools of queues alone, where queues have some."""
        names = set(map(_queue_pool, _queue_slots(self)))
        return tuple(pool for pool in self.pools if pool.name in names)

    def queue_pool(self, queue: str) -> str:
        """Return the name of a queue's pool.

        Raises:
            ConfigurationError: Queues have no pools, as `queue_pools` is not set.
            NoMatch: No host is of this queue.
        """
        if not self.settings.queue_pools:
            raise ConfigurationError(f"queue {queue!r} has no pool; set queue_pools: true")
        known = sorted({name for host in self.hosts for name in host.queues})
        if queue not in known:
            raise NoMatch(f"no host is of queue {queue!r}{suggestion(queue, known)} (queues: {listing(known)})")
        return _queue_pool(queue)


def checked_host(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a host as it may be written, its address under the key `address`.

    Raises:
        ConfigurationError: It is wrong.
    """
    entries, problems = read_entries([data], "hosts", HostSpec)
    _raise([*problems, *settle_addresses(entries)])
    _apply_defaults(entries, Settings())
    [host] = _validate(entries, HostSpec)
    return {**data, "address": host.address} if host.address else dict(data)


def check_port(data: Mapping[str, Any]) -> None:
    """Raise ConfigurationError unless `data` is a port as it may be written; its host may be any name."""
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


def _place(path: tuple[str | int, ...]) -> str:
    group, index = path
    return f"{group}[{index}]" if isinstance(index, int) else f"{group}.{index}"


def _repeated(entries: Entries, identities: Sequence[Hashable], text: str) -> list[Problem]:
    """Return a problem for each entry whose identity another one has; an empty one is none."""
    if len(set(identities)) == len(identities):
        return []
    first: dict[Hashable, int] = {}
    problems = []
    for at, identity in enumerate(identities):
        if identity and first.setdefault(identity, at) != at:
            path = entries.path(at)
            said = text.format(first=_place(entries.path(first[identity])), again=_place(path))
            problems.append(Problem(said, entries.subject(at), path))
    return problems


def _host_rules(hosts: Entries) -> list[Problem]:
    names = [host["name"] for host in hosts.data]
    return _repeated(hosts, names, "is there twice, at {first} and {again}; host names must differ")


def _port_rules(ports: Entries, hosts: set[str]) -> list[Problem]:
    unknown = [
        Problem(f"unknown host {name!r}{suggestion(name, hosts)} (hosts: {listing(hosts)})", ports.subject(at), (*ports.path(at), "host"))
        for at, port in enumerate(ports.data)
        if (name := port["host"]) not in hosts
    ]
    places = [(port["host"], int(port["port"])) for port in ports.data]
    numbers = _repeated(ports, places, "is there twice, at {first} and {again}; a host has each port once")
    names = [port.get("name", at) for at, port in enumerate(ports.data)]
    return [*unknown, *numbers, *_repeated(ports, names, "is there twice, at {first} and {again}; port names must differ")]


def _queue_pool(queue: str) -> str:
    return f"queue-{queue}"


def _asked_pools(fleet: Fleet) -> Iterable[tuple[str, PoolSlots]]:
    """Yield each pool with the subject that asks for it; one whose slots are left to others is not asked."""
    given = {host.pool.pool for host in fleet.hosts if host.pool and host.pool.slots}
    for host in fleet.hosts:
        pool, subject = host.pool, f"host {host.name!r}"
        if pool and pool.slots is None and pool.pool in given:
            continue
        asked = host.effective_pool
        yield subject, PoolSlots(asked.pool, asked.slots or host.size, asked.description or "", bool(asked.include_deferred))
    for port in fleet.ports:
        text = f"Balancer pool for host({port.host}) port({port.port})"
        yield f"port {port.name or port.port!r}", PoolSlots(port.pool, 1, text, include_deferred=True)
    for queue, slots in _queue_slots(fleet).items():
        yield f"queue {queue!r}", PoolSlots(_queue_pool(queue), slots, f"Balancer pool for queue({queue})", include_deferred=False)


def _queue_slots(fleet: Fleet) -> dict[str, int]:
    """Return the slots of each queue that has a pool: the sizes of its hosts, without drained ones, which run no new task."""
    slots: dict[str, int] = {}
    for host in fleet.hosts if fleet.settings.queue_pools else ():
        for queue in dict.fromkeys(host.queues):
            slots[queue] = slots.get(queue, 0) + (0 if host.drain else host.size)
    return dict(sorted(slots.items()))


def _pool_rules(fleet: Fleet) -> list[Problem]:
    names = [host.pool_name for host in fleet.hosts] + [port.pool for port in fleet.ports] + [*map(_queue_pool, _queue_slots(fleet))]
    if len({*names, _RESERVED_POOL}) > len(names):
        return []  # all names differ, and none is the reserved one
    first: dict[str, tuple[str, PoolSlots]] = {}
    problems = []
    for subject, pool in _asked_pools(fleet):
        other, same = first.setdefault(pool.name, (subject, pool))
        if pool.name == _RESERVED_POOL:
            problems.append(Problem(f"its pool would be Airflow's own {_RESERVED_POOL!r}; give it another with key 'pool'", subject))
        elif subject != other and subject.startswith("queue "):
            problems.append(Problem(f"its pool {pool.name!r} is that of {other}, too; give that one another name", subject))
        elif same.slots != pool.slots:
            text = f"pool {pool.name!r} is asked for with {pool.slots} slots, but with {same.slots} by {other}"
            problems.append(Problem(f"{text}; give both the same, as in pool: {{pool: {pool.name}, slots: {same.slots}}}", subject))
    return problems
