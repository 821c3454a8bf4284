"""Rendezvous hashing with bounded loads: no host gets more than its share of the requests, times a factor."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, TypeVar

from ..errors import ConfigurationError
from ..fleet.strategy import option_problem
from .rendezvous import Candidate, Candidates, rank, score

__all__ = ("Bounded", "Request")

C = TypeVar("C", bound=Candidate)
Request = tuple[str, Any]
"""The key of a request, and what distinguishes the requests of one key."""


@dataclass(frozen=True)
class Bounded:
    """Rendezvous hashing in which no host gets more than `ceil(c * fair)` requests.

    `fair` is the host's share of the sizes among the candidates, summed over the requests. A request
    whose best host is full goes to the next of its ranking. Mirrokni, Thorup and Zadimoghaddam,
    "Consistent Hashing with Bounded Loads", 2016; here a full host keeps the requests that score highest
    on it, as in Gale and Shapley's deferred acceptance, so an assignment depends on the set of requests alone.

    Attributes:
        c: The largest load in shares, at least 1: 1 is the most even, a large one is plain rendezvous.
    """

    c: float = 1.25

    def __post_init__(self) -> None:
        if wrong := option_problem("Bounded", "c", self.c):
            raise ConfigurationError(wrong)

    def choose(self, key: str, candidates: Sequence[C], load: Mapping[str, int]) -> C:
        """Return the first host of the key's ranking with room, given the picks so far and this one."""
        ready = Candidates.of(candidates)
        picks = 1 + sum(count for name, count in load.items() if name in ready.by_name)
        for host in ready.best_first(key):
            if load.get(host.name, 0) < self._cap(Fraction(picks * (host.size or 1), ready.slots)):
                return host
        raise AssertionError("the caps add up to more than the picks")

    def assign(self, requests: Mapping[Request, Sequence[C]]) -> dict[Request, C]:
        """Return a candidate for each request, with no host over its cap.

        Args:
            requests: The candidates of each request. The order of requests and candidates does not matter.
        """
        ready = _prepare(requests)
        held = _deferred_acceptance(ready, self.caps(ready))
        return {request: ready[request].by_name[name] for name, kept in held.items() for request in kept}

    def caps(self, requests: Mapping[Request, Sequence[C]]) -> dict[str, int]:
        """Return the most requests that each host may get, by name."""
        ready, fair = _prepare(requests), dict[str, Fraction]()
        counts = Counter(map(id, ready.values()))
        for candidates in {id(candidates): candidates for candidates in ready.values()}.values():
            count = counts[id(candidates)]
            for host in candidates:
                fair[host.name] = fair.get(host.name, Fraction()) + Fraction(count * (host.size or 1), candidates.slots)
        return {name: self._cap(share) for name, share in fair.items()}

    def _cap(self, share: Fraction) -> int:
        return math.ceil(self._factor * share)

    @cached_property
    def _factor(self) -> Fraction:
        return Fraction(self.c).limit_denominator(10_000)


def _prepare(requests: Mapping[Request, Sequence[C]]) -> dict[Request, Candidates[C]]:
    """Prepare each list of candidates once, although many requests share it."""
    ready = {id(candidates): Candidates.of(candidates) for candidates in requests.values()}
    return {request: ready[id(candidates)] for request, candidates in requests.items()}


def _deferred_acceptance(requests: Mapping[Request, Candidates[C]], caps: Mapping[str, int]) -> dict[str, list[Request]]:
    """Let requests propose down their rankings; a full host rejects the lowest score."""
    preferences = {request: candidates.best_first(request[0]) for request, candidates in requests.items()}
    held: dict[str, dict[Request, float]] = {name: {} for name in caps}
    free, unserved = deque(sorted(requests)), []
    while free:
        request = free.popleft()
        host = next(preferences[request], None)
        if host is None:
            unserved.append(request)
            continue
        kept = held[host.name]
        kept[request] = score(request[0], host)
        if len(kept) > caps[host.name]:
            worst = min((value, other) for other, value in kept.items())[1]
            del kept[worst]
            free.append(worst)
    served = {name: list(kept) for name, kept in held.items()}
    for request in sorted(unserved):
        _augment(request, requests, caps, served)
    return served


def _augment(request: Request, requests: Mapping[Request, Candidates[C]], caps: Mapping[str, int], held: dict[str, list[Request]]) -> None:
    """Make room for a request by moving others along a shortest chain, which exists because fair shares fit below the caps."""
    came_from: dict[str, tuple[str | None, Request]] = {host.name: (None, request) for host in rank(request[0], requests[request])}
    queue = deque(came_from)
    while queue:
        name = queue.popleft()
        if len(held[name]) < caps[name]:
            break
        for other in sorted(held[name]):
            for target in rank(other[0], requests[other]):
                if target.name not in came_from:
                    came_from[target.name] = (name, other)
                    queue.append(target.name)
    place: str | None = name
    while place is not None:
        source, moving = came_from[place]
        if source is not None:
            held[source].remove(moving)
        held[place].append(moving)
        place = source
