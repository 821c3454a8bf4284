"""The task model of a BalancedSSHOperator, for DAGs that are written in YAML."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from airflow_pydantic import ImportPath, SSHTask
from airflow_pydantic import airflow as stand_ins
from pydantic import ConfigDict, Field, model_validator

from ..fleet.model import SLOT_KEYS
from ..picking.strategies import Ranking, strategy_data
from .balancer import BalancerConfiguration, plain
from .models import Host

_RENDERED = {"name", "address", "username", "password", "key_file", "ssh_hook_args", "size", *SLOT_KEYS}
_OPERATOR = "airflow_balancer.BalancedSSHOperator"


class _NoAirflow(stand_ins.SSHOperator):
    """Stands in for the operator if Airflow is not installed; airflow-pydantic renders its path."""

    _original = _OPERATOR


def _operator() -> Any:
    return _NoAirflow if issubclass(stand_ins.SSHOperator, stand_ins._AirflowPydanticMarker) else _OPERATOR


class BalancedSSHTask(SSHTask):
    """An SSH task whose attempt k runs on the k-th host of its ranking; see `BalancedSSHOperator`.

    Its hosts come from `${balancer.hosts:{queue:workers}}`, or from `query` and `balancer`. The code that
    airflow-config renders has the candidates in it. There, a password that is a string is masked; one that
    is an Airflow Variable works.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True, defer_build=True)

    operator: ImportPath = Field(default_factory=_operator, description="airflow operator path", validate_default=True)
    balancer: BalancerConfiguration = Field(exclude=True, repr=False, description="The balancer with the hosts.")
    query: dict[str, Any] | None = Field(default=None, description="The arguments of select_host, without the key.")
    key: str | None = Field(default=None, description="Identifies the task; by default <dag_id>.<task_id>.")
    first: str | None = Field(default=None, description="The host of the first attempt; by default the one that is picked.")
    failover: bool = Field(default=False, description="Whether an attempt goes on to the next host if one cannot be reached.")

    @model_validator(mode="before")
    @classmethod
    def _take_ranking(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        data = {name: plain(value) for name, value in values.items()}
        ranking = data.pop("hosts", None)
        if isinstance(ranking, Ranking):
            data |= {"balancer": BalancerConfiguration.of_fleet(ranking.fleet), "key": ranking.key, "first": ranking.first}
        elif ranking is not None:
            raise ValueError("key 'hosts' must be ${balancer.hosts:{...}}; or give 'balancer' and 'query'")
        return data

    def instantiate(self, **kwargs: Any) -> Any:
        """Return the operator."""
        return super().instantiate(balancer=self.balancer, **kwargs)

    def render(self, raw: bool = False, dag_from_context: bool = False, airflow_major_version: int = 2, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 (airflow-pydantic's)
        """Return the imports, the globals and the call of the operator, as syntax trees if `raw`."""
        imports, globals_, call = super().render(
            raw=True, dag_from_context=dag_from_context, airflow_major_version=airflow_major_version, **kwargs
        )
        imports.append(ast.ImportFrom(module="airflow_balancer", names=[ast.alias(name="BalancerConfiguration")], level=0))
        call.keywords = [argument for argument in call.keywords if argument.arg != "query"]
        call.keywords.append(ast.keyword(arg="balancer", value=ast.parse(self._balancer_code(), mode="eval").body))
        if raw:
            return imports, globals_, call
        return [ast.unparse(node) for node in imports], [ast.unparse(node) for node in globals_], ast.unparse(call)

    def _balancer_code(self) -> str:
        """Return the code of a balancer with the candidates alone. All of them match, so it needs no query."""
        candidates = sorted(self.balancer.rank_hosts(**self.query or {}, key=""))
        slots = {pool.name: pool.slots for pool in self.balancer.fleet.pools}
        hosts = [_rendered(host, slots[host.pool.pool]) for host in candidates]
        return f"BalancerConfiguration(hosts={hosts!r}, strategy={strategy_data(self.balancer.strategy)!r})"


def _rendered(host: Host, slots: int) -> dict[str, Any]:
    pool = {"pool": {"pool": host.pool.pool, "slots": slots}} if (host.pool.pool, slots) != (host.name, host.size) else {}
    given = host.model_dump(mode="json", include=_RENDERED)
    return {key: value for key, value in given.items() if value} | pool
