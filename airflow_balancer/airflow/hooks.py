"""The SSH hook whose host is that of the task's attempt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import paramiko
from airflow.providers.ssh.hooks.ssh import SSHHook

from ..config import BalancerConfiguration, Host
from ..errors import BalancerError, HostUnreachable, NoMatch, listing
from ..files.reading import reading
from ..fleet.drain import drained
from ..fleet.masking import mask_text
from ..fleet.model import called
from ..fleet.pools import DEFAULT_POOL
from ..picking.choice import choose_host
from ..picking.filters import HOST_KEYS, HostFilter
from ..picking.serialized import Counted, describe
from ..picking.strategies import LeastLoaded, Random
from ..ssh.hook import SlotSSHHook
from ..ssh.task import Attempt, attempt_of, current_context
from .failover import in_turn, reason_of, starting_with, unreachable_message
from .load import taken_slots

_NO_ANSWER = ("Error reading SSH protocol banner", "Key-exchange timed out", "Negotiation failed")
"""How paramiko's messages begin when a host hangs up or does not answer; the class alone is also that of an unknown host key."""


class BalancedSSHHook(SSHHook):
    """An SSH hook over the candidates of a query: attempt k of the task connects to the k-th host of the key's ranking.

    Used in a task, such as a `@task` function: the task gives the key and the number of the attempt. After
    the last host comes the first again; an attempt after the task was cleared goes on counting.

    An attempt is counted in the pool of its task, wherever it runs: Airflow moves no retry to another
    pool. Give the task `pool=balancer.queue_pool(...)` to count all attempts on a queue's hosts together.

    With the strategy `least_loaded` the ranking is by the load at that attempt, without the task's own
    slots; where it cannot be read, which is logged, it is that of a DAG file. Hosts with `hold_slots` are
    asked how many slots are held. Others, and those that do not answer in time, count by their pools, in
    which a task that runs on another host counts where it does not run.

    A host that refuses the connection, hangs up or does not answer raises HostUnreachable; with
    `failover`, the next hosts of the ranking are tried first, each once. A host that answers is never
    passed over: a refused login or an unknown host key is the provider's own error, as is a command
    that fails. How often one host is tried is `conn_retry_attempts`, a key of its `ssh_hook_args`.

    Args:
        balancer: The balancer with the hosts.
        key: Identifies the task. By default it is the task, as `<dag_id>.<task_id>`, and `[<index>]` where it is mapped;
            outside of a task it must be given, and the attempt is the first.
        first: The name of the host of the first attempt, where it was picked elsewhere; the others follow.
        failover: Whether an attempt whose host cannot be reached goes on to the next host.
        **arguments: The keys of a query, as for `BalancerConfiguration.select_host`; all others as for
            `Host.hook`, such as `conn_timeout=5`.
    """

    def __init__(
        self,
        balancer: BalancerConfiguration,
        *,
        key: str | None = None,
        first: str | None = None,
        failover: bool = False,
        **arguments: Any,
    ) -> None:
        hook_args = {name: value for name, value in arguments.items() if name not in HOST_KEYS}
        # The host is known when it connects; the base class wants one now, and checks the other arguments.
        super().__init__(remote_host="balanced", **{arg: value for arg, value in hook_args.items() if arg != "use_local"})
        self.balancer = balancer
        self.query = {name: value for name, value in arguments.items() if name in HOST_KEYS}
        self.key = key
        self.first = first
        self.failover = failover
        self.hook_args = hook_args
        self.context: Mapping[str, Any] | None = None
        self._ranked: dict[tuple[str, int], list[Host]] = {}

    def __repr__(self) -> str:
        """As in a serialized DAG: short, the same at each parse, and changed only by what changes a pick."""
        try:
            return candidates_text(self, pool=DEFAULT_POOL)
        except BalancerError as error:
            return f"BalancedSSHHook({error})"

    def ranked(self, key: str, index: int = -1) -> list[Host]:
        """Return the hosts in the order in which the attempts of a key, or of one index of it, go through them.

        Raises:
            NoMatch: No host matches, or all that do are drained; or `first` is not among them.
        """
        if (key, index) not in self._ranked:
            # Where `first` was picked elsewhere, that pick is the one to take note of.
            with reading(recorder=None) if self.first else nullcontext():
                ranked = self.balancer.rank_hosts(**self.query, key=key, index=index)
            if self.first and self.first not in (names := [host.name for host in ranked]):
                text = f"host {self.first!r}, which is to be the first, is not a candidate ({listing(names)})"
                raise NoMatch("; ".join([text, *self._drained(name=self.first)]))
            self._ranked[key, index] = starting_with(ranked, self.first)
        return self._ranked[key, index]

    def get_conn(self) -> paramiko.SSHClient:
        """Return a connection to the host of the attempt, the same one while it lasts.

        Raises:
            HostUnreachable: The host accepts no connection; with `failover`, none of the hosts does.
            ConfigurationError: It is used outside of a task, and has no key.
        """
        if self.client and (transport := self.client.get_transport()) and transport.is_active():
            return self.client
        attempt = attempt_of(self.context or current_context(), self.key)
        ranked = self._ranked_now(attempt)
        if passed := self._drained(**{name: value for name, value in self.query.items() if name != "prefer"}):
            self.log.info("%s goes to no drained host: %s", attempt, listing(passed))
        turn = in_turn(ranked, attempt.number)
        failures: dict[str, Exception] = {}
        for host in turn if self.failover else turn[:1]:
            reached = self._reach(host, attempt, turn)
            if isinstance(reached, SSHHook):
                return reached.get_conn()
            failures[called(host)] = reached
        raise HostUnreachable(unreachable_message(attempt, list(map(called, ranked)), failures)) from failures[called(turn[0])]

    def _drained(self, **query: Any) -> list[str]:
        """Return what is said of the drained hosts that match, without secrets."""
        try:
            hosts = [host for host in self.balancer.filter_hosts(**query) if host.drain]
        except NoMatch:
            return []
        return [mask_text(drained(host), self.balancer.fleet.secrets) for host in hosts]

    def _ranked_now(self, attempt: Attempt) -> list[Host]:
        """Return the hosts by the live load where the strategy goes by it and it can be read, else without."""
        strategy, candidates = self.balancer.strategy, self.ranked(attempt.key, attempt.index)
        if not isinstance(strategy, LeastLoaded):
            return candidates
        try:
            load = taken_slots(attempt, candidates, self.balancer.fleet, seconds=strategy.deadline, **self.hook_args)
        except BalancerError as error:
            self.log.warning("%s: no load is known, so the hosts are ranked without it: %s", attempt, error)
            return candidates
        return self.balancer.rank_hosts(**self.query, key=attempt.key, index=attempt.index, load=load)

    def _reach(self, host: Host, attempt: Attempt, turn: Sequence[Host]) -> SSHHook | Exception:
        """Return a hook connected to a host, or the error if the host cannot be reached."""
        try:
            return self._connect(host, attempt, turn)
        except Exception as error:
            if not is_unreachable(error):
                raise
            self.log.warning("%s: %s cannot be reached: %s", attempt, called(host), reason_of(error))
            return error

    def _connect(self, host: Host, attempt: Attempt, turn: Sequence[Host]) -> SSHHook:
        counted = f", counted in pool {attempt.pool!r}" if attempt.pool else ""
        self.log.info("%s goes to %s%s", attempt, called(host), counted)
        hook = host.hook(**self.hook_args)
        if isinstance(hook, SlotSSHHook):
            hook.context, hook.others = self.context, lambda: self._others(host, attempt, turn)
        hook.get_conn()
        # From here on this hook has all that the host's own one has: user, timeouts, the client that is closed in the end.
        self.__dict__.update(vars(hook))
        return hook

    def _others(self, full: Host, attempt: Attempt, turn: Sequence[Host]) -> Iterator[SSHHook]:
        """Connect to the hosts that follow one without a free slot, each when it is needed; pass over those that do not answer."""
        for host in in_turn(turn, turn.index(full) + 2)[:-1]:
            reached = self._reach(host, attempt, turn)
            if isinstance(reached, SSHHook):
                yield reached


def candidates_text(hook: BalancedSSHHook, *, pool: str, task: str = "", first: str = "") -> str:
    """Return the string of the hosts that a hook may connect to; see `picking.serialized.describe`.

    Args:
        hook: The hook.
        pool: The pool that its task has in its DAG.
        task: The key of the task, where it is known.
        first: The host of the task's first attempt, where it is not mapped: the lock file may keep another one than is picked by its key.

    Raises:
        NoMatch: No host matches, or all that do are drained; or `first` is not among them.
    """
    ranked, strategy = hook.ranked(hook.key or task), hook.balancer.strategy
    hosts = [Counted(host.name, host.size or 1, host.pool.pool) for host in ranked]
    locked = first and not isinstance(strategy, Random) and choose_host(strategy, task, hosts).name != first
    first = hook.first or (ranked[0].name if hook.key or locked else "")
    return describe(strategy, hosts, pool=pool, key=hook.key, first=first, task=task, query=HostFilter.of(**hook.query))


def is_unreachable(error: Exception) -> bool:
    """Return whether an error of connecting means that the host accepts no connection or does not answer."""
    if isinstance(error, paramiko.SSHException):
        return isinstance(error, paramiko.ProxyCommandFailure) or str(error).startswith(_NO_ANSWER)
    # An OSError with a file's name is about a key file, not about the host.
    return isinstance(error, EOFError) or (isinstance(error, OSError) and error.filename is None)
