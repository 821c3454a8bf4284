"""Reads pools and connections and applies plans in the metadata database, over one SQLAlchemy Core connection.

Each apply takes a few statements, however many rows it writes. They share a savepoint, so it writes everything or nothing,
also inside the scheduler's transaction, which this module must not commit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from sqlalchemy import Boolean, Integer, String, column, delete, false, func, select, table, text, update
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.sql.expression import Executable, TableClause

from ..fleet.pools import PoolSlots
from .connections import SshConnection, is_ours, plan_connections
from .pools import COUNTED_STATES, UNFINISHED_STATES, Plan, PoolOccupancy, WantedPool, limit_of, plan_pools, spare_used, task_name
from .teams import name_teams

T = TypeVar("T")
N = TypeVar("N", bound=PoolSlots | SshConnection)
_CHUNK = 2_500
"""The most rows in one statement: ten columns each stay below SQLite's 32,766 parameters."""
PATIENCE = 400
"""The longest wait for a lock, in milliseconds: below PostgreSQL's deadlock_timeout of a second,
so that in a deadlock this side gives way, never the scheduler."""


def _pools(*more: str) -> TableClause:
    columns = (column("pool", String), column("slots", Integer), column("description", String), column("include_deferred", Boolean))
    return table("slot_pool", *columns, *(column(name, String) for name in more))


POOLS = _pools()
TEAM_POOLS = _pools("team_name")
"""The same table since Airflow 3.3."""
TEAMS = table("team", column("name", String))
CONNECTIONS = table(
    "connection",
    *(column(name, String) for name in ("conn_id", "conn_type", "host", "login", "password", "extra", "description")),
    column("port", Integer),
    column("is_encrypted", Boolean),
    column("is_extra_encrypted", Boolean),
)
TASKS = table(
    "task_instance",
    *(column(name, String) for name in ("dag_id", "task_id", "run_id", "pool", "state")),
    *(column(name, Integer) for name in ("map_index", "pool_slots")),
)
RUNS = table("dag_run", *(column(name, String) for name in ("dag_id", "run_id", "state")))
VARIABLES = table("variable", column("key", String), column("val", String), column("is_encrypted", Boolean))


class Cipher(Protocol):
    """Airflow's Fernet, which encrypts secrets, or its stand-in, which leaves them in clear text."""

    is_encrypted: Any

    def encrypt(self, msg: bytes) -> bytes:
        """Return the encrypted `msg`."""

    def decrypt(self, msg: bytes) -> bytes:
        """Return the decrypted `msg`."""


def refusal(original: BaseException | None) -> str:
    """Return the database driver's message in one line, without the row's values, which may be secrets."""
    # PostgreSQL quotes the values in the lines after the first.
    first, *_ = str(original).strip().splitlines() or [""]
    return f"the metadata database refuses ({type(original).__name__}: {first})"


def read_pools(connection: Connection, pools: TableClause = POOLS) -> list[PoolSlots]:
    """Return all of Airflow's pools, with their teams if the table has that column."""
    rows = connection.execute(select(*pools.c))
    return [PoolSlots(name or "", slots, text or "", bool(deferred), *team) for name, slots, text, deferred, *team in rows]


def read_teams(connection: Connection) -> set[str]:
    """Return the names of Airflow's teams."""
    return set(connection.scalars(select(TEAMS.c.name)))


def _table_of(wanted: Mapping[str, WantedPool]) -> TableClause:
    return TEAM_POOLS if name_teams(wanted) else POOLS


def read_users(connection: Connection, pools: Iterable[str]) -> dict[str, list[str]]:
    """Return the unfinished tasks in each pool, of runs that have not ended."""
    same_run = (TASKS.c.dag_id == RUNS.c.dag_id) & (TASKS.c.run_id == RUNS.c.run_id)
    open_tasks = TASKS.c.state.is_(None) | TASKS.c.state.in_(UNFINISHED_STATES)
    columns = (TASKS.c.pool, TASKS.c.dag_id, TASKS.c.task_id, TASKS.c.map_index)
    query = select(*columns).select_from(TASKS.join(RUNS, same_run)).where(open_tasks, RUNS.c.state.in_(("queued", "running")))
    users: dict[str, list[str]] = {}
    for chunk in _chunks(sorted(pools)):
        for pool, dag, task, index in connection.execute(query.where(TASKS.c.pool.in_(chunk)).distinct()):
            users.setdefault(pool, []).append(task_name(dag, task, index))
    return users


def plan_with_users(connection: Connection, wanted: Mapping[str, WantedPool]) -> Plan[PoolSlots]:
    """Return the plan for the `wanted` pools; it spares pools that unfinished tasks use."""
    plan = plan_pools(wanted, read_pools(connection, _table_of(wanted)))
    return spare_used(plan, read_users(connection, [pool.name for pool in plan.orphaned])) if plan.orphaned else plan


def read_occupancy(connection: Connection) -> dict[str, PoolOccupancy]:
    """Return each pool's occupancy, counted as Airflow's `Pool.slots_stats` does, in two queries."""
    counts: dict[str, dict[str, int]] = {}
    query = select(TASKS.c.pool, TASKS.c.state, func.sum(TASKS.c.pool_slots)).where(TASKS.c.state.in_(COUNTED_STATES))
    for pool, state, slots in connection.execute(query.group_by(TASKS.c.pool, TASKS.c.state)):
        counts.setdefault(pool, {})[state] = int(slots)
    return {pool.name: _occupancy(pool, counts.get(pool.name, {})) for pool in read_pools(connection)}


def _occupancy(pool: PoolSlots, counts: Mapping[str, int]) -> PoolOccupancy:
    by_state = {state: counts.get(state, 0) for state in COUNTED_STATES}
    taken = by_state["running"] + by_state["queued"] + (by_state["deferred"] if pool.include_deferred else 0)
    return PoolOccupancy(limit_of(pool.slots), **by_state, taken=taken)


def read_connections(connection: Connection, cipher: Cipher) -> list[SshConnection]:
    """Return all of Airflow's connections; only those that the balancer made come with their secrets."""
    rows = connection.execute(select(*CONNECTIONS.c))
    return [_connection(dict(row._mapping), cipher) for row in rows]


def read_variables(connection: Connection, keys: Iterable[str], cipher: Cipher) -> dict[str, str]:
    """Return the values of the Airflow Variables with these `keys`, as far as the metadata database has them."""
    columns = (VARIABLES.c.key, VARIABLES.c.val, VARIABLES.c.is_encrypted)
    rows = connection.execute(select(*columns).where(VARIABLES.c.key.in_(sorted(keys))))
    return {key: _clear(value, encrypted, cipher) or "" for key, value, encrypted in rows}


def apply_pools(
    connection: Connection, wanted: Mapping[str, WantedPool], *, prune: bool = False, patience: int = PATIENCE
) -> Plan[PoolSlots]:
    """Bring Airflow's pools to what is `wanted`, and return the plan carried out.

    Args:
        connection: A connection whose transaction the caller commits.
        wanted: The pools by name.
        prune: Whether to delete orphaned pools that no unfinished task uses.
        patience: The longest wait for another process's lock on PostgreSQL, in milliseconds.

    Raises:
        sqlalchemy.exc.DBAPIError: The database refuses. Nothing is written, and the caller's transaction stays usable.
    """
    pools = _table_of(wanted)

    def plan() -> Plan[PoolSlots]:
        return plan_with_users(connection, wanted) if prune else plan_pools(wanted, read_pools(connection, pools))

    def row(pool: PoolSlots) -> dict[str, Any]:
        return dict(zip(pools.c.keys(), pool, strict=False))

    return _apply(connection, pools, plan, row, prune=prune, patience=patience)


def apply_connections(
    connection: Connection, wanted: Mapping[str, SshConnection], cipher: Cipher, *, prune: bool = False, patience: int = PATIENCE
) -> Plan[SshConnection]:
    """Bring Airflow's connections to what is `wanted`, as `apply_pools` does with pools."""

    def plan() -> Plan[SshConnection]:
        return plan_connections(wanted, read_connections(connection, cipher))

    return _apply(connection, CONNECTIONS, plan, lambda item: _row(item, cipher), prune=prune, patience=patience)


def _apply(
    connection: Connection,
    rows: TableClause,
    plan: Callable[[], Plan[N]],
    row: Callable[[N], Mapping[str, Any]],
    *,
    prune: bool,
    patience: int,
) -> Plan[N]:
    with connection.begin_nested():
        first = plan()
    if not first.differs(prune=prune):
        return first
    with connection.begin_nested(), _locked(connection, rows, patience):
        # Plan again under the lock: another process may have applied the same plan in the meantime.
        settled = plan()
        after = [*settled.create, *(change.after for change in settled.update)]
        _upsert(connection, rows, [row(item) for item in after])
        if prune:
            _delete(connection, rows, [item.name for item in settled.orphaned])
    return settled


@contextmanager
def _locked(connection: Connection, rows: TableClause, patience: int) -> Iterator[None]:
    """Block other writers of the table, but not its readers, nor the scheduler's row locks on pools."""
    if connection.dialect.name == "sqlite":
        # This writes nothing, but takes SQLite's write lock before the first read: taken later, it fails at once.
        some = next(iter(rows.c))
        connection.execute(update(rows).values({some.name: some}).where(false()))
        yield
    elif connection.dialect.name == "postgresql":
        timeout = "SELECT current_setting('lock_timeout'), set_config('lock_timeout', :timeout, true)"
        before = connection.execute(text(timeout), {"timeout": f"{patience}ms"}).scalar()
        connection.execute(text(f"LOCK TABLE {rows.name} IN SHARE ROW EXCLUSIVE MODE"))
        yield
        connection.execute(text(timeout), {"timeout": before})
    else:
        yield


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


def _upsert(connection: Connection, rows: TableClause, values: Sequence[Mapping[str, Any]]) -> None:
    for chunk in _chunks(sorted(values, key=lambda row: str(next(iter(row.values()))))):
        connection.execute(upsert(connection.dialect.name, rows, chunk))


def upsert(dialect: str, rows: TableClause, values: Sequence[Mapping[str, Any]]) -> Executable:
    """Return one statement that inserts or updates `values`; the table's first column is the unique one."""
    unique, *others = (str(item.name) for item in rows.c)
    if dialect == "mysql":
        statement = mysql.insert(rows).values(list(values))
        return statement.on_duplicate_key_update({name: statement.inserted[name] for name in others})
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    new: Any = insert(rows).values(list(values))
    conflict: Executable = new.on_conflict_do_update(index_elements=[unique], set_={name: new.excluded[name] for name in others})
    return conflict


def _delete(connection: Connection, rows: TableClause, names: Sequence[str]) -> None:
    for chunk in _chunks(names):
        connection.execute(delete(rows).where(next(iter(rows.c)).in_(chunk)))


def _clear(value: str | None, encrypted: object, cipher: Cipher) -> str | None:
    return cipher.decrypt(value.encode()).decode() if value and encrypted else value


def _secret(value: str | None, cipher: Cipher) -> str | None:
    return cipher.encrypt(value.encode()).decode() if value else value


def _connection(row: dict[Any, Any], cipher: Cipher) -> SshConnection:
    description = row["description"] or ""
    item = SshConnection(row["conn_id"], row["host"], row["login"], None, row["port"], "{}", description, row["conn_type"] or "")
    if not is_ours(item):
        return item
    try:
        password = _clear(row["password"], row["is_encrypted"], cipher)
        extra = json.dumps(json.loads(_clear(row["extra"], row["is_extra_encrypted"], cipher) or "{}"), sort_keys=True)
    except Exception:  # encrypted with another Fernet key, or edited into invalid JSON: write it again
        return item._replace(extra="")
    return item._replace(password=password, extra=extra)


def _row(item: SshConnection, cipher: Cipher) -> dict[str, Any]:
    encrypted = bool(cipher.is_encrypted)
    return {
        "conn_id": item.name,
        "conn_type": item.conn_type,
        "host": item.host,
        "login": item.login,
        "password": _secret(item.password, cipher),
        "extra": _secret(item.extra, cipher),
        "description": item.description,
        "port": item.port,
        "is_encrypted": encrypted and bool(item.password),
        "is_extra_encrypted": encrypted,
    }
