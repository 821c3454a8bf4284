"""Strategies of our own, for `strategy` in a balancer's YAML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from airflow_balancer.strategies import Rendezvous


@dataclass(frozen=True)
class Pinned:
    """Rendezvous hashing, but some keys are pinned to a host.

    Attributes:
        pins: The host's name for each pattern of keys. A host that is no candidate is left out.
    """

    pins: Mapping[str, str] = field(default_factory=dict)

    def choose(self, key: str, candidates: Sequence[Any], load: Mapping[str, int]) -> Any:
        """Return the pinned host of the key, else the one that rendezvous hashing chooses."""
        by_name = {host.name: host for host in candidates}
        for pattern, name in self.pins.items():
            if fnmatchcase(key, pattern) and name in by_name:
                return by_name[name]
        return Rendezvous().choose(key, candidates, load)
