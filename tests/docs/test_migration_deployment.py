"""The tables of docs/migration.md for pools, viewer and installation, and that a test shows each row of the page."""

from __future__ import annotations

from importlib.metadata import entry_points, metadata, requires
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from airflow_balancer.airflow.options import OPTIONS, read_options
from airflow_balancer.airflow.pools import plan_pools, wanted_pools
from airflow_balancer.cli import viewer
from airflow_balancer.config import configured_pools
from airflow_balancer.fleet.pools import PoolSlots
from tests.conftest import Write
from tests.docs import test_migration_python, test_migration_yaml
from tests.docs.pages import IS_AIRFLOW_2
from tests.docs.rows import SHOWN, fleet, needs_airflow, rows, shows

MARKED = "Balancer pool for host(host1) [airflow-balancer: 8 slots]"


def changes(host: Any, *current: PoolSlots, **values: Any) -> tuple[list[PoolSlots], list[PoolSlots], list[PoolSlots]]:
    """Return the pools that a balancer with one host makes, changes and leaves."""
    plan = plan_pools(wanted_pools({"": fleet(host, **values).fleet}), current)
    return list(plan.create), [change.after for change in plan.update], list(plan.unchanged)


def options(**given: str) -> Any:
    return read_options(given.get)


class TestPools:
    @needs_airflow
    @shows("who makes pools", "plugin `Airflow Balancer` in `airflow plugins`")
    def test_the_plugin_listens_unless_it_is_turned_off(self) -> None:
        (found,) = entry_points(group="airflow.plugins", name="airflow_balancer")
        plugin = found.load()
        assert (plugin.name, len(plugin.listeners)) == ("airflow_balancer", 1)
        assert (options().sync, options(sync="false").sync) == (True, False)

    @shows("which configurations")
    def test_config_path_names_configurations(self) -> None:
        assert options(config_path="conf env=prod\nteams/gpu.yaml").named == [("conf", ("env=prod",)), ("teams/gpu.yaml", ())]

    @shows("deferred tasks in a host's pool")
    @pytest.mark.parametrize(("pool", "counts"), [({}, True), ({"pool": {"pool": "host1", "include_deferred": False}}, False)])
    def test_deferred_tasks_count_unless_the_pool_says_otherwise(self, pool: dict[str, Any], *, counts: bool) -> None:
        assert [made.include_deferred for made in configured_pools(fleet({"name": "host1", **pool}))] == [counts]

    @shows("description of a pool")
    def test_a_pools_description_has_its_slots(self) -> None:
        assert changes("host1") == ([PoolSlots("host1", 8, MARKED, include_deferred=True)], [], [])

    @shows("a pool that the manager made")
    @pytest.mark.parametrize("slots", [8, 5], ids=["as configured", "edited"])
    def test_a_pool_of_the_manager_is_updated_but_for_edited_slots(self, slots: int) -> None:
        before = PoolSlots("host1", slots, "Balancer pool for host(host1)", include_deferred=False)
        _, (after,), _ = changes("host1", before)
        assert (after.slots, after.include_deferred, after.description) == (slots, True, MARKED)

    @shows("a pool with a name of its own that the manager made")
    @pytest.mark.parametrize(("override", "slots"), [(False, 5), (True, 8)])
    def test_a_pool_without_a_description_changes_only_by_override(self, *, override: bool, slots: int) -> None:
        before = PoolSlots("gpu", 5, "", include_deferred=False)
        _, updated, left = changes({"name": "host1", "pool": "gpu"}, before, override_pool_size=override)
        assert [*updated, *left] == [before._replace(slots=slots)]

    @shows("connection `airflow_laminar_api`", "`pool_manager: {backend: mwaa}`")
    def test_the_managers_connection_and_backend_are_those_of_its_dag(self) -> None:
        (dag,) = fleet("host1", pool_manager={"backend": "mwaa"}).managed_dags()
        backend = dag.tasks["reconcile_pools"].op_kwargs["backend"]
        assert (backend["kind"], backend["connection_id"]) == ("mwaa", "airflow_laminar_api")
        assert "api_url" in OPTIONS

    @shows("`pool=host.pool.pool` in an operator", "`pool=Pool(...)` with other `slots` than `size`")
    def test_the_pool_of_a_host_is_the_one_that_is_made(self) -> None:
        host = {"name": "host1", "size": 8, "pool": {"pool": "gpu", "slots": 3}}
        made, _, _ = changes(host)
        assert [(pool.name, pool.slots) for pool in made] == [(fleet(host).hosts[0].pool.pool, 3)]


class TestViewer:
    @shows("`PORT=8000 airflow-balancer-viewer`")
    def test_it_listens_on_this_machine_unless_told_otherwise(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PORT", "8000")
        given = [viewer.viewer_parser().parse_args(words) for words in ([], ["--host", "0.0.0.0", "--port", "8000"])]
        assert [(arguments.host, arguments.port) for arguments in given] == [("127.0.0.1", 8765), ("0.0.0.0", 8000)]

    @shows("`AIRFLOW__CORE__DAGS_FOLDER=config airflow-balancer-viewer`")
    def test_the_command_line_names_the_folder(self, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = write("other/balancer.yaml", "hosts: [{name: host1}]\n")
        write("here/balancer.yaml", "hosts: [{name: host1}]\n")
        monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(file.parent))
        monkeypatch.chdir(tmp_path / "here")
        given = viewer.viewer_parser().parse_intermixed_args(["--config-dir", str(tmp_path / "here")])
        assert viewer._places(given).roots == (tmp_path / "here",)

    @shows("`/airflow-balancer/hosts?yaml=PATH`")
    def test_no_request_names_a_path(self, write: Write, tmp_path: Path) -> None:
        testclient = pytest.importorskip("fastapi.testclient", reason="FastAPI is not installed: pip install 'airflow-balancer[viewer]'")
        from airflow_balancer.viewer.app import create_app
        from airflow_balancer.viewer.catalogue import Catalogue
        from airflow_balancer.viewer.configuration import Places
        from airflow_balancer.viewer.service import Viewer

        file = write("balancer.yaml", "hosts: [{name: host1}]\n")
        client = testclient.TestClient(create_app(Viewer(Catalogue(lambda: Places((tmp_path,), hint="make one")))))
        assert (client.get("/").status_code, client.get("/hosts", params={"yaml": str(file)}).status_code) == (200, 404)

    @needs_airflow
    @shows('"Airflow Balancer Viewer" under **Admin** or **Laminar**')
    def test_the_page_is_below_browse(self) -> None:
        from airflow_balancer.viewer.embedded import external_views, flask_views

        (view,) = flask_views() if IS_AIRFLOW_2 else external_views()
        assert (view["category"].lower(), view["name"]) == ("browse", "Balancer")

    @shows("`airflow_balancer.ui.standalone`, `.functions`, `.airflow`")
    def test_the_viewers_modules_are_elsewhere(self) -> None:
        assert (find_spec("airflow_balancer.ui"), find_spec("airflow_balancer.viewer") is None) == (None, False)


class TestInstallation:
    @shows("`pip install airflow-balancer fastapi uvicorn`", "extra `develop`")
    def test_extras(self) -> None:
        extras = metadata("airflow-balancer").get_all("Provides-Extra") or []
        assert ({"viewer", "dev"} <= {*extras}, "develop" in extras) == (True, False)

    @shows("`airflow-pydantic>=1.6`")
    def test_airflow_pydantic_is_1_7(self) -> None:
        (wanted,) = [found for line in requires("airflow-balancer") or [] if (found := Requirement(line)).name == "airflow-pydantic"]
        assert [version for version in ("1.6.9", "1.7.0", "1.8.0") if version in wanted.specifier] == ["1.7.0"]


def test_each_row_of_the_page_is_shown_by_a_test() -> None:
    assert all((test_migration_python, test_migration_yaml))
    assert sorted(set(SHOWN)) == sorted(rows())
