"""The generated DAG that reconciles pools, fed with this package's plan of pools."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

from airflow_pydantic import Dag, Pool
from airflow_pydantic import PoolManagerConfiguration as BasePoolManagerConfiguration
from pydantic import ModelWrapValidatorHandler, model_validator

from .models import adopt

if TYPE_CHECKING:
    from .kept import KeepingBalancer

__all__ = ("PoolManagerConfiguration", "configured_pools")


def configured_pools(config: KeepingBalancer) -> list[Pool]:
    """Return the pools that Airflow should have, hosts first; a pool that hosts share is there once."""
    return [Pool(pool=name, slots=slots, description=text, include_deferred=deferred) for name, slots, text, deferred in config.fleet.pools]


class PoolManagerConfiguration(BasePoolManagerConfiguration):
    """How the pool manager's DAG is generated; see airflow-pydantic."""

    @model_validator(mode="wrap")
    @classmethod
    def _adopt(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        return handler(adopt(value, cls, BasePoolManagerConfiguration))

    def build_dag(self, config: Any) -> Dag | None:
        """Return the DAG, or None where it is not enabled."""
        pools = configured_pools(config)
        hosts = [SimpleNamespace(name=pool.pool, pool=pool, size=pool.slots) for pool in pools]
        return super().build_dag(SimpleNamespace(hosts=hosts, ports=[], override_pool_size=config.override_pool_size))
