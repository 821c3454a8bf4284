"""Teams of pools, where Airflow has them."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_balancer.airflow.pools import Plan, Update, WantedPool, importable, mark, plan_pools, wanted_pools
from airflow_balancer.airflow.teams import of_known_teams, without_teams
from airflow_balancer.errors import ConfigurationError
from airflow_balancer.fleet.fleet import Fleet
from airflow_balancer.fleet.pools import PoolSlots


def wanted(origin: str = "a.yaml", **node: Any) -> dict[str, WantedPool]:
    return wanted_pools({origin: Fleet.from_data({"hosts": {}, "pools": {"warehouse": 4}, **node})})


def warehouse(slots: int = 4, team: str | None = None) -> PoolSlots:
    return PoolSlots("warehouse", slots, mark("", slots), include_deferred=True, team=team)


class TestPlan:
    def test_a_new_pool_has_the_team(self) -> None:
        assert plan_pools(wanted(team="payments"), []) == Plan(create=(warehouse(team="payments"),))

    def test_a_team_that_is_given_later_is_an_update_that_says_so(self) -> None:
        plan = plan_pools(wanted(team="payments"), [warehouse()])
        update = Update(warehouse(), warehouse(team="payments"))
        assert plan == Plan(update=(update,), notes={"warehouse": "gets team 'payments'"})

    def test_another_team_is_an_update_that_names_both(self) -> None:
        assert plan_pools(wanted(team="payments"), [warehouse(team="old")]).notes == {"warehouse": "goes from team 'old' to 'payments'"}

    def test_without_a_team_a_pool_keeps_the_one_that_it_has(self) -> None:
        small, large = warehouse(2, team="payments"), warehouse(4, team="payments")
        assert plan_pools(wanted(), [small]) == Plan(update=(Update(small, large),))

    def test_two_configurations_may_not_want_other_teams(self) -> None:
        nodes = {"a.yaml": {"team": "payments"}, "b.yaml": {}}
        fleets = {origin: Fleet.from_data({"hosts": {}, "pools": {"warehouse": 4}, **node}) for origin, node in nodes.items()}
        text = "is wanted with 4 slots, but a.yaml wants it with 4 slots for team 'payments'; give both the same, or other names"
        assert [str(want.problem) for want in wanted_pools(fleets).values()] == [f"b.yaml: pool 'warehouse': {text}"]


def test_without_multi_team_the_pools_have_none_and_one_warning_says_so() -> None:
    given = wanted(team="payments", ports=[{"host": "ws1", "port": 80}], hosts={"ws1": {}})
    plain, warnings = without_teams(given)
    assert {want.pool.team for want in plain.values()} == {None}
    assert warnings == ("a.yaml: team 'payments' is ignored: this Airflow runs without [core] multi_team, or is older than 3.3",)


def test_a_team_that_does_not_exist_stops_its_pools_alone() -> None:
    given = wanted(team="paymnts") | wanted_pools({"b.yaml": Fleet.from_data({"hosts": {}, "pools": {"other": 1}})})
    plan = plan_pools(of_known_teams(given, {"payments"}), [])
    text = "its team 'paymnts' does not exist; did you mean 'payments'?; create it with `airflow teams create paymnts`"
    assert ([pool.name for pool in plan.create], [*map(str, plan.problems)]) == (["other"], [f"a.yaml: pool 'warehouse': {text}"])


class TestImportable:
    def test_it_is_what_airflow_reads_with_the_team_only_where_one_is_given(self) -> None:
        pool = {"slots": 4, "description": "[airflow-balancer: 4 slots]", "include_deferred": True}
        assert importable(wanted()) == {"warehouse": pool}
        assert importable(wanted(team="payments")) == {"warehouse": {**pool, "team_name": "payments"}}

    def test_a_conflict_is_an_error(self) -> None:
        fleets = {origin: Fleet.from_data({"hosts": {}, "pools": {"warehouse": n}}) for n, origin in enumerate(("a", "b"), 1)}
        with pytest.raises(ConfigurationError, match="b: pool 'warehouse': is wanted with 2 slots, but a wants it with 1 slots"):
            importable(wanted_pools(fleets))
