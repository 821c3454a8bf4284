"""`drain` is a boolean, or the reason."""

from __future__ import annotations

import doctest

import pytest

from airflow_balancer import ConfigurationError, NoMatch, load_fleet
from airflow_balancer.fleet import drain
from airflow_balancer.fleet.fleet import Fleet
from airflow_balancer.picking.filters import HostFilter, HostIndex

REASON = "disks are being replaced"


def drain_of(value: object) -> bool | str:
    return Fleet.from_data({"hosts": {"ws2": {"drain": value}}}).hosts[0].drain


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("false", False),
        ("off", False),
        (1, True),
        (REASON, REASON),
        ("  disks are\n  being replaced\n", REASON),
        ("x", "x"),
        ("x" * 256, "x" * 256),
    ],
)
def test_a_boolean_in_any_form_is_one_and_all_other_text_is_the_reason(given, kept):
    assert drain_of(given) is kept if isinstance(kept, bool) else drain_of(given) == kept


@pytest.mark.parametrize("given", ["", "  ", "a\x1b[31m", "x" * 257, 3, [1]])
def test_anything_else_is_an_error(given):
    with pytest.raises(ConfigurationError) as error:
        drain_of(given)
    assert str(error.value).startswith("host 'ws2': key 'drain' must be true, false or a reason of at most 256 characters, not ")


@pytest.mark.parametrize("override", [f"hosts.ws2.drain='{REASON}'", f"host_overrides.ws2.drain={REASON}"])
def test_it_is_given_on_the_command_line(write, override):
    file = write("balancer.yaml", "hosts: {ws2: {drain: false}}")
    assert load_fleet(file, [override]).hosts[0].drain == REASON


def test_a_query_that_only_drained_hosts_match_says_why():
    index = HostIndex(Fleet.from_data({"hosts": {"ws2": {"drain": REASON}, "ws3": {"drain": True}}}).hosts)
    with pytest.raises(NoMatch) as error:
        index.candidates(HostFilter.of(name="ws*"))
    why = "2 hosts left out: 2 drained; without drain: ws2, ws3"
    assert str(error.value) == f"no host that matches name='ws*' takes a pick: ws2 is drained: {REASON}, ws3 is drained ({why})"


def test_a_secret_in_the_reason_is_masked():
    index = HostIndex(Fleet.from_data({"hosts": {"ws2": {"password": "hunter2", "drain": "hunter2 leaked, token=abcdef"}}}).hosts)
    with pytest.raises(NoMatch) as error:
        index.candidates(HostFilter.of())
    assert str(error.value) == (
        "no host that matches anything takes a pick: ws2 is drained: ********** leaked, token=********** "
        "(1 host left out: 1 drained; without drain: ws2)"
    )


def test_examples_in_docstrings_hold() -> None:
    assert doctest.testmod(drain).failed == 0
