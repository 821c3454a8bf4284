"""Rendezvous hashing: each host's score for a key, weighted by its size."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from hashlib import blake2b
from operator import itemgetter
from typing import Generic, Protocol, TypeVar, overload

__all__ = ("Candidate", "Candidates", "hash_fraction", "rank", "score")

_BITS = 64
_MASK = 2**_BITS - 1
_TAKEN = -1


class Candidate(Protocol):
    """What a strategy sees of a host."""

    @property
    def name(self) -> str:
        """The host's unique name."""

    @property
    def size(self) -> int | None:
        """The host's weight: how many tasks it runs at once."""


C = TypeVar("C", bound=Candidate)


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=_BITS // 8).digest())


_host_digest = lru_cache(maxsize=100_000)(_digest)


def _fraction(number: int) -> float:
    """Return 64 bits as a number in the open interval (0, 1)."""
    return ((number >> 11) + 0.5) / 2**53


def hash_fraction(*parts: str) -> float:
    """Return a number in the open interval (0, 1) that depends on the parts alone."""
    return _fraction(_digest("\0".join(parts)))


def _multiplier(key: str) -> int:
    return _digest(key) | 1


def _weighted(product: int, size: int) -> float:
    return -size / math.log(_fraction(product))


def score(key: str, host: Candidate) -> float:
    """Return the host's score for the key, `-size / ln(u)` with `u` a hash of both; the highest one wins.

    `u` is the product of the BLAKE2 digests of key and name, modulo 2**64, as in multiply-shift
    hashing (Dietzfelbinger, Hagerup, Katajainen, Penttonen 1997): a host is hashed once, not for each key.
    """
    return _weighted(_multiplier(key) * _host_digest(host.name) & _MASK, host.size or 1)


def _head(size: int, hosts: Sequence[C], products: Sequence[int]) -> tuple[float, str, int]:
    """Return the highest score among hosts of one size, whose it is, and its place; a negative score once all are taken."""
    largest = max(products)
    place = products.index(largest)
    return (_TAKEN if largest == _TAKEN else _weighted(largest, size)), hosts[place].name, place


class Candidates(Sequence[C], Generic[C]):
    """Hosts of which one is chosen, made ready for many keys."""

    def __init__(self, hosts: Sequence[C]) -> None:
        self._hosts = tuple(hosts)

    @classmethod
    def of(cls, hosts: Sequence[C]) -> Candidates[C]:
        """Return the hosts made ready; those that are already, as they are."""
        return hosts if isinstance(hosts, Candidates) else cls(hosts)

    def __len__(self) -> int:
        return len(self._hosts)

    @overload
    def __getitem__(self, place: int) -> C: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[C, ...]: ...
    def __getitem__(self, place: int | slice) -> C | tuple[C, ...]:
        return self._hosts[place]

    @cached_property
    def by_name(self) -> dict[str, C]:
        """The hosts by their names."""
        return {host.name: host for host in self._hosts}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The hosts' names, in order."""
        return tuple(sorted(self.by_name))

    @cached_property
    def slots(self) -> int:
        """The sum of the sizes."""
        return sum(host.size or 1 for host in self._hosts)

    @cached_property
    def _by_size(self) -> list[tuple[int, list[C], list[int]]]:
        sizes: dict[int, list[C]] = {}
        for name in self.names:
            host = self.by_name[name]
            sizes.setdefault(host.size or 1, []).append(host)
        return [(size, hosts, [_host_digest(host.name) for host in hosts]) for size, hosts in sorted(sizes.items())]

    def best_first(self, key: str) -> Iterator[C]:
        """Yield the hosts from the highest score for a key to the lowest, each only once it is asked for.

        Among hosts of one size the highest score is the largest hash, so that few logarithms are taken.
        """
        factor = _multiplier(key)
        sizes = [(size, hosts, [factor * digest & _MASK for digest in digests]) for size, hosts, digests in self._by_size]
        heads = [_head(*group) for group in sizes]
        for _ in self._hosts:
            group = heads.index(max(heads, key=itemgetter(0, 1)))
            _, name, place = heads[group]
            yield self.by_name[name]
            sizes[group][2][place] = _TAKEN
            heads[group] = _head(*sizes[group])


def rank(key: str, candidates: Sequence[C]) -> list[C]:
    """Return the candidates from the highest score to the lowest."""
    return sorted(candidates, key=lambda host: (score(key, host), host.name), reverse=True)
