"""Free ports: deterministic allocation on one host."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable

from .errors import ConfigurationError, NoFreePort
from .model import MAX_PORT
from .rendezvous import hash_fraction

__all__ = ("DEFAULT_MIN", "PortTable", "port_number")

DEFAULT_MIN = 1000


def port_number(key: str, value: object) -> int:
    """Return a port as a query gives it.

    Raises:
        ConfigurationError: It is no whole number from 1 to 65535.
    """
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_PORT:
        raise ConfigurationError(f"key {key!r} must be a whole number from 1 to {MAX_PORT}, not {value!r}")
    return value


def _check_range(first: int, last: int) -> None:
    if not 1 <= first <= last <= MAX_PORT:
        raise ConfigurationError(f"a range of ports goes from min to max within 1 to {MAX_PORT}, not from {first} to {last}")


class PortTable:
    """The ports that are taken on one host.

    Each key starts at a port that is a hash of key and host, so that other keys rarely move it, and
    takes the next free one from there, around the end of the range. Equal keys get the same port.
    A port is found in time logarithmic in the ports taken, however full the range is.
    """

    def __init__(self, host: str, taken: Iterable[int] = ()) -> None:
        self._host = host
        self._taken = sorted(set(taken))
        self._given: dict[tuple[str, int, int], int] = {}

    def reserve(self, ports: Iterable[int]) -> None:
        """Count more ports as taken."""
        self._taken = sorted({*self._taken, *ports})

    def take(self, key: str, first: int = DEFAULT_MIN, last: int = MAX_PORT) -> int:
        """Return a port from `first` to `last`, both included, and count it as taken.

        Raises:
            NoFreePort: All of them are taken.
            ConfigurationError: The range is none, or leaves 1 to 65535; a ValueError.
        """
        _check_range(first, last)
        ask = (key, first, last)
        if ask not in self._given:
            port = self._free_port(key, first, last)
            insort(self._taken, port)
            self._given[ask] = port
        return self._given[ask]

    def _free_port(self, key: str, first: int, last: int) -> int:
        start = first + int(hash_fraction(key, self._host) * (last - first + 1))
        for begin, end in ((start, last), (first, start - 1)):
            if (port := self._next_free(begin)) <= end:
                return port
        raise NoFreePort(f"host {self._host!r}: all ports from {first} to {last} are taken; give a wider range with min and max")

    def _next_free(self, port: int) -> int:
        """Return the first port from `port` on that is not taken, which may lie above the range."""
        taken = self._taken
        index = bisect_left(taken, port)
        if index == len(taken) or taken[index] != port:
            return port
        run = bisect_right(range(len(taken)), port - index, lo=index, key=lambda at: taken[at] - at)
        return taken[run - 1] + 1
