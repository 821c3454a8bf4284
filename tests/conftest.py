"""Fixtures that all tests share."""

from __future__ import annotations

import gc
import logging
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import settings

from airflow_balancer.cli import main
from tests.airflow.databases import migrate

os.environ.setdefault("AIRFLOW__CORE__UNIT_TEST_MODE", "True")

REPOSITORY = Path(__file__).parent.parent
HAS_AIRFLOW = find_spec("airflow") is not None and find_spec("airflow").origin is not None

# With the slow tests, hypothesis tries as many examples as it does by default; without them, few. They are the same each time:
# `make fuzz` looks for new ones.
settings.register_profile("many", deadline=None, derandomize=True)
settings.register_profile("few", deadline=None, max_examples=20, derandomize=True)

# Only Airflow 3 runs these: they load neither Airflow nor airflow-pydantic, so that no Airflow can change what they see;
# the browser has a page that is the same in all, and the demo is one of Airflow 3.
WITH_AIRFLOW_3 = [
    "airflow/test_remote_job_kills.py",
    "cli/test_check.py",
    "cli/test_check_hosts.py",
    "cli/test_check_login.py",
    "cli/test_init.py",
    "cli/test_plan.py",
    "docs/test_published.py",
    "editor",
    "examples/test_conda.py",
    "examples/test_custom_strategy.py",
    "examples/test_hydra_app.py",
    "examples/test_supervisor.py",
    "files",
    "fleet/test_bad_input.py",
    "fleet/test_fleet.py",
    "fleet/test_masking.py",
    "fleet/test_strategy.py",
    "hostile",
    "hydra/test_conf.py",
    "hydra/test_hydra_plugin.py",
    "hydra/test_json_schema.py",
    "live/test_demo.py",
    "lock/test_host_stability.py",
    "lock/test_port_stability.py",
    "picking/test_choice.py",
    "picking/test_filters.py",
    "picking/test_index.py",
    "picking/test_left_out.py",
    "picking/test_placing.py",
    "picking/test_strategies.py",
    "ports/test_ports.py",
    "ssh/test_slots.py",
    "test_demo.py",
    "test_one_answer.py",
    "test_repository.py",
    "tools",
    "viewer/browser",
]
# These have an Airflow or a demo of their own; the other tests of that folder share one, and run first and in one process.
LIVE, LIVE_APART = "tests/live/", ("test_demo.py", "test_sizes_hold.py", "test_two_schedulers.py")
collect_ignore = [] if HAS_AIRFLOW and version("apache-airflow").startswith("3.") else WITH_AIRFLOW_3

Write = Callable[[str, str | bytes], Path]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def pytest_configure(config: pytest.Config) -> None:
    # A shell ignores it for what it starts in its background, which the programs that tests start would inherit.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.load_profile("few" if config.option.markexpr.startswith("not slow") else "many")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse tests of one name, of which xdist runs no more than one; begin with those that wait longest."""
    if twice := [name for name, count in Counter(item.nodeid for item in items).items() if count > 1]:
        raise pytest.UsageError(f"several tests of one name: {', '.join(twice)}")
    items.sort(key=lambda item: not item.nodeid.startswith(LIVE))


def pytest_collection_finish() -> None:
    """Leave Airflow and the collected tests to no garbage collection: each takes a quarter of a second to look at them."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give the tests that share a running Airflow to one process, all others file by file."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return LIVE if file.startswith(LIVE) and not file.endswith(LIVE_APART) else file

    return Scheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep Airflow's files of this run in a folder of their own."""
    home = tmp_path_factory.mktemp("airflow")
    os.environ["AIRFLOW_HOME"] = str(home)
    return home


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A metadata database without rows, to copy."""
    pytest.importorskip("airflow.models", reason="Airflow is not installed")
    home = tmp_path_factory.mktemp("home")
    migrate(home, f"sqlite:///{home}/airflow.db")
    return home / "airflow.db"


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
    """Run `airflow-balancer` in this process, in the test's folder, with the logging of a process that has just started."""

    def run(*words: str, cwd: Path = tmp_path, **environment: str) -> Answer:
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(logging.root, "handlers", [])
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
