"""The candidates of a query, as a resolver hands them to a task."""

from __future__ import annotations

from ..fleet.fleet import Fleet

__all__ = ("Ranking",)


class Ranking:
    """The hosts that a task may run on, and who asks for them.

    No dataclass: Hydra would take one for a structured config, and its content for a mapping.

    Attributes:
        fleet: The candidates, and the settings of their balancer.
        key: Who asks.
        first: The name of the host that was picked for it.
    """

    def __init__(self, fleet: Fleet, key: str, first: str) -> None:
        self.fleet = fleet
        self.key = key
        self.first = first

    def __repr__(self) -> str:
        return f"Ranking({[host.name for host in self.fleet.hosts]}, key={self.key!r}, first={self.first!r})"
