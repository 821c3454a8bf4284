"""Compares two surveys of picks: what moves, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..picking.reasons import Side, reason_of_move
from .picks import FilePick, Survey

MOVED, NEW, GONE = "moved", "new", "gone"


def moves(before: Survey, after: Survey) -> list[dict[str, Any]]:
    """Return a row, with the reason, for each request that moved, is new, or is gone."""
    sides = _side(before), _side(after)
    rows = [_row(old, new, *sides) for old, new in _pairs(before.picks, after.picks) if _host(old) != _host(new)]
    return sorted(rows, key=lambda row: (row["file"] or "", row["requester"], row["query"]))


def _side(survey: Survey) -> Side:
    composed = survey.place.composed
    return Side(composed.strategy, composed.fleet.by_name)


def _host(pick: FilePick | None) -> str | None:
    return pick and pick.picked.host


def _row(old: FilePick | None, new: FilePick | None, before: Side, after: Side) -> dict[str, Any]:
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
        "why": reason_of_move(old.picked, new.picked, before, after) if old and new else f"the key is {change}",
    }


def _pairs(before: Sequence[FilePick], after: Sequence[FilePick]) -> Iterator[tuple[FilePick | None, FilePick | None]]:
    """Pair the picks of equal requests. If a key has one pick on each side, these are a pair even if the query changed."""
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
