"""Makes the balancer object of a composed configuration.

Only where a node names a class of the user's own does it let Hydra instantiate the balancer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError
from ..files.locate import find_source
from ..files.yaml import read_root
from ..hydra.compose import Composed, compose_file, compose_tree, hydra_set_aside
from ..hydra.nodes import BALANCER_TARGETS, walk
from .balancer import BalancerConfiguration

__all__ = ("load", "load_tree")

_KNOWN_CLASSES = ("Host", "Port", "Pool", "Variable", "BalancerConfiguration", "PoolManagerConfiguration")
_OUR_PACKAGES = ("airflow_balancer.", "airflow_pydantic.", "airflow_config.")


def load(path: str | Path, overrides: Sequence[str] = (), *, basepath: str | Path | None = None) -> BalancerConfiguration:
    """Return the balancer of a YAML file or of a Hydra tree.

    Args:
        path: A balancer's YAML, a file of a Hydra tree or of an airflow-config tree, or a tree's folder.
            A relative one is looked for beside the calling file, then upwards, then in the working directory.
        overrides: Hydra overrides, such as `["env=prod"]`.
        basepath: The file or folder to look beside, in place of the calling file.

    Raises:
        ConfigurationError: It is missing, or wrong; each problem names the file or override.
    """
    return _built(compose_file(find_source(path, basepath), overrides))


def load_tree(config_dir: str | Path, config_name: str | Path, overrides: Sequence[str], basepath: str) -> BalancerConfiguration:
    """Return the balancer of a file in a folder, composed as airflow-config does where it is of its kind.

    Raises:
        ConfigurationError: It is missing, or wrong.
    """
    name = str(config_name)
    file = Path(config_dir) / (name if not name or name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    source = find_source(file, basepath or None)
    root = read_root(source)
    is_tree = source.parent.name == "config" and root.get("_target_") not in BALANCER_TARGETS and "hosts" not in root
    return _built(compose_tree(source, overrides) if is_tree else compose_file(source, overrides))


def _names_own_class(data: Mapping[str, Any]) -> bool:
    """Return whether a node names a class that is none of the known ones, beside its strategy."""
    for path, value in walk(data):
        if path and path[-1] == "_target_" and path[0] != "strategy":
            package, _, name = str(value).rpartition(".")
            if name not in _KNOWN_CLASSES or not f"{package}.".startswith(_OUR_PACKAGES):
                return True
    return False


def _built(composed: Composed) -> BalancerConfiguration:
    if not _names_own_class(composed.data):
        fleet = composed.fleet
        return BalancerConfiguration.of_fleet(fleet)
    return _instantiated(composed)


def _instantiated(composed: Composed) -> BalancerConfiguration:
    from hydra.utils import instantiate

    from ..hydra.explain import CAUSES, explained

    data = {"_target_": "airflow_balancer.BalancerConfiguration", **composed.node}
    try:
        with hydra_set_aside():
            built = instantiate(data, _convert_="all")
    except CAUSES as error:
        raise explained(error, str(composed.source)) from error
    if not isinstance(built, BalancerConfiguration):
        raise ConfigurationError(f"{composed.source}: {data['_target_']} gives {type(built).__name__}, not a BalancerConfiguration")
    return built
