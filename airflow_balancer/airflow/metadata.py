"""The metadata database: reads pools and connections and applies plans, over one SQLAlchemy Core connection.

Each apply is a few statements whatever the number of rows, in a savepoint: all of it is written, or nothing.
It runs inside another's transaction (the scheduler's, which must not be committed) as well as in its own.
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
N = TypeVar("N", PoolSlots, SshConnection)
_CHUNK = 2_500
"""The most rows of one statement: ten columns of them stay below SQLite's 32,766 parameters."""
PATIENCE = 400
"""The longest wait for another's lock, in milliseconds: below PostgreSQL's deadlock_timeout of a second,
so that in a deadlock this side gives way, never the scheduler."""


def _pools(*more: str) -> TableClause:
    columns = (column("pool", String), column("slots", Integer), column("description", String), column("include_deferred", Boolean))
    return table("slot_pool", *columns, *(column(name, String) for name in more))


POOLS = _pools()
TEAM_POOLS = _pools("team_name")
"""The same table with the column that it has from Airflow 3.3 on."""
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
    """What encrypts Airflow's secrets: Airflow's Fernet, or its stand-in that leaves them in clear."""

    is_encrypted: Any

    def encrypt(self, msg: bytes) -> bytes:
        """Return the encrypted `msg`."""

    def decrypt(self, msg: bytes) -> bytes:
        """Return the decrypted `msg`."""


def refusal(original: BaseException | None) -> str:
    """Return in one line what the database's driver said, without the values that it was given: they may be secrets."""
    # PostgreSQL names the values of a row in the lines after the first.
    first, *_ = str(original).strip().splitlines() or [""]
    return f"the metadata database refuses ({type(original).__name__}: {first})"


def read_pools(connection: Connection, pools: TableClause = POOLS) -> list[PoolSlots]:
    """Return all pools of Airflow, with their teams where the table has those."""
    rows = connection.execute(select(*pools.c))
    return [PoolSlots(name or "", slots, text or "", bool(deferred), *team) for name, slots, text, deferred, *team in rows]


def read_teams(connection: Connection) -> set[str]:
    """Return the names of Airflow's teams."""
    return set(connection.scalars(select(TEAMS.c.name)))


def _table_of(wanted: Mapping[str, WantedPool]) -> TableClause:
    return TEAM_POOLS if name_teams(wanted) else POOLS


def read_users(connection: Connection, pools: Iterable[str]) -> dict[str, list[str]]:
    """Return the unfinished tasks of each of the pools: those that have not ended, of runs that have not."""
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
    """Return the plan for the `wanted` pools, which deletes none that unfinished tasks use."""
    plan = plan_pools(wanted, read_pools(connection, _table_of(wanted)))
    return spare_used(plan, read_users(connection, [pool.name for pool in plan.orphaned])) if plan.orphaned else plan


def read_occupancy(connection: Connection) -> dict[str, PoolOccupancy]:
    """Return how full each pool is, counted as Airflow's `Pool.slots_stats` does, in two queries."""
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
    """Return all connections of Airflow, with the secrets of those only that the balancer made."""
    rows = connection.execute(select(*CONNECTIONS.c))
    return [_connection(dict(row._mapping), cipher) for row in rows]


def read_variables(connection: Connection, keys: Iterable[str], cipher: Cipher) -> dict[str, str]:
    """Return the values of those Airflow Variables of the `keys` that are in the metadata database."""
    columns = (VARIABLES.c.key, VARIABLES.c.val, VARIABLES.c.is_encrypted)
    rows = connection.execute(select(*columns).where(VARIABLES.c.key.in_(sorted(keys))))
    return {key: _clear(value, encrypted, cipher) or "" for key, value, encrypted in rows}


def apply_pools(
    connection: Connection, wanted: Mapping[str, WantedPool], *, prune: bool = False, patience: int = PATIENCE
) -> Plan[PoolSlots]:
    """Make Airflow's pools what is `wanted`, and return the plan that was applied.

    Args:
        connection: A connection whose transaction the caller commits.
        wanted: The pools by name.
        prune: Whether orphaned pools are deleted that no unfinished task uses.
        patience: The longest wait for a lock of another process on PostgreSQL, in milliseconds.

    Raises:
        sqlalchemy.exc.DBAPIError: The database refuses; nothing is written, the caller's transaction goes on.
    """
    pools = _table_of(wanted)

    def write(plan: Plan[PoolSlots]) -> None:
        after = [*plan.create, *(change.after for change in plan.update)]
        _upsert(connection, pools, [dict(zip(pools.c.keys(), pool, strict=False)) for pool in after])
        if prune:
            _delete(connection, pools, [pool.name for pool in plan.orphaned])

    def plan() -> Plan[PoolSlots]:
        return plan_with_users(connection, wanted) if prune else plan_pools(wanted, read_pools(connection, pools))

    return _apply(connection, pools, plan, write, prune=prune, patience=patience)


def apply_connections(
    connection: Connection, wanted: Mapping[str, SshConnection], cipher: Cipher, *, prune: bool = False, patience: int = PATIENCE
) -> Plan[SshConnection]:
    """Make Airflow's connections what is `wanted`, as `apply_pools` does with pools."""

    def write(plan: Plan[SshConnection]) -> None:
        after = [*plan.create, *(change.after for change in plan.update)]
        _upsert(connection, CONNECTIONS, [_row(item, cipher) for item in after])
        if prune:
            _delete(connection, CONNECTIONS, [item.name for item in plan.orphaned])

    def plan() -> Plan[SshConnection]:
        return plan_connections(wanted, read_connections(connection, cipher))

    return _apply(connection, CONNECTIONS, plan, write, prune=prune, patience=patience)


def _apply(
    connection: Connection, rows: TableClause, plan: Callable[[], Plan[N]], write: Callable[[Plan[N]], None], *, prune: bool, patience: int
) -> Plan[N]:
    with connection.begin_nested():
        first = plan()
    if not first.differs(prune=prune):
        return first
    with connection.begin_nested(), _locked(connection, rows, patience):
        # Planned again: another process may have applied the same since.
        settled = plan()
        if settled.differs(prune=prune):
            write(settled)
    return settled


@contextmanager
def _locked(connection: Connection, rows: TableClause, patience: int) -> Iterator[None]:
    """Keep other writers from the table; readers, and the scheduler's row locks on pools, are not kept."""
    if connection.dialect.name == "sqlite":
        # Writes nothing, but takes SQLite's write lock before anything is read: a lock taken later fails at once.
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
    """Return one statement that writes `values`; the first column of the table is the unique one."""
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
    except Exception:  # written under another Fernet key, or edited into no JSON: both are written anew
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
