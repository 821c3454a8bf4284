"""Pools follow the balancer YAML: changed before the next run's tasks, by nobody else's leave, and never deleted."""

from __future__ import annotations

from tests.live.rig import IS_AIRFLOW_2, Rig, overlaps


def test_changed_size_holds_for_the_next_run(rig: Rig) -> None:
    rig.write(rig.fleet(sizes={"127.0.0.2": 4}))
    wide = rig.run("host_spans")
    assert rig.airflow.client.pools()["127.0.0.2"] == 4

    rig.write(rig.fleet(sizes={"127.0.0.2": 1}))
    assert overlaps(rig.run("host_spans")) == 0
    assert rig.airflow.client.pools()["127.0.0.2"] == 1
    if not IS_AIRFLOW_2 or not rig.airflow.home.database.startswith("sqlite"):
        assert overlaps(wide) > 0


def test_new_port_gets_a_pool_at_the_next_run(rig: Rig) -> None:
    fleet = rig.fleet()
    fleet["ports"].append({"name": "added", "host": "127.0.0.4", "port": 7000})
    rig.write(fleet)
    rig.run("host_spans")
    assert rig.airflow.client.pools()["added"] == 1


def test_slots_edited_by_hand_stay_until_overridden(rig: Rig) -> None:
    client = rig.airflow.client
    rig.run("host_spans")
    client.set_slots("127.0.0.3", 7)
    rig.write(rig.fleet(sizes={"127.0.0.3": 5}))
    rig.run("host_spans")
    assert client.pools()["127.0.0.3"] == 7

    rig.write({**rig.fleet(sizes={"127.0.0.3": 5}), "override_pool_size": True})
    rig.run("host_spans")
    assert client.pools()["127.0.0.3"] == 5


def test_orphans_stay_until_pruned(rig: Rig) -> None:
    fleet = rig.fleet()
    fleet["ports"].append({"name": "passing", "host": "127.0.0.4", "port": 7001})
    rig.write(fleet)
    rig.run("host_spans")
    rig.write(rig.fleet())
    rig.run("host_spans")
    assert rig.airflow.client.pools()["passing"] == 1

    rig.balancer("pools", "prune=true")
    assert "passing" not in rig.airflow.client.pools()
    assert rig.airflow.client.pools()["warehouse"] == 1
