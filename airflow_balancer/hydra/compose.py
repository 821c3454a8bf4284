"""Composes a configuration, and extracts its balancer's node as plain data.

Composing instantiates nothing; `config/` builds objects from the result. Only functions that need Hydra
import it: a plain file is read without it, in a tenth of the time.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from os.path import isdir  # Path.is_dir raises if a name is too long
from pathlib import Path as FilePath
from threading import RLock
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError
from ..files.locate import find_source, tree_above
from ..files.reading import current_reading, reading
from ..files.yaml import read_root
from ..fleet.fleet import FLEET_KEYS, Fleet
from ..fleet.masking import masking, shown
from .composed import Composed
from .nodes import Path, dotted, find_balancer, has_interpolation, node_at
from .origins import Layer, Origins
from .secrets import written_secrets

if TYPE_CHECKING:
    from hydra.core.config_loader import ConfigLoader
    from omegaconf import DictConfig


_OWN_KEY = re.compile(rf"(?P<at>(extensions\.)?balancer\.)?(?P<key>{'|'.join(FLEET_KEYS)})(?P<rest>[.=])")
_lock = RLock()
# A forked child lacks the thread that may hold the lock.
os.register_at_fork(after_in_child=lambda: globals().update(_lock=RLock()))


@contextmanager
def without_self_warning() -> Iterator[None]:
    """Hide Hydra's advice to write `_self_`. airflow-config's trees leave it out, and compose the same."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"(?s).*Defaults list is missing `_self_`", category=UserWarning)
        yield


@contextmanager
def hydra_set_aside() -> Iterator[None]:
    """Let Hydra start although an app may run in this process, and restore that app."""
    from hydra.core.global_hydra import GlobalHydra

    with _lock:
        running = GlobalHydra.instance().hydra
        GlobalHydra.instance().hydra = None
        try:
            with without_self_warning():
                yield
        finally:
            GlobalHydra.instance().hydra = running


LONGEST_OVERRIDE = 100_000


def force_own_keys(overrides: Sequence[str], source: FilePath) -> list[str]:
    """Prefix overrides of a balancer's own keys with `++`, so that they may set keys that the YAML leaves out.

    The fleet checks these keys, so Hydra need not. A key that is a config group of the tree still chooses an option.

    Raises:
        ConfigurationError: An override is longer than `LONGEST_OVERRIDE`, which Hydra would parse for too long.
    """
    if any(len(override) > LONGEST_OVERRIDE for override in overrides):
        raise ConfigurationError(f"{source}: an override has more than {LONGEST_OVERRIDE} characters; write it into a YAML file")

    def sets_own_key(override: str) -> bool:
        found = _OWN_KEY.match(override)
        chooses_option = found and found["rest"] == "=" and not found["at"] and isdir(source.parent / found["key"])
        return bool(found) and not chooses_option

    return [f"++{override}" if sets_own_key(override) else override for override in overrides]


def compose_file(source: FilePath, overrides: Sequence[str] = ()) -> Composed:
    """Compose a YAML file as the primary config of a Hydra app; its folder is the root of the tree.

    Raises:
        ConfigurationError: It cannot be read, composed or resolved, or holds no balancer.
    """
    source, overrides = current_reading().stand_in(source, overrides)
    with masking(lambda: written_secrets(source, overrides)):
        root = read_root(source)
        folders = (source.parent, *tree_above(source, root))
        if not overrides and (plain := _plain(source, root, folders)):
            return plain
        return _compose(source, source.stem, force_own_keys(overrides, source), folders, folders)


def _plain(source: FilePath, root: Mapping[str, Any], folders: tuple[FilePath, ...]) -> Composed | None:
    """Return a file as it was read if it has nothing to compose or resolve, because Hydra takes seconds over a large file."""
    if "defaults" in root or "hydra" in root or has_interpolation(root):
        return None
    try:
        path = find_balancer(root)
        data = _mapping(path, node_at(root, path))
    except ConfigurationError as error:
        raise ConfigurationError(f"{source}: {error}") from None
    return Composed(source, root, path, data, Origins((), tuple, ()), folders)


def compose_tree(source: FilePath, overrides: Sequence[str] = ()) -> Composed:
    """Compose a file of an airflow-config tree as `airflow_config.load_config` does.

    Raises:
        ConfigurationError: It cannot be read, composed or resolved, or holds no balancer.
    """
    source, overrides = current_reading().stand_in(source, overrides)
    folder = source.parent
    search = (folder.parent, folder)
    with masking(lambda: written_secrets(source, overrides)):
        read_root(source)
        return _compose(
            source, "conf", [f"+config={source.stem}", *force_own_keys(overrides, source)], (_airflow_config_base(), *search), search
        )


def _airflow_config_base() -> FilePath:
    """Find airflow-config's own Hydra folder without an import, which would load Airflow."""
    from importlib.util import find_spec

    spec = find_spec("airflow_config")
    assert spec is not None
    assert spec.origin is not None
    return FilePath(spec.origin).parent / "configuration" / "hydra"


def _compose(source: FilePath, name: str, overrides: list[str], folders: Sequence[FilePath], search: Sequence[FilePath]) -> Composed:
    """Compose the config `name` from `folders`. The tree's own files are in the folders to `search`."""
    from .explain import CAUSES, CAUSES_OF_HYDRA, explained
    from .hydra_internals import bounded_effort, compose_config, config_loader

    own = tuple(dict.fromkeys((source.parent, *search)))
    with without_self_warning(), bounded_effort(), reading(folders=own):
        loader = config_loader(folders)
        try:
            root = compose_config(loader, name, overrides)
        except CAUSES_OF_HYDRA as error:
            raise explained(error, str(source), search) from None
        try:
            path, data = _balancer_data(root)
        except CAUSES as error:
            raise explained(error, str(source), search) from None
    return Composed(source, root, path, data, Origins(search, lambda: _layers(loader, name, overrides), overrides), own)


def _layers(loader: ConfigLoader, name: str, overrides: Sequence[str]) -> list[Layer]:
    from hydra.types import RunMode

    with without_self_warning():
        defaults = loader.compute_defaults_list(name, list(overrides), RunMode.RUN).defaults
    return [Layer(layer.config_path or "", layer.package or "") for layer in defaults]


def _balancer_data(root: DictConfig) -> tuple[Path, Mapping[str, Any]]:
    """Return the path of a composed config's balancer, and its node as plain, resolved data."""
    from omegaconf import OmegaConf

    raw = OmegaConf.to_container(root, resolve=False)
    assert isinstance(raw, dict)
    path = find_balancer(raw)
    data = node_at(raw, path)
    if has_interpolation(data):
        node = OmegaConf.select(root, dotted(path)) if path else root
        data = OmegaConf.to_container(node, resolve=True, throw_on_missing=True) if OmegaConf.is_config(node) else node
    return path, _mapping(path, data)


def _mapping(path: Path, data: object) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise ConfigurationError(f"{dotted(path)!r} must be a mapping with 'hosts:', not {shown(data)}")
    return data


def load_fleet(path: str | FilePath, overrides: Sequence[str] = ()) -> Fleet:
    """Load the fleet of a balancer's YAML or a Hydra tree as data, without Airflow and without instantiating anything.

    Args:
        path: A balancer's YAML, a file of a Hydra tree, or a tree's folder. A relative path is looked for beside the calling
            file, then in the folders above it, then in the working directory.
        overrides: Hydra overrides, such as `["env=prod"]`.

    Raises:
        ConfigurationError: The configuration is missing or invalid.
    """
    with reading(foreign_code=False):
        return compose_file(find_source(path), overrides).fleet
