"""Connections: the SSH connection of each host where `create_connection` is set, and their plan; pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ..errors import ConfigurationError, Problem
from ..fleet.fleet import Fleet
from ..fleet.model import HostSpec, VariableSpec
from ..fleet.pools import PoolSlots
from .pools import Plan, Update

MARK_TEXT = "[airflow-balancer]"
MAX_NAME = 200
"""The longest connection id that Airflow's REST API takes, in characters; its column holds 250."""
_HOOK_ONLY = frozenset({"remote_host", "username", "password", "port", "ssh_conn_id", "ssh_hook"})


class SshConnection(NamedTuple):
    """An SSH connection as Airflow has it, its secrets in clear; `extra` is JSON with sorted keys."""

    name: str
    host: str | None
    login: str | None
    password: str | None
    port: int | None
    extra: str
    description: str
    conn_type: str = "ssh"

    def __repr__(self) -> str:
        return f"SshConnection(name={self.name!r}, host={self.host!r}, login={self.login!r}, port={self.port!r})"


class Plans(NamedTuple):
    """What was applied, or would be: to the pools, and to the connections."""

    pools: Plan[PoolSlots]
    connections: Plan[SshConnection]

    def differs(self, *, prune: bool = False) -> bool:
        """Return whether applying the plans writes anything."""
        return self.pools.differs(prune=prune) or self.connections.differs(prune=prune)


def is_ours(connection: SshConnection) -> bool:
    """Return whether the balancer made this connection, going by its description."""
    return connection.description.endswith(MARK_TEXT)


def variable_keys(fleets: Mapping[str, Fleet]) -> set[str]:
    """Return the keys of the Airflow Variables that hold a password which a connection needs."""
    return {host.password.key for _, host in _hosts(fleets) if isinstance(host.password, VariableSpec)}


def wanted_connections(fleets: Mapping[str, Fleet], variables: Mapping[str, str]) -> dict[str, SshConnection]:
    """Return a connection by name for each host of the fleets that set `create_connection`.

    The keys of `fleets` say where each comes from; `variables` has the values of those that `variable_keys` names.

    Raises:
        ConfigurationError: A name does not fit, a Variable is missing, or two fleets want one connection differently.
    """
    wanted: dict[str, SshConnection] = {}
    problems = []
    for origin, host in _hosts(fleets):
        subject = f"connection {host.name[:60]!r}"
        if len(host.name) > MAX_NAME:
            text = f"its name has {len(host.name)} characters, Airflow allows {MAX_NAME}; shorten the host's name"
            problems.append(Problem(text, subject, origin=origin))
        elif isinstance(host.password, VariableSpec) and host.password.key not in variables:
            text = f"its password is Airflow Variable {host.password.key!r}, which cannot be read; set it, then apply again"
            problems.append(Problem(text, subject, origin=origin))
        else:
            connection = _connection(host, variables)
            if wanted.setdefault(host.name, connection) != connection:
                problems.append(Problem("is wanted otherwise by another configuration; give both the same host", subject, origin=origin))
    if problems:
        raise ConfigurationError(problems)
    return wanted


def plan_connections(wanted: Mapping[str, SshConnection], current: Iterable[SshConnection]) -> Plan[SshConnection]:
    """Compare the `wanted` connections with the `current` ones; those that others made are left as they are."""
    existing = {connection.name: connection for connection in current}
    create, update, unchanged, notes = [], [], [], {}
    for name, after in sorted(wanted.items()):
        before = existing.get(name)
        if before is None:
            create.append(after)
        elif not is_ours(before):
            unchanged.append(before)
            notes[name] = "others made this connection; delete it to let the balancer make its own"
        elif before == after:
            unchanged.append(before)
        else:
            update.append(Update(before, after))
    orphaned = tuple(existing[name] for name in sorted(existing) if name not in wanted and is_ours(existing[name]))
    return Plan(tuple(create), tuple(update), tuple(unchanged), orphaned, notes)


def _hosts(fleets: Mapping[str, Fleet]) -> Iterable[tuple[str, HostSpec]]:
    for origin, fleet in sorted(fleets.items()):
        if fleet.settings.create_connection:
            for host in fleet.hosts:
                yield origin, host


def clear_password(host: HostSpec, variables: Mapping[str, str]) -> str | None:
    """Return a host's password, where it is a Variable by the `variables`' values, of which JSON has it under `password`."""
    if not isinstance(host.password, VariableSpec):
        return host.password or None
    value = variables[host.password.key]
    try:
        data = json.loads(value)
    except ValueError:
        return value
    return str(data["password"]) if isinstance(data, dict) and "password" in data else value


def _connection(host: HostSpec, variables: Mapping[str, str]) -> SshConnection:
    password = clear_password(host, variables)
    extra: dict[str, Any] = {key: value for key, value in host.ssh_hook_args.items() if key not in _HOOK_ONLY}
    if not password and host.key_file:
        extra["key_file"] = host.key_file
    port = host.ssh_hook_args.get("port")
    return SshConnection(
        name=host.name,
        host=host.remote_host,
        login=host.username,
        password=password,
        port=port if isinstance(port, int) else None,
        extra=json.dumps(extra, sort_keys=True),
        description=f"Balancer connection for host({host.name}) {MARK_TEXT}",
    )
