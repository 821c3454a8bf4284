"""Rendezvous hashing with bounded loads: no host gets more than its share, times a little."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, TypeVar

from ..errors import ConfigurationError
from .rendezvous import Candidate, Candidates, rank, score

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
        is_number = isinstance(self.c, int | float) and not isinstance(self.c, bool)  # type: ignore[redundant-expr]  # YAML gives any
        if not is_number or not 1 <= self.c < math.inf:
            raise ConfigurationError(f"key 'strategy': c must be a number from 1, not {self.c!r}")

    def choose(self, key: str, candidates: Sequence[C], load: Mapping[str, int]) -> C:
        """Return the first host of the key's ranking that has room, counting the picks made so far and this one."""
        ready = Candidates.of(candidates)
        of_others = load.keys() - ready.by_name.keys()
        picks = 1 + sum(load.values()) - sum(load[name] for name in of_others)
        for host in ready.best_first(key):
            if load.get(host.name, 0) < self._cap(Fraction(picks * (host.size or 1), ready.slots)):
                return host
        raise AssertionError("the caps add up to more than the picks")

    def assign(self, asks: Mapping[Ask, Sequence[C]]) -> dict[Ask, C]:
        """Return the host of each ask: one that answers it, none over its cap.

        Args:
            asks: The candidates of each ask. The order of asks and candidates plays no part.
        """
        ready = _made_ready(asks)
        held = _deferred_acceptance(ready, self.caps(ready))
        return {ask: ready[ask].by_name[name] for name, kept in held.items() for ask in kept}

    def caps(self, asks: Mapping[Ask, Sequence[C]]) -> dict[str, int]:
        """Return the most picks that each host may get of these asks, by name."""
        counts: dict[Candidates[C], int] = {}
        for candidates in _made_ready(asks).values():
            counts[candidates] = counts.get(candidates, 0) + 1
        fair: dict[str, Fraction] = {}
        for candidates, count in counts.items():
            for host in candidates:
                fair[host.name] = fair.get(host.name, Fraction()) + Fraction(count * (host.size or 1), candidates.slots)
        return {name: self._cap(share) for name, share in fair.items()}

    def _cap(self, share: Fraction) -> int:
        return math.ceil(self._factor * share)

    @cached_property
    def _factor(self) -> Fraction:
        return Fraction(self.c).limit_denominator(10_000)


def _made_ready(asks: Mapping[Ask, Sequence[C]]) -> dict[Ask, Candidates[C]]:
    """Make each list of candidates ready once, however many asks share it."""
    ready = {id(candidates): Candidates.of(candidates) for candidates in asks.values()}
    return {ask: ready[id(candidates)] for ask, candidates in asks.items()}


def _deferred_acceptance(asks: Mapping[Ask, Candidates[C]], caps: Mapping[str, int]) -> dict[str, list[Ask]]:
    """Let asks propose down their rankings; a full host turns away the lowest score."""
    preferences = {ask: candidates.best_first(ask[0]) for ask, candidates in asks.items()}
    held: dict[str, dict[Ask, float]] = {name: {} for name in caps}
    free, unserved = deque(sorted(asks)), []
    while free:
        ask = free.popleft()
        host = next(preferences[ask], None)
        if host is None:
            unserved.append(ask)
            continue
        kept = held[host.name]
        kept[ask] = score(ask[0], host)
        if len(kept) > caps[host.name]:
            worst = min((value, other) for other, value in kept.items())[1]
            del kept[worst]
            free.append(worst)
    served = {name: list(kept) for name, kept in held.items()}
    for ask in sorted(unserved):
        _augment(ask, asks, caps, served)
    return served


def _augment(ask: Ask, asks: Mapping[Ask, Candidates[C]], caps: Mapping[str, int], held: dict[str, list[Ask]]) -> None:
    """Make room for an ask by moving others along a shortest chain; there is one, as fair shares fit below the caps."""
    came_from: dict[str, tuple[str | None, Ask]] = {host.name: (None, ask) for host in rank(ask[0], asks[ask])}
    queue = deque(came_from)
    while queue:
        name = queue.popleft()
        if len(held[name]) < caps[name]:
            break
        for other in sorted(held[name]):
            for target in rank(other[0], asks[other]):
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
