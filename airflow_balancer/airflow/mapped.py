"""Mapped operators: the policy counts each index in the pool of its host, by a short string in the serialized DAG."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..config import BalancerConfiguration
from ..errors import ConfigurationError
from ..files.reading import current_reading, reading
from ..fleet.pools import DEFAULT_POOL
from .hooks import BalancedSSHHook, candidates_text


class TaskBalancer:
    """The balancer of a mapped operator. Airflow serializes this argument as its string, which lists the task's candidates."""

    def __init__(self, balancer: BalancerConfiguration, text: str) -> None:
        self.balancer = balancer
        self._text = text

    def __repr__(self) -> str:
        return self._text


def count_by_index(made: Any, given: Mapping[str, Any]) -> None:
    """Let the policy count each index of a mapped operator in its host's pool, unless the operator names a pool.

    Args:
        made: The result of `BalancedSSHOperator.partial`; this changes its arguments.
        given: The arguments of `partial`.

    Raises:
        ConfigurationError: `expand` gives the balancer, so no pool can be found.
        NoMatch: No host matches, or all matching hosts are drained.
    """
    arguments: dict[str, Any] = made.kwargs
    own_pool = arguments.get("pool") in (None, DEFAULT_POOL) and "pool" not in given
    balancer = arguments.get("balancer")
    if balancer is None:
        if own_pool:
            raise ConfigurationError(f"task {arguments['task_id']!r}: a mapped operator without balancer= in partial() needs pool= there")
        return
    query = dict(arguments.get("query") or {})
    hook = BalancedSSHHook(balancer, **query, key=arguments.get("key"), first=arguments.get("first"))
    task = f"{dag.dag_id}.{arguments['task_id']}" if (dag := arguments.get("dag")) else ""
    recorder = current_reading().recorder
    if recorder and not hook.key:  # the number of indices is unknown, so the lock file cannot list them
        recorder = replace(recorder, lock=None)
    with reading(recorder=recorder):
        pool = _shared_pool(hook, query, task) if own_pool else ""
        text = candidates_text(hook, pool=pool, task=task)
    arguments["balancer"] = TaskBalancer(balancer, text)
    arguments["pool"] = pool or arguments.get("pool")


def _shared_pool(hook: BalancedSSHHook, query: Mapping[str, Any], task: str) -> str:
    """Return the pool of a mapped task's instances before the policy places them: the queue's, else its unmapped host's."""
    balancer, queue = hook.balancer, query.get("queue")
    if balancer.queue_pools and isinstance(queue, str) and queue in {name for host in balancer.hosts for name in host.queues}:
        return balancer.queue_pool(queue)
    return hook.ranked(hook.key or task)[0].pool.pool  # type: ignore[no-any-return]
