"""Section `[balancer]` names a Hydra tree outside of the DAGs folder."""

from __future__ import annotations

from pathlib import Path

from tests.live.rig import ADDRESSES, Rig

TREE = Path(__file__).with_name("conf")


def test_task_that_names_only_a_connection_runs_on_that_host(rig: Rig) -> None:
    assert rig.airflow.client.connections() == {}
    host = rig.hosts[1]
    login = {"port": host.port, "username": host.username, "key_file": host.key_file}
    overrides = " ".join(["env=prod", *(f"ssh.{key}={value}" for key, value in login.items())])
    with rig.other_scheduler(AIRFLOW__BALANCER__CONFIG_PATH=str(TREE), AIRFLOW__BALANCER__OVERRIDES=overrides):
        assert rig.run("connected") == {"where": "127.0.0.3"}
    assert rig.airflow.client.connections() == {address: address for address in ADDRESSES}
