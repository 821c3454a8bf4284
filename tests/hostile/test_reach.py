"""What each path may do with what a configuration names: the table in docs/explanation/security.md."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from airflow_balancer.cli import app
from airflow_balancer.files.locate import take_snapshot
from airflow_balancer.hydra.compose import load_fleet

pytestmark = pytest.mark.thorough

PLANTED = """
import os
open(os.environ["HOSTILE_MADE"], "a").write("imported ")
def touch(*args, **kwargs):
    open(os.environ["HOSTILE_MADE"], "a").write("called ")
class Callback:
    def __init__(self, *args, **kwargs):
        touch()
    def __getattr__(self, name):
        return touch
class First:
    def __init__(self, *args, **kwargs):
        touch()
    def choose(self, key, candidates, load):
        return candidates[0]
"""
OUTSIDE = "hosts: [{name: outside-host}]\nmore: outside-host\n"
TABLE = "outside-host: {size: 3}\n"
HOSTS = "hosts: [{name: host1}]\n"
TASK = "task: {on: '${balancer.name:}'}\n"

RUNS_CODE = {
    "a searchpath": ("hydra: {searchpath: ['pkg://planted']}\n" + HOSTS, {}),
    "a searchpath behind a merge key": ("x: &x {searchpath: ['pkg://planted']}\nhydra: {<<: *x}\n" + HOSTS, {}),
    "a searchpath behind a merged list": ("x: &x {searchpath: ['pkg://planted']}\nhydra: {<<: [*x]}\n" + HOSTS, {}),
    "a searchpath in hydra behind a merge key": ("x: &x {hydra: {searchpath: ['pkg://planted']}}\n<<: *x\n" + HOSTS, {}),
    "a searchpath behind an anchor": ("x: &x {searchpath: ['pkg://planted']}\nhydra: *x\n" + HOSTS, {}),
    "a searchpath by an interpolation": ("x: ['pkg://planted']\nhydra: {searchpath: '${x}'}\n" + HOSTS, {}),
    "a searchpath beside a defaults list": ("defaults: [_self_]\nhydra: {searchpath: ['pkg://planted']}\n" + HOSTS, {}),
    "an included searchpath": ("defaults: [other, _self_]\n" + HOSTS, {"other.yaml": "hydra: {searchpath: ['pkg://planted']}\n"}),
    "an included searchpath in another package": (
        "defaults: [other, _self_]\n" + HOSTS,
        {"other.yaml": "# @package hydra\nsearchpath: ['pkg://planted']\n"},
    ),
    "callbacks": ("hydra: {callbacks: {one: {_target_: planted.Callback}}}\n" + HOSTS, {}),
    "callbacks of a tree": ("defaults: [_self_]\nhydra: {callbacks: {one: {_target_: planted.Callback}}}\n" + HOSTS, {}),
    "included callbacks": (
        "defaults: [/hydra/callbacks: mine, _self_]\n" + HOSTS,
        {"hydra/callbacks/mine.yaml": "one: {_target_: planted.Callback}\n"},
    ),
    "a launcher": (
        "defaults: [override hydra/launcher: mine, _self_]\n" + HOSTS,
        {"hydra/launcher/mine.yaml": "_target_: planted.Callback\n"},
    ),
    "a logging config": ("hydra: {job_logging: {handlers: {a: {class: planted.Callback}}}}\n" + HOSTS, {}),
    "a target": (f"balancer: {{{HOSTS.strip()}}}\ntask: {{_target_: planted.touch, on: '${{balancer.name:}}'}}\n", {}),
    "a target as the root": ("_target_: planted.touch\n" + HOSTS, {}),
    "a target in an argument": ("hosts: [{name: host1, ssh_hook_args: {disabled_algorithms: {_target_: planted.touch}}}]\n", {}),
    "a pool manager": (HOSTS + "pool_manager: {_target_: planted.touch}\n", {}),
    "a resolver of the process": ("hosts: [{name: host1, tags: ['${planted:1}']}]\n", {}),
    "a resolver in a defaults list": ("defaults: ['env: ${planted:1}', _self_]\n" + HOSTS, {}),
    "a resolver where layers merge": ("defaults: [other, _self_]\nx: '${planted:1}'\n" + HOSTS, {"other.yaml": "x: {a: 1}\n"}),
    "a resolver by a decoded text": ("hosts: [{name: host1, tags: \"${oc.decode:'[${planted:1}]'}\"}]\n", {}),
    "a resolver in a created node": ("hosts: [{name: host1, tags: \"${oc.create:['${planted:1}']}\"}]\n", {}),
    "a resolver in a decoded searchpath": ("hydra: {searchpath: \"${oc.decode:'[${planted:1}]'}\"}\n" + HOSTS, {}),
    "a resolver in a task": (f"balancer: {{{HOSTS.strip()}}}\ntask: {{on: '${{balancer.name:}} ${{planted:1}}'}}\n", {}),
    "a resolver in Hydra's node": ("hydra: {job: {name: '${planted:1}'}}\n" + HOSTS, {}),
}
STRATEGIES = {
    "a strategy": (HOSTS + "strategy: {_target_: planted.First}\n", {}),
    "a strategy of a tree": (f"balancer: {{{HOSTS.strip()}, strategy: {{_target_: planted.First}}}}\n{TASK}", {}),
}
OPENS = {
    "a searchpath": ("defaults: [secret, _self_]\nhydra: {searchpath: ['file://OUTSIDE']}\n" + TASK, {}),
    "a searchpath behind a merge key": ("defaults: [secret, _self_]\nx: &x {searchpath: ['file://OUTSIDE']}\nhydra: {<<: *x}\n", {}),
    "a folder above": ("defaults: [../outside/secret, _self_]\n", {}),
    "an absolute default": ("defaults: [/../outside/secret, _self_]\n", {}),
    "an option above": ("defaults: [env: ../../outside/secret, _self_]\n", {"env/a.yaml": "a: 1\n"}),
    "an inventory": ("hosts: ${balancer.inventory:OUTSIDE/table.yaml}\n", {}),
    "an inventory above": ("hosts: ${balancer.inventory:../outside/table.yaml}\n", {}),
    "an inventory by a link": ("hosts: ${balancer.inventory:table.yaml}\n", {}),
    "an inventory by a linked folder": ("hosts: ${balancer.inventory:linked/table.yaml}\n", {}),
    "an included link": ("defaults: [link, _self_]\n", {}),
    "a file of an included linked folder": ("defaults: [linked/secret, _self_]\n", {}),
    "an option by a link": ("defaults: [env: link, _self_]\n", {"env/a.yaml": "a: 1\n"}),
}
INERT = tuple(name for name in RUNS_CODE if "resolver" not in name and "searchpath" not in name)
"""What runs nothing even where code may be run."""
DATA = (pytest.param("scheduler", marks=pytest.mark.slow), "page", "named page")


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Plant a module and a resolver that leave a trace, and return where."""
    made = tmp_path / "made"
    (tmp_path / "path").mkdir()
    (tmp_path / "path/planted.py").write_text(PLANTED)
    monkeypatch.setenv("HOSTILE_MADE", str(made))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    monkeypatch.syspath_prepend(str(tmp_path / "path"))
    OmegaConf.register_new_resolver("planted", lambda *_: made.write_text("resolved"))
    yield made
    OmegaConf.clear_resolver("planted")
    sys.modules.pop("planted", None)


def _written(tmp_path: Path, yaml: str, files: dict[str, str]) -> Path:
    outside, root = tmp_path / "outside", tmp_path / "dags"
    for path, text in {
        outside / "secret.yaml": OUTSIDE,
        outside / "table.yaml": TABLE,
        root / "balancer.yaml": yaml,
        **{root / name: text for name, text in files.items()},
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("OUTSIDE", str(outside)))
    (root / "link.yaml").symlink_to(outside / "secret.yaml")
    (root / "table.yaml").symlink_to(outside / "table.yaml")
    (root / "linked").symlink_to(outside)
    if (root / "env").is_dir():
        (root / "env/link.yaml").symlink_to(outside / "secret.yaml")
    return root / "balancer.yaml"


def _everything_by(path: str, file: Path) -> str:
    """Return all that a path says of a configuration."""
    if path == "scheduler":
        return _scheduler(file)
    return _page(file, named=path == "named page")


def _scheduler(file: Path) -> str:
    pytest.importorskip("airflow.models", reason="Airflow is not installed")
    from airflow_balancer.airflow.composing import Composer, load_sources
    from airflow_balancer.airflow.sources import Source, find_sources

    found, problems = find_sources(take_snapshot([file.parent]))
    with Composer([file.parent], [], named=True) as composer:
        fleets, wrong = load_sources([*found, Source(file)], composer.load)
    return f"{[fleet.hosts for fleet in fleets.values()]} {[str(problem) for problem in (*problems, *wrong)]}"


def _page(file: Path, *, named: bool) -> str:
    from airflow_balancer.viewer.catalogue import Catalogue
    from airflow_balancer.viewer.configuration import Places
    from airflow_balancer.viewer.service import ROUTES, Viewer

    viewer = Viewer(Catalogue(lambda: Places((file.parent,), ((file, ()),) if named else ())))
    texts = [viewer.api_of("configurations", {}).body.decode()]
    for identity in viewer._catalogue.look().configurations:
        texts += [
            viewer.api_of(route, {"configuration": identity}).body.decode()
            for route in ROUTES
            if route not in ("configurations", "occupancy")
        ]
        texts.append(viewer.api_of("query", {"configuration": identity, "strategy": "rendezvous"}).body.decode())
    return "\n".join(texts)


class TestData:
    """The scheduler and the page read data: they run nothing that it names, and open nothing outside its folders."""

    @pytest.mark.parametrize("path", DATA)
    @pytest.mark.parametrize("name", [*RUNS_CODE, *STRATEGIES])
    def test_nothing_is_imported_or_called(self, planted: Path, tmp_path: Path, path: str, name: str) -> None:
        text = _everything_by(path, _written(tmp_path, *(RUNS_CODE | STRATEGIES)[name]))
        assert text
        assert not planted.exists(), planted.read_text()
        assert "planted" not in sys.modules

    @pytest.mark.parametrize("path", DATA)
    @pytest.mark.parametrize("name", OPENS)
    def test_nothing_outside_is_opened(self, planted: Path, tmp_path: Path, path: str, name: str) -> None:
        assert "outside-host" not in _everything_by(path, _written(tmp_path, *OPENS[name]))


class TestCommands:
    """The command line runs the strategies and resolvers of a configuration, and no callback of Hydra's."""

    @pytest.mark.parametrize("name", INERT)
    def test_nothing_is_imported_or_called(self, planted: Path, tmp_path: Path, name: str) -> None:
        file = _written(tmp_path, *RUNS_CODE[name])
        for command in ("show", "validate", "config", "plan"):
            app._main([command, str(file)])
        assert not planted.exists(), planted.read_text()

    @pytest.mark.slow
    @pytest.mark.parametrize("name", [name for name in INERT if "callbacks" in name])
    @pytest.mark.parametrize(
        "words", [["--info", "defaults"], ["--info", "searchpath"], ["--info", "plugins"], ["-sc", "query=bash"]], ids="-".join
    )
    def test_hydras_own_flags_run_no_callback(self, planted: Path, tmp_path: Path, name: str, words: list[str]) -> None:
        file = _written(tmp_path, *RUNS_CODE[name])
        program = Path(sys.executable).with_name("airflow-balancer")
        environment = {**os.environ, "COMP_LINE": f"airflow-balancer {file} host"}
        subprocess.run(
            [program, *([] if "-sc" in words else [file]), *words], capture_output=True, timeout=60, check=False, env=environment
        )
        assert not planted.exists(), planted.read_text()


class TestLoading:
    """A DAG file is code already: `load` runs strategies and resolvers; `load_fleet` reads data, and runs no strategy."""

    @pytest.mark.parametrize("name", [*INERT, *STRATEGIES])
    def test_load_fleet_calls_nothing(self, planted: Path, tmp_path: Path, name: str) -> None:
        with suppress(ValueError):
            load_fleet(_written(tmp_path, *(RUNS_CODE | STRATEGIES)[name]))
        assert not planted.exists(), planted.read_text()
