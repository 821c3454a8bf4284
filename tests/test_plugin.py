"""What Airflow loads of this package, and what it costs."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_balancer.airflow.options import SectionOptions, environment_option, read_options
from airflow_balancer.airflow.provider import get_provider_info
from airflow_balancer.errors import ConfigurationError

PACKAGE = Path(__file__).parents[1] / "airflow_balancer"

IMPORT = """
import sys, time
import airflow.plugins_manager, pluggy
# Airflow may have loaded it already, by its entry point.
for name in [name for name in sys.modules if name.startswith("airflow_balancer")]:
    del sys.modules[name]
before = set(sys.modules)
start = time.perf_counter()
import airflow_balancer.plugin
milliseconds = 1000 * (time.perf_counter() - start)
print(milliseconds, *sorted(name for name in set(sys.modules) - before if name.startswith("airflow_balancer")))
"""


def test_the_plugin_is_imported_in_milliseconds_beyond_airflow() -> None:
    pytest.importorskip("airflow.models", reason="Airflow is not installed")
    done = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True, timeout=120)
    milliseconds, *modules = done.stdout.splitlines()[-1].split()
    assert float(milliseconds) < 50
    assert modules == ["airflow_balancer", "airflow_balancer.airflow", "airflow_balancer.airflow.listener", "airflow_balancer.plugin"]


def test_airflow_takes_the_listener_with_both_of_its_hooks() -> None:
    pytest.importorskip("airflow.models", reason="Airflow is not installed")
    from airflow.listeners.listener import get_listener_manager

    from airflow_balancer.airflow import listener
    from airflow_balancer.plugin import AirflowBalancerPlugin

    assert AirflowBalancerPlugin.listeners == [listener]
    manager = get_listener_manager()
    manager.add_listener(listener)
    assert sorted(hook.name for hook in manager.pm.get_hookcallers(listener)) == ["on_dag_run_running", "on_starting"]


def test_the_provider_info_is_as_airflow_wants_it() -> None:
    pytest.importorskip("airflow.models", reason="Airflow is not installed")
    import airflow
    from jsonschema import validate

    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())
    validate(get_provider_info(), schema)


def test_each_option_is_declared_without_a_default() -> None:
    options = get_provider_info()["config"]["balancer"]["options"]
    assert {name: option["default"] for name, option in options.items()} == dict.fromkeys(
        ("config_path", "config_name", "overrides", "sync", "api_url", "api_username", "api_password")
    )


def test_only_the_plugin_the_views_and_what_runs_in_tasks_import_airflow_when_they_are_imported() -> None:
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            if any(name.partition(".")[0] == "airflow" for name in names):
                found.add(path.relative_to(PACKAGE).as_posix())
    assert found == {
        "airflow/hooks.py",
        "airflow/operators.py",
        "airflow/remote_job.py",
        "airflow/remote_trigger.py",
        "ssh/hook.py",
        "plugin.py",
        "viewer/airflow2.py",
        "viewer/airflow3.py",
    }


class TestSettings:
    def test_nothing_is_needed(self) -> None:
        assert read_options({}.get) == SectionOptions()

    def test_overrides_are_split_as_a_shell_does(self) -> None:
        options = {"overrides": "env=prod 'hosts.0.tags=[a, b]'", "sync": "False", "config_path": "conf"}
        settings = SectionOptions(config_path="conf", overrides=("env=prod", "hosts.0.tags=[a, b]"), sync=False)
        assert read_options(options.get) == settings

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"sync": "maybe"}, r"\[balancer\] sync must be true or false, not 'maybe'"),
            ({"overrides": "'a"}, r"\[balancer\] overrides must be Hydra overrides separated by spaces: No closing quotation"),
        ],
    )
    def test_what_cannot_be_read_is_an_error(self, options: dict[str, str], message: str) -> None:
        with pytest.raises(ConfigurationError, match=message):
            read_options(options.get)

    def test_without_airflow_the_environment_has_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AIRFLOW__BALANCER__API_URL", "http://airflow.test")
        assert read_options(environment_option) == SectionOptions(api_url="http://airflow.test")

    def test_a_password_stands_in_no_repr(self) -> None:
        assert "secret" not in repr(SectionOptions(api_password="secret"))
