"""Explains why a task is on its host, from the picks of the tree, else from the candidates in its serialized DAG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from ..fleet.fleet import Fleet
from ..picking.attempts import Attempts, attempts_of
from ..picking.filters import HostFilter, HostIndex
from ..picking.strategies import LeastLoaded
from .models.airflow import TaskPlace
from .picks import Pick
from .places import pools_of

if TYPE_CHECKING:
    from ..airflow.serialized import SerializedTask

_MOST_NAMED = 5


class Reasons:
    """Explains why tasks are on their hosts.

    Args:
        picks: The picks of the tree; a pick belongs to a task if its key names both the DAG and the task.
        fleet: The fleet, including the hosts that a task's query leaves out.
        dags: The tasks of each DAG; balanced ones have candidates.
    """

    def __init__(self, picks: Sequence[Pick], fleet: Fleet, dags: Mapping[str, Sequence[SerializedTask]]) -> None:
        self._index = HostIndex(fleet.hosts)
        self._without: dict[tuple[HostFilter, tuple[str, ...]], str] = {}
        self._pools = pools_of(fleet)
        self._tasks = {(dag_id, task.task_id): task for dag_id, tasks in dags.items() for task in tasks}
        self._by_part: dict[str, list[tuple[list[str], str]]] = {}
        for pick in picks:
            parts = pick.picked.key.split(".")
            for part in set(parts):
                self._by_part.setdefault(part, []).append((parts, f"{pick.why}; candidates: {pick.picked.query}"))

    def of(self, place: TaskPlace) -> str:
        """Return why a task is on its host, and where its next run goes if that is elsewhere; empty if unknown."""
        attempts = self._attempts(place)
        own = (why for parts, why in self._by_part.get(place.task_id, ()) if place.dag_id in parts)
        why = next(own, "") or (self._by_candidates(attempts, place) if attempts else "")
        hosts = self._next(attempts, place)
        if place.state is None or set(hosts) <= set(place.hosts):
            return why
        return ": ".join(filter(None, [f"the next run goes to {', '.join(hosts[:_MOST_NAMED])}", why]))

    def _attempts(self, place: TaskPlace) -> Attempts | None:
        """Return the attempts of a balanced task; None for other tasks."""
        task = self._tasks.get((place.dag_id, place.task_id))
        if task is None or not task.candidates:
            return None
        with suppress(KeyError, ValueError):  # a string of another version of this package
            return attempts_of(task.candidates, f"{place.dag_id}.{place.task_id}")
        return None

    def _next(self, attempts: Attempts | None, place: TaskPlace) -> list[str]:
        """Return the hosts of a task's next run; empty if unknown."""
        if attempts and (pick := attempts.first(place.map_index)):
            return [pick.host]
        task = self._tasks.get((place.dag_id, place.task_id))
        return self._pools[task.pool].hosts if task and task.pool in self._pools and place.map_index < 0 else []

    def _by_candidates(self, attempts: Attempts, place: TaskPlace) -> str:
        reason = attempts.reason(place.map_index)
        return "; ".join([reason, self._left_out(attempts), *_retried(attempts, place)]) if reason else ""

    def _left_out(self, attempts: Attempts) -> str:
        """Return how many hosts are candidates, and which are left out by which condition."""
        asked = attempts.described.query, attempts.candidates.names
        if asked not in self._without:
            self._without[asked] = self._others(*asked)
        return self._without[asked]

    def _others(self, query: HostFilter, candidates: Sequence[str]) -> str:
        hosts, left, known = self._index.hosts, self._index.left_out(query), set(candidates)
        others = [host for host in hosts if host.name not in known]
        if not others:
            return "all hosts are candidates"
        why = {name: "drained" if key == "drain" else key for key, names in left.hosts.items() for name in names}
        counted = f" ({left.counted})"
        if why.keys() != {host.name for host in others}:  # the query is unknown, or the DAG is older than the fleet
            why, counted = {host.name: "drained" for host in others if host.drain}, ""
        names = [f"{host.name} ({why[host.name]})" if host.name in why else host.name for host in others[:_MOST_NAMED]]
        more = f" and {len(others) - _MOST_NAMED} more{counted}" if len(others) > _MOST_NAMED else ""
        return f"{len(hosts) - len(others)} of {len(hosts)} hosts are candidates, without {', '.join(names)}{more}"


def _retried(attempts: Attempts, place: TaskPlace) -> list[str]:
    """Return the host that a retry tries first; the retry still counts in the first host's pool."""
    number = place.try_number or 1
    if number == 1 or isinstance(attempts.described.strategy, LeastLoaded):
        return []
    ranked = attempts.in_order(place.map_index)
    return [f"attempt {number} tries {ranked[(number - 1) % len(ranked)]} first"]
