"""Makes host and port objects of a validated fleet."""

from __future__ import annotations

import sys
from typing import Any

from ..fleet.fleet import Fleet
from .host import Host
from .port import Port

__all__ = ("objects_of", "plain")


def plain(value: Any) -> Any:
    """Return a node as plain data, everything resolved; other values as they are."""
    if "omegaconf" not in sys.modules:
        return value  # none of its nodes: they cost a load of a plain file its import
    from omegaconf import OmegaConf

    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


class Settled(list[Any]):
    """Objects that were made of a validated fleet: nothing is left to check in them."""


def objects_of(fleet: Fleet, hosts: Any, ports: Any) -> dict[str, Settled]:
    """Return the fleet's hosts and ports as objects: those that were given, where objects were given."""
    given_hosts = {host.name: host for host in hosts if isinstance(host, Host)} if isinstance(hosts, list) else {}
    by_name = {spec.name: given_hosts[spec.name].settle(spec) if spec.name in given_hosts else Host.of_spec(spec) for spec in fleet.hosts}
    given_ports = {_place(port): port for port in ports if isinstance(port, Port)} if isinstance(ports, list) else {}
    if not given_ports:
        return {"hosts": Settled(by_name.values()), "ports": Settled(Port.of_spec(spec, by_name[spec.host]) for spec in fleet.ports)}
    settled = Settled()
    for spec in fleet.ports:
        port = given_ports.get((spec.host, spec.port))
        settled.append(Port.of_spec(spec, by_name[spec.host]) if port is None else port.settle(by_name[spec.host]))
    return {"hosts": Settled(by_name.values()), "ports": settled}


def _place(port: Port) -> tuple[str, int | None]:
    return (port.host.name if port.host else port.host_name, port.port)
