"""Which host a key gets: stands in for picking/choice.py until that is merged."""

from __future__ import annotations

from collections.abc import Mapping

from ..fleet.model import HostSpec
from ..picking.rendezvous import Candidates
from ..picking.strategies import Strategy


def choose_host(
    strategy: Strategy, key: str, candidates: Candidates[HostSpec], *, assigned: Mapping[tuple[str, tuple[str, ...]], str]
) -> HostSpec:
    """Return the host that a key gets."""
    name = assigned.get((key, candidates.names))
    return candidates.by_name[name] if name else strategy.choose(key, candidates, {})
