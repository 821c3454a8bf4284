"""What would move if hosts were drained, removed, resized or added, and the YAML for that change. It writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import yaml

from ..errors import ConfigurationError, UnavailableError
from ..fleet.fleet import Fleet
from ..hydra.composed import Composed
from ..hydra.nodes import dotted
from ..picking.attempts import Attempts
from ..picking.picked import loads
from ..picking.serialized import Described
from .assignments import newest_tasks
from .catalogue import Catalogue
from .models.airflow import TaskMove
from .models.picks import LoadRow, WhatIfAnswer
from .models.requests import WhatIfQuery
from .moved import task_moves
from .opened import Opened
from .picks import Pick, moves, picks_of

if TYPE_CHECKING:
    from ..airflow.serialized import SerializedTask


def whatif(catalogue: Catalogue, query: WhatIfQuery, readable: Collection[str] | None = None) -> WhatIfAnswer:
    """Return the picks and tasks that a change of the fleet moves, and each host's load before and after."""
    opened = catalogue.open(query.configuration, query.environment)
    overrides, added = _changes(opened.fleet, query)
    changed = _changed(opened, overrides, added, set(query.remove))
    _ = changed.fleet  # raise the problems of the new fleet first
    before, after = opened.guarded(picks_of), opened.guarded(lambda _: picks_of(changed))
    return WhatIfAnswer(
        picks=len(before),
        moves=list(moves(before, after, opened.fleet, changed.fleet)),
        tasks=list(tasks_that_move(_known(readable), changed.fleet)),
        loads=list(_loads(opened.fleet, before, changed.fleet, after)),
        yaml=_yaml(opened, overrides, added, query.remove),
    )


def _known(readable: Collection[str] | None) -> dict[str, Sequence[SerializedTask]]:
    """Return the tasks of DAG files; no tasks if they cannot be read."""
    with suppress(UnavailableError), newest_tasks(readable) as (_, dags):
        return dags
    return {}


def tasks_that_move(dags: Mapping[str, Sequence[SerializedTask]], fleet: Fleet) -> Iterator[TaskMove]:
    """Yield the tasks that a new fleet moves, according to the candidates in their serialized DAGs."""
    sizes = {host.name: host.size for host in fleet.hosts if not host.drain}
    for dag_id, tasks in dags.items():
        yield from task_moves(dag_id, tasks, [_after(f"{dag_id}.{task.task_id}", task, sizes) for task in tasks], fleet)


def _after(name: str, task: SerializedTask, sizes: Mapping[str, int]) -> SerializedTask:
    """Return a task as its DAG would describe it with hosts of these sizes; without a pool if no candidate is left."""
    with suppress(KeyError, ValueError):  # no candidates, or a string of another version of this package
        described = Described.parse(task.candidates)
        left = described.among(sizes)
        if not described.candidates or left.candidates == described.candidates:
            return task
        if not left.candidates:
            return task._replace(pool="")
        if task.is_mapped or not described.pool:  # its pool stays
            return task._replace(candidates=str(left))
        first = Attempts(left, name).first()
        pool = next((host.pool for host in left.candidates if first and host.name == first.host), described.pool)
        return task._replace(pool=pool, candidates=str(left._replace(pool=pool)))
    return task


def _changes(fleet: Fleet, query: WhatIfQuery) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """Return the values to set by host, and the hosts to add.

    Raises:
        ConfigurationError: A host does not exist, a host to add does, or a size is invalid.
    """
    sizes = dict(_size(text) for text in query.size)
    for name in [*query.drain, *query.remove, *sizes]:
        if name not in fleet.by_name:
            raise ConfigurationError(f"there is no host {name!r}")
    overrides: dict[str, dict[str, Any]] = {name: {"drain": True} for name in query.drain}
    for name, size in sizes.items():
        overrides.setdefault(name, {})["size"] = size
    if not query.add:
        return overrides, []
    if query.add in fleet.by_name:
        raise ConfigurationError(f"there is a host {query.add!r} already")
    added = {"name": query.add, "size": query.add_size, "queues": query.add_queue, "tags": query.add_tag, "os": query.add_os}
    return overrides, [{key: value for key, value in added.items() if value}]


def _size(text: str) -> tuple[str, int]:
    name, _, size = text.rpartition(":")
    if not name or not size.isdecimal():
        raise ConfigurationError(f"a size is given as host:number, not {text!r}")
    return name, int(size)


def _changed(opened: Opened, overrides: Mapping[str, dict[str, Any]], added: Sequence[dict[str, Any]], removed: set[str]) -> Composed:
    """Return a copy of the composed config with another fleet.

    Raises:
        ConfigurationError: The new fleet is invalid.
    """
    composed, fleet = opened.composed, opened.fleet
    hosts = [{**host.model_dump(exclude_unset=True), **overrides.get(host.name, {})} for host in fleet.hosts if host.name not in removed]
    ports = [port.model_dump() for port in fleet.ports if port.host not in removed]
    data = {**composed.data, "hosts": [*hosts, *added], "ports": ports, "host_overrides": None}
    return replace(composed, root=deepcopy(composed.root), data=data)


def _loads(old: Fleet, before: Sequence[Pick], new: Fleet, after: Sequence[Pick]) -> Iterator[LoadRow]:
    was, will = (loads(pick.picked for pick in made) for made in (before, after))
    for host in sorted(old.by_name.keys() | new.by_name.keys()):
        (picks, fair), (then, then_fair) = was.get(host, (0, 0.0)), will.get(host, (0, 0.0))
        before_size, after_size = (found.size if found else None for found in (old.by_name.get(host), new.by_name.get(host)))
        sizes = {"before_size": before_size, "after_size": after_size}
        yield LoadRow(host=host, **sizes, before=picks, after=then, before_fair=round(fair, 2), after_fair=round(then_fair, 2))


def _yaml(opened: Opened, overrides: Mapping[str, Any], added: Sequence[Mapping[str, Any]], removed: Sequence[str]) -> str:
    """Return the YAML of a change, for the balancer's node."""
    path, hosts = dotted(opened.composed.path), opened.composed.data.get("hosts")
    node: dict[str, Any] = {"host_overrides": overrides} if overrides else {}
    if added:
        by_name = {host["name"]: {key: value for key, value in host.items() if key != "name"} for host in added}
        node["hosts"] = list(added) if isinstance(hosts, list) else by_name
    text = yaml.safe_dump(node, sort_keys=False, allow_unicode=True) if node else ""
    deleted = [f"# delete the host {name!r}, and its ports, where they are written\n" for name in removed]
    where = f"# in {path}\n" if path and (text or deleted) else ""
    return where + text + "".join(deleted)
