"""A pick that was made, and the notes that are taken of the picks of a DAG file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .rendezvous import Candidate


class Sized(NamedTuple):
    """A candidate as strategies see it."""

    name: str
    size: int


class Picked(NamedTuple):
    """A pick.

    Attributes:
        key: Identifies the request.
        query: The query as a string.
        candidates: The hosts that match it.
        host: The name of the host that the key gets.
        source: The root file of the balancer that picks; empty where it comes from none, or is the composed config's.
        locked: Whether the lock file keeps the host for the key.
    """

    key: str
    query: str
    candidates: Sequence[Candidate]
    host: str
    source: str = ""
    locked: bool = False


@dataclass
class PickNotes:
    """The picks of a DAG file; `reading(picks=...)` takes note of them.

    Attributes:
        made: The picks by source, key and query; equal requests count once.
        shared: Each list of candidates once, although many picks have it.
    """

    made: dict[tuple[str, str, str], Picked] = field(default_factory=dict)
    shared: dict[tuple[Sized, ...], tuple[Sized, ...]] = field(default_factory=dict)

    @property
    def in_order(self) -> list[Picked]:
        """The picks, sorted by source, key and query."""
        return [self.made[request] for request in sorted(self.made)]

    def note(self, pick: Picked) -> None:
        """Note a pick."""
        sized = tuple(Sized(host.name, host.size or 1) for host in pick.candidates)
        self.made[pick.source, pick.key, pick.query] = pick._replace(candidates=self.shared.setdefault(sized, sized))

    def add(self, other: PickNotes) -> None:
        """Add the picks of notes that began as a copy of these."""
        self.made |= other.made
