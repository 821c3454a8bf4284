"""What is written of a strategy is checked as the strategy itself is built."""

from __future__ import annotations

from dataclasses import fields

import pytest

from airflow_balancer import ConfigurationError, strategies
from airflow_balancer.fleet.strategy import CLASSES, OPTIONS, TARGETS, check_strategy
from airflow_balancer.picking.strategies import build_strategy


@pytest.mark.parametrize("name", CLASSES.values())
def test_options_are_the_fields_of_the_class(name):
    assert {field.name for field in fields(getattr(strategies, name))} == {*OPTIONS.get(name, ())}


@pytest.mark.parametrize("written", [*CLASSES, *TARGETS])
def test_each_way_to_write_a_strategy_builds_its_class(written):
    assert type(build_strategy(written)).__name__ == (CLASSES | TARGETS)[written]


@pytest.mark.parametrize(
    "written",
    [3, {}, {"_target_": 3}, "bonded", {"_target_": "airflow_balancer.Bonded"}, {"_target_": "airflow_balancer.Random", "c": 2}],
    ids=["no name", "empty", "no target", "misspelt", "a target of ours", "an option of another"],
)
def test_what_is_wrong_as_written_is_not_built(written):
    with pytest.raises(ConfigurationError) as error:
        build_strategy(written)
    assert str(error.value) == check_strategy(written) != ""


@pytest.mark.parametrize("value", [0.999, float("inf"), float("nan"), True, "2", None], ids=str)
def test_a_wrong_option_gets_the_same_message_from_yaml_and_python(value):
    with pytest.raises(ConfigurationError) as error:
        strategies.Bounded(value)
    assert str(error.value) == check_strategy({"_target_": "airflow_balancer.Bounded", "c": value}) != ""
