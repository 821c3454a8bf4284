"""What moves between two surveys of picks, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..fleet.drain import drained
from ..picking.picked import Picked
from ..picking.rendezvous import Bounded, rank
from ..picking.strategies import LeastLoaded, Rendezvous, Strategy, build_strategy, strategy_data
from .picks import FilePick, Survey

if TYPE_CHECKING:
    from ..fleet.fleet import Fleet
    from ..fleet.model import HostSpec

MOVED, NEW, GONE = "moved", "new", "gone"
KEPT = "kept by the lock file"


class _Fleets(NamedTuple):
    """The fleets of a move."""

    before: Fleet
    after: Fleet


def ranked_names(pick: Picked, strategy: Strategy) -> list[str]:
    """Return the candidates from the highest score to the lowest; none where the strategy does not go by it."""
    by_score = isinstance(strategy, Rendezvous | Bounded | LeastLoaded)
    return [host.name for host in rank(pick.key, pick.candidates)] if by_score else []


def moves(before: Survey, after: Survey) -> list[dict[str, Any]]:
    """Return a row for each request whose host differs, is new or is gone, with the reason."""
    fleets = _Fleets(before.place.composed.fleet, after.place.composed.fleet)
    rows = [_row(old, new, fleets) for old, new in _pairs(before.picks, after.picks) if _host(old) != _host(new)]
    return sorted(rows, key=lambda row: (row["file"] or "", row["requester"], row["query"]))


def _host(pick: FilePick | None) -> str | None:
    return pick and pick.picked.host


def _row(old: FilePick | None, new: FilePick | None, fleets: _Fleets) -> dict[str, Any]:
    pick = new or old
    assert pick is not None
    change = MOVED if old and new else NEW if new else GONE
    return {
        "requester": pick.picked.key,
        "file": pick.file or None,
        "query": pick.picked.query,
        "change": change,
        "before": _host(old),
        "after": _host(new),
        "why": _reason(old.picked, new.picked, fleets) if old and new else f"the key is {change}",
    }


def _pairs(before: Sequence[FilePick], after: Sequence[FilePick]) -> Iterator[tuple[FilePick | None, FilePick | None]]:
    """Yield the picks of the same request; one whose query alone changed is the same, where it is the only one of its key."""
    old, new = _by_request(before), _by_request(after)
    for request in old.keys() & new.keys():
        yield old.pop(request), new.pop(request)
    olds, news = _by_key(old), _by_key(new)
    for key in olds.keys() | news.keys():
        was, will = olds.get(key, []), news.get(key, [])
        if len(was) == len(will) == 1:
            yield was[0], will[0]
        else:
            yield from ((pick, None) for pick in was)
            yield from ((None, pick) for pick in will)


def _by_request(picks: Sequence[FilePick]) -> dict[tuple[str, str, str], FilePick]:
    return {(pick.file, pick.picked.key, pick.picked.query): pick for pick in picks}


def _by_key(picks: Mapping[tuple[str, str, str], FilePick]) -> dict[tuple[str, str], list[FilePick]]:
    found: dict[tuple[str, str], list[FilePick]] = {}
    for request in sorted(picks):
        found.setdefault(request[:2], []).append(picks[request])
    return found


def _reason(old: Picked, new: Picked, fleets: _Fleets) -> str:
    """Return why a pick moves from one host to another."""
    left = fleets.after.by_name.get(old.host)
    if left is None:
        return f"{old.host} is gone"
    if left.drain:
        return drained(left)
    if old.query != new.query:
        return f"the query was {old.query}"
    if old.host not in {host.name for host in new.candidates}:
        return f"{old.host} no longer matches"
    return _reason_of_choice(old, new, fleets)


def _reason_of_choice(old: Picked, new: Picked, fleets: _Fleets) -> str:
    """Return why a pick moves from a host that it could still have."""
    if new.locked:
        return KEPT
    if old.locked:
        return f"{old.host} is no longer {KEPT}"
    if strategy_data(build_strategy(fleets.before.settings.strategy)) != strategy_data(build_strategy(fleets.after.settings.strategy)):
        return "the strategy is another one"
    return _reason_of_score(old, new, fleets)


def _reason_of_score(old: Picked, new: Picked, fleets: _Fleets) -> str:
    """Return why a pick moves from a host that it could still have, under one strategy."""
    strategy = build_strategy(fleets.after.settings.strategy)
    ranking = ranked_names(new, strategy)
    if not ranking:
        return f"{type(strategy).__name__} picks it"
    if ranking.index(old.host) < ranking.index(new.host):
        return f"{old.host} is at its bound"
    sizes = {host.name: host.size for host in old.candidates}
    if new.host not in sizes:
        return f"{new.host} {_arrival(fleets.before.by_name.get(new.host))}"
    resized = [(name, sizes[name], size) for name, size in _sizes(new, old.host, new.host) if sizes[name] != size]
    earlier = ranked_names(old, strategy)
    if earlier.index(new.host) < earlier.index(old.host) or not resized:
        return f"{new.host} is no longer at its bound"
    return ", ".join(f"the size of {name} was {was}, and is {size}" for name, was, size in resized)


def _arrival(host: HostSpec | None) -> str:
    if host is None:
        return "is new"
    return "is drained no longer" if host.drain else "matches now"


def _sizes(pick: Picked, *names: str) -> list[tuple[str, int | None]]:
    return [(host.name, host.size) for host in pick.candidates if host.name in names]
