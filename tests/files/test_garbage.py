"""Garbage collection while fleets are read."""

from __future__ import annotations

import gc

import pytest

from airflow_balancer.errors import ConfigurationError
from airflow_balancer.files.yaml import pause_gc
from airflow_balancer.fleet.fleet import Fleet


@pytest.fixture
def collecting():
    yield
    gc.enable()


def test_nothing_is_collected_meanwhile():
    with pause_gc():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_an_error():
    with pytest.raises(ConfigurationError), pause_gc():
        Fleet.from_data({"hosts": [{"size": 1}]})
    assert gc.isenabled()


def test_it_stays_off_where_it_was_off(collecting):
    gc.disable()
    with pause_gc():
        Fleet.from_data({"hosts": [{"name": "host1"}]})
    assert not gc.isenabled()
