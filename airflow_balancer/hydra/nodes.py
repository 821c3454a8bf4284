"""Finds nodes of a config and their paths, in plain data and in OmegaConf's, and the balancer among them.

OmegaConf has no public way from a resolver's node to the node's parents and keys, so private names serve here.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import ConfigurationError
from ..fleet.masking import shown

_MODULES = ("airflow_balancer", "airflow_balancer.config", "airflow_balancer.config.balancer", "airflow_config", "airflow_pydantic")
BALANCER_TARGETS = frozenset(f"{module}.BalancerConfiguration" for module in _MODULES)
"""The `_target_`s of a balancer, in this package and in those that export it."""

_REQUEST = re.compile(r"\$\{\s*balancer\.")
_USUAL_PATHS = (("extensions", "balancer"), ("balancer",))
Path = tuple[str | int, ...]


def dotted(path: Path) -> str:
    """Return a path as OmegaConf writes it, such as `dags.etl.tasks[0]`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


def walk(data: Any, path: Path = ()) -> list[tuple[Path, Any]]:
    """Return every value of plain data with its path, parents before children."""
    found = [(path, data)]
    if isinstance(data, Mapping):
        for key, value in data.items():
            found += walk(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            found += walk(value, (*path, index))
    return found


def find_requests(written: Any) -> list[tuple[Path, str]]:
    """Return the path and the value of each string that calls one of the `balancer.*` resolvers."""
    return [(path, value) for path, value in walk(written) if isinstance(value, str) and _REQUEST.search(value)]


def has_interpolation(data: Any) -> bool:
    """Return whether plain data holds an interpolation, or `???` for a missing value."""
    if isinstance(data, str):
        return "${" in data or data == "???"
    if isinstance(data, Mapping):
        return any(map(has_interpolation, data.values()))
    return isinstance(data, list) and any(map(has_interpolation, data))


def node_at(data: Any, path: Path) -> Any:
    """Return the value at a path of plain data, or None."""
    for key in path:
        if isinstance(data, Mapping):
            data = data.get(key)
        elif isinstance(data, list) and isinstance(key, int) and key < len(data):
            data = data[key]
        else:
            return None
    return data


def _is_balancer(data: Any) -> bool:
    return isinstance(data, Mapping) and str(data.get("_target_")) in BALANCER_TARGETS


_PACKAGES = ("airflow_balancer", "airflow_config", "airflow_pydantic")


def judge_targets(node: Mapping[Any, Any]) -> list[tuple[Path, str]]:
    """Return the path of each `_target_` that is not our class of a balancer, host or port, and the problem; nothing is imported.

    The problem of a class of another package is empty, as the class may derive from ours.
    """
    return [(path, _wrong_target(path, value, cls)) for path, value, cls in _targets(node) if not _is(value, cls)]


def _targets(node: Mapping[Any, Any]) -> Iterator[tuple[Path, str, str]]:
    """Yield the path and the value of each `_target_` of a balancer's node, and the class that it must name."""
    if "_target_" in node:
        yield ("_target_",), str(node["_target_"]), "BalancerConfiguration"
    for group, cls in (("hosts", "Host"), ("ports", "Port")):
        entries = node.get(group)
        for key, entry in entries.items() if isinstance(entries, Mapping) else enumerate(entries) if isinstance(entries, list) else ():
            if isinstance(entry, Mapping) and "_target_" in entry:
                yield (group, key, "_target_"), str(entry["_target_"]), cls


def _is(target: str, cls: str) -> bool:
    return target.partition(".")[0] in _PACKAGES and target.rpartition(".")[2] == cls


def _wrong_target(path: Path, target: str, cls: str) -> str:
    package = target.partition(".")[0]
    if package not in (*_PACKAGES, "", target) and package not in sys.stdlib_module_names:
        return ""
    return f"key {dotted(path)!r} names {shown(target)}, which is no {cls}; write {_PACKAGES[0]}.{cls}, or leave it out"


def find_balancer(root: Mapping[Any, Any]) -> Path:
    """Return the path of the balancer's node, which is empty if the root is the balancer.

    The balancer is the root, `extensions.balancer` or `balancer`, else the only node with a balancer's `_target_`.

    Raises:
        ConfigurationError: No node is a balancer, or several are.
    """
    if _is_balancer(root):
        return ()
    for path in _USUAL_PATHS:
        if node_at(root, path) is not None:
            return path
    if "hosts" in root:
        return ()
    found = [path for path, value in walk(root) if _is_balancer(value)]
    if len(found) == 1:
        return found[0]
    if found:
        places = ", ".join(map(dotted, found))
        raise ConfigurationError(f"there are several balancers, at {places}; call one of them 'extensions.balancer' or 'balancer'")
    raise ConfigurationError("there is no balancer; give 'hosts:' at the top, or below 'balancer:' or 'extensions.balancer:'")


def _lineage(node: Any) -> list[Any]:
    """Return an OmegaConf node and its parents below the root, the nearest first."""
    found = []
    while (parent := node._get_parent()) is not None:
        found.append(node)
        node = parent
    return found


def place_of(node: Any) -> str:
    """Return the path of an OmegaConf node in its config."""
    return dotted(tuple(below._key() for below in reversed(_lineage(node))))


def requester_of(node: Any) -> str:
    """Return the default key of a request: the path of the nearest enclosing node with a `_target_`, else of the parent mapping.

    The root does not count as enclosing, as all of its nodes would then be one requester.
    """
    mappings = [parent for parent in _lineage(node)[1:] if isinstance(parent, Mapping)]
    return next(map(place_of, (*filter(_has_target, mappings), *mappings)), "")


def _has_target(mapping: Any) -> bool:
    """Return whether a mapping has a `_target_`, which `in` would resolve."""
    target = mapping._get_node("_target_", validate_access=False)
    return target is not None and not target._is_missing()


def written_at(node: Any) -> str:
    """Return the value of an OmegaConf node as written, interpolations unresolved."""
    return str(node._value())
