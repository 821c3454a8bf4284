"""The pools that fleets want, and the plan that brings Airflow's pools there; pure, without Airflow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from ..errors import ConfigurationError, Problem, listing
from ..fleet.fleet import Fleet
from ..fleet.model import MAX_NAME
from ..fleet.pools import DEFAULT_POOL, PoolSlots, mark

_ORPHANED = "no configuration read here wants it; prune=true deletes it"


class _Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=_Named)


class Update(NamedTuple, Generic[T]):
    """One change: `before` is what Airflow has, `after` what it will have."""

    before: T
    after: T


@dataclass(frozen=True)
class Plan(Generic[T]):
    """Each item in exactly one of four groups, sorted by name.

    Attributes:
        create: Wanted, but missing in Airflow.
        update: In Airflow, but different from what is wanted.
        unchanged: As wanted, or kept for the reason in `notes`.
        orphaned: Made by the balancer and no longer wanted; only pruning deletes them.
        notes: By name, why an item stays unlike its configuration.
        problems: What to fix first. The items they concern stay as they are, or missing; the plan covers all others.
        warnings: Parts of the configuration that this Airflow does not support.
    """

    create: tuple[T, ...] = ()
    update: tuple[Update[T], ...] = ()
    unchanged: tuple[T, ...] = ()
    orphaned: tuple[T, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()

    def differs(self, *, prune: bool = False) -> bool:
        """Return whether applying the plan changes anything."""
        return bool(self.create or self.update or (prune and self.orphaned))

    def summary(self) -> str:
        """Return the number of items in each group as a string."""
        groups = {"created": self.create, "updated": self.update, "unchanged": self.unchanged, "orphaned": self.orphaned}
        return ", ".join(f"{len(items)} {name}" for name, items in groups.items())

    def rows(self) -> list[dict[str, str]]:
        """Return the differences as plain data, sorted by name: `change`, `name` and `note`.

        A `change` is `create`, `update`, `orphaned`, `kept` for an item that stays unlike its configuration, or
        `missing` for one that is not created before a problem is fixed.
        """
        groups: dict[str, Iterable[T]] = {
            "create": self.create,
            "update": [change.after for change in self.update],
            "orphaned": self.orphaned,
            "kept": [item for item in self.unchanged if item.name in self.notes],
        }
        rows = [(item.name, change) for change, items in groups.items() for item in items]
        rows += [(name, "missing") for name in self.notes.keys() - {name for name, _ in rows}]
        notes = {**self.notes, **{item.name: _ORPHANED for item in self.orphaned}}
        return [{"change": change, "name": name, "note": notes.get(name, "")} for name, change in sorted(rows)]


COUNTED_STATES = ("running", "queued", "deferred", "scheduled")
"""The task states that Airflow counts in each pool."""
UNFINISHED_STATES = (*COUNTED_STATES, "restarting", "up_for_retry", "up_for_reschedule")
"""The states of tasks that have begun and not ended. A task that has not begun has no state."""
_INFINITE = -1
_MARK = re.compile(r" ?\[airflow-balancer: (-?\d+) slots?\]$")
# The descriptions that airflow-pydantic's pool manager and older balancers write.
_UNMARKED = re.compile(r"Balancer pool for (host\([^()]*\)( port\(\d+\))?|queue\([^()]*\))")


class WantedPool(NamedTuple):
    """A pool that a configuration wants. `override` resets slots edited by hand; a pool with a `problem` stays as it is."""

    pool: PoolSlots
    override: bool
    origin: str
    problem: Problem | None = None


def importable(wanted: Mapping[str, WantedPool]) -> dict[str, dict[str, Any]]:
    """Return the pools in the format of `airflow pools import`, with the mark by which the balancer knows its own.

    Raises:
        ConfigurationError: A pool has a problem.
    """
    if problems := [want.problem for _, want in sorted(wanted.items()) if want.problem]:
        raise ConfigurationError(problems)
    pools = [want.pool for _, want in sorted(wanted.items())]
    return {
        pool.name: {
            "slots": pool.slots,
            "description": mark(pool.description, pool.slots),
            "include_deferred": pool.include_deferred,
            **({"team_name": pool.team} if pool.team else {}),
        }
        for pool in pools
    }


class PoolOccupancy(NamedTuple):
    """The number of a pool's slots, by the state of the tasks in them.

    Attributes:
        total: All slots; None if the pool is unlimited.
        running: Slots of running tasks.
        queued: Slots of queued tasks.
        deferred: Slots of deferred tasks; taken only if the pool includes them.
        scheduled: Slots that scheduled tasks wait for, not taken yet.
        taken: Slots that other tasks cannot get.
    """

    total: int | None
    running: int
    queued: int
    deferred: int
    scheduled: int
    taken: int

    @property
    def open(self) -> int | None:
        """The slots that are not taken; None if the pool is unlimited."""
        return None if self.total is None else self.total - self.taken


def task_name(dag: str, task: str, index: int) -> str:
    """Return the name of a task in messages.

    >>> task_name("etl", "extract", -1), task_name("etl", "extract", 3)
    ('etl.extract', 'etl.extract[3]')
    """
    return f"{dag}.{task}" if index < 0 else f"{dag}.{task}[{index}]"


def limit_of(slots: int) -> int | None:
    """Return the slots of a pool that Airflow stores as `slots`; None if the pool is unlimited."""
    return None if slots == _INFINITE else slots


def is_ours(pool: PoolSlots) -> bool:
    """Return whether the balancer made this pool, according to its description."""
    return _MARK.search(pool.description) is not None or _UNMARKED.fullmatch(pool.description) is not None


def wanted_pools(fleets: Mapping[str, Fleet]) -> dict[str, WantedPool]:
    """Return the pools of all `fleets`, which are given by origin, by name.

    A pool has a problem if its name is too long or reserved by Airflow, or if two fleets disagree on it.
    """
    wanted: dict[str, WantedPool] = {}
    for origin, fleet in sorted(fleets.items()):
        for pool in fleet.pools:
            new = WantedPool(pool, fleet.settings.override_pool_size, origin, _name_problem(pool, origin))
            other = wanted.setdefault(pool.name, new)
            if other.problem is None and other.pool._replace(description="") != pool._replace(description=""):
                wanted[pool.name] = other._replace(problem=_conflict(pool, origin, other))
    return wanted


def plan_pools(wanted: Mapping[str, WantedPool], current: Iterable[PoolSlots]) -> Plan[PoolSlots]:
    """Compare the `wanted` pools with the `current` ones of Airflow.

    The mark in a pool's description records the slots that the balancer set. If the pool has others, someone edited
    them by hand, and they stay unless overridden. A pool without the mark is someone else's: only
    `override_pool_size` changes its slots, and it is never orphaned. A pool with a problem stays as it is.
    """
    existing = {pool.name: pool for pool in current}
    create, update, unchanged, notes = [], [], [], {}
    problems = tuple(want.problem for _, want in sorted(wanted.items()) if want.problem)
    for name, want in sorted(wanted.items()):
        before = existing.get(name)
        if want.problem:
            notes[name] = want.problem.message
            unchanged += [before] if before else []
            continue
        if before is None:
            create.append(want.pool._replace(description=mark(want.pool.description, want.pool.slots)))
            continue
        after, note = _settle(before, want)
        if note:
            notes[name] = note
        if after == before:
            unchanged.append(before)
        else:
            update.append(Update(before, after))
            if after.team != before.team:
                notes.setdefault(name, f"goes from team {before.team!r} to {after.team!r}" if before.team else f"gets team {after.team!r}")
    orphaned = sorted(pool for name, pool in existing.items() if name not in wanted and name != DEFAULT_POOL and is_ours(pool))
    return Plan(tuple(create), tuple(update), tuple(unchanged), tuple(orphaned), notes, problems)


def spare_used(plan: Plan[PoolSlots], users: Mapping[str, Sequence[str]]) -> Plan[PoolSlots]:
    """Return the plan without deleting pools that have unfinished tasks, the `users`; each such pool is a problem.

    Airflow never schedules a task whose pool does not exist.
    """
    spared = [pool for pool in plan.orphaned if users.get(pool.name)]
    if not spared:
        return plan
    notes = {pool.name: _used(users[pool.name]) for pool in spared}
    problems = [Problem(text, f"pool {name!r}") for name, text in notes.items()]
    return replace(
        plan,
        unchanged=tuple(sorted([*plan.unchanged, *spared])),
        orphaned=tuple(pool for pool in plan.orphaned if pool not in spared),
        notes={**plan.notes, **notes},
        problems=(*plan.problems, *problems),
    )


def _used(tasks: Sequence[str]) -> str:
    number = f"{len(tasks)} unfinished task{'' if len(tasks) == 1 else 's'}"
    return f"no configuration read here wants it, but {number} would never end without it: {listing(tasks)}"


def pool_rows(plan: Plan[PoolSlots], wanted: Mapping[str, WantedPool]) -> list[dict[str, Any]]:
    """Return the pools that differ from their configuration, as plain data sorted by name.

    Each row has `change`, `name`, `slots` (in Airflow), `wanted` (as configured) and `note`; see `Plan.rows`.
    """
    current = {pool.name: pool.slots for pool in (*plan.unchanged, *plan.orphaned, *(change.before for change in plan.update))}

    def row(change: str, name: str, note: str) -> dict[str, Any]:
        configured = wanted[name].pool.slots if name in wanted else None
        return {"change": change, "name": name, "slots": current.get(name), "wanted": configured, "note": note}

    return [row(**item) for item in plan.rows()]


def _settle(before: PoolSlots, want: WantedPool) -> tuple[PoolSlots, str]:
    """Return what an existing pool becomes, and a note if its slots stay unlike the wanted ones."""
    slots, described, team = want.pool.slots, want.pool.description, want.pool.team or before.team
    if not is_ours(before):
        if before.slots == slots or want.override:
            return before._replace(slots=slots), ""
        return before, f"has {before.slots} slots, not {slots}: others made this pool; set override_pool_size to change it"
    marked = _MARK.search(before.description)
    given = int(marked[1]) if marked else slots
    if before.slots in (slots, given) or want.override:
        return want.pool._replace(description=mark(described, slots), team=team), ""
    kept = want.pool._replace(slots=before.slots, description=mark(described, given), team=team)
    return kept, f"has {before.slots} slots, not {slots}: edited by hand; set override_pool_size to change it"


def _name_problem(pool: PoolSlots, origin: str) -> Problem | None:
    subject = f"pool {pool.name[:60]!r}"
    if pool.name == DEFAULT_POOL:
        return Problem("is Airflow's own; give the host another with key 'pool'", subject, origin=origin)
    if len(pool.name) > MAX_NAME:
        text = f"its name has {len(pool.name)} characters, Airflow allows {MAX_NAME}; shorten it, or give the host another with key 'pool'"
        return Problem(text, subject, origin=origin)
    return None


def _conflict(pool: PoolSlots, origin: str, other: WantedPool) -> Problem:
    text = f"is wanted with {_shown(pool)}, but {other.origin} wants it with {_shown(other.pool)}; give both the same, or other names"
    return Problem(text, f"pool {pool.name!r}", origin=origin)


def _shown(pool: PoolSlots) -> str:
    deferred = "" if pool.include_deferred else " and include_deferred: false"
    return f"{pool.slots} slots{deferred}{f' for team {pool.team!r}' if pool.team else ''}"
