"""Custom strategies, for `strategy` in a balancer's YAML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from airflow_balancer.strategies import Rendezvous


@dataclass(frozen=True)
class Pinned:
    """Rendezvous hashing with some keys pinned to a host.

    Attributes:
        pins: The host's name for each pattern of keys. A host that is not a candidate is skipped.
    """

    pins: Mapping[str, str] = field(default_factory=dict)

    def choose(self, key: str, candidates: Sequence[Any], load: Mapping[str, int]) -> Any:
        """Choose the key's pinned host, else use rendezvous hashing."""
        by_name = {host.name: host for host in candidates}
        for pattern, name in self.pins.items():
            if fnmatchcase(key, pattern) and name in by_name:
                return by_name[name]
        return Rendezvous().choose(key, candidates, load)
