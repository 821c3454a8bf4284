"""The SSH connections that `create_connection` requests, one for each host, and the plan to create them; pure."""

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
"""The longest connection id that Airflow's REST API accepts, in characters; the column holds 250."""
_HOOK_ONLY = frozenset({"remote_host", "username", "password", "port", "ssh_conn_id", "ssh_hook"})


class SshConnection(NamedTuple):
    """An Airflow connection, its secrets in clear text; `extra` is JSON with sorted keys."""

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
    """The plans for pools and for connections."""

    pools: Plan[PoolSlots]
    connections: Plan[SshConnection]

    def differs(self, *, prune: bool = False) -> bool:
        """Return whether applying the plans changes anything."""
        return self.pools.differs(prune=prune) or self.connections.differs(prune=prune)


def is_ours(connection: SshConnection) -> bool:
    """Return whether the balancer made this connection, according to its description."""
    return connection.description.endswith(MARK_TEXT)


def variable_keys(fleets: Mapping[str, Fleet]) -> set[str]:
    """Return the keys of the Airflow Variables that hold the connections' passwords."""
    return {host.password.key for _, host in _hosts(fleets) if isinstance(host.password, VariableSpec)}


def wanted_connections(fleets: Mapping[str, Fleet], variables: Mapping[str, str]) -> dict[str, SshConnection]:
    """Return a connection by name for each host of the fleets that set `create_connection`.

    Args:
        fleets: The fleets by origin, which problems name.
        variables: The values of the Variables that `variable_keys` names.

    Raises:
        ConfigurationError: A name is too long, a Variable is missing, or two fleets disagree on a connection.
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
                problems.append(Problem("differs between two configurations; give both the same host", subject, origin=origin))
    if problems:
        raise ConfigurationError(problems)
    return wanted


def plan_connections(wanted: Mapping[str, SshConnection], current: Iterable[SshConnection]) -> Plan[SshConnection]:
    """Compare the `wanted` connections with the `current` ones; leave those unchanged that the balancer did not make."""
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
    """Return a host's password. If it is a Variable, look it up in `variables`: the value, or the key `password` of its JSON."""
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
