"""Finds the root file of a configuration, and the files that it names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import ConfigurationError
from .caller import calling_file, calling_frame
from .reading import current_reading

__all__ = ("find_file", "find_source", "tree_above")

_ROOT_NAMES = ("config", "balancer")
_TREES = ("", "conf", "config")


def _upwards(folder: Path) -> tuple[Path, ...]:
    """Return the folder and those above it."""
    folder = folder.absolute()
    return (folder, *folder.parents)


def find_source(path: str | Path, beside: str | Path | None = None) -> Path:
    """Return the root file of a configuration.

    A relative path is looked up beside the calling file (or `beside`), then upwards, then in the
    working directory. A folder means its `config.yaml`, else its `balancer.yaml`.

    Raises:
        ConfigurationError: The file does not exist.
    """
    path = Path(path).expanduser()
    if path.is_absolute():
        return _root_file(path)
    start = Path(beside) if beside else calling_file(calling_frame())
    folders = [] if start is None else list(_upwards(start if start.is_dir() else start.parent))
    for folder in (*folders, Path.cwd()):
        if (folder / path).exists():
            return _root_file(folder / path)
    looked = f"in {folders[0]} and above, and in {Path.cwd()}" if folders else f"in {Path.cwd()}"
    raise ConfigurationError(f"{path}: there is no such file or folder (looked {looked})")


def _root_file(path: Path) -> Path:
    if path.is_dir():
        for name in _ROOT_NAMES:
            if (file := path / f"{name}.yaml").is_file():
                return file
        raise ConfigurationError(f"{path}: the folder holds no {' or '.join(f'{name}.yaml' for name in _ROOT_NAMES)}")
    if path.suffix != ".yaml":
        raise ConfigurationError(f"{path}: Hydra reads files that end in .yaml; rename it to {path.with_suffix('.yaml').name}")
    return path.absolute()


def find_file(name: str) -> Path:
    """Return the file that a configuration names.

    A relative name is looked up in the configuration's own folders, then beside the calling file and
    upwards, there also in `conf/` and `config/`, then in the working directory.

    Raises:
        ConfigurationError: The file does not exist.
    """
    folders = current_reading().folders
    caller = calling_file(calling_frame())
    above = [folder / tree for folder in (_upwards(caller.parent) if caller else ()) for tree in _TREES]
    for folder in (*folders, *above, Path.cwd()):
        if (path := folder / name).is_file():
            return path
    looked = ", ".join(str(folder) for folder in (*folders, *([caller.parent] if caller else []), Path.cwd()))
    raise ConfigurationError(f"there is no file {name!r} (looked in {looked}, and above the calling file)")


def tree_above(file: Path, root: Mapping[str, object]) -> list[Path]:
    """Return the folders above a file that hold its defaults too, given its content: the root of its Hydra tree."""
    if str(root.get("_target_", "")).startswith("airflow_config."):
        return [file.parent.parent]
    return [folder for folder in file.parent.parents if (folder / "config.yaml").is_file()][:1]
