"""Makes host and port objects of a validated fleet."""

from __future__ import annotations

from typing import Any

from omegaconf import OmegaConf

from ..fleet import Fleet
from .host import Host
from .port import Port

__all__ = ("objects_of", "plain")


def plain(value: Any) -> Any:
    """Return a node as plain data, everything resolved; other values as they are."""
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def objects_of(fleet: Fleet, hosts: Any, ports: Any) -> dict[str, Any]:
    """Return the fleet's hosts and ports as objects: those that were given, where objects were given."""
    given_hosts = {host.name: host for host in hosts if isinstance(host, Host)} if isinstance(hosts, list) else {}
    by_name = {spec.name: given_hosts[spec.name].settle(spec) if spec.name in given_hosts else Host.of_spec(spec) for spec in fleet.hosts}
    given_ports = {_place(port): port for port in ports if isinstance(port, Port)} if isinstance(ports, list) else {}
    settled_ports = []
    for spec in fleet.ports:
        port = given_ports.get((spec.host, spec.port))
        if port is None:
            port = Port.model_construct(name=spec.name, host_name=spec.host, port=spec.port, tags=spec.tags)
        port.__dict__["host"] = by_name[spec.host]
        port.__pydantic_fields_set__.add("host")
        settled_ports.append(port)
    return {"hosts": list(by_name.values()), "ports": settled_ports}


def _place(port: Port) -> tuple[str, int | None]:
    return (port.host.name if port.host else port.host_name, port.port)
