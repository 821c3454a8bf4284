"""A pick that was made."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from glob import escape
from typing import NamedTuple

from .filters import HostFilter
from .rendezvous import Candidate


class Weighed(NamedTuple):
    """A candidate as strategies see it."""

    name: str
    size: int


class Picked(NamedTuple):
    """A pick, as plain data.

    Attributes:
        key: Identifies the request.
        query: The query as a string.
        candidates: The hosts that match it.
        host: The name of the host that the key gets.
        source: The root file of the balancer; empty if it has none, or is the composed config's.
        filter: The query; one with a function is replaced by a query for the names of the candidates.
        kept: The hosts that the lock file lists for the request; None if no lock file applies.
    """

    key: str
    query: str
    candidates: tuple[Weighed, ...]
    host: str
    source: str = ""
    filter: HostFilter = HostFilter()
    kept: tuple[str, ...] | None = None

    @property
    def locked(self) -> bool:
        """Whether the lock file keeps the host for the key."""
        return self.host in (self.kept or ())


def picked(key: str, query: HostFilter, candidates: Sequence[Candidate], host: str) -> Picked:
    """Return a pick as plain data."""
    weighed = tuple(Weighed(host.name, host.size or 1) for host in candidates)
    plain = HostFilter(name=tuple(sorted(escape(host.name) for host in weighed))) if query.custom else query
    return Picked(str.__str__(key), str(query), weighed, host, filter=plain)


def loads(picks: Iterable[Picked]) -> dict[str, tuple[int, float]]:
    """Return the picks of each host, and its fair share of them: its part of the sizes among the candidates of each pick."""
    counts, fair = Counter[str](), defaultdict[str, float](float)
    for pick in picks:
        counts[pick.host] += 1
        slots = sum(host.size for host in pick.candidates)
        for host in pick.candidates:
            fair[host.name] += host.size / slots
    return {name: (counts[name], share) for name, share in fair.items()}
