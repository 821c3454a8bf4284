"""What an operator's arguments say of its candidates in a serialized DAG: a short string, which the policy reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..config import BalancerConfiguration
from ..errors import ConfigurationError
from ..fleet.fleet import DEFAULT_POOL
from ..picking.serialized import Counted, describe

if TYPE_CHECKING:
    from .hooks import BalancedSSHHook


class TaskBalancer:
    """The balancer of a mapped operator: Airflow serializes such an argument as its string, which holds the task's candidates alone."""

    def __init__(self, balancer: BalancerConfiguration, text: str) -> None:
        self.balancer = balancer
        self._text = text

    def __repr__(self) -> str:
        return self._text


def candidates_text(hook: BalancedSSHHook, *, pool: str, task: str = "") -> str:
    """Return the string of the hosts that a hook may connect to; see `picking.serialized.describe`.

    Args:
        hook: The hook.
        pool: The pool that its task has in its DAG.
        task: The key of the task, where it is known.

    Raises:
        NoMatch: No host matches, or all that do are drained; or `first` is not among them.
    """
    ranked = hook.ranked(hook.key or task)
    first = hook.first or (ranked[0].name if hook.key else None)
    hosts = [Counted(host.name, host.size or 1, host.pool.pool) for host in ranked]
    return describe(hook.balancer.strategy, hosts, pool=pool, key=hook.key, first=first, task=task)


def count_by_index(made: Any, given: Mapping[str, Any], hook: type[BalancedSSHHook]) -> None:
    """Let the policy count each index of a mapped operator in its host's pool, unless it is given another pool.

    Args:
        made: What `BalancedSSHOperator.partial` returns; its arguments are changed.
        given: The arguments of `partial`.
        hook: The class of the operator's hook.

    Raises:
        ConfigurationError: The balancer is mapped, too, so that no pool can be found.
        NoMatch: No host matches, or all that do are drained.
    """
    arguments: dict[str, Any] = made.kwargs
    own_pool = arguments.get("pool") in (None, DEFAULT_POOL) and "pool" not in given
    balancer = arguments.get("balancer")
    if balancer is None:
        if own_pool:
            raise ConfigurationError(f"task {arguments['task_id']!r}: a mapped operator without balancer= in partial() needs pool= there")
        return
    query = dict(arguments.get("query") or {})
    asked = hook(balancer, **query, key=arguments.get("key"), first=arguments.get("first"))
    task = f"{dag.dag_id}.{arguments['task_id']}" if (dag := arguments.get("dag")) else ""
    pool = _shared_pool(asked, query, task) if own_pool else ""
    arguments["balancer"] = TaskBalancer(balancer, candidates_text(asked, pool=pool, task=task))
    arguments["pool"] = pool or arguments.get("pool")


def _shared_pool(hook: BalancedSSHHook, query: Mapping[str, Any], task: str) -> str:
    """Return the pool of a mapped task where none is known for an index: its queue's, else that of the task's own host."""
    balancer, queue = hook.balancer, query.get("queue")
    if balancer.queue_pools and isinstance(queue, str) and queue in {name for host in balancer.hosts for name in host.queues}:
        return balancer.queue_pool(queue)
    return hook.ranked(hook.key or task)[0].pool.pool  # type: ignore[no-any-return]
