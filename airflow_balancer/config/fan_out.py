"""Sends airflow-pydantic's task on all hosts of a query to their addresses, too.

Its SSHTask maps `remote_host` over the hosts with a rule of its own, which knows names alone, in place of `Host.hook`.
"""

from __future__ import annotations

from airflow_pydantic import Host, SSHTask

__all__ = ("go_to_addresses",)

_by_name = SSHTask._remote_host_name


def go_to_addresses() -> None:
    """Let every SSHTask take the address of a host that has one; doing it again changes nothing."""
    SSHTask._remote_host_name = staticmethod(_remote_host)


def _remote_host(host: Host) -> str:
    return getattr(host, "address", None) or _by_name(host)
