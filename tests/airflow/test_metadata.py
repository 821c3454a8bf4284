"""Plans applied to real metadata databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from airflow_balancer.fleet.fleet import Fleet
from airflow_balancer.fleet.pools import PoolSlots

sqlalchemy = pytest.importorskip("sqlalchemy", reason="Airflow is not installed")

from sqlalchemy.engine import Connection, Engine  # noqa: E402

from airflow_balancer.airflow.connections import wanted_connections  # noqa: E402
from airflow_balancer.airflow.metadata import apply_connections, apply_pools, read_connections, read_pools, read_variables  # noqa: E402
from airflow_balancer.airflow.pools import WantedPool, mark, wanted_pools  # noqa: E402
from tests.airflow.rows import insert  # noqa: E402

DEFAULT = PoolSlots("default_pool", 128, "Default pool", include_deferred=False)


class Cipher:
    """Turns texts around."""

    is_encrypted = True

    def encrypt(self, msg: bytes) -> bytes:
        return msg[::-1]

    decrypt = encrypt


def fleet(count: int = 2, ports: int = 0, **node: Any) -> Fleet:
    named = [{"name": f"host{n}", "size": 8} for n in range(count)]
    each = [{"host": f"host{n}", "port": 8000 + m} for n in range(count) for m in range(ports)]
    return Fleet.from_data({"hosts": named, "ports": each, **node})


def wanted(*args: int, **node: Any) -> dict[str, WantedPool]:
    return wanted_pools({"a.yaml": fleet(*args, **node)})


def pool(name: str, slots: int, given: int) -> PoolSlots:
    return PoolSlots(name, slots, mark(f"Balancer pool for host({name})", given), include_deferred=True)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = sqlalchemy.create_engine(database)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        yield connection


def edit(connection: Connection, name: str, slots: int) -> None:
    connection.execute(sqlalchemy.text("UPDATE slot_pool SET slots = :slots WHERE pool = :name"), {"slots": slots, "name": name})


def statements(engine: Engine) -> list[str]:
    seen: list[str] = []
    sqlalchemy.event.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    return seen


class TestPools:
    def test_pools_are_made(self, connection: Connection) -> None:
        apply_pools(connection, wanted(1, 1))
        port = PoolSlots("host0-8000", 1, mark("Balancer pool for host(host0) port(8000)", 1), include_deferred=True)
        assert sorted(read_pools(connection)) == [DEFAULT, pool("host0", 8, 8), port]

    def test_slots_edited_by_hand_stay_and_the_others_follow(self, connection: Connection) -> None:
        apply_pools(connection, wanted())
        edit(connection, "host0", 5)
        apply_pools(connection, wanted(hosts=[{"name": "host0", "size": 4}, {"name": "host1", "size": 4}]))
        assert sorted(read_pools(connection)) == [DEFAULT, pool("host0", 5, 8), pool("host1", 4, 4)]

    def test_orphans_stay_until_pruned(self, connection: Connection) -> None:
        apply_pools(connection, wanted(2))
        apply_pools(connection, wanted(1))
        assert sorted(read_pools(connection)) == [DEFAULT, pool("host0", 8, 8), pool("host1", 8, 8)]
        apply_pools(connection, wanted(1), prune=True)
        assert sorted(read_pools(connection)) == [DEFAULT, pool("host0", 8, 8)]

    @pytest.mark.parametrize(
        ("run", "state", "spared"),
        [
            ("running", "running", True),
            ("queued", None, True),
            ("running", "up_for_retry", True),
            ("running", "deferred", True),
            ("running", "success", False),
            ("failed", None, False),
            ("running", "failed", False),
        ],
    )
    def test_orphans_that_unfinished_tasks_use_are_not_pruned(
        self, connection: Connection, run: str, state: str | None, *, spared: bool
    ) -> None:
        apply_pools(connection, wanted(2))
        insert(connection, "dag_run", dag_id="etl", run_id="now", state=run, run_type="manual")
        insert(connection, "task_instance", dag_id="etl", task_id="t", run_id="now", map_index=2, state=state, pool="host1", pool_slots=1)
        plan = apply_pools(connection, wanted(1), prune=True)
        assert (pool("host1", 8, 8) in read_pools(connection)) is spared
        note = "no configuration read here wants it, but 1 unfinished task would never end without it: etl.t[2]"
        assert [str(problem) for problem in plan.problems] == ([f"pool 'host1': {note}"] if spared else [])

    def test_five_thousand_pools_take_a_dozen_statements(self, engine: Engine) -> None:
        many = wanted(1000, 4)
        seen = statements(engine)
        with engine.begin() as connection:
            apply_pools(connection, many)
        assert len(seen) <= 12
        with engine.connect() as connection:
            assert len(read_pools(connection)) == 5001

    def test_an_applied_plan_is_one_look(self, engine: Engine) -> None:
        with engine.begin() as connection:
            apply_pools(connection, wanted())
        seen = statements(engine)
        with engine.begin() as connection:
            apply_pools(connection, wanted())
        assert [statement.split()[0] for statement in seen] == ["SAVEPOINT", "SELECT", "RELEASE"]

    def test_a_refused_write_leaves_the_callers_transaction_alive(self, connection: Connection) -> None:
        too_many = WantedPool(PoolSlots("host0", 2**70, "", include_deferred=False), override=False, origin="a.yaml")
        with pytest.raises((sqlalchemy.exc.DBAPIError, OverflowError)):
            apply_pools(connection, {"host0": too_many})
        assert read_pools(connection) == [DEFAULT]

    def test_a_missing_table_leaves_the_callers_transaction_alive(self, connection: Connection) -> None:
        connection.execute(sqlalchemy.text("ALTER TABLE slot_pool RENAME TO elsewhere"))
        with pytest.raises(sqlalchemy.exc.DBAPIError):
            apply_pools(connection, wanted())
        assert connection.execute(sqlalchemy.text("SELECT count(*) FROM elsewhere")).scalar() == 1


class TestConnections:
    def hosts(self, **host: Any) -> dict[str, Fleet]:
        return {"a.yaml": fleet(hosts=[{"name": "host0", "username": "me", "password": "secret", **host}], create_connection=True)}

    def test_a_connection_is_made_encrypted(self, connection: Connection) -> None:
        apply_connections(connection, wanted_connections(self.hosts(), {}), Cipher())
        stored = connection.execute(sqlalchemy.text("SELECT conn_id, conn_type, host, login, password, is_encrypted FROM connection"))
        assert [tuple(row) for row in stored] == [("host0", "ssh", "host0.local", "me", "terces", True)]

    def test_a_connection_is_read_as_it_was_written(self, connection: Connection) -> None:
        wanted = wanted_connections(self.hosts(ssh_hook_args={"port": 2222, "conn_timeout": 3}), {})
        apply_connections(connection, wanted, Cipher())
        assert read_connections(connection, Cipher()) == list(wanted.values())
        assert not apply_connections(connection, wanted, Cipher()).differs()

    def test_a_changed_password_is_written(self, connection: Connection) -> None:
        apply_connections(connection, wanted_connections(self.hosts(), {}), Cipher())
        apply_connections(connection, wanted_connections(self.hosts(password="other"), {}), Cipher())
        assert [item.password for item in read_connections(connection, Cipher())] == ["other"]

    def test_a_connection_that_others_made_is_left(self, connection: Connection) -> None:
        insert = "INSERT INTO connection (conn_id, conn_type, is_encrypted, is_extra_encrypted) VALUES ('host0', 'http', :no, :no)"
        connection.execute(sqlalchemy.text(insert), {"no": False})
        plan = apply_connections(connection, wanted_connections(self.hosts(), {}), Cipher(), prune=True)
        assert plan.notes == {"host0": "others made this connection; delete it to let the balancer make its own"}
        assert [item.conn_type for item in read_connections(connection, Cipher())] == ["http"]

    def test_a_thousand_connections_take_a_dozen_statements(self, engine: Engine) -> None:
        many = wanted_connections({"a.yaml": fleet(1000, create_connection=True)}, {})
        seen = statements(engine)
        with engine.begin() as connection:
            apply_connections(connection, many, Cipher())
        assert len(seen) <= 12

    def test_variables_are_read(self, connection: Connection) -> None:
        insert = "INSERT INTO variable (key, val, is_encrypted) VALUES ('one', 'eno', :yes), ('two', 'two', :no)"
        connection.execute(sqlalchemy.text(insert), {"yes": True, "no": False})
        assert read_variables(connection, {"one", "two", "three"}, Cipher()) == {"one": "one", "two": "two"}


def test_mysql_gets_its_own_upsert() -> None:
    from sqlalchemy.dialects import mysql

    from airflow_balancer.airflow.metadata import POOLS, upsert

    statement = upsert("mysql", POOLS, [{"pool": "a", "slots": 1, "description": "", "include_deferred": False}])
    text = " ".join(str(statement.compile(dialect=mysql.dialect())).split())  # type: ignore[no-untyped-call]
    assert text == (
        "INSERT INTO slot_pool (pool, slots, description, include_deferred) VALUES (%s, %s, %s, %s) ON DUPLICATE KEY UPDATE "
        "slots = VALUES(slots), description = VALUES(description), include_deferred = VALUES(include_deferred)"
    )
