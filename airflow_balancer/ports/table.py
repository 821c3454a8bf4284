"""Free ports: deterministic allocation on one host."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ..errors import ConfigurationError, NoFreePort
from ..fleet.model import MAX_PORT
from ..picking.rendezvous import hash_fraction

DEFAULT_MIN = 1000


class LockedPorts(NamedTuple):
    """The ports that a lock file keeps on one host, by the request's key, first and last port."""

    file: str
    ports: Mapping[tuple[str, int, int], int]


_UNLOCKED = LockedPorts("", {})


def port_number(key: str, value: object) -> int:
    """Return the port number that a query gives under a key.

    Raises:
        ConfigurationError: It is not a whole number from 1 to 65535.
    """
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_PORT:
        raise ConfigurationError(f"key {key!r} must be a whole number from 1 to {MAX_PORT}, not {value!r}")
    return value


class PortTable:
    """The ports that are taken on one host.

    A request with a locked port gets that one. Each other key starts at a port that is a hash of key and host,
    so that other keys rarely move it, and takes the next free one from there, around the end of the range.
    Equal keys get the same port. Finding a port takes time logarithmic in the number of ports taken, however full
    the range is.

    Args:
        host: The host's name.
        in_use: The ports in use on it, which are never given.
        locked: The ports on it that are kept for requests of a lock file.
    """

    def __init__(self, host: str, in_use: Iterable[int] = (), locked: LockedPorts = _UNLOCKED) -> None:
        self._host = host
        self._locked = locked
        self._given: dict[tuple[str, int, int], int] = {}
        self.reserve(in_use)

    def reserve(self, ports: Iterable[int]) -> None:
        """Replace the ports in use; ports that were given stay taken."""
        self.in_use = frozenset(ports)
        self._taken = sorted({*self.in_use, *self._locked.ports.values(), *self._given.values()})

    def avoid(self, given: Mapping[tuple[str, int, int], int]) -> None:
        """Also count as taken the ports that other tables gave on this host; `given` includes those of this table."""
        if len(given) != len(self._given):
            self._taken = sorted({*self._taken, *given.values()})

    def take(self, key: str, first: int = DEFAULT_MIN, last: int = MAX_PORT) -> int:
        """Return a port from `first` to `last`, both included, and count it as taken.

        Raises:
            NoFreePort: All of them are taken.
            ConfigurationError: The range is invalid, or leaves 1 to 65535, or the locked port is in use; a ValueError.
        """
        if not 1 <= first <= last <= MAX_PORT:
            raise ConfigurationError(f"a range of ports goes from min to max within 1 to {MAX_PORT}, not from {first} to {last}")
        request = (key, first, last)
        if request not in self._given:
            self._given[request] = self._locked_port(request) if request in self._locked.ports else self._free_port(key, first, last)
        return self._given[request]

    def _locked_port(self, request: tuple[str, int, int]) -> int:
        if (port := self._locked.ports[request]) in self.in_use:
            text = f"port {port}, which {self._locked.file} keeps for {request[0]!r}, is in use"
            raise ConfigurationError(f"host {self._host!r}: {text}; take it out of 'ports', or run `airflow-balancer lock`")
        return port

    def _free_port(self, key: str, first: int, last: int) -> int:
        start = first + int(hash_fraction(key, self._host) * (last - first + 1))
        for begin, end in ((start, last), (first, start - 1)):
            if (port := self._next_free(begin)) <= end:
                insort(self._taken, port)
                return port
        text = f"host {self._host!r}: all ports from {first} to {last} are taken; give a wider range with min and max"
        if kept := sum(first <= port <= last for port in self._locked.ports.values()):
            text += f"; {self._locked.file} keeps {kept} of them: `airflow-balancer lock prune=true` drops what nothing asks for"
        raise NoFreePort(text)

    def _next_free(self, port: int) -> int:
        """Return the first port from `port` on that is not taken, which may lie above the range."""
        taken = self._taken
        index = bisect_left(taken, port)
        if index == len(taken) or taken[index] != port:
            return port
        run = bisect_right(range(len(taken)), port - index, lo=index, key=lambda at: taken[at] - at)
        return taken[run - 1] + 1
