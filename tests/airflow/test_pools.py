"""Which pools are wanted, and the plan for them."""

from __future__ import annotations

import doctest
from typing import Any

import pytest

from airflow_balancer.airflow import pools
from airflow_balancer.airflow.pools import Plan, Update, mark, plan_pools, wanted_pools
from airflow_balancer.errors import ConfigurationError
from airflow_balancer.fleet.fleet import Fleet
from airflow_balancer.fleet.pools import PoolSlots


def fleet(**node: Any) -> Fleet:
    return Fleet.from_data({"hosts": [{"name": "host1", "size": 8}], **node})


def wanted(**node: Any) -> dict[str, pools.WantedPool]:
    return wanted_pools({"a.yaml": fleet(**node)})


def host_pool(slots: int, given: int | None = None, name: str = "host1") -> PoolSlots:
    return PoolSlots(name, slots, mark(f"Balancer pool for host({name})", slots if given is None else given), include_deferred=True)


CONFLICT = "b.yaml: pool 'host1': is wanted with 8 slots, but a.yaml wants it with 2 slots; give both the same, or other names"
OTHERS = PoolSlots("host1", 3, "by hand", include_deferred=True)


class TestWanted:
    def test_each_host_and_port_has_a_pool(self) -> None:
        assert wanted(ports=[{"host": "host1", "port": 8080}]) == {
            "host1": (PoolSlots("host1", 8, "Balancer pool for host(host1)", include_deferred=True), False, "a.yaml", None),
            "host1-8080": (
                PoolSlots("host1-8080", 1, "Balancer pool for host(host1) port(8080)", include_deferred=True),
                False,
                "a.yaml",
                None,
            ),
        }

    def test_two_configurations_may_want_the_same_pool(self) -> None:
        assert list(wanted_pools({"a.yaml": fleet(), "b.yaml": fleet()})) == ["host1"]

    def test_two_configurations_may_not_want_other_slots(self) -> None:
        both = wanted_pools({"b.yaml": fleet(), "a.yaml": fleet(hosts=[{"name": "host1", "size": 2}])})
        assert [str(want.problem) for want in both.values()] == [CONFLICT]

    def test_a_name_longer_than_the_column_is_an_error(self) -> None:
        name = "h" * 252
        host, port = wanted(hosts=[{"name": name, "size": 1}], ports=[{"host": name, "port": 8080}]).values()
        assert host.problem is None
        assert str(port.problem).startswith(f"a.yaml: pool '{'h' * 60}': its name has 257 characters, Airflow allows 256; shorten it")

    def test_default_pool_is_airflows_own(self) -> None:
        with pytest.raises(ConfigurationError, match="default_pool"):
            wanted(hosts=[{"name": "default_pool"}])


class TestPlan:
    def test_an_empty_airflow_gets_all(self) -> None:
        assert plan_pools(wanted(), []) == Plan(create=(host_pool(8),))

    def test_what_is_as_wanted_is_unchanged(self) -> None:
        assert plan_pools(wanted(), [host_pool(8)]) == Plan(unchanged=(host_pool(8),))

    def test_a_changed_size_changes_the_slots(self) -> None:
        assert plan_pools(wanted(), [host_pool(4)]) == Plan(update=(Update(host_pool(4), host_pool(8)),))

    def test_slots_edited_by_hand_stay(self) -> None:
        edited = host_pool(5, given=8)
        note = "has 5 slots, not 8: edited by hand; set override_pool_size to change it"
        assert plan_pools(wanted(), [edited]) == Plan(unchanged=(edited,), notes={"host1": note})

    def test_slots_edited_by_hand_stay_when_the_size_changes_too(self) -> None:
        assert plan_pools(wanted(), [host_pool(5, given=4)]).unchanged == (host_pool(5, given=4),)

    def test_slots_edited_by_hand_to_the_wanted_ones_follow_again(self) -> None:
        assert plan_pools(wanted(), [host_pool(8, given=4)]).update == (Update(host_pool(8, given=4), host_pool(8)),)

    def test_override_sets_slots_edited_by_hand_back(self) -> None:
        edited = host_pool(5, given=8)
        assert plan_pools(wanted(override_pool_size=True), [edited]) == Plan(update=(Update(edited, host_pool(8)),))

    def test_a_pool_that_others_made_is_left(self) -> None:
        note = "has 3 slots, not 8: others made this pool; set override_pool_size to change it"
        assert plan_pools(wanted(), [OTHERS]) == Plan(unchanged=(OTHERS,), notes={"host1": note})

    def test_override_changes_only_the_slots_of_a_pool_that_others_made(self) -> None:
        assert plan_pools(wanted(override_pool_size=True), [OTHERS]).update == (Update(OTHERS, OTHERS._replace(slots=8)),)

    @pytest.mark.parametrize("slots", [8, 5], ids=["as wanted", "edited"])
    def test_a_pool_of_an_older_balancer_gets_the_mark_and_keeps_its_slots(self, slots: int) -> None:
        old = PoolSlots("host1", slots, "Balancer pool for host(host1)", include_deferred=True)
        assert plan_pools(wanted(), [old]).update == (Update(old, host_pool(slots, given=8)),)

    def test_a_conflict_leaves_its_own_pool_as_it_is_and_settles_the_others(self) -> None:
        more = [{"name": "host1", "size": 2}, {"name": "host2", "size": 2}]
        both = wanted_pools({"b.yaml": fleet(), "a.yaml": fleet(hosts=more)})
        for current in ([], [host_pool(5)]):
            plan = plan_pools(both, current)
            assert (plan.create, plan.update, plan.unchanged) == ((host_pool(2, name="host2"),), (), tuple(current))
            assert [*map(str, plan.problems)] == [CONFLICT]
            change = {"change": "kept" if current else "missing", "name": "host1", "slots": 5 if current else None, "wanted": 2}
            assert [row for row in pools.pool_rows(plan, both) if row["name"] == "host1"] == [
                {**change, "note": CONFLICT.removeprefix("b.yaml: pool 'host1': ")}
            ]

    def test_a_pool_that_unfinished_tasks_use_is_not_pruned(self) -> None:
        used, free = host_pool(2, name="used"), host_pool(2, name="free")
        plan = pools.spare_used(plan_pools({}, [used, free]), {"used": ["etl.b[0]", "etl.a"], "free": []})
        note = "no configuration read here wants it, but 2 unfinished tasks would never end without it: etl.a, etl.b[0]"
        assert (plan.orphaned, plan.unchanged, plan.notes) == ((free,), (used,), {"used": note})
        assert [*map(str, plan.problems)] == [f"pool 'used': {note}"]

    @pytest.mark.parametrize("what", ["host(host1)", "host(host1) port(80)", "queue(workers)"])
    def test_a_description_without_the_mark_is_known(self, what: str) -> None:
        assert pools.is_ours(PoolSlots("x", 1, f"Balancer pool for {what}", include_deferred=True))
        assert not pools.is_ours(PoolSlots("x", 1, f"Balancer pool for {what} and more", include_deferred=True))

    def test_only_the_balancers_pools_are_orphaned(self) -> None:
        default = PoolSlots("default_pool", 128, mark("Default pool", 128), include_deferred=False)
        gone, others = host_pool(2, name="gone"), PoolSlots("others", 2, "Balancer pool for host(x) and more", include_deferred=False)
        assert plan_pools({}, [default, gone, others]) == Plan(orphaned=(gone,))

    def test_an_applied_plan_leaves_nothing_to_do(self) -> None:
        node = {"ports": [{"host": "host1", "port": 1}], "default_size": 1}
        assert not plan_pools(wanted(**node), plan_pools(wanted(**node), []).create).differs()


@pytest.mark.parametrize(("prune", "differs"), [(False, False), (True, True)])
def test_orphans_differ_only_when_pruning(*, prune: bool, differs: bool) -> None:
    assert Plan(orphaned=(host_pool(1),)).differs(prune=prune) is differs


def test_pruning_is_asked_for() -> None:
    assert Plan(orphaned=(host_pool(1),)).differs() is False


@pytest.mark.parametrize(("index", "name"), [(-1, "etl.extract"), (0, "etl.extract[0]")])
def test_a_mapped_task_is_called_with_its_index(index: int, name: str) -> None:
    assert pools.task_name("etl", "extract", index) == name


def test_examples_in_docstrings_hold() -> None:
    assert doctest.testmod(pools).failed == 0
