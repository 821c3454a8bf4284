"""A strategy in a package of its own: found beside the YAML, and installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

QUERY = ("query.queue=workers", "query.key=train.nightly")


def test_a_pinned_key_has_its_host_while_that_is_a_candidate(cli, copied):
    folder = copied("custom_strategy")
    assert cli("select", "balancer.yaml", *QUERY, cwd=folder).stdout == "big\n"
    assert cli("select", "balancer.yaml", *QUERY, "host_overrides.big.drain=true", cwd=folder).stdout == "host1\n"


def test_other_keys_are_picked_by_rendezvous_hashing(cli, copied):
    query = ("query.queue=workers", "query.key=etl.extract")
    given, rendezvous = (
        cli("select", "balancer.yaml", *query, *strategy, cwd=copied("custom_strategy")) for strategy in ((), ("strategy=rendezvous",))
    )
    assert (given.stdout, given.returncode) == (rendezvous.stdout, 0)


@pytest.mark.slow
def test_the_installed_package_serves_a_balancer_elsewhere(shell, copied, tmp_path):
    package, target = copied("custom_strategy"), tmp_path / "site"
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "pip", "install", "--quiet", "--no-deps", "--target", target, package], check=True, timeout=120)
    shutil.rmtree(package / "fleet_strategies")
    assert shell("custom_strategy", "airflow-balancer", "select", "balancer.yaml", *QUERY, PYTHONPATH=str(target)) == "big\n"
