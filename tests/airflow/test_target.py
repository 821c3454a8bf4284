"""The Airflow that the command line talks to."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from airflow_balancer.airflow.connections import Plans
from airflow_balancer.airflow.occupancy import read_occupancy
from airflow_balancer.airflow.options import environment_option
from airflow_balancer.airflow.pools import Plan, PoolOccupancy, Update, plan_pools, wanted_pools
from airflow_balancer.cli.command import Request
from airflow_balancer.cli.pools import COMMAND
from airflow_balancer.errors import UnavailableError
from airflow_balancer.fleet.fleet import Fleet
from airflow_balancer.fleet.pools import PoolSlots
from airflow_balancer.viewer.catalogue import Catalogue
from airflow_balancer.viewer.configuration import Places
from airflow_balancer.viewer.models.requests import ConfigurationQuery
from airflow_balancer.viewer.pools import pools
from tests.airflow.databases import environment
from tests.airflow.pools_server import serving_pools

APPLY = """
import json, sys
from airflow_balancer.airflow.target import current_options, open_target
from airflow_balancer.fleet.fleet import Fleet

node = {"hosts": [{"name": "host1", "size": 8}], "create_connection": True, "default_password": {"key": "pw"}}
fleets = {"a.yaml": Fleet.from_data(node)}
with open_target(current_options()) as target:
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


def test_what_differs_is_plain_data_sorted_by_name() -> None:
    same, old, gone, new, edited = (PoolSlots(name, 1, "", include_deferred=False) for name in ("s", "b", "a", "c", "e"))
    plan = Plan((new,), (Update(old, old._replace(slots=2)),), (same, edited), (gone,), {"b": "why", "e": "by hand"})
    assert plan.rows() == [
        {"change": "orphaned", "name": "a", "note": "no configuration read here wants it; prune=true deletes it"},
        {"change": "update", "name": "b", "note": "why"},
        {"change": "create", "name": "c", "note": ""},
        {"change": "kept", "name": "e", "note": "by hand"},
    ]


class Here(NamedTuple):
    """An Airflow with one pool, in place of the metadata database."""

    def read_pools(self) -> list[PoolSlots]:
        return [PoolSlots("here", 3, "", include_deferred=False)]

    def read_occupancy(self) -> dict[str, PoolOccupancy]:
        return {"here": PoolOccupancy(3, 0, 0, 0, 0, 0)}

    def plan(self, fleets: Mapping[str, Fleet]) -> Plans:
        return Plans(plan_pools(wanted_pools(fleets), self.read_pools()), Plan())


MEANT = {"here": ["there"], "there": ["here"]}
"""The pools that are missing, by the Airflow that is compared."""


@pytest.fixture
def pages(tmp_path: Path) -> Catalogue:
    """The configurations of the page: one fleet of two hosts."""
    (tmp_path / "a.yaml").write_text("hosts: [{name: here, size: 3}, {name: there, size: 8}]\n")
    return Catalogue(lambda: Places((tmp_path,)))


@pytest.mark.parametrize("api_url", ["option", "argument", ""], ids=["api_url in the section", "api_url as argument", "no api_url"])
@pytest.mark.parametrize("airflow", [True, False], ids=["Airflow here", "no Airflow"])
def test_command_page_and_occupancy_mean_the_same_airflow(
    pages: Catalogue, tmp_path: Path, monkeypatch, *, airflow: bool, api_url: str
) -> None:
    pytest.importorskip("httpx")
    monkeypatch.setattr("airflow_balancer.airflow.versions.has_airflow", lambda: airflow)
    monkeypatch.setattr("airflow_balancer.airflow.versions.option", environment_option)
    module = ModuleType("database")
    module.MetadataDatabase, module.open_engine = lambda _: Here(), lambda: None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "airflow_balancer.airflow.database", module)
    monkeypatch.setattr("airflow_balancer.viewer.pools.SECONDS", 30)
    with serving_pools(there=1) as url:
        given = {"api_url": url} if api_url == "argument" else {}
        if api_url == "option":
            monkeypatch.setenv("AIRFLOW__BALANCER__API_URL", url)
        meant = "there" if api_url else "here" if airflow else ""

        def command() -> list[str]:
            report = COMMAND.answer(Request(tmp_path / "a.yaml", keys=given))
            return [row["name"] for row in report["pools"] if row["change"] == "create"]

        def page() -> list[str]:
            (identity,) = pages.look().configurations
            answer = pools(pages, ConfigurationQuery(configuration=identity))
            if not answer.available:
                raise UnavailableError(answer.why)
            return [row.name for row in answer.changes if row.change == "create"]

        def occupancy() -> list[str]:
            return MEANT[next(iter(read_occupancy(seconds=30, **given).pools))]

        # The page takes no address.
        for ask in (command, occupancy) if given else (command, page, occupancy):
            if meant:
                assert ask() == MEANT[meant]
            else:
                with pytest.raises(UnavailableError, match=r"there is no Airflow here; give the address .*AIRFLOW__BALANCER__API_URL"):
                    ask()
