"""Walks over plain data."""

from __future__ import annotations

import pytest

from airflow_balancer.hydra.nodes import node_at


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((), {"hosts": ["a"]}),
        (("hosts", 0), "a"),
        (("hosts", 1), None),
        (("hosts", "name"), None),
        (("hosts", 0, "name"), None),
        (("ports",), None),
    ],
)
def test_what_stands_nowhere_is_none(path, value):
    assert node_at({"hosts": ["a"]}, path) == value
