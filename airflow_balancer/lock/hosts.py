"""Which host the lock file keeps for a key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..caching import cached
from ..errors import NoMatch
from ..files.reading import current_reading
from ..picking.choice import Asked, Assigned
from ..picking.filters import HostFilter, HostIndex
from ..picking.picked import picked
from ..picking.rendezvous import Candidate, Candidates
from ..picking.strategies import LeastLoaded, Random, Strategy
from .entries import HostEntry
from .recorder import Recorder, current_lock, recorder_of


class LockedHosts:
    """The hosts that a lock file keeps, then those that are assigned otherwise.

    The file is read at the first look-up. An entry applies to the candidates that its query has in this fleet.

    Args:
        name: The file, as the configuration names it.
        index: The hosts of the fleet.
        others: The hosts of keys without an entry.
    """

    def __init__(self, name: str, index: HostIndex[Any], others: Assigned) -> None:
        self.name = name
        self._index = index
        self._others = others
        self._candidates: dict[HostFilter, Candidates[Any] | None] = {}

    @cached
    def _entries(self) -> Mapping[str, list[HostEntry]]:
        return current_lock(self.name).hosts_of

    def __len__(self) -> int:
        return len(self._entries) + len(self._others)

    def get(self, asked: Asked, /) -> str | None:
        """Return the first host of a request's entry that is a candidate, else that of the others.

        Raises:
            ConfigurationError: The lock file cannot be read, or is wrong.
        """
        kept = (name for entry, candidates in self._of(asked) for name in entry.hosts if name in candidates.by_name)
        return next(kept, None) or self._others.get(asked)

    def _of(self, asked: Asked) -> Iterator[tuple[HostEntry, Candidates[Any]]]:
        for entry in self._entries.get(asked[0], ()):
            candidates = self._candidates_of(entry.query)
            if candidates is not None and candidates.names == asked[1]:
                yield entry, candidates

    def _candidates_of(self, query: HostFilter) -> Candidates[Any] | None:
        if query not in self._candidates:
            try:
                self._candidates[query] = self._index.candidates(query)
            except NoMatch:
                self._candidates[query] = None
        return self._candidates[query]

    def kept(self, asked: Asked) -> tuple[str, ...]:
        """Return the hosts of a request's entry."""
        return next((entry.hosts for entry, _ in self._of(asked)), ())


def locked_hosts(name: str | None, index: HostIndex[Any], strategy: Strategy, others: Assigned) -> Assigned:
    """Return the hosts that keys already have: those of the lock file if a configuration names one, then the others.

    Picks of `least_loaded` and `random` depend on more than the key, so they are not locked.
    """
    if not name or isinstance(strategy, LeastLoaded | Random):
        return others
    return LockedHosts(name, index, others)


def note_pick(assigned: Assigned, key: str, query: HostFilter, candidates: Sequence[Candidate], host: str, *, source: str = "") -> None:
    """Record a pick if the current reading has a recorder, with the hosts that the recorder's lock file keeps for it."""
    recorder: Recorder | None = current_reading().recorder
    if recorder is None:
        return
    kept = None
    if isinstance(assigned, LockedHosts) and recorder_of(assigned.name):
        kept = assigned.kept((key, Candidates.of(candidates).names))
    recorder.note(picked(key, query, candidates, host)._replace(source=source, kept=kept))
