"""The example tree: every option composes, and one host or one default changes in one environment."""

from __future__ import annotations

import itertools
import json

import pytest

from airflow_balancer import load_fleet
from tests.conftest import REPOSITORY

CONF = REPOSITORY / "conf"
GROUPS = {group: sorted(path.stem for path in (CONF / group).glob("*.yaml")) for group in ("hosts", "ports", "strategy", "env")}
SIZES = {
    "dev": {"host1": 16, "host2": 16, "host3": 2},
    "staging": {"host1": 16, "host2": 4, "host3": 8},
    "prod": {"host1": 16, "host2": 16, "host3": 12},
}


def sizes(*overrides: str) -> dict[str, int]:
    return {host.name: host.size for host in load_fleet(CONF, overrides).hosts}


@pytest.mark.parametrize(
    "choice",
    [f"{group}={option}" for group, options in GROUPS.items() for option in options],
)
def test_every_option_composes(choice):
    assert "host1" in sizes(choice)


def test_every_option_is_known():
    assert GROUPS == {
        "hosts": ["example", "inventory", "listed"],
        "ports": ["example", "none"],
        "strategy": ["bounded", "least_loaded", "random", "rendezvous"],
        "env": ["dev", "prod", "staging"],
    }


@pytest.mark.parametrize(("form", "env"), list(itertools.product(["example", "listed"], SIZES)), ids=" ".join)
def test_an_environment_changes_one_host_or_default_in_both_forms_of_hosts(form, env):
    assert sizes(f"hosts={form}", f"env={env}") == SIZES[env]


def test_an_environment_changes_what_its_file_says():
    assert {host.username for host in load_fleet(CONF, ["env=prod"]).hosts} == {"airflow-prod"}


@pytest.mark.parametrize(
    "override",
    ["extensions.balancer.hosts.host1.size=1", "extensions.balancer.host_overrides.host1.size=1"],
    ids=["in the mapping", "as an override"],
)
def test_the_command_line_changes_one_host(override):
    assert sizes(override) == {**SIZES["dev"], "host1": 1}


def test_the_command_line_changes_one_host_of_a_list():
    assert sizes("hosts=listed", "extensions.balancer.hosts.0.size=1") == {**SIZES["dev"], "host1": 1}
    assert sizes("hosts=listed", "extensions.balancer.host_overrides.host1.size=1") == {**SIZES["dev"], "host1": 1}


def test_the_command_line_changes_one_default():
    assert sizes("extensions.balancer.default_size=5") == {**SIZES["dev"], "host3": 5}


def test_the_dag_that_fails_over_picks_its_first_host(cli):
    picks = json.loads(cli("plan", "--config-dir", str(CONF), "dags=failover", "output=json").stdout)["picks"]
    assert [(pick["requester"], pick["host"]) for pick in picks] == [("dags.failover.tasks.extract", "host2")]
