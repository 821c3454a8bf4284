"""`airflow-balancer plan`: every pick that a configuration makes, each host's load, and what another configuration would move."""

from __future__ import annotations

import shlex
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .command import Command, Key, Report, Request

if TYPE_CHECKING:
    from ..hydra.composed import Composed
    from ..hydra.picks import Picked
    from ..picking.strategies import Strategy


def _against(request: Request, other: str) -> Composed:
    """Return the configuration to compare with: another file or folder, or this one with more overrides, such as `env=prod`."""
    from ..files.locate import find_source
    from ..hydra.compose import compose_file

    if "=" not in other and not other.startswith("~"):
        return compose_file(find_source(Path(other).absolute()), request.overrides)
    return compose_file(request.composed.source, [*request.overrides, *shlex.split(other)])


def _picks(composed: Composed) -> list[Picked]:
    if isinstance(composed.root, dict):
        return []
    from omegaconf import DictConfig

    from ..hydra.picks import Picks

    assert isinstance(composed.root, DictConfig)
    composed.requests()
    return Picks.of(composed.root).made


def _why(pick: Picked, strategy: Strategy) -> str:
    from ..picking.rendezvous import Bounded, rank
    from ..picking.strategies import LeastLoaded, Rendezvous

    if not isinstance(strategy, Rendezvous | Bounded | LeastLoaded):
        return f"chosen by {type(strategy).__name__}"
    ranking = [host.name for host in rank(pick.key, pick.candidates)]
    place = ranking.index(pick.host) + 1
    if len(ranking) == 1:
        return "the only candidate"
    return f"{place} of {len(ranking)} in its key's ranking" + (f", after {', '.join(ranking[: place - 1])}" if place > 1 else "")


def _load(composed: Composed, picks: Sequence[Picked]) -> list[dict[str, Any]]:
    """Return each host's picks and its fair share: its part of the sizes among the candidates of each pick."""
    counts, fair = Counter(pick.host for pick in picks), defaultdict[str, float](float)
    for pick in picks:
        slots = sum(host.size for host in pick.candidates)
        for host in pick.candidates:
            fair[host.name] += host.size / slots
    return [
        {
            "host": host.name,
            "size": host.size,
            "picks": counts[host.name],
            "fair": round(fair[host.name], 2),
            "load": round(counts[host.name] / fair[host.name], 2) if fair[host.name] else None,
        }
        for host in composed.fleet.hosts
    ]


def _reason(before: Picked, after: Picked, hosts: Mapping[str, Any]) -> str:
    """Return why a pick moves from one host to another."""
    from ..fleet.drain import drained

    left = hosts.get(before.host)
    sizes = [{host.name: host.size for host in pick.candidates} for pick in (before, after)]
    if left is None:
        return f"{before.host} is gone"
    if left.drain:
        return drained(left)
    if before.host not in sizes[1]:
        return f"{before.host} no longer matches"
    if after.host not in sizes[0]:
        return f"{after.host} is a new candidate"
    if sizes[0] != sizes[1]:
        return "the candidates or their sizes changed"
    return "the strategy, or the load of the other picks, changed"


def _moves(before: Sequence[Picked], after: Sequence[Picked], hosts: Mapping[str, Any]) -> list[dict[str, Any]]:
    old, new = ({(pick.key, pick.query): pick for pick in picks} for picks in (before, after))
    moves = []
    for request in sorted(old.keys() | new.keys()):
        was, will = old.get(request), new.get(request)
        if was and will and was.host == will.host:
            continue
        why = _reason(was, will, hosts) if was and will else "is requested only there" if will else "is requested only here"
        moves.append({"requester": request[0], "query": request[1], "here": was and was.host, "there": will and will.host, "why": why})
    return moves


def _answer(request: Request) -> Report:
    """Return the picks that a configuration makes, the load of its hosts, and what moves in the one that is compared."""
    from ..picking.strategies import build_strategy

    composed, against = request.composed, request.keys.get("against")
    other = _against(request, against) if against else None
    picks, strategy = _picks(composed), build_strategy(composed.fleet.settings.strategy)
    rows = [
        {"requester": pick.key, "query": pick.query, "candidates": len(pick.candidates), "host": pick.host, "why": _why(pick, strategy)}
        for pick in picks
    ]
    placements: dict[str, Any] = {"picks": rows, "load": _load(composed, picks)}
    if other:
        placements["moves"] = _moves(picks, _picks(other), other.fleet.by_name)
        placements["differs"] = bool(placements["moves"])
    return placements


def _line(report: Report) -> str:
    moving = f", {len(report['moves'])} of them would be another" if "moves" in report else ""
    return f"{len(report['picks'])} picks{moving}"


COMMAND = Command(
    name="plan",
    summary="every pick that the configuration makes, and each host's load",
    help="Each pick is listed with its requester, the number of candidates, and why it is this host. A host's load is its picks over\n"
    "its fair share. For a pull request, `against` lists what moves and why; the exit code is 3 where anything does.\n"
    "With `strategy=least_loaded`, no live load is read: rendezvous picks, as while a DAG file is parsed.",
    example="plan against=env=prod",
    answer=_answer,
    keys=(Key("against", "WHAT", "what to compare with: overrides such as env=prod, or another file or folder"),),
    tables=True,
    line=_line,
    compares=True,
)
