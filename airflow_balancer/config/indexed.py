"""The index of a balancer's hosts, kept while they stay what they are."""

from __future__ import annotations

from ..picking.index import HostIndex
from .host import Host

__all__ = ("IndexedHosts",)


class IndexedHosts:
    """Makes the index of a list of hosts anew when the list, or a value of any host, is another.

    A host's own lists do not tell when they are changed in place: assign new ones. No copy of a
    balancer, and no comparison with one, looks at what is kept here.
    """

    def __init__(self) -> None:
        self._index: HostIndex[Host] | None = None
        self._hosts: list[Host] = []
        self._edits = 0

    def of(self, hosts: list[Host]) -> HostIndex[Host]:
        """Return the index of the hosts."""
        if self._index is None or self._edits != Host.edits or self._hosts != hosts:
            self._index, self._hosts, self._edits = HostIndex(hosts), list(hosts), Host.edits
        return self._index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IndexedHosts)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[type[IndexedHosts], tuple[()]]:
        return IndexedHosts, ()
