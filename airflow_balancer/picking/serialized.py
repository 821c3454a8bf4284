"""The candidates of a task as a short string, which determines each of its picks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import NamedTuple
from urllib.parse import unquote

from ..fleet.strategy import TARGETS
from .choice import IndexPicks, choose_host
from .filters import HOST_KEYS, HostFilter
from .folding import MARK, fold, quoted, unfold
from .strategies import Random, Strategy, build_strategy, strategy_data

MAX_LENGTH = 1_500
"""The longest list of candidates, in characters. A longer one is replaced by the pools of the first indices."""
_MAX_QUERY = 300
"""The longest query, likewise. A longer one is left out."""
ANYTHING = HostFilter()


class Counted(NamedTuple):
    """A candidate, and the pool that counts the tasks on it."""

    name: str
    size: int
    pool: str


class Described(NamedTuple):
    """The parsed string of a task.

    Attributes:
        pool: The pool that the task has in its DAG.
        key: The key that all indices of the task share; empty if each has its own.
        first: The host of the first attempt, if it was picked elsewhere.
        query: The query that the candidates match, if it is listed with them.
        strategy: Chooses among the candidates; None if they are not listed.
        candidates: The hosts that the task may run on; empty if they are not listed.
        pools: The pools of the first indices at their first attempt, if the candidates are not listed.
    """

    pool: str
    key: str = ""
    first: str = ""
    query: HostFilter = ANYTHING
    strategy: Strategy | None = None
    candidates: tuple[Counted, ...] = ()
    pools: tuple[str, ...] = ()

    def __str__(self) -> str:
        fields = {"pool": quoted(self.pool), "key": quoted(self.key), "first": quoted(self.first), **_listed(self)}
        return MARK + " ".join(f"{name}={value}" for name, value in fields.items() if value)

    def among(self, sizes: Mapping[str, int]) -> Described:
        """Return the same with only the candidates in `sizes`, and with these sizes; without `first` if its host is not among them."""
        left = tuple(host._replace(size=sizes[host.name]) for host in self.candidates if host.name in sizes)
        first = "" if self.key or self.first not in sizes else self.first
        return self._replace(candidates=left, first=first)

    @classmethod
    def parse(cls, text: str) -> Described:
        """Parse a string.

        Raises:
            KeyError, ValueError: `describe` returns no such string.
        """
        fields = {name: value for name, _, value in (field.partition("=") for field in text.removeprefix(MARK).split(" "))}
        pool, key, first = (unquote(fields.get(name, "")) for name in ("pool", "key", "first"))
        plain = cls(pool, key, first)
        if "hosts" not in fields:
            return plain._replace(pools=tuple(map(unquote, filter(None, fields.get("pools", "").split(",")))))
        query = _query(unquote(fields.get("query", "{}")))
        return plain._replace(query=query, strategy=_strategy(fields["strategy"]), candidates=tuple(_counted(fields["hosts"])))


def describe(
    strategy: Strategy,
    candidates: Sequence[Counted],
    *,
    pool: str,
    key: str | None = None,
    first: str | None = None,
    task: str = "",
    query: HostFilter = ANYTHING,
) -> str:
    """Return the string of a task's candidates.

    It changes only with the names, sizes or pools of the candidates, or with the arguments. If the candidates do not
    fit, or the strategy is of another package, it has the pools of the first indices instead. For `random` it has
    neither, since nothing is known of its picks beforehand.

    Args:
        strategy: Chooses among the candidates.
        candidates: The hosts that the task may run on.
        pool: The pool that the task has in its DAG.
        key: The key that all indices of the task share.
        first: The host of the first attempt, if it was picked elsewhere.
        task: The key of the task without an index, if it is known.
        query: What the candidates match.
    """
    described = Described(pool, key or "", first or "")
    if isinstance(strategy, Random):
        return str(described)
    listed = described._replace(query=query, strategy=strategy, candidates=tuple(candidates))
    if strategy_data(strategy)["_target_"] in TARGETS and len(_hosts(listed.candidates)) <= MAX_LENGTH:
        return str(listed)
    return str(described._replace(pools=tuple(_first_pools(listed, task))))


def _first_pools(described: Described, task: str) -> Iterator[str]:
    """Yield the pools of as many indices as fit."""
    strategy, candidates = described.strategy, described.candidates
    assert strategy is not None
    if described.first:
        yield next(host.pool for host in candidates if host.name == described.first)
    elif described.key:
        yield choose_host(strategy, described.key, candidates).pool
    elif task:
        picks, length = IndexPicks(strategy, task, candidates), 0
        for index in count():
            pool = picks.host(index).pool
            length += len(quoted(pool)) + 1
            if length > MAX_LENGTH:
                break
            yield pool


def _listed(described: Described) -> dict[str, str]:
    if described.strategy is None:
        return {"pools": ",".join(map(quoted, described.pools))}
    data = strategy_data(described.strategy)
    name = TARGETS[data.pop("_target_")]
    data.pop("deadline", None)  # without a load, `least_loaded` asks no host
    options = [f"{option}={value!r}" for option, value in data.items()]
    return {"query": _query_text(described.query), "strategy": ",".join([name, *options]), "hosts": _hosts(described.candidates)}


def _query_text(query: HostFilter) -> str:
    given = {key: value for key in HOST_KEYS if (value := getattr(query, key))}
    text = quoted(json.dumps(given, separators=(",", ":"))) if given else ""
    return text if len(text) <= _MAX_QUERY else ""


def _query(text: str) -> HostFilter:
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ValueError(text)
    return HostFilter.of(**{key: data[key] for key in HOST_KEYS if key in data})


def _strategy(text: str) -> Strategy:
    name, *options = text.split(",")
    given = dict(option.split("=") for option in options)
    return build_strategy({"_target_": f"airflow_balancer.{name}", **{option: float(value) for option, value in given.items()}})


def _hosts(candidates: Iterable[Counted]) -> str:
    """Return candidates by size, each with its pool if that has another name."""
    sizes: dict[int, list[Counted]] = {}
    for host in candidates:
        sizes.setdefault(host.size, []).append(host)
    return ";".join(f"{size}:{_of_size(hosts)}" for size, hosts in sorted(sizes.items()))


def _of_size(hosts: Sequence[Counted]) -> str:
    own = fold(host.name for host in hosts if host.pool == host.name)
    others = sorted(f"{quoted(host.name)}={quoted(host.pool)}" for host in hosts if host.pool != host.name)
    return ",".join(filter(None, [own, *others]))


def _counted(text: str) -> Iterator[Counted]:
    for group in text.split(";"):
        size, _, hosts = group.partition(":")
        for item in hosts.split(","):
            names, _, pool = item.partition("=")
            for name in unfold(names):
                yield Counted(name, int(size), unquote(pool) or name)
