"""The plan: every pick that a configuration makes, each host's load, and what would move in another configuration."""

from __future__ import annotations

import shlex
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from ..files.locate import find_source
from ..picking.rendezvous import rank
from ..picking.strategies import Bounded, LeastLoaded, Rendezvous, Strategy, build_strategy
from .compose import Composed, compose_file
from .picks import Picked, Picks

__all__ = ("against", "plan_report")


def against(composed: Composed, overrides: Sequence[str], other: str) -> Composed:
    """Return the configuration to compare with: another file or folder, or this one with more overrides.

    Args:
        composed: This configuration.
        overrides: The overrides that it was composed with.
        other: A path, or overrides separated by spaces, such as `env=prod`.

    Raises:
        ConfigurationError: It is missing, or wrong.
    """
    if "=" not in other and not other.startswith("~"):
        return compose_file(find_source(Path(other).absolute()), overrides)
    return compose_file(composed.source, [*overrides, *shlex.split(other)])


def _made(composed: Composed) -> list[Picked]:
    composed.requests()
    return Picks.of(composed.root).made if isinstance(composed.root, DictConfig) else []


def _why(pick: Picked, strategy: Strategy) -> str:
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
    left = hosts.get(before.host)
    sizes = [{host.name: host.size for host in pick.candidates} for pick in (before, after)]
    if left is None:
        return f"{before.host} is gone"
    if left.drain:
        return f"{before.host} is drained"
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
        why = _reason(was, will, hosts) if was and will else "is requested there alone" if will else "is requested here alone"
        moves.append({"requester": request[0], "query": request[1], "here": was and was.host, "there": will and will.host, "why": why})
    return moves


def plan_report(composed: Composed, other: Composed | None) -> dict[str, Any]:
    """Return the picks that a configuration makes, the load of its hosts, and what moves in the `other` one.

    Raises:
        ConfigurationError: A pick cannot be made.
    """
    picks, strategy = _made(composed), build_strategy(composed.fleet.settings.strategy)
    rows = [
        {"requester": pick.key, "query": pick.query, "candidates": len(pick.candidates), "host": pick.host, "why": _why(pick, strategy)}
        for pick in picks
    ]
    report: dict[str, Any] = {"picks": rows, "load": _load(composed, picks)}
    if other:
        report["moves"] = _moves(picks, _made(other), other.fleet.by_name)
        report["differs"] = bool(report["moves"])
    return report
