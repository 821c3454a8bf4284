"""The SSH operator whose host is that of the task's attempt."""

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

    The first attempt runs on the host that `select_host` gives for the same query and key. After the
    last host comes the first again; an attempt after the task was cleared goes on counting.

    Without `pool` the task is counted in the pool of the first attempt's host, and each index of a mapped
    task (`partial`, `expand`, or in a mapped task group) in that of its own. A cleared task moves to the pool
    of the host that it goes to next. Airflow moves no natural retry to another pool, so an attempt on another
    host takes a slot of the first one's pool, and none of its own host's. Give
    `pool=balancer.queue_pool("workers")` to count all that runs on a queue's hosts together, wherever each
    attempt goes. Where `expand` gives the `query`, the `key` or the `first`, all indices are counted in the
    pool of their queue, else in that of the host that the task would have unmapped.

    A host that refuses the connection, hangs up or does not answer fails the attempt, or with `failover`
    makes it go on to the next host at once. A command that fails, a refused login and an unknown host
    key never do.

    Args:
        balancer: The balancer with the hosts.
        query: The arguments of `BalancerConfiguration.select_host`, as in `{"queue": "workers"}`, without
            the key. They are apart since Airflow has a `queue` of its own, that of the executor.
        key: Identifies the task; default: `<dag_id>.<task_id>`, and `[<index>]` for a mapped task.
        first: The name of the host of the first attempt, where it was picked elsewhere; the others follow.
        failover: Whether an attempt whose host cannot be reached goes on to the next host.
        pool: The pool that counts the task, whichever host it runs on; default: that of the first host.
        **kwargs: As for SSHOperator, without `ssh_hook`, `ssh_conn_id` and `remote_host`.

    Raises:
        NoMatch: No host matches, or all that do are drained.
        ConfigurationError: The query has an unknown key, or a host is given in another way, too.
    """

    template_fields: ClassVar[Sequence[str]] = (*SSHOperator.template_fields, "candidates")

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        """Return the operator to expand; without `pool`, each index is counted in the pool of the host that it runs on."""
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
        """Run the command on the host of this attempt.

        Raises:
            HostUnreachable: The host accepts no connection; with `failover`, none of the hosts does.
        """
        self.ssh_hook.context = context
        return super().execute(context)


def count_task(task: Any, hook: BalancedSSHHook, pool: str | None) -> None:
    """Set the pool of a task, and its candidates, which the policy reads; those of a mapped task are set before.

    Raises:
        ConfigurationError: Nothing says which pool that is.
    """
    if hook.key or task.has_dag():
        name = f"{task.dag_id}.{task.task_id}" if task.has_dag() else ""
        first = hook.ranked(hook.key or name)[0]
        task.pool = pool or first.pool.pool
        task.candidates = task.candidates or candidates_text(hook, pool="" if pool else task.pool, task=name, first=first.name)
    elif pool is None:
        raise ConfigurationError(f"task {task.task_id!r} is in no DAG yet, so its pool is unknown: give it dag=, key= or pool=")


def check_arguments(operator: str, query: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    """Check that an operator's host is chosen by a query alone, and that all its keys are known."""
    for name in _NOT_HERE:
        if arguments.get(name):
            raise ConfigurationError(f"a {operator} takes no {name}: the balancer chooses the host")
    for key in query:
        if key not in HOST_KEYS:
            raise ConfigurationError(f"key 'query': {unknown_key(key, HOST_KEYS)}")
