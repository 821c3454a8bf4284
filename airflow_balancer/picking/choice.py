"""Which host or port a key gets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from os.path import basename
from threading import Lock
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeVar

from ..files.reading import caller_state, calling_frame
from .picked import Weighed
from .rendezvous import Candidate, Candidates, rank
from .strategies import RankingStrategy, Strategy, assigns_together

DEFAULT_KEY = "command line"
"""The key of queries without one, on the command line and the page."""


def call_key(kind: str) -> str:
    """Return `<file>#<n>` for the calling file's n-th pick of a kind, counting from 0."""
    frame = calling_frame()
    counts = caller_state(frame)
    counts[kind] = (number := counts.get(kind, -1) + 1)
    return f"{basename(frame.f_globals.get('__file__') or '<input>')}#{number}"


C = TypeVar("C", bound=Candidate)
Asked = tuple[str, tuple[str, ...]]
"""A request for a host: its key, and the names of the candidates."""


class Assigned(Protocol):
    """The hosts of requests that have one already: from the lock file, or from a joint assignment. A mapping is one."""

    def __len__(self) -> int: ...
    def get(self, asked: Asked, /) -> str | None:
        """Return the name of a request's host, or None."""


_EMPTY: Mapping[Any, Any] = MappingProxyType({})


def choose_host(
    strategy: Strategy, key: str, candidates: Sequence[C], *, assigned: Assigned = _EMPTY, load: Mapping[str, int] = _EMPTY
) -> C:
    """Return the host that a key gets, for every interface: command line, page, resolvers and Python.

    Args:
        strategy: Chooses for keys that are not assigned.
        key: Identifies the request.
        candidates: The hosts that match the request; at least one.
        assigned: The hosts of the lock file, and those that a composed configuration assigned to its own requests.
        load: How many picks or taken slots each host has, by name; empty if the strategy is to ignore them.
    """
    if assigned:
        ready = Candidates.of(candidates)
        if name := assigned.get((key, ready.names)):
            return ready.by_name[name]
    return strategy.choose(key, candidates, load)


def index_key(key: str, index: int) -> str:
    """Return the key of a mapped task's index.

    >>> index_key("etl.extract", 3)
    'etl.extract[3]'
    """
    return f"{key}[{index}]"


class IndexPicks(Generic[C]):
    """The host that each index of a mapped task gets.

    A strategy that bounds the load counts the picks of the lower indices, in blocks of a thousand so that no pick costs
    more. No index depends on the number of indices, which is known only after the task is expanded.
    """

    _BLOCK = 1_000

    def __init__(self, strategy: Strategy, key: str, candidates: Sequence[C]) -> None:
        self._strategy = strategy
        self._key = key
        self._candidates = Candidates.of(candidates)
        self._picked: dict[int, list[C]] = {}
        self._lock = Lock()

    def host(self, index: int) -> C:
        """Return the host of an index."""
        if not assigns_together(self._strategy):
            return self._strategy.choose(index_key(self._key, index), self._candidates, {})
        block, place = divmod(index, self._BLOCK)
        with self._lock:
            picked = self._picked.setdefault(block, [])
            load = Counter(host.name for host in picked)
            for lower in range(len(picked), place + 1):
                host = self._strategy.choose(index_key(self._key, block * self._BLOCK + lower), self._candidates, load)
                picked.append(host)
                load[host.name] += 1
            return picked[place]


def rank_hosts(
    strategy: Strategy,
    key: str,
    candidates: Sequence[C],
    *,
    index: int = -1,
    assigned: Assigned = _EMPTY,
    load: Mapping[str, int] = _EMPTY,
) -> list[C]:
    """Return the candidates in the order of a key's attempts: its host, then the others by the strategy or by score.

    With an `index`, the attempts are those of one index of a mapped task, whose indices share the key.
    """
    if index < 0:
        return rank_behind(choose_host(strategy, key, candidates, assigned=assigned, load=load), strategy, key, candidates, load)
    own = index_key(key, index)
    first = strategy.choose(own, candidates, load) if load else IndexPicks(strategy, key, candidates).host(index)
    return rank_behind(first, strategy, own, candidates, load)


def rank_behind(first: C, strategy: Strategy, key: str, candidates: Sequence[C], load: Mapping[str, int] = _EMPTY) -> list[C]:
    """Return the `first` host, then the other candidates in the strategy's order, else by score."""
    ranked = strategy.rank(key, candidates, load) if isinstance(strategy, RankingStrategy) else rank(key, candidates)
    return [first, *(host for host in ranked if host.name != first.name)]


class _Pooled(Protocol):
    @property
    def pool(self) -> str: ...


P = TypeVar("P", bound=_Pooled)


def choose_port(strategy: Strategy, key: str, ports: Sequence[P]) -> P:
    """Return the port that a key gets. Strategies see ports by the names of their pools, all of one size."""
    by_pool = {port.pool: port for port in ports}
    return by_pool[strategy.choose(key, [Weighed(pool, 1) for pool in by_pool], {}).name]
