"""A fleet: hosts, ports and the pools they want, with every rule that holds between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from ..caching import cached
from ..errors import ConfigurationError, NoMatch, Problem, listing, suggestion
from .entries import MOST_HINTS, Entries, override_hosts, plain_node, problems_of, read_entries, settle_addresses, settle_ports, unknown_key
from .model import HostSpec, PortSpec, Settings

DEFAULT_POOL = "default_pool"
"""The pool that Airflow makes itself, and that tasks use when they name no other."""


class PoolSlots(NamedTuple):
    """A pool as Airflow's `slot_pool` table has it."""

    name: str
    slots: int
    description: str
    include_deferred: bool


def mark(description: str, slots: int) -> str:
    """Return `description` with the mark of a pool that the balancer made with so many `slots`.

    >>> mark("Balancer pool for host(host1)", 8)
    'Balancer pool for host(host1) [airflow-balancer: 8 slots]'
    """
    return f"{description} [airflow-balancer: {slots} {'slot' if slots == 1 else 'slots'}]".lstrip()


def requested_pools(fleet: Fleet) -> list[tuple[str, PoolSlots]]:
    """Return the pool that each host, port and queue requests, after its subject.

    A host that names a pool without slots requests nothing if another host gives them.
    """
    given = {host.pool.pool for host in fleet.hosts if host.pool and host.pool.slots}
    hosts = [host for host in fleet.hosts if host.pool is None or host.pool.slots or host.pool.pool not in given]
    pools = [(f"host {host.name!r}", PoolSlots(*host.pool_values.values())) for host in hosts]
    for port in fleet.ports:
        text = f"Balancer pool for host({port.host}) port({port.port})"
        pools.append((f"port {port.name or port.port!r}", PoolSlots(port.pool, 1, text, include_deferred=True)))
    for queue, slots in queue_slots(fleet).items():
        text = f"Balancer pool for queue({queue})"
        pools.append((f"queue {queue!r}", PoolSlots(queue_pool_name(queue), slots, text, include_deferred=True)))
    return pools


def queue_pool_name(queue: str) -> str:
    """Return the name of a queue's pool."""
    return f"queue-{queue}"


def queue_slots(fleet: Fleet) -> dict[str, int]:
    """Return the slots of each queue's pool, if queues have pools: the sizes of its hosts, without drained ones."""
    slots: dict[str, int] = {}
    for host in fleet.hosts if fleet.settings.queue_pools else ():
        for queue in dict.fromkeys(host.queues):
            slots[queue] = slots.get(queue, 0) + (0 if host.drain else host.size)
    return dict(sorted(slots.items()))


def _port_problems(ports: Entries, hosts: set[str]) -> list[Problem]:
    """Return a problem for each port on an unknown host, or with the number or the name of an earlier one."""
    unknown, known = list[Problem](), f"(hosts: {listing(hosts)})"
    for at, port in enumerate(ports.data):
        if (name := port["host"]) not in hosts:
            hint = suggestion(name, hosts) if len(unknown) < MOST_HINTS else ""
            unknown.append(ports.problem(at, f"unknown host {name!r}{hint} {known}", "host"))
    numbers = [(port["host"], int(port["port"])) for port in ports.data]
    names = [port.get("name", at) for at, port in enumerate(ports.data)]
    repeated = _repeated(ports, numbers, "a host has each port once") + _repeated(ports, names, "port names must differ")
    return unknown + repeated


def _repeated(entries: Entries, identities: Sequence[str | int | tuple[str, int]], rule: str) -> list[Problem]:
    """Return a problem for each entry whose identity an earlier one has; an empty identity may repeat."""
    if len(set(identities)) == len(identities):
        return []
    first: dict[str | int | tuple[str, int], int] = {}
    places = [f"{entries.group}[{at}]" if isinstance(at, int) else f"{entries.group}.{at}" for at in entries.places]
    problems = []
    for at, identity in enumerate(identities):
        if identity and (before := first.setdefault(identity, at)) != at:
            problems.append(entries.problem(at, f"is defined twice, at {places[before]} and {places[at]}; {rule}"))
    return problems


def _pool_problems(fleet: Fleet) -> list[Problem]:
    """Return a problem for each request of a pool that is Airflow's own, another's queue's, or of another size elsewhere."""
    names = [host.pool_name for host in fleet.hosts] + [port.pool for port in fleet.ports] + [*map(queue_pool_name, queue_slots(fleet))]
    if len({*names, DEFAULT_POOL}) > len(names):
        return []  # all names differ, also from Airflow's own
    first: dict[str, tuple[str, PoolSlots]] = {}
    problems = []
    for subject, pool in requested_pools(fleet):
        if text := _pool_problem(subject, pool, *first.setdefault(pool.name, (subject, pool))):
            problems.append(Problem(text, subject))
    return problems


def _pool_problem(subject: str, pool: PoolSlots, other: str, same: PoolSlots) -> str:
    """Return what is wrong with a request of a pool, which the subject `other` was the first to request."""
    if pool.name == DEFAULT_POOL:
        return f"its pool would be Airflow's own {DEFAULT_POOL!r}; give it another with key 'pool'"
    if subject != other and subject.startswith("queue "):
        return f"its pool {pool.name!r} is also that of {other}; rename that one"
    if same.slots != pool.slots:
        text = f"pool {pool.name!r} is requested with {pool.slots} slots, but with {same.slots} by {other}"
        return f"{text}; give both the same, as in pool: {{pool: {pool.name}, slots: {same.slots}}}"
    return ""


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
        names = [host["name"] for host in hosts.data]
        _raise([*_repeated(hosts, names, "host names must differ"), *_port_problems(ports, set(names))])
        by_name, by_place = sorted(host_specs, key=attrgetter("name")), sorted(port_specs, key=attrgetter("host", "port"))
        fleet = cls(tuple(by_name), tuple(by_place), settings)
        _raise(_pool_problems(fleet))
        return fleet

    @cached
    def by_name(self) -> dict[str, HostSpec]:
        """The hosts by their names."""
        return {host.name: host for host in self.hosts}

    @cached
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
    _raise(unknown)
    return settings


_OF_SLOTS = ("hold_slots", "slot_dir", "slot_wait", "slot_timeout")


def _apply_defaults(hosts: Entries, settings: Settings) -> None:
    defaults = {key: default for key in ("username", "password", "key_file") if (default := getattr(settings, f"default_{key}"))}
    for at, given in enumerate(hosts.data):
        data = {key: value for key, value in given.items() if value is not None} if None in given.values() else given
        data.setdefault("size", settings.default_size)
        for key, default in defaults.items():
            if not data.get(key):
                data[key] = default
        if data.get("hold_slots", settings.hold_slots):
            for key in _OF_SLOTS:
                data.setdefault(key, getattr(settings, key))
        hosts.data[at] = data


@cache
def _list_of(model: type[_M]) -> TypeAdapter[list[_M]]:
    return TypeAdapter(list[model])  # type: ignore[valid-type]


def _validate(entries: Entries, model: type[_M]) -> list[_M]:
    try:
        return _list_of(model).validate_python(entries.data)
    except ValidationError as error:
        raise ConfigurationError(problems_of(error, model, entries.place)) from None
