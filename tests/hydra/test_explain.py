"""What is said of an error that Hydra wraps."""

from __future__ import annotations

from hydra.errors import HydraException

from airflow_balancer.errors import ConfigurationError
from airflow_balancer.hydra.explain import explained


def test_our_error_is_said_though_another_was_raised_while_it_was_handled():
    error = HydraException("Hydra's")
    error.__context__ = ConfigurationError("ours")
    assert str(explained(error, "a.yaml")) == "a.yaml: ours"
