"""The same plans through the REST API, of a real API server and of odd ones."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from airflow_balancer.airflow.connections import wanted_connections
from airflow_balancer.airflow.pools import Plan, PoolOccupancy, mark, wanted_pools
from airflow_balancer.fleet.fleet import Fleet
from airflow_balancer.fleet.pools import PoolSlots
from tests.airflow.databases import AIRFLOW, environment, free_port

httpx = pytest.importorskip("httpx", reason="httpx is not installed")

from airflow_balancer.airflow.api import ApiError, RestApi  # noqa: E402

DEFAULT = PoolSlots("default_pool", 128, "Default pool", include_deferred=False)


class Server(NamedTuple):
    """A real API server, of whose users `admin` has the password `open-sesame`."""

    url: str
    database: str

    def api(self, password: str = "open-sesame") -> RestApi:
        return RestApi(self.url, username="admin", password=password)


def wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/api/v2/version").is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.3)
    pytest.fail("the API server did not start")


@pytest.fixture(scope="module")
def server(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if importlib.metadata.version("apache-airflow").startswith("2."):
        pytest.skip("Airflow 2 has no REST API of version 2")
    home, port = tmp_path_factory.mktemp("api"), free_port()
    shutil.copy(sqlite_template, home / "airflow.db")
    (home / "passwords.json").write_text('{"admin": "open-sesame"}')
    env = environment(
        home,
        f"sqlite:///{home}/airflow.db",
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS="admin:admin",
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE=str(home / "passwords.json"),
        AIRFLOW__API_AUTH__JWT_SECRET="a secret of more than thirty-two bytes",
        AIRFLOW__API__BASE_URL=f"http://127.0.0.1:{port}/prefix",
    )
    command = [AIRFLOW, "api-server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    with (home / "log").open("wb") as log, subprocess.Popen(command, env=env, cwd=home, stdout=log, stderr=log) as process:
        try:
            wait(f"http://127.0.0.1:{port}/prefix", process)
            yield Server(f"http://127.0.0.1:{port}/prefix", f"sqlite:///{home}/airflow.db")
        finally:
            process.terminate()
            process.wait(30)


def fleet(hosts: int, size: int = 8, **node: Any) -> Fleet:
    return Fleet.from_data({"hosts": [{"name": f"host{n:03}", "size": size} for n in range(hosts)], **node})


def pool(name: str, slots: int) -> PoolSlots:
    return PoolSlots(name, slots, mark(f"Balancer pool for host({name})", slots), include_deferred=True)


@pytest.mark.slow
class TestServer:
    def test_pools_are_made_updated_and_pruned(self, server: Server) -> None:
        with server.api() as api:
            made = [pool(f"host{n:03}", 8) for n in range(250)]
            assert api.apply_pools(wanted_pools({"a": fleet(250)})) == Plan(create=tuple(made))
            assert sorted(api.read_pools()) == [DEFAULT, *made]
            api.apply_pools(wanted_pools({"a": fleet(2, size=4)}))
            assert sorted(api.read_pools()) == [DEFAULT, pool("host000", 4), pool("host001", 4), *made[2:]]
            api.apply_pools(wanted_pools({"a": fleet(2, size=4)}), prune=True)
            assert sorted(api.read_pools()) == [DEFAULT, pool("host000", 4), pool("host001", 4)]
            assert not api.plan_pools(wanted_pools({"a": fleet(2, size=4)})).differs(prune=True)

    def test_a_pool_that_unfinished_tasks_use_is_not_pruned(self, server: Server) -> None:
        import sqlalchemy

        from tests.airflow.rows import insert

        engine = sqlalchemy.create_engine(server.database)
        with server.api() as api:
            api.apply_pools(wanted_pools({"a": fleet(3)}))
            with engine.begin() as connection:
                insert(connection, "dag_bundle", name="tests")
                insert(connection, "dag", dag_id="etl", bundle_name="tests", partition_mapper_info="{}")
                insert(connection, "dag_run", id=77, dag_id="etl", run_id="now", state="running", run_type="manual")
                row = {"dag_id": "etl", "run_id": "now", "map_index": -1, "pool_slots": 1, "id": uuid4().hex}
                insert(connection, "task_instance", **row, task_id="t", state="up_for_retry", pool="host001")
            plan = api.apply_pools(wanted_pools({"a": fleet(1)}), prune=True)
            with engine.begin() as connection:
                for table in ("task_instance", "dag_run", "dag"):
                    connection.execute(sqlalchemy.text(f"DELETE FROM {table} WHERE dag_id = 'etl'"))
            assert [str(problem) for problem in plan.problems] == [
                "pool 'host001': no configuration read here wants it, but 1 unfinished task would never end without it: etl.t"
            ]
            assert sorted(api.read_pools()) == [DEFAULT, pool("host000", 8), pool("host001", 8)]
            assert api.apply_pools(wanted_pools({"a": fleet(1)}), prune=True).problems == ()

    def test_connections_are_made_updated_and_pruned(self, server: Server) -> None:
        def wanted(**node: Any) -> Any:
            return wanted_connections({"a": fleet(1, create_connection=True, default_password="secret", **node)}, {})

        with server.api() as api:
            api.apply_connections(wanted())
            assert [item.name for item in api.read_connections()] == ["host000"]
            assert not api.plan_connections(wanted()).differs()
            assert len(api.plan_connections(wanted(default_username="other")).update) == 1
            api.apply_connections({}, prune=True)
            assert api.read_connections() == []

    def test_pools_are_as_full_as_the_database_says(self, server: Server) -> None:
        import sqlalchemy

        from airflow_balancer.airflow import metadata
        from airflow_balancer.airflow.occupancy import read_occupancy
        from tests.airflow.rows import add_pool, add_tasks

        engine = sqlalchemy.create_engine(server.database)
        with engine.begin() as connection:
            add_pool(connection, "plain", 8)
            add_pool(connection, "deferring", 4, include_deferred=True)
            add_pool(connection, "endless", -1)
            for name in ("plain", "deferring", "endless"):
                add_tasks(connection, name, running=2, queued=1, deferred=3, scheduled=4, success=5)
        with server.api() as api, engine.connect() as connection:
            found = api.read_occupancy()
            assert found == metadata.read_occupancy(connection)
        assert {name: found[name].taken for name in ("plain", "deferring", "endless")} == {"plain": 3, "deferring": 6, "endless": 3}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AIRFLOW__BALANCER__API_PASSWORD", "open-sesame")
            asked = read_occupancy(api_url=server.url, api_username="admin", seconds=20)
        assert asked == (f"the API server at {server.url}", found)
        with engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM task_instance")
            connection.exec_driver_sql("DELETE FROM slot_pool WHERE pool IN ('plain', 'deferring', 'endless')")
        engine.dispose()

    def test_a_wrong_password_is_said_without_it(self, server: Server) -> None:
        with server.api("wrong") as api, pytest.raises(ApiError) as error:
            api.read_pools()
        assert str(error.value) == f"{server.url}: user 'admin' may not log in; check [balancer] api_username and api_password"


def answering(handler: Callable[[Any], Any], **more: Any) -> RestApi:
    return RestApi("http://airflow.test", transport=httpx.MockTransport(handler), **more)


class TestOdd:
    def test_the_slots_of_all_pages_are_read(self) -> None:
        counts = {"running_slots": 1, "queued_slots": 2, "deferred_slots": 3, "scheduled_slots": 4, "occupied_slots": 6}

        def handler(request: Any) -> Any:
            offset = int(request.url.params["offset"])
            pools = [{"name": f"host{offset + n}", "slots": 8 if offset else -1, **counts} for n in range(2)]
            return httpx.Response(200, json={"pools": pools, "total_entries": 4})

        few, endless = PoolOccupancy(8, 1, 2, 3, 4, 6), PoolOccupancy(None, 1, 2, 3, 4, 6)
        assert answering(handler, token="t").read_occupancy() == {"host0": endless, "host1": endless, "host2": few, "host3": few}

    def test_a_server_that_is_no_airflow_is_said(self) -> None:
        api = answering(lambda _: httpx.Response(200, text="<html>"), token="t")
        with pytest.raises(ApiError, match="GET pools: 200 OK: no Airflow 3 API server answers there"):
            api.read_pools()

    def test_a_server_that_is_down_is_said(self) -> None:
        def down(_: Any) -> Any:
            raise httpx.ConnectError("refused")

        message = r"http://airflow.test: cannot be reached \(ConnectError: refused\); check \[balancer\] api_url"
        with pytest.raises(ApiError, match=message):
            answering(down).read_pools()

    def test_without_a_user_a_server_must_let_everyone_in(self) -> None:
        with pytest.raises(ApiError, match=r"an anonymous user \(no username is given\) may not log in"):
            answering(lambda _: httpx.Response(403, json={"detail": "no"})).read_pools()

    def test_an_error_inside_of_a_bulk_answer_is_raised(self) -> None:
        def handler(request: Any) -> Any:
            if request.method == "GET":
                return httpx.Response(200, json={"pools": [], "total_entries": 0})
            return httpx.Response(200, json={"create": {"success": [], "errors": [{"error": "no room", "status_code": 409}]}})

        with pytest.raises(ApiError, match="cannot create pools: no room"):
            answering(handler, token="t").apply_pools(wanted_pools({"a": fleet(1)}))

    def test_hidden_and_missing_variables_are_left_out(self) -> None:
        values = {"/api/v2/variables/a": "1", "/api/v2/variables/b_password": "***"}

        def handler(request: Any) -> Any:
            path = request.url.path
            return httpx.Response(200, json={"value": values[path]}) if path in values else httpx.Response(404, json={})

        assert answering(handler, token="t").read_variables({"a", "b_password", "c"}) == {"a": "1"}

    def test_nothing_is_sent_where_nothing_differs(self) -> None:
        seen = []

        def handler(request: Any) -> Any:
            seen.append(request.method)
            item = pool("host000", 8)._asdict()
            return httpx.Response(200, content=json.dumps({"pools": [item], "total_entries": 1}))

        answering(handler, token="t").apply_pools(wanted_pools({"a": fleet(1)}))
        assert seen == ["GET"]


def test_a_password_stands_in_no_repr() -> None:
    assert repr(RestApi("http://airflow.test/", username="admin", password="secret")) == "RestApi('http://airflow.test')"
