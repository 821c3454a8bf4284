"""Examples as a user has them: copied to an empty place, with a bare home."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY

EXAMPLES = REPOSITORY / "examples"


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Copy an example, unless it has been."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def copy(name: str) -> Path:
        if not (tmp_path / name).exists():
            shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        return tmp_path / name

    return copy


@pytest.fixture
def parse(copied: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], dict[str, Any]]]:
    """Run a DAG file as Airflow does, from another working directory; returns its names."""
    monkeypatch.chdir(tmp_path)

    def run(file: str) -> dict[str, Any]:
        folder = copied(str(Path(file).parent))
        monkeypatch.syspath_prepend(folder)
        return runpy.run_path(str(folder / Path(file).name))

    yield run
    sys.modules.pop("places", None)


@pytest.fixture
def shell(copied: Callable[[str], Path]) -> Callable[..., str]:
    """Run a command in a copied example; returns what it printed."""

    def run(example: str, *words: str, **environment: str) -> str:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environ = {**os.environ, "PATH": path, **environment}
        done = subprocess.run(words, cwd=copied(example), env=environ, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
