"""The host of each attempt of a task, derived from the string of its candidates."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from .choice import IndexPicks, choose_host, index_key, rank_behind
from .picked import Picked, Weighed
from .reasons import reason_of_pick
from .rendezvous import Candidates
from .serialized import Described

ELSEWHERE = "named by first=, or kept by the lock file"


class Attempts:
    """The order in which the attempts of a task go through its candidates.

    Args:
        described: The parsed string of the task.
        task: The key of the task, `<dag_id>.<task_id>`.
    """

    def __init__(self, described: Described, task: str) -> None:
        self.described = described
        self.candidates = Candidates(Weighed(host.name, host.size) for host in described.candidates)
        self._key = described.key or task
        self._indices = IndexPicks(described.strategy, self._key, self.candidates) if described.strategy else None

    def first(self, index: int = -1) -> Picked | None:
        """Return the pick of the first attempt of a task, or of an index of it; None if the candidates are not listed.

        The query of the pick is empty.
        """
        host = self.described.first or self._chosen(index)
        return Picked(self.key(index), "", self.candidates, host) if host and self.candidates else None

    def in_order(self, index: int = -1) -> Sequence[str]:
        """Return the names of the candidates in the order of the attempts; an empty list if they are not listed."""
        pick, strategy = self.first(index), self.described.strategy
        if pick is None or strategy is None:
            return ()
        first = self.candidates.by_name.get(pick.host, self.candidates[0])
        return [host.name for host in rank_behind(first, strategy, pick.key, self.candidates)]

    def reason(self, index: int = -1) -> str:
        """Return why the first attempt goes to its host; an empty string if that is not known."""
        pick, strategy = self.first(index), self.described.strategy
        if pick is None or strategy is None:
            return ""
        return ELSEWHERE if pick.host != self._chosen(index) else reason_of_pick(pick, strategy)

    def key(self, index: int) -> str:
        """Return the key of an index if each has its own, else the key of the task."""
        return index_key(self._key, index) if self._has_own(index) else self._key

    def _has_own(self, index: int) -> bool:
        return index >= 0 and not self.described.key

    def _chosen(self, index: int) -> str:
        if self._indices is None or self.described.strategy is None:
            return ""
        if self._has_own(index):
            return self._indices.host(index).name
        return choose_host(self.described.strategy, self._key, self.candidates).name


@lru_cache(maxsize=10_000)
def attempts_of(text: str, task: str) -> Attempts:
    """Return the attempts of a task, given the string of its candidates.

    Raises:
        KeyError, ValueError: `describe` returns no such string.
    """
    return Attempts(Described.parse(text), task)
