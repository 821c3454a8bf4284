"""What is written of a strategy is checked as the strategy itself is built."""

from __future__ import annotations

from dataclasses import fields

import pytest

from airflow_balancer import ConfigurationError, strategies
from airflow_balancer.fleet.strategy import CLASSES, OPTIONS, TARGETS, check_strategy
from airflow_balancer.picking.strategies import build_strategy

NAMES = "bounded, least_loaded, random, rendezvous"
NO_NAME = f"must be one of {NAMES}, or a mapping with a _target_"


@pytest.mark.parametrize("name", CLASSES.values())
def test_options_are_the_fields_of_the_class(name):
    assert {field.name for field in fields(getattr(strategies, name))} == {*OPTIONS.get(name, ())}


@pytest.mark.parametrize("written", [*CLASSES, *TARGETS])
def test_each_way_to_write_a_strategy_builds_its_class(written):
    assert type(build_strategy(written)).__name__ == (CLASSES | TARGETS)[written]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (3, f"{NO_NAME}, not 3"),
        ("", f"{NO_NAME}, not ''"),
        ({}, f"{NO_NAME}, not {{}}"),
        ({"_target_": 3}, f"{NO_NAME}, not {{'_target_': 3}}"),
        ("bonded", f"unknown strategy 'bonded'; did you mean 'bounded'? (strategies: {NAMES})"),
        (
            {"_target_": "airflow_balancer.Bonded"},
            f"unknown strategy 'airflow_balancer.Bonded'; did you mean 'airflow_balancer.Bounded'? (strategies: {NAMES})",
        ),
        ({"_target_": "airflow_balancer.Random", "c": 2}, "airflow_balancer.Random has no option 'c' (options: none)"),
        (
            {"_target_": "airflow_balancer.Bounded", "c": 2, None: 3},
            "option None of airflow_balancer.Bounded must be a string; put it in quotes",
        ),
        ({"_target_": "fleet_strategies.First", 3: 4}, "option 3 of fleet_strategies.First must be a string; put it in quotes"),
    ],
    ids=[
        "no name",
        "an empty name",
        "no target",
        "a target of no name",
        "misspelt",
        "a target of ours",
        "an option of another",
        "no option",
        "an option of a number",
    ],
)
def test_what_is_wrong_as_written_is_not_built(written, told):
    assert check_strategy(written).removeprefix("key 'strategy'").removeprefix(": ").strip() == told
    with pytest.raises(ConfigurationError) as error:
        build_strategy(written)
    assert str(error.value) == check_strategy(written)


@pytest.mark.parametrize("value", [0.999, float("inf"), float("nan"), True, "2", None], ids=str)
def test_a_wrong_option_gets_the_same_message_from_yaml_and_python(value):
    with pytest.raises(ConfigurationError) as error:
        strategies.Bounded(value)
    assert str(error.value) == check_strategy({"_target_": "airflow_balancer.Bounded", "c": value}) != ""
