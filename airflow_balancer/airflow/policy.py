"""The cluster policy: counts each task instance of a balanced task in the pool of the host that it runs on.

Airflow loads this module in each of its processes, so it imports next to nothing before the first such task.
It reads only the string of candidates in the serialized DAG: no file, no session, no clock.
"""

from __future__ import annotations

import logging
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pluggy import HookimplMarker

from ..picking.folding import MARK

if TYPE_CHECKING:
    from ..picking.choice import IndexPicks
    from ..picking.serialized import Counted, Described

hookimpl = HookimplMarker("airflow.policy")
_ACTIVE = frozenset({"scheduled", "queued", "running", "deferred", "up_for_reschedule"})
"""The states in which `try_number` is the current attempt's, not the previous one's."""
_WHERE = ("balancer", "ssh_hook")
"""The arguments of a mapped operator whose string lists the candidates."""
_CHANGES_CANDIDATES = frozenset({*_WHERE, "query", "key", "first"})


def _call_for_each_index() -> None:
    """Make Airflow call policies for the task instances of literal expansions, too.

    Airflow inserts their rows in bulk without calling policies, unless `airflow_local_settings` clears this attribute of the
    public function. There is no documented way for a package's policy to clear it.
    """
    policy = getattr(sys.modules.get("airflow.settings"), "task_instance_mutation_hook", None)
    if getattr(policy, "is_noop", False):
        policy.is_noop = False  # type: ignore[union-attr]


_call_for_each_index()


@hookimpl(tryfirst=True)
def task_instance_mutation_hook(task_instance: Any) -> None:
    """Set the pool of a balanced task's instance. A user's own policy runs later, and may override it."""
    try:
        if pool := pool_of(task_instance):
            task_instance.pool = pool
    except Exception:  # the scheduler must go on; the task keeps its DAG's pool
        logging.getLogger("airflow_balancer").debug("airflow-balancer: the pool of %s stays", task_instance, exc_info=True)


def pool_of(ti: Any) -> str | None:
    """Return the pool of the host of a task instance's current or next attempt.

    Returns:
        None to keep the instance's pool: the task is not balanced, or someone else set its pool.
    """
    task: Any = getattr(ti, "task", None)
    index = ti.map_index if getattr(ti, "map_index", None) is not None else -1
    text = _text(task)
    if not text or (index < 0 and hasattr(task, "partial_kwargs")):
        return None  # the one instance of a mapped task before its expansion, which never runs
    if "_try_number" in vars(ti):
        return None  # Airflow before 2.10 counts an attempt only once it runs, so `try_number` is unreliable
    described, pools = _described(text)
    if task.pool != described.pool or (ti.pool not in pools and ti.pool != task.pool):
        return None
    number = max(getattr(ti, "try_number", None) or 0, 0) + (getattr(ti, "state", None) not in _ACTIVE)
    return _pool(described, text, f"{ti.dag_id}.{ti.task_id}", index, max(number, 1))


def _text(task: Any) -> str:
    """Return the string of a task's candidates; empty if the task is not balanced, or if they differ by index."""
    given: dict[str, Any] | None = getattr(task, "partial_kwargs", None)
    if given is None:
        return _balanced(getattr(task, "candidates", None))
    expanded = getattr(getattr(task, "expand_input", None), "value", None)
    if isinstance(expanded, dict) and not _CHANGES_CANDIDATES.isdisjoint(expanded):
        return ""
    return next(filter(None, (_balanced(given.get(name)) for name in _WHERE)), "")


def _balanced(value: Any) -> str:
    """Return a string of candidates: a serialized DAG holds the string, a freshly parsed one the object."""
    if type(value).__module__.startswith("airflow_balancer."):
        value = str(value)
    return value if isinstance(value, str) and value.startswith(MARK) else ""


@lru_cache(maxsize=512)
def _described(text: str) -> tuple[Described, frozenset[str]]:
    from ..picking.serialized import Described

    described = Described.parse(text)
    return described, frozenset([*described.pools, *(host.pool for host in described.candidates)])


@lru_cache(maxsize=512)
def _picks(text: str, key: str) -> IndexPicks[Counted]:
    from ..picking.choice import IndexPicks

    described, _ = _described(text)
    assert described.strategy is not None
    return IndexPicks(described.strategy, key, described.candidates)


def _pool(described: Described, text: str, task: str, index: int, number: int) -> str | None:
    if described.key:
        index = -1
    if described.strategy is None:
        return _listed(described, index) if number == 1 else None
    from ..picking.choice import choose_host, index_key, rank_behind
    from .failover import in_turn, starting_with

    key, strategy, candidates = described.key or task, described.strategy, described.candidates
    first = choose_host(strategy, key, candidates) if index < 0 else _picks(text, key).host(index)
    if number == 1 and not described.first:
        return first.pool
    ranked = rank_behind(first, strategy, key if index < 0 else index_key(key, index), candidates)
    return in_turn(starting_with(ranked, described.first), number)[0].pool


def _listed(described: Described, index: int) -> str | None:
    if described.key or described.first:
        return next(iter(described.pools), None)
    return described.pools[index] if 0 <= index < len(described.pools) else None
