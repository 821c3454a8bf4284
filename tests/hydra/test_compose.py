"""Bounds of composing and resolving."""

from __future__ import annotations

import pytest

from airflow_balancer.errors import ConfigurationError
from airflow_balancer.hydra import hydra_internals
from airflow_balancer.hydra.compose import LONGEST_OVERRIDE, compose_file, forced

TEXT = "a" * 10_000


def test_the_longest_override_is_taken_and_a_longer_one_named(tmp_path):
    longest = "x=" + "a" * (LONGEST_OVERRIDE - 2)
    assert forced([longest], tmp_path / "a.yaml") == [longest]
    with pytest.raises(ConfigurationError, match=r"a\.yaml: an override has more than 100000 characters; write it into a YAML file$"):
        forced(["x=1", longest + "a"], tmp_path / "a.yaml")


def test_the_longest_string_of_an_interpolation_is_taken_and_a_longer_one_named(write, monkeypatch):
    path = write("a.yaml", f"x: {TEXT}\nbalancer: {{hosts: [{{name: a, ssh_hook_args: {{host_proxy_cmd: '${{x}}'}}}}]}}\n")
    monkeypatch.setattr(hydra_internals, "MAX_TEXT", 10_000)
    assert compose_file(path).fleet.hosts[0].ssh_hook_args == {"host_proxy_cmd": TEXT}
    monkeypatch.setattr(hydra_internals, "MAX_TEXT", 9_999)
    with pytest.raises(ConfigurationError, match="an interpolation gives a string of more than 9999 characters"):
        compose_file(path).fleet  # noqa: B018
