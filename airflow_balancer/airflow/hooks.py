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
"""How paramiko's messages begin when a host hangs up or does not answer. An unknown host key raises the same class."""


class BalancedSSHHook(SSHHook):
    """An SSH hook over the candidates of a query: attempt k of the task connects to the k-th host of the key's ranking.

    Use it in a task, such as a `@task` function: the task gives the key and the attempt's number. After the last
    host comes the first again. Clearing a task does not restart the count.

    Airflow counts an attempt in the pool of its task, whichever host it runs on, because it never moves a retry to
    another pool. Set `pool=balancer.queue_pool(...)` on the task to count all attempts on a queue's hosts together.

    With the strategy `least_loaded`, the attempt ranks the hosts by their current load, without the task's own slots.
    Hosts with `hold_slots` report how many slots are held. All others, and hosts that do not answer in time, count
    by their pools, where a task that failed over counts for its first host. If no load can be read, the hook
    logs why and uses the ranking of the DAG file.

    A host that refuses the connection, hangs up or does not answer raises HostUnreachable. With `failover`, the hook
    first tries each of the next hosts once. It never skips a host that answers: a refused login, an unknown host key
    and a failed command raise the provider's own errors. `conn_retry_attempts`, a key of `ssh_hook_args`, says how
    often to try one host.

    Args:
        balancer: The balancer with the hosts.
        key: Identifies the task. Default: `<dag_id>.<task_id>`, followed by `[<index>]` for a mapped task.
            Outside of a task a key is required, and the attempt is the first.
        first: The host of the first attempt, if it was picked elsewhere; the other candidates follow.
        failover: Whether an attempt goes on to the next host if its host is unreachable.
        **arguments: The keys of a query, as for `BalancerConfiguration.select_host`, and arguments of `Host.hook`,
            such as `conn_timeout=5`.
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
        # The host is chosen on connecting. The base class requires one now, and checks the other arguments.
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
        """Return the string for a serialized DAG: short, equal at each parse, and changed only when a pick changes."""
        try:
            return candidates_text(self, pool=DEFAULT_POOL)
        except BalancerError as error:
            return f"BalancedSSHHook({error})"

    def ranked(self, key: str, index: int = -1) -> list[Host]:
        """Return the hosts in the order of a key's attempts, or of the attempts of one of its indices.

        Raises:
            NoMatch: No host matches, all matching hosts are drained, or `first` is not a candidate.
        """
        if (key, index) not in self._ranked:
            # If `first` was picked elsewhere, that pick is already recorded.
            with reading(recorder=None) if self.first else nullcontext():
                ranked = self.balancer.rank_hosts(**self.query, key=key, index=index)
            if self.first and self.first not in (names := [host.name for host in ranked]):
                text = f"host {self.first!r}, which is to be the first, is not a candidate ({listing(names)})"
                raise NoMatch("; ".join([text, *self._drained(name=self.first)]))
            self._ranked[key, index] = starting_with(ranked, self.first)
        return self._ranked[key, index]

    def get_conn(self) -> paramiko.SSHClient:
        """Return a connection to the attempt's host; reuse it while it is open.

        Raises:
            HostUnreachable: The host is unreachable; with `failover`, all hosts are.
            ConfigurationError: The hook is used outside of a task, without a key.
        """
        if self.client and (transport := self.client.get_transport()) and transport.is_active():
            return self.client
        attempt = attempt_of(self.context or current_context(), self.key)
        ranked = self._ranked_now(attempt)
        if passed := self._drained(**{name: value for name, value in self.query.items() if name != "prefer"}):
            self.log.info("%s skips drained hosts: %s", attempt, listing(passed))
        turn = in_turn(ranked, attempt.number)
        failures: dict[str, Exception] = {}
        for host in turn if self.failover else turn[:1]:
            reached = self._reach(host, attempt, turn)
            if isinstance(reached, SSHHook):
                return reached.get_conn()
            failures[called(host)] = reached
        raise HostUnreachable(unreachable_message(attempt, list(map(called, ranked)), failures)) from failures[called(turn[0])]

    def _drained(self, **query: Any) -> list[str]:
        """Return the messages about drained hosts that match the query, without secrets."""
        try:
            hosts = [host for host in self.balancer.filter_hosts(**query) if host.drain]
        except NoMatch:
            return []
        return [mask_text(drained(host), self.balancer.fleet.secrets) for host in hosts]

    def _ranked_now(self, attempt: Attempt) -> list[Host]:
        """Return the hosts ranked by their current load if the strategy uses it and it can be read, else as in the DAG file."""
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
        # Take over everything from the host's own hook: user, timeouts, and the client that is closed at the end.
        self.__dict__.update(vars(hook))
        return hook

    def _others(self, full: Host, attempt: Attempt, turn: Sequence[Host]) -> Iterator[SSHHook]:
        """Yield connected hooks of the hosts that follow a full one, connecting lazily; skip unreachable hosts."""
        for host in in_turn(turn, turn.index(full) + 2)[:-1]:
            reached = self._reach(host, attempt, turn)
            if isinstance(reached, SSHHook):
                yield reached


def candidates_text(hook: BalancedSSHHook, *, pool: str, task: str = "", first: str = "") -> str:
    """Return the string that lists a hook's candidates in a serialized DAG; see `picking.serialized.describe`.

    Args:
        hook: The hook.
        pool: The pool of its task in the DAG.
        task: The key of the task, if known.
        first: The first host of an unmapped task: a lock file may keep a host other than the one its key picks.

    Raises:
        NoMatch: No host matches, all matching hosts are drained, or `first` is not a candidate.
    """
    ranked, strategy = hook.ranked(hook.key or task), hook.balancer.strategy
    hosts = [Counted(host.name, host.size or 1, host.pool.pool) for host in ranked]
    locked = first and not isinstance(strategy, Random) and choose_host(strategy, task, hosts).name != first
    first = hook.first or (ranked[0].name if hook.key or locked else "")
    return describe(strategy, hosts, pool=pool, key=hook.key, first=first, task=task, query=HostFilter.of(**hook.query))


def is_unreachable(error: Exception) -> bool:
    """Return whether a connection error means that the host is unreachable: it refuses, hangs up or does not answer."""
    if isinstance(error, paramiko.SSHException):
        return isinstance(error, paramiko.ProxyCommandFailure) or str(error).startswith(_NO_ANSWER)
    # An OSError with a file name is about a key file, not the host.
    return isinstance(error, EOFError) or (isinstance(error, OSError) and error.filename is None)
