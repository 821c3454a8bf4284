"""Rendezvous hashing with bounded loads: no host gets more than its share, times a little."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

from .errors import ConfigurationError
from .rendezvous import Candidate, rank, score

__all__ = ("Ask", "Bounded")

C = TypeVar("C", bound=Candidate)
Ask = tuple[str, Any]
"""Who asks, and what tells the asks of one key apart."""


@dataclass(frozen=True)
class Bounded:
    """Rendezvous hashing in which no host gets more than `ceil(c * fair)` picks.

    `fair` is the host's share of the sizes among the candidates, summed over the asks. An ask whose
    best host is full goes to the next of its ranking. Mirrokni, Thorup and Zadimoghaddam, "Consistent
    Hashing with Bounded Loads", 2016; here a full host keeps the asks that score highest on it, as in
    Gale and Shapley's deferred acceptance, so that an assignment depends on the set of asks alone.

    Attributes:
        c: The largest load in shares, at least 1: 1 is the most even, a large one is plain rendezvous.
    """

    c: float = 1.25

    def __post_init__(self) -> None:
        if not isinstance(self.c, int | float) or isinstance(self.c, bool) or not 1 <= self.c < math.inf:
            raise ConfigurationError(f"key 'strategy': c must be a number from 1, not {self.c!r}")

    def choose(self, key: str, candidates: Sequence[C], load: Mapping[str, int]) -> C:
        """Return the first host of the key's ranking that has room, counting the picks made so far and this one."""
        picks = 1 + sum(load.get(host.name, 0) for host in candidates)
        slots = sum(host.size or 1 for host in candidates)
        for host in rank(key, candidates):
            if load.get(host.name, 0) < self._cap(Fraction(picks * (host.size or 1), slots)):
                return host
        raise AssertionError("the caps add up to more than the picks")

    def assign(self, asks: Mapping[Ask, Sequence[C]]) -> dict[Ask, C]:
        """Return the host of each ask: one that answers it, none over its cap.

        Args:
            asks: The candidates of each ask. The order of asks and candidates plays no part.
        """
        hosts = {host.name: host for candidates in asks.values() for host in candidates}
        caps = self.caps(asks)
        scores = {ask: {host.name: score(ask[0], host) for host in candidates} for ask, candidates in asks.items()}
        held = _deferred_acceptance(scores, caps)
        return {ask: hosts[name] for name, kept in held.items() for ask in kept}

    def caps(self, asks: Mapping[Ask, Sequence[C]]) -> dict[str, int]:
        """Return the most picks that each host may get of these asks, by name."""
        fair: dict[str, Fraction] = {}
        for candidates in asks.values():
            slots = sum(host.size or 1 for host in candidates)
            for host in candidates:
                fair[host.name] = fair.get(host.name, Fraction()) + Fraction(host.size or 1, slots)
        return {name: self._cap(share) for name, share in fair.items()}

    def _cap(self, share: Fraction) -> int:
        return math.ceil(Fraction(self.c).limit_denominator(10_000) * share)


def _deferred_acceptance(scores: Mapping[Ask, Mapping[str, float]], caps: Mapping[str, int]) -> dict[str, list[Ask]]:
    """Let asks propose down their rankings; a full host turns away the lowest score."""
    rankings = {ask: sorted(by_host, key=lambda name: (by_host[name], name), reverse=True) for ask, by_host in scores.items()}
    held: dict[str, list[Ask]] = {name: [] for name in caps}
    next_choice = dict.fromkeys(rankings, 0)
    free, unserved = deque(sorted(rankings)), []
    while free:
        ask = free.popleft()
        if next_choice[ask] == len(rankings[ask]):
            unserved.append(ask)
            continue
        name = rankings[ask][next_choice[ask]]
        next_choice[ask] += 1
        held[name].append(ask)
        if len(held[name]) > caps[name]:
            worst = min(held[name], key=lambda other: (scores[other][name], other))
            held[name].remove(worst)
            free.append(worst)
    for ask in sorted(unserved):
        _augment(ask, rankings, caps, held)
    return held


def _augment(ask: Ask, rankings: Mapping[Ask, Sequence[str]], caps: Mapping[str, int], held: dict[str, list[Ask]]) -> None:
    """Make room for an ask by moving others along a shortest chain; there is one, as fair shares fit below the caps."""
    came_from: dict[str, tuple[str | None, Ask]] = dict.fromkeys(rankings[ask], (None, ask))
    queue = deque(rankings[ask])
    while queue:
        name = queue.popleft()
        if len(held[name]) < caps[name]:
            break
        for other in sorted(held[name]):
            for target in rankings[other]:
                if target not in came_from:
                    came_from[target] = (name, other)
                    queue.append(target)
    place: str | None = name
    while place is not None:
        source, moving = came_from[place]
        if source is not None:
            held[source].remove(moving)
        held[place].append(moving)
        place = source
