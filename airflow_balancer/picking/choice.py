"""Which host or port a key gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os.path import basename
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeVar

from ..files.reading import caller_state, calling_frame
from .rendezvous import Candidate, Candidates, rank
from .strategies import RankingStrategy, Strategy

DEFAULT_KEY = "command line"
"""The key of a query on the command line or the page that gives none."""


def call_key(kind: str) -> str:
    """Return `<file>#<n>` for the calling file's n-th pick of a kind, counted from 0."""
    frame = calling_frame()
    counts = caller_state(frame)
    counts[kind] = (number := counts.get(kind, -1) + 1)
    return f"{basename(frame.f_globals.get('__file__') or '<input>')}#{number}"


C = TypeVar("C", bound=Candidate)
Assigned = Mapping[tuple[str, tuple[str, ...]], str]
"""Hosts that were assigned together, by key and names of the candidates."""
_EMPTY: Mapping[Any, Any] = MappingProxyType({})


def choose_host(
    strategy: Strategy, key: str, candidates: Sequence[C], *, assigned: Assigned = _EMPTY, load: Mapping[str, int] = _EMPTY
) -> C:
    """Return the host that a key gets, for every interface: command line, page, resolvers and Python.

    Args:
        strategy: Chooses for a key that is not assigned.
        key: Identifies the request.
        candidates: The hosts that match the request; at least one.
        assigned: The hosts that a composed configuration assigned to its own requests.
        load: How many slots are taken on each host now, by name; empty unless the load is live.
    """
    if assigned:
        ready = Candidates.of(candidates)
        if name := assigned.get((key, ready.names)):
            return ready.by_name[name]
    return strategy.choose(key, candidates, load)


def rank_hosts(
    strategy: Strategy, key: str, candidates: Sequence[C], *, assigned: Assigned = _EMPTY, load: Mapping[str, int] = _EMPTY
) -> list[C]:
    """Return the candidates in the order of a key's attempts: the one of `choose_host`, then the others by the strategy or by score."""
    first = choose_host(strategy, key, candidates, assigned=assigned, load=load)
    ranked = strategy.rank(key, candidates, load) if isinstance(strategy, RankingStrategy) else rank(key, candidates)
    return [first, *(host for host in ranked if host.name != first.name)]


class _PortCandidate(NamedTuple):
    """A port as strategies see it: named like its pool, and of the same size as every other."""

    name: str
    size: int = 1


class _Pooled(Protocol):
    @property
    def pool(self) -> str: ...


P = TypeVar("P", bound=_Pooled)


def choose_port(strategy: Strategy, key: str, ports: Sequence[P]) -> P:
    """Return the port that a key gets."""
    by_pool = {port.pool: port for port in ports}
    return by_pool[strategy.choose(key, [_PortCandidate(pool) for pool in by_pool], {}).name]
