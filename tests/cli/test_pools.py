"""`airflow-balancer pools`, run against a real metadata database."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
CREATE = {"change": "create", "slots": None, "note": ""}
YAML = "create_connection: true\nhosts: [{name: host1, size: 4}]\nports: [{name: web, host: host1, port: 80}]\n"


class Home:
    """An Airflow with a database and a folder of DAGs, and the commands in it."""

    def __init__(self, folder: Path, database: Path) -> None:
        self.dags = folder / "dags"
        self.dags.mkdir()
        self.yaml = self.dags / "balancer.yaml"
        self.yaml.write_text(YAML)
        self._folder = folder
        self._database = f"sqlite:///{folder}/airflow.db"
        shutil.copy(database, folder / "airflow.db")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environ = {
            **os.environ,
            "AIRFLOW_HOME": str(self._folder),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self._database,
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__FERNET_KEY": "81HqDtbqAywKSOumSha3BhWNOdQ26slT6K0YaZeZyPs=",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        }
        command = [str(Path(sys.executable).with_name("airflow-balancer")), "pools", *words]
        return subprocess.run(command, cwd=self._folder, env=environ, capture_output=True, text=True, timeout=120, check=False)

    def report(self, *words: str) -> tuple[int, dict[str, object]]:
        result = self.run(*words, "output=json")
        return result.returncode, json.loads(result.stdout)


@pytest.fixture(scope="module")
def home(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("airflow"), sqlite_template)


def test_the_difference_is_shown_written_and_pruned(home):
    missing = {
        "pools": [{**CREATE, "name": "host1", "wanted": 4}, {**CREATE, "name": "web", "wanted": 1}],
        "connections": [{"change": "create", "name": "host1", "note": ""}],
        "unchanged": 0,
        "applied": False,
        "differs": True,
    }
    right = {"pools": [], "connections": [], "unchanged": 3, "applied": False, "differs": False}
    assert home.report(str(home.yaml)) == (3, missing)
    assert home.report(str(home.yaml), "apply=true") == (0, {**missing, "applied": True, "differs": False})
    assert home.report(str(home.yaml)) == (0, right)
    home.yaml.write_text("create_connection: true\nhosts: [{name: host1, size: 4}]\n")
    left = {
        "change": "orphaned",
        "name": "web",
        "slots": 1,
        "wanted": None,
        "note": "no configuration read here wants it; prune=true deletes it",
    }
    assert home.report(str(home.yaml)) == (0, {**right, "pools": [left], "unchanged": 2})
    assert home.report(str(home.yaml), "prune=true") == (0, {**right, "pools": [left], "unchanged": 2, "applied": True})
    assert home.report(str(home.yaml)) == (0, {**right, "unchanged": 2})


def test_without_a_file_it_is_what_airflow_syncs(home):
    home.yaml.write_text("hosts: [{name: host2, size: 4}]\n")
    code, report = home.report()
    assert (code, [row["name"] for row in report["pools"] if row["change"] == "create"]) == (3, ["host2"])


def test_a_conflict_stops_its_own_pool_and_the_rest_is_shown_and_written(home):
    home.yaml.write_text("hosts: [{name: both, size: 4}, {name: fine, size: 4}]\n")
    other = home.dags / "other.yaml"
    other.write_text("hosts: [{name: both, size: 5}]\n")
    note = f"is wanted with 5 slots, but {home.yaml} wants it with 4 slots; give both the same, or other names"
    conflict = {"change": "missing", "name": "both", "slots": None, "wanted": 4, "note": note}
    for word, applied in (("apply=true", True), ("apply=false", False)):
        code, report = home.report(word)
        assert (code, [row for row in report["pools"] if row["name"] == "both"], report["applied"]) == (3, [conflict], applied)
    assert [row for row in report["pools"] if row["name"] == "fine"] == []
    assert "1 above: differ" not in home.run("apply=true").stdout
    other.unlink()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("apply=maybe",), 2, "apply must be true or false, not 'maybe'"),
        (("env=prod",), 2, "'env=prod' overrides nothing: no configuration is given"),
        (("api_url=http://127.0.0.1:1",), 1, "http://127.0.0.1:1: cannot be reached"),
    ],
    ids=["no switch", "nothing to override", "no server"],
)
def test_a_failure_is_one_line_and_a_code(home, words, code, message):
    result = home.run(*words)
    assert (result.returncode, result.stdout) == (code, "")
    assert result.stderr.splitlines()[-1].startswith(f"airflow-balancer: {message}")
