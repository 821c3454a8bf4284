"""Queries as objects, which airflow-pydantic's tasks execute."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from airflow_pydantic import BalancerHostQueryConfiguration as BaseHostQuery
from airflow_pydantic import BalancerPortQueryConfiguration as BasePortQuery
from airflow_pydantic import SSHTask
from pydantic import ConfigDict, Field, PrivateAttr

from ..picking.choice import call_key
from ..picking.filters import HOST_KEYS, PORT_KEYS
from .balancer import BalancerConfiguration

_by_name = SSHTask._remote_host_name
# Let every SSHTask connect to a host's address, if it has one.
SSHTask._remote_host_name = staticmethod(lambda host: getattr(host, "address", None) or _by_name(host))
_KEY = Field(default=None, description="Identifies the request; by default the calling file and the number of its query.")


class _Keyed:
    """A query keeps its first key, so it always selects the same host."""

    key: str | None
    _own_key: str | None

    def _request_key(self, kind: str) -> str:
        self._own_key = self.key or self._own_key or call_key(kind)
        return self._own_key

    def _patterns(self, keys: Iterable[str]) -> dict[str, Any]:
        return {key: getattr(self, key) for key in (*keys, "custom")}


class BalancerHostQueryConfiguration(_Keyed, BaseHostQuery):
    """A query for hosts, as a value of a task's model: it selects one host, or all that match if its `kind` is `filter`.

    Its further fields are the arguments of `BalancerConfiguration.select_host`.

    >>> hosts = BalancerConfiguration(hosts={"host1": {"queues": ["workers"]}, "host2": {}})
    >>> HostQuery(balancer=hosts, kind="select", queue="workers").execute().name
    'host1'
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, defer_build=True)

    balancer: BalancerConfiguration
    key: str | None = _KEY
    all_tags: str | list[str] | None = None
    min_size: int | None = None
    exclude: str | list[str] | None = None
    prefer: str | list[str] | None = None
    _own_key: str | None = PrivateAttr(default=None)

    def execute(self) -> Any:
        """Return the selected host, or the list of those that match.

        Raises:
            NoMatch: No host matches.
        """
        patterns = self._patterns(HOST_KEYS)
        if self.kind == "filter":
            del patterns["prefer"]
            return self.balancer.filter_hosts(**patterns)
        return self.balancer.select_host(**patterns, key=self._request_key("host"))


class BalancerPortQueryConfiguration(_Keyed, BasePortQuery):
    """A query for tracked ports, as a value of a task's model: it selects one port, or all that match if its `kind` is `filter`.

    Its further fields are the arguments of `BalancerConfiguration.select_port`.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, defer_build=True)

    balancer: BalancerConfiguration
    key: str | None = _KEY
    _own_key: str | None = PrivateAttr(default=None)

    def execute(self) -> Any:
        """Return the selected port, or the list of those that match.

        Raises:
            NoMatch: No port matches.
        """
        patterns = self._patterns(PORT_KEYS)
        if self.kind == "filter":
            return self.balancer.filter_ports(**patterns)
        return self.balancer.select_port(**patterns, key=self._request_key("port"))


HostQuery = BalancerHostQueryConfiguration
PortQuery = BalancerPortQueryConfiguration
