"""Why a request gets its host, and why it moved there."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile
from typing import NamedTuple

from ..fleet.drain import drained
from ..fleet.model import HostSpec
from .picked import Picked
from .rendezvous import Bounded, Candidates, rank
from .strategies import LeastLoaded, Rendezvous, Strategy, strategy_data

KEPT = "kept by the lock file"
_MOST_NAMED = 12


class Side(NamedTuple):
    """The strategy of a pick, and all hosts by name; None if they are no longer known."""

    strategy: Strategy
    hosts: Mapping[str, HostSpec] | None


def _ranked_names(pick: Picked, strategy: Strategy) -> list[str]:
    """Return the candidates from the highest score to the lowest; an empty list if the strategy does not use scores."""
    return [host.name for host in rank(pick.key, pick.candidates)] if _goes_by_score(strategy) else []


def _goes_by_score(strategy: Strategy) -> bool:
    return isinstance(strategy, Rendezvous | Bounded | LeastLoaded)


def reason_of_pick(pick: Picked, strategy: Strategy) -> str:
    """Return why a pick is its host: the host's place in the ranking, and the hosts before it."""
    if pick.locked and len(pick.candidates) > 1:
        return KEPT
    if not _goes_by_score(strategy):
        return f"chosen by {type(strategy).__name__}"
    if len(pick.candidates) == 1:
        return "the only candidate"
    # Most picks are the first of their ranking, so sorting all of it would be wasted.
    ranking = Candidates.of(pick.candidates).best_first(pick.key)
    before = [host.name for host in takewhile(lambda host: host.name != pick.host, ranking)]
    more = f" and {len(before) - _MOST_NAMED} more" if len(before) > _MOST_NAMED else ""
    after = f", after {', '.join(before[:_MOST_NAMED])}{more}" if before else ""
    return f"{len(before) + 1} of {len(pick.candidates)} in its key's ranking{after}"


def reason_of_move(old: Picked, new: Picked, before: Side, after: Side) -> str:
    """Return why a pick moves from one host to another."""
    hosts = after.hosts or {}
    left = hosts.get(old.host)
    if left is None:
        return f"{old.host} is gone"
    if left.drain:
        return drained(left)
    if old.query != new.query:
        return f"the query was {old.query}"
    if old.host not in {host.name for host in new.candidates}:
        return f"{old.host} no longer matches"
    return _reason_of_choice(old, new, before, after)


def _reason_of_choice(old: Picked, new: Picked, before: Side, after: Side) -> str:
    """Return why a pick moves from a host that is still a candidate."""
    if new.locked:
        return KEPT
    if old.locked:
        return f"{old.host} is no longer {KEPT}"
    if strategy_data(before.strategy) != strategy_data(after.strategy):
        return "the strategy is another one"
    return _reason_of_score(old, new, before, after.strategy)


def _reason_of_score(old: Picked, new: Picked, before: Side, strategy: Strategy) -> str:
    """Return why a pick moves from a host that is still a candidate, under the same strategy."""
    ranking = _ranked_names(new, strategy)
    if not ranking:
        return f"{type(strategy).__name__} picks it"
    if ranking.index(old.host) < ranking.index(new.host):
        return f"{old.host} is at its bound"
    sizes = {host.name: host.size for host in old.candidates}
    if new.host not in sizes:
        return f"{new.host} {_arrival(new.host, before.hosts)}"
    resized = [(name, sizes[name], size) for name, size in _sizes(new, old.host, new.host) if sizes[name] != size]
    earlier = _ranked_names(old, strategy)
    if earlier.index(new.host) < earlier.index(old.host) or not resized:
        return f"{new.host} is no longer at its bound"
    return ", ".join(f"the size of {name} was {was}, and is {size}" for name, was, size in resized)


def _arrival(name: str, hosts: Mapping[str, HostSpec] | None) -> str:
    if hosts is None:
        return "is a new candidate"
    if name not in hosts:
        return "is new"
    return "is drained no longer" if hosts[name].drain else "matches now"


def _sizes(pick: Picked, *names: str) -> list[tuple[str, int | None]]:
    return [(host.name, host.size) for host in pick.candidates if host.name in names]
