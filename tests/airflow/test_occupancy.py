"""How full the pools are, read from real metadata databases, and from those that do not answer."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Event, Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING

import pytest

from airflow_balancer.airflow.occupancy import host_load, load_of, read_occupancy
from airflow_balancer.airflow.pools import PoolOccupancy
from airflow_balancer.airflow.target import within
from airflow_balancer.errors import UnavailableError
from airflow_balancer.fleet.fleet import Fleet

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

SECONDS = 0.4
LATEST = SECONDS + 1.5
"""When a deadline of SECONDS has passed, also on a busy machine."""
FLEET = Fleet.from_data({"hosts": [{"name": "host1", "size": 8}, {"name": "host2", "size": 4}]})
ENDLESS = -1


def taken(slots: int) -> PoolOccupancy:
    return PoolOccupancy(100, slots, 0, 0, 0, slots)


class TestLoad:
    def test_a_host_has_the_load_of_its_pool(self) -> None:
        assert load_of(FLEET, {"host1": taken(3), "elsewhere": taken(5)}) == {"host1": 3, "host2": 0}

    def test_hosts_share_the_load_of_their_pool_by_size_rounded_up(self) -> None:
        sizes = {"a": 8, "b": 16, "c": 8}
        shared = Fleet.from_data(
            {"hosts": [{"name": name, "size": size, "pool": {"pool": "p", "slots": 32}} for name, size in sizes.items()]}
        )
        assert load_of(shared, {"p": taken(9)}) == {"a": 3, "b": 5, "c": 3}
        assert load_of(shared, {"p": taken(32)}) == sizes

    def test_infinitely_many_slots_are_never_full(self) -> None:
        assert PoolOccupancy(None, 3, 1, 0, 0, 4).open is None
        assert PoolOccupancy(3, 3, 1, 0, 0, 4).open == -1


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """A metadata database with two pools of hosts, tasks of each state in them, and a pool without a limit."""
    import sqlalchemy

    from tests.airflow.rows import add_pool, add_tasks

    engine = sqlalchemy.create_engine(database)
    with engine.begin() as connection:
        add_pool(connection, "host1", 8)
        add_pool(connection, "host2", 4, include_deferred=True)
        add_pool(connection, "endless", ENDLESS)
        for pool in ("host1", "host2", "endless", "unknown"):
            add_tasks(connection, pool, running=2, queued=1, deferred=3, scheduled=4, success=5, up_for_retry=6)
        add_tasks(connection, "host1", running=1)
    yield engine
    engine.dispose()


@pytest.fixture
def here(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The same, as the metadata database of this process."""
    monkeypatch.setattr("airflow_balancer.airflow.versions.engine", lambda: engine)
    return engine


@pytest.mark.slow
class TestMetadata:
    def test_slots_are_counted_by_state(self, engine: Engine) -> None:
        from airflow_balancer.airflow import metadata

        with engine.connect() as connection:
            assert metadata.read_occupancy(connection) == {
                "default_pool": PoolOccupancy(128, 0, 0, 0, 0, 0),
                "host1": PoolOccupancy(8, running=3, queued=1, deferred=3, scheduled=4, taken=4),
                "host2": PoolOccupancy(4, running=2, queued=1, deferred=3, scheduled=4, taken=6),
                "endless": PoolOccupancy(None, running=2, queued=1, deferred=3, scheduled=4, taken=3),
            }

    def test_they_are_counted_as_airflow_counts_them(self, engine: Engine) -> None:
        from airflow.models.pool import Pool
        from sqlalchemy.orm import Session

        from airflow_balancer.airflow import metadata

        with engine.connect() as connection, Session(engine) as session:
            ours, stats = metadata.read_occupancy(connection), Pool.slots_stats(session=session)
            for pool in session.query(Pool):
                assert ours[pool.pool].taken == pool.occupied_slots(session=session)
        keys = ("running", "queued", "deferred", "scheduled")
        assert {name: {key: getattr(pool, key) for key in keys} for name, pool in ours.items()} == {
            name: {key: counts[key] for key in keys} for name, counts in stats.items()
        }
        assert {name: float("inf") if pool.open is None else pool.open for name, pool in ours.items()} == {
            name: counts["open"] for name, counts in stats.items()
        }

    def test_the_load_of_hosts_is_what_is_taken_in_their_pools(self, here: Engine) -> None:
        assert host_load(FLEET) == {"host1": 4, "host2": 6}
        assert read_occupancy().source == "the metadata database"

    def test_a_locked_database_is_given_up_in_time(self, here: Engine) -> None:
        here.dispose()
        with here.connect() as other:
            if here.dialect.name == "sqlite":
                # In Airflow's own mode, a writer keeps no reader out.
                other.exec_driver_sql("PRAGMA journal_mode = DELETE")
                other.exec_driver_sql("BEGIN EXCLUSIVE")
            else:
                other.exec_driver_sql("LOCK TABLE task_instance IN ACCESS EXCLUSIVE MODE")
            with gives_up(r"the metadata database (gave no answer within 0.4 s|refuses .* statement timeout)"):
                host_load(FLEET, seconds=SECONDS)
            sleep(SECONDS)
            if here.dialect.name == "postgresql":
                waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                assert other.exec_driver_sql(waiting).scalar() == 0
        assert host_load(FLEET, seconds=10) == {"host1": 4, "host2": 6}

    def test_an_api_server_that_is_given_is_read_in_place_of_the_database(self, here: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        with gives_up("http://127.0.0.1:1: cannot be reached"):
            read_occupancy(api_url="http://127.0.0.1:1", seconds=10)
        monkeypatch.setenv("AIRFLOW__BALANCER__API_URL", "http://127.0.0.1:1")
        with gives_up("http://127.0.0.1:1: cannot be reached"):
            host_load(FLEET, seconds=10)


@contextmanager
def gives_up(why: str) -> Iterator[None]:
    """Expect an error that says why, before the deadline has long passed."""
    began = monotonic()
    with pytest.raises(UnavailableError, match=why):
        yield
    assert monotonic() - began < LATEST


@contextmanager
def listening(answer: bytes = b"") -> Iterator[int]:
    """Give the port of a server that sends this answer at ten bytes a second, over and over, and nothing for no answer."""
    ended = Event()

    class Slow(BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):  # the client gave up
                while answer and not ended.is_set():
                    for start in range(len(answer)):
                        if ended.wait(0.1):
                            return
                        self.request.send(answer[start : start + 1])
            ended.wait()

    with ThreadingTCPServer(("127.0.0.1", 0), Slow) as server:
        Thread(target=server.serve_forever, args=(0.05,)).start()
        try:
            yield server.server_address[1]
        finally:
            ended.set()
            server.shutdown()


class TestDeadline:
    @pytest.fixture(autouse=True)
    def _away_from_airflow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("airflow_balancer.airflow.versions.has_airflow", lambda: False)

    @pytest.mark.parametrize("scheme", ["http", "https"])
    @pytest.mark.parametrize(
        "answer", [b"", b"H", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{"], ids=["silent", "endless", "trickling"]
    )
    def test_an_api_server_that_never_answers_is_given_up_in_time(self, scheme: str, answer: bytes) -> None:
        pytest.importorskip("httpx")
        with listening(answer) as port, gives_up(rf"the API server at {scheme}://127.0.0.1:{port}|cannot be reached"):
            read_occupancy(api_url=f"{scheme}://127.0.0.1:{port}", seconds=SECONDS)

    def test_a_dead_port_is_said_at_once(self) -> None:
        pytest.importorskip("httpx")
        with gives_up(r"http://127.0.0.1:1: cannot be reached \(ConnectError: .*refused\); check \[balancer\] api_url"):
            read_occupancy(api_url="http://127.0.0.1:1", seconds=10)

    def test_an_address_that_is_none_is_said(self) -> None:
        pytest.importorskip("httpx")
        with gives_up(r"http://127.0.0.1:port: is not a valid address \(.*\); check \[balancer\] api_url"):
            read_occupancy(api_url="http://127.0.0.1:port", seconds=SECONDS)

    def test_without_an_airflow_and_an_address_it_is_said_what_is_missing(self) -> None:
        with gives_up("there is no Airflow here; give the address of its API server in .*AIRFLOW__BALANCER__API_URL"):
            host_load(FLEET)

    def test_readings_that_hang_do_not_add_up(self) -> None:
        end, started = Event(), []
        try:
            for _ in range(6):
                with gives_up("it gave no answer within 0.1 s"):
                    within(0.1, "it", lambda: started.append(1) or end.wait(10))
        finally:
            end.set()
        assert 0 < len(started) <= 4
        assert within(1, "it", lambda: 5) == 5


@pytest.mark.slow
def test_a_database_that_never_answers_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("airflow") is None:
        pytest.skip("Airflow is not installed")
    sqlalchemy = pytest.importorskip("sqlalchemy", reason="SQLAlchemy comes with Airflow")
    pytest.importorskip("psycopg2", reason="psycopg2 is not installed: pip install psycopg2-binary")
    with listening() as port:
        engine = sqlalchemy.create_engine(f"postgresql+psycopg2://airflow@127.0.0.1:{port}/airflow")
        monkeypatch.setattr("airflow_balancer.airflow.versions.engine", lambda: engine)
        with gives_up("the metadata database gave no answer within 0.4 s"):
            host_load(FLEET, seconds=SECONDS)


@pytest.mark.slow
def test_a_task_of_airflow_3_has_no_database(python) -> None:
    pytest.importorskip("airflow.models", reason="Airflow is not installed")
    if importlib.metadata.version("apache-airflow").startswith("2."):
        pytest.skip("a task of Airflow 2 has one")
    code = (
        "from airflow.sdk.execution_time.supervisor import block_orm_access\n"
        "import airflow.settings\n"
        "block_orm_access()\n"
        "from airflow_balancer.airflow.occupancy import read_occupancy\n"
        "from airflow_balancer.errors import UnavailableError\n"
        "try:\n"
        "    read_occupancy()\n"
        "except UnavailableError as error:\n"
        "    print(error)\n"
    )
    message = "Database access is disabled from Dags and Triggers; give the address of the API server in [balancer] api_url"
    assert python(code).stdout.splitlines()[-1] == message
