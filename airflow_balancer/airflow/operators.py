"""The SSH operator whose host is that of the task's attempt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.providers.ssh.operators.ssh import SSHOperator

from ..config import BalancerConfiguration
from ..errors import ConfigurationError
from ..fleet.entries import unknown_key
from ..picking.filters import HOST_KEYS
from .hooks import BalancedSSHHook

_NOT_HERE = ("ssh_hook", "ssh_conn_id", "remote_host")
_OF_THE_HOOK = ("conn_timeout", "banner_timeout")


class BalancedSSHOperator(SSHOperator):
    """Runs a command over SSH: attempt k on the k-th host of the task's ranking, so that a dead host costs one retry.

    The first attempt runs on the host that `select_host` gives for the same query and key. After the
    last host comes the first again; an attempt after the task was cleared goes on counting.

    All attempts are counted in one pool, by default that of the first attempt's host: Airflow moves no
    natural retry to another pool, so an attempt on another host takes a slot of the first one's pool,
    and none of its own host's. Give `pool=balancer.queue_pool("workers")` to count all that runs on a
    queue's hosts together, wherever each attempt goes; a mapped task (`partial`, `expand`) has no pool
    of its own to default to, and needs that too.

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

    def __init__(
        self,
        *,
        balancer: BalancerConfiguration,
        query: Mapping[str, Any] | None = None,
        key: str | None = None,
        first: str | None = None,
        failover: bool = False,
        pool: str | None = None,
        **kwargs: Any,
    ) -> None:
        check_arguments(type(self).__name__, query or {}, kwargs)
        super().__init__(pool=pool, **kwargs)
        self.remote_host = None
        given = {**(kwargs.get("default_args") or {}), **kwargs}
        hook_args = {name: given[name] for name in _OF_THE_HOOK if given.get(name) is not None}
        self.ssh_hook = BalancedSSHHook(balancer, **(query or {}), key=key, first=first, failover=failover, **hook_args)
        if key or self.has_dag():
            ranked = self.ssh_hook.ranked(key or f"{self.dag_id}.{self.task_id}")
            self.pool = pool or ranked[0].pool.pool
        elif pool is None:
            raise ConfigurationError(f"task {self.task_id!r} is in no DAG yet, so its pool is unknown: give it dag=, key= or pool=")

    def execute(self, context: Any) -> Any:
        """Run the command on the host of this attempt.

        Raises:
            HostUnreachable: The host accepts no connection; with `failover`, none of the hosts does.
        """
        self.ssh_hook.context = context
        return super().execute(context)


def check_arguments(operator: str, query: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    """Check that an operator's host is chosen by a query alone, and that all its keys are known."""
    for name in _NOT_HERE:
        if arguments.get(name):
            raise ConfigurationError(f"a {operator} takes no {name}: the balancer chooses the host")
    for key in query:
        if key not in HOST_KEYS:
            raise ConfigurationError(f"key 'query': {unknown_key(key, HOST_KEYS)}")
