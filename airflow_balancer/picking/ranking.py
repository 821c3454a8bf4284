"""The candidates of a request, as a resolver passes them to a task."""

from __future__ import annotations

from ..fleet.fleet import Fleet

__all__ = ("Ranking",)


class Ranking:
    """The hosts that a task may run on.

    Not a dataclass: Hydra would take one for a structured config, and turn it into a mapping.

    Attributes:
        fleet: The candidates, and the settings of their balancer.
        key: Identifies the task.
        first: The name of the host of its first attempt.
    """

    def __init__(self, fleet: Fleet, key: str, first: str) -> None:
        self.fleet = fleet
        self.key = key
        self.first = first

    def __repr__(self) -> str:
        return f"Ranking({[host.name for host in self.fleet.hosts]}, key={self.key!r}, first={self.first!r})"
