"""The public names, and what importing them costs."""

from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

import airflow_balancer
import airflow_balancer.config
import airflow_balancer.testing
from tests.conftest import HAS_AIRFLOW

NEED_AIRFLOW = ("BalancedSSHHook", "BalancedSSHOperator", "BalancedSSHRemoteJobOperator")
HEAVY = ("airflow", "airflow_config", "airflow_pydantic")
LOADED = "import sys; print(sorted(m for m in sys.modules if m.partition('.')[0] in {0}))"


def test_the_public_names_are_these():
    assert airflow_balancer.__all__ == (
        "BalancedSSHHook",
        "BalancedSSHOperator",
        "BalancedSSHRemoteJobOperator",
        "BalancedSSHTask",
        "BalancerConfiguration",
        "BalancerError",
        "BalancerHostQueryConfiguration",
        "BalancerPortQueryConfiguration",
        "ConfigurationError",
        "Fleet",
        "Host",
        "HostQuery",
        "HostUnreachable",
        "NoFreePort",
        "NoMatch",
        "PoolManagerConfiguration",
        "Port",
        "PortQuery",
        "load",
        "load_config",
        "load_fleet",
    )
    assert airflow_balancer.config.__all__ == (
        "BalancedSSHTask",
        "BalancerConfiguration",
        "BalancerHostQueryConfiguration",
        "BalancerPortQueryConfiguration",
        "Host",
        "HostQuery",
        "PoolManagerConfiguration",
        "Port",
        "PortQuery",
        "configured_pools",
        "load_config",
    )
    assert airflow_balancer.testing.__all__ == ("pools", "variables")


@pytest.mark.parametrize("name", airflow_balancer.__all__)
def test_every_public_name_is_there(name):
    if name in NEED_AIRFLOW and not HAS_AIRFLOW:
        pytest.skip("Airflow is not installed")
    assert getattr(airflow_balancer, name).__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'airflow_balancer' has no attribute 'nope'"):
        airflow_balancer.nope  # noqa: B018


def test_importing_the_package_loads_neither_models_nor_hydra(python):
    code = "import airflow_balancer;" + LOADED.format((*HEAVY, "pydantic", "hydra", "omegaconf"))
    assert python(code).stdout == "[]\n"


def test_loading_a_plain_file_loads_neither_airflow_nor_hydra(python, write):
    write("balancer.yaml", "hosts: [{name: host1}]")
    code = "from airflow_balancer import load_fleet; load_fleet('balancer.yaml');" + LOADED.format((*HEAVY, "hydra", "omegaconf"))
    assert python(code).stdout == "[]\n"


def test_composing_a_fleet_loads_no_airflow(python, write):
    write("balancer.yaml", "hosts: [{name: host1}]")
    code = "from airflow_balancer import load_fleet; load_fleet('balancer.yaml', ['default_size=2']);" + LOADED.format(HEAVY)
    assert python(code).stdout == "[]\n"


def test_the_hydra_plugin_loads_neither_airflow_nor_pydantic(python):
    code = "import hydra_plugins.airflow_balancer_plugin;" + LOADED.format((*HEAVY, "pydantic"))
    assert python(code).stdout == "[]\n"


def test_the_command_line_loads_no_airflow(python, write):
    write("balancer.yaml", "hosts: [{name: host1, queues: [workers]}]")
    code = (
        "import sys; from airflow_balancer.cli import main\n"
        "sys.argv = ['airflow-balancer', 'show', 'balancer.yaml']\n"
        "try: main()\n"
        "except SystemExit as end: print(end.code)\n" + LOADED.format(HEAVY)
    )
    assert python(code).stdout.splitlines()[-2:] == ["0", "[]"]


def test_the_version_satisfies_requirements_on_the_published_package():
    assert Version(airflow_balancer.__version__) in SpecifierSet(">=0.7.8")
