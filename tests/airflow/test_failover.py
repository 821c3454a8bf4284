"""Attempts go through the hosts in turn, and what is said where one cannot be reached."""

from __future__ import annotations

import pytest

from airflow_balancer import ConfigurationError
from airflow_balancer.airflow.failover import in_turn, unreachable_message
from airflow_balancer.fleet.model import HostSpec, called
from airflow_balancer.ssh.task import Attempt, attempt_of
from tests.airflow.ssh import context

REFUSED = ConnectionRefusedError(111, "Connection refused")


@pytest.mark.parametrize(
    ("number", "turn"),
    [(1, ["a", "b", "c"]), (2, ["b", "c", "a"]), (3, ["c", "a", "b"]), (4, ["a", "b", "c"]), (8, ["b", "c", "a"])],
)
def test_attempts_go_through_the_ranking_and_start_again_after_the_last(number, turn):
    assert in_turn(["a", "b", "c"], number) == turn


def test_the_task_says_who_asks_and_for_which_time():
    assert attempt_of(context(3, pool="host1"), None) == Attempt("etl.extract", 3, "etl.extract", "host1", 1)


def test_a_mapped_task_asks_by_its_index():
    assert attempt_of(context(1, map_index=0), None) == Attempt("etl.extract", 1, "etl.extract[0]", "default_pool", index=0)


def test_the_indices_of_a_mapped_task_share_a_key_that_is_given():
    assert attempt_of(context(1, map_index=2), "nightly") == Attempt("nightly", 1, "etl.extract[2]", "default_pool")


def test_a_key_stands_before_the_tasks():
    assert attempt_of(context(2), "nightly") == Attempt("nightly", 2, "etl.extract", "default_pool")


def test_outside_of_a_task_it_is_the_first_attempt_of_a_key():
    assert attempt_of(None, "nightly") == Attempt("nightly", 1)


def test_outside_of_a_task_a_key_is_needed():
    with pytest.raises(ConfigurationError, match="outside of a task a BalancedSSHHook needs key="):
        attempt_of(None, None)


@pytest.mark.parametrize(
    ("address", "said"),
    [(None, "host 'a'"), ("a", "host 'a'"), ("10.0.0.5", "host 'a' at 10.0.0.5")],
    ids=["none", "its name", "another"],
)
def test_a_host_is_called_by_its_name_and_by_an_address_that_differs(address, said):
    assert called(HostSpec(name="a", address=address, size=8)) == said


def test_the_message_names_the_host_and_the_next_one():
    message = unreachable_message(Attempt("etl.extract", 3, "etl.extract"), ["host a", "host b", "host c"], {"host c": REFUSED})
    refused = "host c cannot be reached: [Errno 111] Connection refused"
    assert message == f"{refused}; attempt 3 of etl.extract fails here, a next one goes to host a"


def test_the_message_names_every_host_that_was_tried():
    message = unreachable_message(Attempt("nightly"), ["host a", "host b"], {"host a": REFUSED, "host b": EOFError()})
    tried = "host a cannot be reached: [Errno 111] Connection refused; host b cannot be reached: EOFError"
    assert message == f"{tried}; attempt 1 of nightly fails here, a next one goes to host b"


def test_the_message_says_that_there_is_no_other_host():
    message = unreachable_message(Attempt("nightly", 2), ["host a"], {"host a": EOFError()})
    assert message == "host a cannot be reached: EOFError; it is the only candidate of attempt 2 of nightly"
