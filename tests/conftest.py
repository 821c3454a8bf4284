"""Fixtures that all tests share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from airflow_balancer.cli import main

os.environ.setdefault("AIRFLOW__CORE__UNIT_TEST_MODE", "True")

REPOSITORY = Path(__file__).parent.parent
HAS_AIRFLOW = find_spec("airflow") is not None and find_spec("airflow").origin is not None

Write = Callable[[str, str | bytes], Path]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session", autouse=True)
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep Airflow's files of this run in a folder of their own."""
    home = tmp_path_factory.mktemp("airflow")
    os.environ["AIRFLOW_HOME"] = str(home)
    return home


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file below the test's folder, and return its path."""

    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


@pytest.fixture
def python(tmp_path: Path) -> Run:
    """Run code in a fresh Python process, in the test's folder."""

    def run(code: str, **environment: Any) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, **{key: str(value) for key, value in environment.items()}}
        command = [sys.executable, "-W", "ignore", "-c", code]
        return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120, check=False)

    return run


class Answer(NamedTuple):
    """What a command line answered."""

    stdout: str
    stderr: str
    returncode: int


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Run `airflow-balancer` in this process, in the test's folder."""

    def run(*words: str, cwd: Path = tmp_path, **environment: str) -> Answer:
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["airflow-balancer", *words])
        for key, value in environment.items():
            monkeypatch.setenv(key, value)
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        return Answer(*capsys.readouterr(), returncode=int(end.value.code or 0))

    return run


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., Answer]:
    """Run `airflow-balancer` in a process of its own, in the test's folder."""

    def run(*words: str, cwd: Path = tmp_path) -> Answer:
        command = [str(Path(sys.executable).with_name("airflow-balancer")), *words]
        result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
        return Answer(result.stdout, result.stderr, result.returncode)

    return run
