"""Runs DAG files to learn what they request: only for their author, at the command line."""

from __future__ import annotations

import runpy
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..errors import ConfigurationError, Problem
from .command import Key, Request

DAG_FILES = Key("dag_files", "PATH", "DAG files, or folders of them, whose requests count, too; they are run")

_SKIPPED = frozenset(("__pycache__", "node_modules", "site-packages"))


def paths_of(request: Request) -> list[str]:
    """Return the paths that a request gives under `dag_files`."""
    given = request.keys.get("dag_files") or []
    return given if isinstance(given, list) else [given]


def find_dag_files(paths: Iterable[Path]) -> list[tuple[Path, Path]]:
    """Return the Python files to run, each with the folder that it is imported from, as absolute paths.

    A folder stands for the files below it that Airflow takes for DAG files, those that hold the words
    `dag` and `airflow`, and for those that say `free_port`.

    Raises:
        ConfigurationError: A path does not exist, or is neither a folder nor a Python file.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if path.is_dir():
            folder = path.absolute()
            found |= {file: folder for file in sorted(folder.rglob("*.py")) if _is_meant(file, folder)}
        elif path.is_file() and path.suffix == ".py":
            found.setdefault(path.absolute(), path.absolute().parent)
        else:
            wrong = "must be a Python file or a folder of them" if path.exists() else "there is no such file or folder"
            raise ConfigurationError(f"dag_files: {path}: {wrong}")
    return sorted(found.items())


def _is_meant(file: Path, folder: Path) -> bool:
    if any(part in _SKIPPED or part.startswith(".") for part in file.relative_to(folder).parts):
        return False
    content = file.read_bytes().lower()
    return b"free_port" in content or (b"dag" in content and b"airflow" in content)


def run_dag_files(files: Sequence[tuple[Path, Path]]) -> None:
    """Run each file as a DAG processor does: by itself, its folder importable, and not as the main program.

    Warnings, of which Airflow's imports are full, are for their own parsing.

    Raises:
        ConfigurationError: Some cannot be run; one problem for each, with its cause.
    """
    from ..hydra.compose import hydra_set_aside

    problems = []
    for file, folder in files:
        try:
            with hydra_set_aside(), _imports_from(folder), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                runpy.run_path(str(file), run_name=f"dag_file_{file.stem}")
        except (Exception, SystemExit) as error:
            text = " ".join(f"{type(error).__name__}: {error}".split())
            problems.append(Problem(f"cannot be run: {text}", origin=str(file)))
    if problems:
        raise ConfigurationError(problems)


@contextmanager
def _imports_from(folder: Path) -> Iterator[None]:
    """Import modules from a folder, and forget them afterwards: another file may mean another one by the same name."""
    path, modules = list(sys.path), set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            origin = getattr(sys.modules[name], "__file__", None)
            if origin and Path(origin).is_relative_to(folder):
                del sys.modules[name]
