"""The SSH operator that runs each attempt on the next host of the task's ranking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from airflow.providers.ssh.operators.ssh import SSHOperator

from ..config import BalancerConfiguration
from ..errors import ConfigurationError
from ..fleet.problems import unknown_key
from ..picking.filters import HOST_KEYS
from .hooks import BalancedSSHHook, candidates_text
from .mapped import TaskBalancer, count_by_index

_NOT_HERE = ("ssh_hook", "ssh_conn_id", "remote_host")
_OF_THE_HOOK = ("conn_timeout", "banner_timeout")


class BalancedSSHOperator(SSHOperator):
    """Runs a command over SSH: attempt k on the k-th host of the task's ranking, so that a dead host costs one retry.

    The first attempt runs on the host that `select_host` returns for the same query and key. After the last host
    comes the first again. Clearing a task does not restart the count.

    Without `pool`, Airflow counts the task in the pool of its first host, and each index of a mapped task (`partial`,
    `expand`, or in a mapped task group) in the pool of its own first host. A cleared task moves to the pool of its next
    host. Airflow never moves a natural retry to another pool, so a retry on another host still takes a slot of the
    first host's pool. Set `pool=balancer.queue_pool("workers")` to count everything that runs on a queue's hosts
    together. If `expand` gives `query`, `key` or `first`, all indices count in the pool of their queue, else in the
    pool of the unmapped task's host.

    A host that refuses the connection, hangs up or does not answer fails the attempt; with `failover`, the attempt
    goes on to the next host at once. A failed command, a refused login and an unknown host key never cause a failover.

    Args:
        balancer: The balancer with the hosts.
        query: The arguments of `BalancerConfiguration.select_host` without the key, as in `{"queue": "workers"}`.
            They are a separate mapping because Airflow's own `queue` is the executor's.
        key: Identifies the task. Default: `<dag_id>.<task_id>`, followed by `[<index>]` for a mapped task.
        first: The host of the first attempt, if it was picked elsewhere; the other candidates follow.
        failover: Whether an attempt goes on to the next host if its host is unreachable.
        pool: The pool that counts the task, whichever host it runs on; default: the first host's.
        **kwargs: The arguments of SSHOperator, except `ssh_hook`, `ssh_conn_id` and `remote_host`.

    Raises:
        NoMatch: No host matches, or all matching hosts are drained.
        ConfigurationError: The query has an unknown key, or another argument also names a host.
    """

    template_fields: ClassVar[Sequence[str]] = (*SSHOperator.template_fields, "candidates")

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        """Return the operator to expand. Without `pool`, each index counts in the pool of its own host."""
        made = super().partial(**kwargs)
        count_by_index(made, kwargs)
        return made

    def __init__(
        self,
        *,
        balancer: BalancerConfiguration | TaskBalancer,
        query: Mapping[str, Any] | None = None,
        key: str | None = None,
        first: str | None = None,
        failover: bool = False,
        pool: str | None = None,
        **kwargs: Any,
    ) -> None:
        check_arguments(type(self).__name__, query or {}, kwargs)
        super().__init__(pool=pool, **kwargs)
        mapped, balancer = (balancer, balancer.balancer) if isinstance(balancer, TaskBalancer) else ("", balancer)
        self.remote_host = None
        given = {**(kwargs.get("default_args") or {}), **kwargs}
        hook_args = {name: given[name] for name in _OF_THE_HOOK if given.get(name) is not None}
        self.ssh_hook = BalancedSSHHook(balancer, **(query or {}), key=key, first=first, failover=failover, **hook_args)
        self.candidates = str(mapped)
        count_task(self, self.ssh_hook, pool)

    def execute(self, context: Any) -> Any:
        """Run the command on the attempt's host.

        Raises:
            HostUnreachable: The host is unreachable; with `failover`, all hosts are.
        """
        self.ssh_hook.context = context
        return super().execute(context)


def count_task(task: Any, hook: BalancedSSHHook, pool: str | None) -> None:
    """Set a task's pool, and its candidates for the policy unless `count_by_index` set them.

    Raises:
        ConfigurationError: The task has no DAG, key or pool, so its pool is unknown.
    """
    if hook.key or task.has_dag():
        name = f"{task.dag_id}.{task.task_id}" if task.has_dag() else ""
        first = hook.ranked(hook.key or name)[0]
        task.pool = pool or first.pool.pool
        task.candidates = task.candidates or candidates_text(hook, pool="" if pool else task.pool, task=name, first=first.name)
    elif pool is None:
        raise ConfigurationError(f"task {task.task_id!r} is in no DAG yet, so its pool is unknown: give it dag=, key= or pool=")


def check_arguments(operator: str, query: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    """Check that only the query chooses an operator's host, and that all its keys are known."""
    for name in _NOT_HERE:
        if arguments.get(name):
            raise ConfigurationError(f"a {operator} takes no {name}: the balancer chooses the host")
    for key in query:
        if key not in HOST_KEYS:
            raise ConfigurationError(f"key 'query': {unknown_key(key, HOST_KEYS)}")
