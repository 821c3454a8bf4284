"""The objects of a balancer: made past validation, and kept true to its fleet."""

from __future__ import annotations

import sys
from hashlib import blake2b
from typing import Any, NamedTuple
from weakref import ref

from airflow_pydantic import BalancerConfiguration as BaseBalancerConfiguration
from pydantic import PrivateAttr

from ..fleet.fleet import Fleet
from ..fleet.model import HostSpec, PortSpec
from ..picking.choice import Assigned
from ..picking.filters import HostIndex
from ..picking.strategies import Strategy, strategy_data
from ..ports.lock import locked_ports
from ..ports.table import PortTable
from .models import Host, Port, WatchedList, password_of, watch


def plain(value: Any) -> Any:
    """Return a node as plain data, everything resolved; other values as they are."""
    if "omegaconf" not in sys.modules:
        return value  # none of its nodes: they cost a load of a plain file its import
    from omegaconf import OmegaConf

    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


class Settled(WatchedList[Any]):
    """Objects that were made of a validated fleet: nothing is left to check in them."""

    __slots__ = ()


def settle_objects(fleet: Fleet, hosts: Any, ports: Any) -> tuple[Settled, Settled]:
    """Return the fleet's hosts and ports as objects: those that were given, where objects were given."""
    given_hosts = {host.name: host for host in hosts if isinstance(host, Host)} if isinstance(hosts, list) else {}
    by_name = {spec.name: given_hosts[spec.name].settle(spec) if spec.name in given_hosts else Host.of_spec(spec) for spec in fleet.hosts}
    given_ports = {_place(port): port for port in ports if isinstance(port, Port)} if isinstance(ports, list) else {}
    if not given_ports:
        return Settled(by_name.values()), Settled([Port.of_spec(spec, by_name[spec.host]) for spec in fleet.ports])
    settled = Settled()
    for spec in fleet.ports:
        port = given_ports.get((spec.host, spec.port))
        settled.append(Port.of_spec(spec, by_name[spec.host]) if port is None else port.settle(by_name[spec.host]))
    return Settled(by_name.values()), settled


def _place(port: Port) -> tuple[str, int | None]:
    return (port.host.name if port.host else port.host_name, port.port)


def has_values_of(fleet: Fleet, hosts: list[Host], ports: list[Port]) -> bool:
    """Return whether hosts and ports still have the values of a fleet."""
    same_number = (len(hosts), len(ports)) == (len(fleet.hosts), len(fleet.ports))
    return same_number and all(map(_same_host, fleet.hosts, hosts)) and all(map(_same_port, fleet.ports, ports))


def _same_host(spec: HostSpec, host: Host) -> bool:
    values = host.__dict__
    if {**values, "pool": spec.pool, "password": spec.password} != spec.__dict__:
        return False
    return values["pool"] is not None and values["pool"].__dict__ == spec.pool_values and values["password"] == password_of(spec.password)


def _same_port(spec: PortSpec, port: Port) -> bool:
    host = port.host
    return host is not None and (spec.port, spec.host, spec.host, spec.name, spec.tags) == (
        port.port,
        host.name,
        port.host_name or spec.host,
        port.name,
        port.tags,
    )


class _Hosts(NamedTuple):
    indexed: HostIndex[Host]
    by_name: dict[str, Host]
    assigned: Assigned


class _Kept:
    """Everything but the free ports that were given is forgotten when a watched object changes."""

    def __init__(self) -> None:
        self.tables: dict[tuple[str, str | None], PortTable] = {}
        self.forget()

    def forget(self) -> None:
        self.fleet: Fleet | None = None
        self.hosts: _Hosts | None = None
        self.in_use: dict[str, list[int]] | None = None


class KeepingBalancer(BaseBalancerConfiguration):
    """Answers from an index of its hosts and a table of its ports, made anew after a change of either.

    Hosts and ports hold weak references to what is kept, which belongs to one balancer and is not copied with it.
    """

    __slots__ = ("_kept",)

    _assigned: tuple[str, Assigned] = PrivateAttr(default=("", {}))

    def __setattr__(self, name: str, value: Any) -> None:
        self._known.forget()
        super().__setattr__(name, value)

    @property
    def fleet(self) -> Fleet:
        """The same hosts, ports and settings as validated plain data.

        It is validated again only when a value differs: pools and arguments of hooks tell nobody when they are
        changed, so that all values are compared, in a tenth of the time.
        """
        known = self._known
        if known.fleet is None or not has_values_of(known.fleet, self.hosts, self.ports):
            known.fleet = Fleet.from_data(self.__dict__)
        return known.fleet

    @property
    def _known(self) -> _Kept:
        try:
            kept: _Kept = object.__getattribute__(self, "_kept")
        except AttributeError:
            kept = _Kept()
            object.__setattr__(self, "_kept", kept)
        return kept

    @property
    def _of_hosts(self) -> _Hosts:
        """The hosts by what queries look for, each with its defaults."""
        known = self._known
        if known.hosts is None:
            if any(host.size is None or host.pool is None for host in self.hosts):
                self._settle_objects()
            self._watch("hosts", ("queues", "tags"))
            digest, assigned = self._assigned
            valid = bool(assigned) and digest == self._digest()
            known.hosts = _Hosts(HostIndex(self.hosts), {host.name: host for host in self.hosts}, assigned if valid else {})
        return known.hosts

    @property
    def _in_use(self) -> dict[str, list[int]]:
        """The numbers of the tracked ports by host; each port has its host."""
        known = self._known
        if known.in_use is None:
            hosts = self._of_hosts.by_name
            if any(port.host is None or port.host is not hosts.get(port.host.name) for port in self.ports):
                self._settle_objects()
                self._of_hosts  # noqa: B018 (watches the hosts that ports have now)
            self._watch("ports", ())
            in_use: dict[str, list[int]] = {}
            for port in self.ports:
                in_use.setdefault(port.host.name, []).append(port.port)
            for (host, _), table in known.tables.items():
                table.reserve(in_use.get(host, ()))
            known.in_use = in_use
        return known.in_use

    def _port_table(self, host: str) -> PortTable:
        """Return the table of a host's free ports.

        Raises:
            ConfigurationError: The lock file is wrong.
        """
        in_use, tables, place = self._in_use, self._known.tables, (host, self.port_lock)
        if place not in tables:
            tables[place] = PortTable(host, in_use.get(host, ()), locked_ports(self.port_lock, host))
        return tables[place]

    def _settle_objects(self) -> None:
        """Apply the rules and defaults to all objects, those added in place included.

        Raises:
            ConfigurationError: One of them is wrong.
        """
        hosts, ports = settle_objects(self.fleet, self.hosts, self.ports)
        self.hosts[:], self.ports[:] = hosts, ports

    def _watch(self, name: str, lists: tuple[str, ...]) -> None:
        """Watch a list of objects, each object, and the lists of these names in it."""
        watcher, things = ref(self._known), _watched_list(self, name)
        watch((things, *things), watcher)
        for inner in lists:
            watch([_watched_list(thing, inner) for thing in things], watcher)

    def _carry(self, assigned: Assigned) -> None:
        """Answer as a composed tree assigned, as long as hosts and strategy are those of the tree."""
        if assigned:
            self._assigned = (self._digest(), assigned)

    def _digest(self) -> str:
        strategy: Strategy = self.strategy
        hosts = sorted((host.name, host.size, host.drain, host.os, host.queues, host.tags) for host in self.hosts)
        return blake2b(repr((strategy_data(strategy), hosts)).encode()).hexdigest()


def _watched_list(thing: Any, name: str) -> WatchedList[Any]:
    """Return the list of an object, which is put in place of a plain one."""
    values: dict[str, Any] = thing.__dict__
    if not isinstance(values[name], WatchedList):
        values[name] = WatchedList(values[name])
    found: WatchedList[Any] = values[name]
    return found
