"""Composes the configuration of a balancer object, and instantiates it where a node names a class of the user's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..errors import ConfigurationError
from ..files.locate import find_source
from ..files.yaml import read_root
from ..hydra.compose import Composed, compose_file, compose_tree, hydra_set_aside
from ..hydra.nodes import BALANCER_TARGETS, walk

__all__ = ("compose", "compose_named", "instantiate_balancer", "names_own_class")

_B = TypeVar("_B")

_KNOWN_CLASSES = ("Host", "Port", "Pool", "Variable", "BalancerConfiguration", "PoolManagerConfiguration")
_OUR_PACKAGES = ("airflow_balancer.", "airflow_pydantic.", "airflow_config.")


def compose(path: str | Path, overrides: Sequence[str], basepath: str | Path | None) -> Composed:
    """Return the composed configuration of a file or folder; see `airflow_balancer.load`."""
    return compose_file(find_source(path, basepath), overrides)


def compose_named(config_dir: str | Path, config_name: str | Path, overrides: Sequence[str], basepath: str) -> Composed:
    """Return the composed configuration of a file in a folder, as airflow-config composes a file of its kind."""
    name = str(config_name)
    file = Path(config_dir) / (name if not name or name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    source = find_source(file, basepath or None)
    root = read_root(source)
    is_tree = source.parent.name == "config" and root.get("_target_") not in BALANCER_TARGETS and "hosts" not in root
    return compose_tree(source, overrides) if is_tree else compose_file(source, overrides)


def names_own_class(data: Mapping[str, Any]) -> bool:
    """Return whether a node names a class that is none of the known ones, beside its strategy."""
    for path, value in walk(data):
        if path and path[-1] == "_target_" and path[0] != "strategy":
            package, _, name = str(value).rpartition(".")
            if name not in _KNOWN_CLASSES or not f"{package}.".startswith(_OUR_PACKAGES):
                return True
    return False


def instantiate_balancer(composed: Composed, cls: type[_B]) -> _B:
    """Return the balancer that Hydra instantiates, which must be of a class.

    Raises:
        ConfigurationError: It cannot be instantiated, or is of another class.
    """
    from hydra.utils import instantiate

    from ..hydra.explain import CAUSES, explained

    data = {"_target_": "airflow_balancer.BalancerConfiguration", **composed.node}
    try:
        with hydra_set_aside():
            made = instantiate(data, _convert_="all")
    except CAUSES as error:
        raise explained(error, str(composed.source)) from error
    if not isinstance(made, cls):
        raise ConfigurationError(f"{composed.source}: {data['_target_']} gives {type(made).__name__}, not a {cls.__name__}")
    return made
