"""The nodes of a composed config that request a host or a port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..hydra.compose import Composed

__all__ = ("as_written", "requests_of")

_RESOLVER = "${balancer."


def as_written(composed: Composed) -> Any:
    """Return the composed config as plain data, interpolations as written."""
    if isinstance(composed.root, dict):
        return composed.root
    from omegaconf import DictConfig, OmegaConf

    assert isinstance(composed.root, DictConfig)
    return OmegaConf.to_container(composed.root, resolve=False)


def requests_of(composed: Composed) -> list[dict[str, Any]]:
    """Return every node outside the balancer that requests a host or a port, with what it gets.

    Raises:
        ConfigurationError: A request cannot be served.
    """
    if isinstance(composed.root, dict):
        return []
    from ..hydra.nodes import walk
    from ..hydra.picks import dotted

    found = []
    for path, value in walk(as_written(composed)):
        below = composed.path and path[: len(composed.path)] == composed.path
        if isinstance(value, str) and _RESOLVER in value and not below and "balancer.inventory" not in value:
            answer = composed.resolved(path)
            gets = answer.get("name") if hasattr(answer, "get") else answer
            found.append({"requester": dotted(path), "request": value, "gets": gets})
    return found
