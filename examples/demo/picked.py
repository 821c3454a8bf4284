"""The picks for the tasks of a DAG file, and sentences that compare two sets of picks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ("Pick", "Picks", "draining", "moves", "sameness")


class Pick(NamedTuple):
    """The host that a task was given, its address, and the pool that counts the task."""

    host: str
    address: str
    pool: str


Picks = Mapping[str, Pick]
"""By the ids of the tasks."""


def moves(before: Picks, after: Picks) -> dict[str, tuple[str, str]]:
    """The old and the new host of each task that moves."""
    return {task: (pick.host, after[task].host) for task, pick in before.items() if pick.host != after[task].host}


def sameness(first: Picks, second: Picks) -> str:
    """Say how many picks a second process repeats."""
    same = sum(second.get(task) == pick for task, pick in first.items())
    return f"{same} of {len(first)} picks are the same in a second process with another hash seed."


def draining(before: Picks, after: Picks, drained: str) -> str:
    """Say what draining a host moves, and how many tasks it still has."""
    moved = moves(before, after)
    others = sum(old != drained for old, _ in moved.values())
    still = sum(pick.host == drained for pick in after.values())
    said = [f"{len(moved)} of {len(before)} tasks move", f"{others} of them from other hosts" if others else "none of the others"]
    if still:
        said.append(f"{still} on it even so")
    return f"If {drained} is drained: {', '.join(said)}."
