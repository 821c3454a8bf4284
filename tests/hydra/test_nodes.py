"""Walks over plain data."""

from __future__ import annotations

import pytest

from airflow_balancer.hydra.nodes import has_interpolation, node_at


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


@pytest.mark.parametrize(("value", "has"), [("${a}", True), ("???", True), ("a", False), (3, False)])
def test_a_string_that_is_still_to_be_resolved_or_given_is_found(value, has):
    assert [has_interpolation(data) for data in (value, {"a": ["b", value]})] == [has, has]
