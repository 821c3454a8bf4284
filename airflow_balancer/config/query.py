"""Queries as objects, which airflow-pydantic's tasks execute."""

from __future__ import annotations

from typing import Any

from airflow_pydantic import BalancerHostQueryConfiguration as BaseHostQuery
from airflow_pydantic import BalancerPortQueryConfiguration as BasePortQuery
from pydantic import ConfigDict, Field, PrivateAttr

from ..picking.keys import call_key
from .balancer import BalancerConfiguration
from .fan_out import go_to_addresses

__all__ = ("BalancerHostQueryConfiguration", "BalancerPortQueryConfiguration", "HostQuery", "PortQuery")

go_to_addresses()
_KEY = Field(default=None, description="Who asks; by default the calling file and which of its queries this is.")


class _Keyed:
    """Gives a query one key for its life, so that it always selects the same."""

    key: str | None
    _own_key: str | None

    def _asker(self, kind: str) -> str:
        self._own_key = self.key or self._own_key or call_key(kind)
        return self._own_key


class BalancerHostQueryConfiguration(_Keyed, BaseHostQuery):
    """A query for hosts: `kind` says whether it selects one or filters many."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, defer_build=True)

    balancer: BalancerConfiguration
    key: str | None = _KEY
    min_size: int | None = None
    exclude: str | list[str] | None = None
    prefer: str | list[str] | None = None
    _own_key: str | None = PrivateAttr(default=None)

    def execute(self) -> Any:
        """Return the selected host, or the list of those that match.

        Raises:
            NoMatch: No host matches.
        """
        asked: dict[str, Any] = {key: getattr(self, key) for key in ("name", "queue", "os", "tag", "custom", "min_size", "exclude")}
        if self.kind == "filter":
            return self.balancer.filter_hosts(**asked)
        return self.balancer.select_host(**asked, prefer=self.prefer, key=self._asker("host"))


class BalancerPortQueryConfiguration(_Keyed, BasePortQuery):
    """A query for tracked ports: `kind` says whether it selects one or filters many."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, defer_build=True)

    balancer: BalancerConfiguration
    key: str | None = _KEY
    _own_key: str | None = PrivateAttr(default=None)

    def execute(self) -> Any:
        """Return the selected port, or the list of those that match.

        Raises:
            NoMatch: No port matches.
        """
        asked: dict[str, Any] = {key: getattr(self, key) for key in ("name", "tag", "custom")}
        if self.kind == "filter":
            return self.balancer.filter_ports(**asked)
        return self.balancer.select_port(**asked, key=self._asker("port"))


HostQuery = BalancerHostQueryConfiguration
PortQuery = BalancerPortQueryConfiguration
