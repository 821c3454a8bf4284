"""Makes host and port objects of a validated fleet."""

from __future__ import annotations

import sys
from typing import Any

from ..fleet.fleet import Fleet
from ..fleet.model import HostSpec, PortSpec
from .host import Host, password_of
from .models import WatchedList
from .port import Port

__all__ = ("Settled", "has_values_of", "plain", "settle_objects")


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
