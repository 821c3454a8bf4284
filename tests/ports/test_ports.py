from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_balancer import NoFreePort
from airflow_balancer.ports.table import PortTable

taken_ports = st.sets(st.integers(1, 60))


@given(taken=taken_ports)
def test_every_free_port_of_a_range_is_given_once(taken):
    table = PortTable("host1", taken)
    free = [port for port in range(10, 51) if port not in taken]
    assert sorted(table.take(str(number), 10, 50) for number in range(len(free))) == free


@given(taken=taken_ports, keys=st.lists(st.text(), unique=True, max_size=5))
def test_a_full_range_fails_at_once(taken, keys):
    table = PortTable("host1", set(range(10, 51)) | taken)
    with pytest.raises(NoFreePort) as error:
        table.take("key", 10, 50)
    assert str(error.value) == "host 'host1': all ports from 10 to 50 are taken; give a wider range with min and max"


def test_equal_keys_get_the_same_port():
    table = PortTable("host1")
    assert table.take("a") == table.take("a") != table.take("b")


def test_both_ends_of_the_range_are_reached():
    table = PortTable("host1")
    assert {table.take("a", 65534, 65535), table.take("b", 65534, 65535)} == {65534, 65535}


def test_a_port_is_the_same_in_every_table_of_the_host():
    assert PortTable("host1").take("a") == PortTable("host1", [5]).take("a") == 60907
    assert PortTable("host2").take("a") != 60907


def test_reserved_ports_are_taken():
    table = PortTable("host1")
    table.reserve([10, 11])
    assert table.take("a", 10, 12) == 12


@pytest.mark.parametrize(("first", "last"), [(0, 10), (10, 65536), (11, 10)], ids=["below", "above", "empty"])
def test_a_range_that_is_none_is_refused(first, last):
    with pytest.raises(ValueError, match=f"within 1 to 65535, not from {first} to {last}"):
        PortTable("host1").take("a", first, last)
