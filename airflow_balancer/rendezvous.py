"""Rendezvous hashing: each host's score for a key, weighted by its size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from hashlib import blake2b
from typing import Protocol, TypeVar

__all__ = ("Candidate", "hash_fraction", "rank", "score")


class Candidate(Protocol):
    """What a strategy sees of a host."""

    @property
    def name(self) -> str:
        """The host's unique name."""

    @property
    def size(self) -> int | None:
        """The host's weight: how many tasks it runs at once."""


C = TypeVar("C", bound=Candidate)


def hash_fraction(*parts: str) -> float:
    """Return a number in the open interval (0, 1) that depends on the parts alone."""
    digest = blake2b("\0".join(parts).encode(), digest_size=8).digest()
    return ((int.from_bytes(digest) >> 11) + 0.5) / 2**53


def score(key: str, host: Candidate) -> float:
    """Return the host's score for the key, `-size / ln(u)` with `u` a hash of both; the highest one wins."""
    return -(host.size or 1) / math.log(hash_fraction(key, host.name))


def rank(key: str, candidates: Sequence[C]) -> list[C]:
    """Return the candidates from the highest score to the lowest."""
    return sorted(candidates, key=lambda host: (score(key, host), host.name), reverse=True)
