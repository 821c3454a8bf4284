"""Walks over plain data."""

from __future__ import annotations

import pytest

from airflow_balancer.hydra.nodes import find_requests, has_interpolation, node_at


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


def test_requests_are_the_strings_that_call_a_resolver():
    data = {"a": ["at ${balancer.name:x}", {"b": "${ balancer.pool:x}"}], "_target_": "airflow_balancer.Host", "c": "${oc.env:X}"}
    assert find_requests(data) == [(("a", 0), "at ${balancer.name:x}"), (("a", 1, "b"), "${ balancer.pool:x}")]


@pytest.mark.parametrize(("value", "has"), [("${a}", True), ("???", True), ("a", False), (3, False)])
def test_a_string_that_is_still_to_be_resolved_or_given_is_found(value, has):
    assert [has_interpolation(data) for data in (value, {"a": ["b", value]})] == [has, has]
