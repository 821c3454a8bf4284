"""The Airflow that the command line talks to."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from airflow_balancer.airflow.connections import shown, wanted_connections
from airflow_balancer.airflow.plan import Plan, Update
from airflow_balancer.airflow.settings import BalancerSettings
from airflow_balancer.airflow.targets import open_target
from airflow_balancer.errors import ConfigurationError
from airflow_balancer.fleet.fleet import Fleet
from airflow_balancer.fleet.pools import PoolSlots
from tests.airflow.databases import environment

APPLY = """
import json, sys
from airflow_balancer.airflow.targets import current_settings, open_target
from airflow_balancer.fleet.fleet import Fleet

node = {"hosts": [{"name": "host1", "size": 8}], "create_connection": True, "default_password": {"key": "pw"}}
fleets = {"a.yaml": Fleet.from_data(node)}
with open_target(current_settings()) as target:
    differs = target.plan(fleets).differs()
    plans = target.apply(fleets)
    print(json.dumps([differs, plans.pools.summary(), plans.connections.summary(), target.plan(fleets).differs()]))
"""
HOOK = """
from airflow.models.connection import Connection
from airflow.utils.session import create_session
with create_session() as session:
    made = session.query(Connection).one()
    print([made.conn_id, made.conn_type, made.host, made.login, made.password, made.is_encrypted])
"""


def run(script: str, env: dict[str, str]) -> Any:
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1].replace("'", '"').replace("True", "true"))


@pytest.mark.slow
def test_pools_and_connections_go_into_the_metadata_database(database: str, tmp_path: Path) -> None:
    key = "81HqDtbqAywKSOumSha3BhWNOdQ26slT6K0YaZeZyPs="
    env = environment(tmp_path, database, AIRFLOW__CORE__FERNET_KEY=key, AIRFLOW_VAR_PW="secret")
    counts = "1 created, 0 updated, 0 unchanged, 0 orphaned"
    assert run(APPLY, env) == [True, counts, counts, False]
    assert run(HOOK, env) == ["host1", "ssh", "host1.local", "airflow", "secret", True]


def test_without_airflow_an_address_is_needed() -> None:
    if find_spec("airflow"):
        pytest.skip("Airflow is installed")
    with pytest.raises(ConfigurationError, match="there is no Airflow here"), open_target(BalancerSettings()):
        pass


def test_changes_are_plain_data_sorted_by_name() -> None:
    one, two, three = (PoolSlots(name, 1, "", include_deferred=False) for name in ("a", "b", "c"))
    plan = Plan(create=(three,), update=(Update(two, two._replace(slots=2)),), orphaned=(one,), notes={"b": "why"})
    old = {"slots": 1, "description": "", "include_deferred": False}
    assert plan.changes(PoolSlots._asdict) == [
        {"name": "a", "action": "orphaned", "before": {"name": "a", **old}, "after": None, "note": ""},
        {"name": "b", "action": "update", "before": {"name": "b", **old}, "after": {"name": "b", **old, "slots": 2}, "note": "why"},
        {"name": "c", "action": "create", "before": None, "after": {"name": "c", **old}, "note": ""},
    ]


def test_secrets_of_a_connection_are_not_shown() -> None:
    args = {"private_key": "key-text", "conn_timeout": 3}
    node = {"create_connection": True, "hosts": [{"name": "host1", "password": "word", "ssh_hook_args": args}]}
    made = shown(wanted_connections({"a": Fleet.from_data(node)}, {})["host1"])
    assert (made["password"], made["extra"]) == ("**********", {"private_key": "**********", "conn_timeout": 3})
