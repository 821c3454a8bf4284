"""What is said of an error that Hydra wraps."""

from __future__ import annotations

import pytest
from hydra.errors import HydraException

from airflow_balancer.errors import ConfigurationError
from airflow_balancer.hydra.compose import load_fleet
from airflow_balancer.hydra.explain import explained


def test_our_error_is_said_though_another_was_raised_while_it_was_handled():
    error = HydraException("Hydra's")
    error.__context__ = ConfigurationError("ours")
    assert str(explained(error, "a.yaml")) == "a.yaml: ours"


def test_a_group_that_a_file_without_defaults_cannot_choose_is_said(write):
    write("env/dev.yaml", "default_size: 3\n")
    path = write("config.yaml", "hosts: [{name: a}]\n")
    with pytest.raises(ConfigurationError) as error:
        load_fleet(path, ["env=dev"])
    told = "Could not override 'env'. No match in the defaults list; To append to your default list use +env=dev"
    assert str(error.value) == f"{path}: {told}"
