"""Finds the root file of a configuration."""

from __future__ import annotations

from pathlib import Path

from ..errors import ConfigurationError
from .keys import calling_file, calling_frame
from .yaml import read_root

__all__ = ("find_source", "tree_above", "upwards")

_ROOT_NAMES = ("config", "balancer")


def upwards(folder: Path) -> tuple[Path, ...]:
    """Return the folder and those above it."""
    folder = folder.absolute()
    return (folder, *folder.parents)


def find_source(path: str | Path, beside: str | Path | None = None) -> Path:
    """Return the root file of a configuration.

    A relative path is looked for beside the calling file (or `beside`), then upwards, then in the
    working directory. A folder stands for its `config.yaml`, else its `balancer.yaml`.

    Raises:
        ConfigurationError: There is none.
    """
    path = Path(path).expanduser()
    if path.is_absolute():
        return _root_file(path)
    start = Path(beside) if beside else calling_file(calling_frame())
    folders = [] if start is None else list(upwards(start if start.is_dir() else start.parent))
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


def tree_above(file: Path) -> list[Path]:
    """Return the folders, beside the file's own, in which its defaults may be: a Hydra tree that it is part of."""
    root = read_root(file)
    target = str(root.get("_target_", ""))
    if target.startswith("airflow_config."):
        return [file.parent.parent]
    return [folder for folder in file.parent.parents if (folder / "config.yaml").is_file()][:1]
