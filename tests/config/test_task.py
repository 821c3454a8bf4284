"""The task of a DAG that is written in YAML: where its hosts come from, and what is wrong in it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from airflow_balancer import BalancedSSHTask, BalancerConfiguration
from airflow_balancer.fleet.fleet import Fleet
from airflow_balancer.picking.strategies import Ranking


def test_a_ranking_gives_the_balancer_the_key_and_the_first_host():
    fleet = Fleet.from_data({"hosts": [{"name": "a"}, {"name": "b"}]})
    task = BalancedSSHTask(hosts=Ranking(fleet, "dag.task", "b"), command="true")
    assert (task.balancer.fleet, task.key, task.first) == (fleet, "dag.task", "b")


def test_a_balancer_and_a_query_may_be_given_in_place_of_a_ranking():
    balancer = BalancerConfiguration(hosts=[{"name": "a"}])
    task = BalancedSSHTask(balancer=balancer, query={"name": "a"}, command="true")
    assert (task.balancer is balancer, task.query, task.key, task.first) == (True, {"name": "a"}, None, None)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"hosts": "S3cret"},
            "  Value error, key 'hosts' must be ${balancer.hosts:{...}}; or give 'balancer' and 'query' [type=value_error]",
        ),
        ({"balancer": BalancerConfiguration(), "hots": "S3cret"}, "hots\n  Extra inputs are not permitted [type=extra_forbidden]"),
        ("S3cret", "  Input should be a valid dictionary or instance of BalancedSSHTask [type=model_type]"),
    ],
    ids=["hosts", "misspelt", "no mapping"],
)
def test_what_is_wrong_is_named_without_its_value(given, message):
    with pytest.raises(ValidationError) as error:
        BalancedSSHTask.model_validate(given | {"command": "true"} if isinstance(given, dict) else given)
    assert str(error.value).split("\n", 1)[1].partition("\n    For further")[0] == message
