"""Weighted rendezvous hashing, and the same with a bound on each host's load."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from hashlib import blake2b
from struct import Struct
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeVar

from ..caching import cached
from ..errors import ConfigurationError
from ..fleet.strategy import option_problem

_BYTES = 8
_MASK = 2 ** (8 * _BYTES) - 1
_TAKEN = -1


class Candidate(Protocol):
    """What a strategy reads of a host."""

    @property
    def name(self) -> str:
        """The host's unique name."""

    @property
    def size(self) -> int | None:
        """The host's weight: how many tasks it runs at once; None counts as 1."""


C = TypeVar("C", bound=Candidate)


def _digest(string: str) -> int:
    return int.from_bytes(blake2b(string.encode(), digest_size=_BYTES).digest())


@lru_cache(maxsize=100_000)
def _host_digits(name: str) -> bytes:
    """Return a host's digest as the low one of two digits of 64 bits, least significant byte first."""
    return _digest(name).to_bytes(2 * _BYTES, "little")


def _fraction(number: int) -> float:
    """Return 64 bits as a number in the open interval (0, 1)."""
    return ((number >> 11) + 0.5) / 2**53


def hash_fraction(*parts: str) -> float:
    """Return a number in the open interval (0, 1), the same for the same parts everywhere."""
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
    return _weighted(_multiplier(key) * int.from_bytes(_host_digits(host.name), "little") & _MASK, host.size or 1)


class _OfOneSize(Generic[C]):
    """Hosts of one size, whose digests are multiplied by a key's as one large integer.

    The integer has two digits of 64 bits for each host, so that no product runs into the next. The best
    of 1,000 hosts for a new key takes 61 microseconds, instead of 97 with a multiplication for each host.
    """

    def __init__(self, size: int, hosts: Sequence[C]) -> None:
        self.size = size
        self.hosts = hosts
        self._number = int.from_bytes(b"".join([_host_digits(host.name) for host in hosts]), "little")
        self._lower_digits = Struct("<" + f"Q{_BYTES}x" * len(hosts))

    def products(self, factor: int) -> list[int]:
        """Return each host's digest times the factor, modulo 2**64."""
        return list(self._lower_digits.unpack((self._number * factor).to_bytes(self._lower_digits.size, "little")))

    def head(self, products: Sequence[int]) -> tuple[float, str, int]:
        """Return the highest score among the hosts, its host's name and place; a negative score once all are taken."""
        largest = max(products)
        place = products.index(largest)
        return (_TAKEN if largest == _TAKEN else _weighted(largest, self.size)), self.hosts[place].name, place


class Candidates(tuple[C, ...]):  # noqa: SLOT001  # `cached` values are in its __dict__
    """The hosts to choose from, prepared for many keys."""

    @classmethod
    def of(cls, hosts: Sequence[C]) -> Candidates[C]:
        """Return prepared hosts: the same object if they are prepared already."""
        return hosts if isinstance(hosts, Candidates) else cls(hosts)

    @cached
    def by_name(self) -> dict[str, C]:
        """The hosts by their names."""
        return {host.name: host for host in self}

    @cached
    def names(self) -> tuple[str, ...]:
        """The hosts' names, sorted."""
        return tuple(sorted(self.by_name))

    @cached
    def slots(self) -> int:
        """The sum of the sizes."""
        return sum(group.size * len(group.hosts) for group in self._by_size)

    @cached
    def _by_size(self) -> list[_OfOneSize[C]]:
        sizes: dict[int, list[C]] = {}
        for host in self:
            sizes.setdefault(host.size or 1, []).append(host)
        return [_OfOneSize(size, hosts) for size, hosts in sorted(sizes.items())]

    def best_first(self, key: str) -> Iterator[C]:
        """Yield the hosts from the highest score for a key to the lowest, lazily.

        Among hosts of one size the highest score is the largest hash, so one logarithm a size is enough for the first.
        """
        factor, groups = _multiplier(key), self._by_size
        products = [group.products(factor) for group in groups]
        heads = [group.head(of_group) for group, of_group in zip(groups, products, strict=True)]
        for _ in self:
            at = heads.index(max(heads))
            place = heads[at][2]
            yield groups[at].hosts[place]
            products[at][place] = _TAKEN
            heads[at] = groups[at].head(products[at])


def rank(key: str, candidates: Sequence[C]) -> list[C]:
    """Return the candidates from the highest score to the lowest."""
    return sorted(candidates, key=lambda host: (score(key, host), host.name), reverse=True)


Request = tuple[str, Any]
"""The key of a request, and what distinguishes the requests of one key."""
_NONE: Mapping[Any, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Bounded:
    """Rendezvous hashing in which no host gets more than `ceil(c * fair)` requests.

    `fair` is the host's share of the sizes among the candidates, summed over the requests. A request
    whose best host is full goes to the next of its ranking. Mirrokni, Thorup and Zadimoghaddam,
    "Consistent Hashing with Bounded Loads", 2016; here a full host keeps the requests that score highest
    on it, as in Gale and Shapley's deferred acceptance, so an assignment depends on the set of requests alone.

    Attributes:
        c: The largest load in shares, at least 1: 1 is the most even, a large one is plain rendezvous.
    """

    c: float = 1.25

    def __post_init__(self) -> None:
        if wrong := option_problem("Bounded", "c", self.c):
            raise ConfigurationError(wrong)

    def choose(self, key: str, candidates: Sequence[C], load: Mapping[str, int]) -> C:
        """Return the first host of the key's ranking with room, given the picks so far and this one."""
        ready = Candidates.of(candidates)
        picks = 1 + sum(count for name, count in load.items() if name in ready.by_name)
        for host in ready.best_first(key):
            if load.get(host.name, 0) < self._cap(Fraction(picks * (host.size or 1), ready.slots)):
                return host
        raise AssertionError("the caps add up to more than the picks")

    def assign(self, requests: Mapping[Request, Sequence[C]], assigned: Mapping[Request, str] = _NONE) -> dict[Request, C]:
        """Return a candidate for each request that has none, with no host over its cap.

        A host gets more only where the requests that are assigned already leave no room below any cap.

        Args:
            requests: The candidates of each request. The order of requests and candidates does not matter.
            assigned: The hosts of those requests that have one; they keep it, and count.
        """
        ready = _prepare(requests)
        room = Counter(self.caps(ready))
        room.subtract(assigned.values())
        held = _deferred_acceptance({request: hosts for request, hosts in ready.items() if request not in assigned}, room)
        return {request: ready[request].by_name[name] for name, kept in held.items() for request in kept}

    def caps(self, requests: Mapping[Request, Sequence[C]]) -> dict[str, int]:
        """Return the most requests that each host may get, by name."""
        ready, fair = _prepare(requests), dict[str, Fraction]()
        counts = Counter(map(id, ready.values()))
        for candidates in {id(candidates): candidates for candidates in ready.values()}.values():
            count = counts[id(candidates)]
            for host in candidates:
                fair[host.name] = fair.get(host.name, Fraction()) + Fraction(count * (host.size or 1), candidates.slots)
        return {name: self._cap(share) for name, share in fair.items()}

    def _cap(self, share: Fraction) -> int:
        return math.ceil(self._factor * share)

    @cached
    def _factor(self) -> Fraction:
        return Fraction(self.c).limit_denominator(10_000)


def _prepare(requests: Mapping[Request, Sequence[C]]) -> dict[Request, Candidates[C]]:
    """Prepare each list of candidates once, although many requests share it."""
    ready = {id(candidates): Candidates.of(candidates) for candidates in requests.values()}
    return {request: ready[id(candidates)] for request, candidates in requests.items()}


def _deferred_acceptance(requests: Mapping[Request, Candidates[C]], caps: Mapping[str, int]) -> dict[str, list[Request]]:
    """Let requests propose down their rankings; a full host rejects the lowest score."""
    preferences = {request: candidates.best_first(request[0]) for request, candidates in requests.items()}
    held: dict[str, dict[Request, float]] = {name: {} for name in caps}
    free, unserved = deque(sorted(requests)), []
    while free:
        request = free.popleft()
        host = next(preferences[request], None)
        if host is None:
            unserved.append(request)
            continue
        kept = held[host.name]
        kept[request] = score(request[0], host)
        if len(kept) > caps[host.name]:
            worst = min((value, other) for other, value in kept.items())[1]
            del kept[worst]
            free.append(worst)
    served = {name: list(kept) for name, kept in held.items()}
    for request in sorted(unserved):
        _augment(request, requests, caps, served)
    return served


def _augment(request: Request, requests: Mapping[Request, Candidates[C]], caps: Mapping[str, int], held: dict[str, list[Request]]) -> None:
    """Make room for a request by moving others along a shortest chain, which exists because fair shares fit below the caps.

    The host that then has room takes it. Requests outside `held` never move, and can leave no room: then the host least over its cap
    takes it.
    """
    ranking = [host.name for host in rank(request[0], requests[request])]
    make_room(ranking, requests, caps, held)
    held[min(ranking, key=lambda host: len(held[host]) - caps[host])].append(request)


def make_room(
    starts: Iterable[str],
    requests: Mapping[Request, Candidates[C]],
    caps: Mapping[str, int],
    held: dict[str, list[Request]],
    order: Callable[[str, Request], Any] = lambda _, request: request,
) -> list[str]:
    """Move requests along a shortest chain to a host with room, from the first of the hosts `starts` that has such a chain.

    Args:
        starts: The names of the hosts of which one is to hold one request less, unless it has room already.
        requests: The candidates of each request.
        caps: The most requests of each host.
        held: The requests of each host, which are changed.
        order: Sorts the requests of a host by how soon they move.

    Returns:
        The hosts along the chain; an empty list if there is no chain.
    """
    came_from: dict[str, tuple[str, Request] | None] = dict.fromkeys(starts)
    queue = deque(came_from)
    while queue:
        if len(held[name := queue.popleft()]) < caps[name]:
            return _move_along(came_from, name, held)
        for other in sorted(held[name], key=partial(order, name)):
            if len(came_from) == len(held):
                break
            for target in rank(other[0], requests[other]):
                if target.name not in came_from:
                    came_from[target.name] = (name, other)
                    queue.append(target.name)
    return []


def _move_along(came_from: Mapping[str, tuple[str, Request] | None], name: str, held: dict[str, list[Request]]) -> list[str]:
    hosts = [name]
    while step := came_from[hosts[0]]:
        source, moving = step
        held[source].remove(moving)
        held[hosts[0]].append(moving)
        hosts.insert(0, source)
    return hosts
