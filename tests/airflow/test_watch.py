"""Pools follow an edit without a run, and what nobody can see is said."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("airflow.models", reason="Airflow is not installed")

from airflow import __version__ as airflow_version

from airflow_balancer.airflow import versions
from airflow_balancer.airflow.sync import Sync
from airflow_balancer.airflow.watch import Watch, watch
from tests.airflow.databases import AIRFLOW, environment
from tests.airflow.scheduler import GOOD, Scheduler

AIRFLOW_3 = airflow_version.startswith("3.")
BUNDLE = '''
from pathlib import Path

from airflow.dag_processing.bundles.base import BaseDagBundle


class CheckedOut(BaseDagBundle):
    """What stands for a Git bundle: its files come when it is initialized, and change when it is refreshed."""

    @property
    def path(self):
        return self.base_dir / "tracking_repo"

    def get_current_version(self):
        return None

    def refresh(self):
        self.path.mkdir(parents=True, exist_ok=True)
        source = Path(__file__).with_name("source.yaml").read_text()
        if not (file := self.path / "fleet.yaml").exists() or file.read_text() != source:
            file.write_text(source)

    def initialize(self):
        self.refresh()
        super().initialize()
'''


def looks(known: bool = True) -> tuple[Watch, list[str]]:  # noqa: FBT001, FBT002
    applied: list[str] = []
    return Watch(lambda: applied.append("applied"), known=known), applied


class TestLook:
    def test_nothing_is_done_while_nothing_changes(self, dags: Any) -> None:
        dags(fleet=GOOD)
        watch, applied = looks()
        watch.look()
        watch.look()
        assert applied == []

    @pytest.mark.parametrize("files", [{"fleet": GOOD.replace("8", "4")}, {"other": GOOD}], ids=["edited", "new"])
    def test_a_change_is_applied_once(self, dags: Any, files: dict[str, str]) -> None:
        dags(fleet=GOOD)
        watch, applied = looks()
        dags(**files)
        watch.look()
        watch.look()
        assert applied == ["applied"]

    def test_a_file_that_is_no_configuration_changes_nothing(self, dags: Any, tmp_path: Path) -> None:
        dags(fleet=GOOD)
        watch, applied = looks()
        (tmp_path / "dags" / "etl.py").write_text("")
        watch.look()
        assert applied == []

    def test_a_change_that_could_not_be_applied_does_not_end_the_looks(self, dags: Any) -> None:
        dags(fleet=GOOD)
        failing = Watch(lambda: 1 / 0, known=True)
        for content in ("4", "5"):
            dags(fleet=GOOD.replace("8", content))
            with pytest.raises(ZeroDivisionError):
                failing.look()

    def test_where_nothing_is_known_it_is_looked_for_once(self, dags: Any) -> None:
        watch, applied = looks(known=False)
        watch.look()
        watch.look()
        assert applied == ["applied"]


class TestWho:
    @staticmethod
    def ended(job: Any, dags: Any, **files: str) -> bool:
        dags(**files)
        sync = Sync()
        sync._look()
        thread = watch(job, sync, seconds=0.01)
        assert thread
        thread.join(0.5)
        return not thread.is_alive()

    def test_the_process_that_parses_dag_files_looks(self, dags: Any) -> None:
        job = SimpleNamespace(job_type="DagProcessorJob")
        assert not self.ended(job, dags, fleet=GOOD)
        job.job_type = "done"

    @pytest.mark.parametrize("kind", ["TriggererJob", None])
    def test_others_do_not(self, dags: Any, kind: str | None) -> None:
        assert self.ended(SimpleNamespace(job_type=kind), dags, fleet=GOOD)

    def test_a_scheduler_does_where_it_parses_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        job = SimpleNamespace(job_type="SchedulerJob")
        assert versions.parses_dags(job) is not AIRFLOW_3
        monkeypatch.setenv("AIRFLOW__SCHEDULER__STANDALONE_DAG_PROCESSOR", "True")
        assert not versions.parses_dags(job)

    def test_nobody_does_where_sync_is_off(self, dags: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AIRFLOW__BALANCER__SYNC", "false")
        sync = Sync()
        sync.at_start()
        assert watch(SimpleNamespace(job_type="DagProcessorJob"), sync) is None


@pytest.mark.skipif(not AIRFLOW_3, reason="Airflow 2 has no DAG bundles")
class TestBundles:
    @pytest.fixture
    def config(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        (tmp_path / "checked_out.py").write_text(BUNDLE)
        monkeypatch.syspath_prepend(tmp_path)
        bundles = {
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(
                [{"name": "git", "classpath": "checked_out.CheckedOut", "kwargs": {}}]
            )
        }
        monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", str(tmp_path / "bundles"))
        for key, value in bundles.items():
            monkeypatch.setenv(key, value)
        versions._checkouts.cache_clear()
        yield
        versions._checkouts.cache_clear()

    @pytest.mark.usefixtures("config")
    def test_a_bundle_is_looked_at_where_it_is_checked_out(self, tmp_path: Path) -> None:
        assert versions.dag_folders() == [tmp_path / "bundles" / "git" / "tracking_repo"]

    @pytest.mark.usefixtures("config")
    def test_a_bundle_that_is_checked_out_later_is_a_change(self, tmp_path: Path) -> None:
        watch, applied = looks()
        checkout = tmp_path / "bundles" / "git" / "tracking_repo"
        checkout.mkdir(parents=True)
        (checkout / "fleet.yaml").write_text(GOOD)
        watch.look()
        assert applied == ["applied"]

    def test_a_bundle_that_cannot_be_made_is_said_once(self, said: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", '[{"name": "x", "classpath": "gone.Bundle"}]')
        versions._checkouts.cache_clear()
        assert versions.dag_folders() == versions.dag_folders() == []
        text = "cannot search for configurations in DAG bundle 'x' (AirflowConfigException); name yours in [balancer] config_path"
        assert said() == [f"airflow-balancer: {text}"]


def apart(home: Path, url: str, **more: str) -> str:
    command = [sys.executable, "-W", "ignore", "-m", "airflow_balancer.airflow.watch", str(home / "told")]
    done = subprocess.run(command, env=environment(home, url, **more), cwd=home, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
class TestApart:
    def test_it_makes_the_pools(self, sqlite_database: str, dags: Any, tmp_path: Path) -> None:
        dags(fleet=GOOD)
        apart(tmp_path, sqlite_database)
        assert Scheduler(sqlite_database).pools() == {"good1": 8}

    def test_it_tells_the_problems_to_the_process_that_says_them(self, sqlite_database: str, dags: Any, tmp_path: Path) -> None:
        dags(fleet=GOOD, wrong=GOOD.replace("size", "sise"))
        said = apart(tmp_path, sqlite_database)
        (problem,) = json.loads((tmp_path / "told").read_text())
        assert problem.startswith(f"{tmp_path}/dags/wrong.yaml: host 'good1': unknown key 'sise'; did you mean 'size'?")
        assert "sise" not in said

    def test_a_deployment_in_which_nobody_sees_a_configuration_is_told_what_to_do(
        self, sqlite_database: str, dags: Any, tmp_path: Path
    ) -> None:
        said = apart(tmp_path, sqlite_database)
        assert f"there is no configuration in {tmp_path}/dags, and Airflow has no pool of one. Put it there, name it in [balancer]" in said

    def test_one_in_which_another_process_saw_it_is_not(self, sqlite_database: str, dags: Any, tmp_path: Path) -> None:
        dags(fleet=GOOD)
        apart(tmp_path, sqlite_database)
        (tmp_path / "dags" / "fleet.yaml").unlink()
        assert "there is no configuration" not in apart(tmp_path, sqlite_database)


@contextmanager
def process(home: Path, url: str, *words: str, **more: str) -> Iterator[Path]:
    """A process of Airflow, and its log."""
    log = home / f"{words[0]}.log"
    with log.open("w") as file:
        running = subprocess.Popen([AIRFLOW, *words], env=environment(home, url, **more), cwd=home, stdout=file, stderr=file)
        try:
            yield log
        finally:
            running.terminate()
            running.wait(60)


def within(seconds: float, wanted: dict[str, int], url: str) -> float:
    """Wait until Airflow has these pools, and return how long that took."""
    start, scheduler = time.monotonic(), Scheduler(url)
    while (pools := scheduler.pools()) != wanted:
        assert time.monotonic() - start < seconds, pools
        time.sleep(0.5)
    return time.monotonic() - start


def commit(repository: Path, fleet: str) -> None:
    """Commit a configuration, in a repository that is made where there is none."""
    repository.mkdir(exist_ok=True)
    (repository / "fleet.yaml").write_text(fleet)
    author = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
    for words in (("init", "--initial-branch=main"), ("add", "."), (*author, "commit", "--message=Change the fleet")):
        subprocess.run(["git", *words], cwd=repository, capture_output=True, check=True)


@pytest.mark.slow
class TestLive:
    PARSES = ("dag-processor",) if AIRFLOW_3 else ("scheduler", "--skip-serve-logs")

    def test_pools_follow_an_edit_without_a_run_within_a_minute(self, postgres_database: str, dags: Any, tmp_path: Path) -> None:
        dags(fleet=GOOD)
        with process(tmp_path, postgres_database, *self.PARSES):
            within(60, {"good1": 8}, postgres_database)
            for size in (4, 6):
                dags(fleet=GOOD.replace("8", str(size)))
                within(60, {"good1": size}, postgres_database)

    @pytest.mark.skipif(not AIRFLOW_3, reason="Airflow 2 has no DAG bundles")
    def test_so_do_those_of_a_git_bundle_that_a_scheduler_without_dags_cannot_see(self, postgres_database: str, tmp_path: Path) -> None:
        pytest.importorskip("airflow.providers.git", reason="apache-airflow-providers-git is not installed")
        repository = tmp_path / "repository"
        commit(repository, GOOD)
        kwargs = {"tracking_ref": "main", "repo_url": str(repository), "refresh_interval": 5}
        bundles = [{"name": "git", "classpath": "airflow.providers.git.bundles.git.GitDagBundle", "kwargs": kwargs}]
        more = {
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
            "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "2",
        }
        here, there = tmp_path / "here", tmp_path / "there"
        scheduler = {**more, "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(here)}
        processor = {**more, "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(there)}
        with (
            process(tmp_path, postgres_database, "scheduler", "--skip-serve-logs", **scheduler),
            process(tmp_path, postgres_database, "dag-processor", **processor),
        ):
            within(120, {"good1": 8}, postgres_database)
            commit(repository, GOOD.replace("8", "4"))
            within(60, {"good1": 4}, postgres_database)
        assert (any(here.rglob("fleet.yaml")), any(there.rglob("fleet.yaml"))) == (False, True)
