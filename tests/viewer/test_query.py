"""Trying a query."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from airflow_balancer import load
from airflow_balancer.viewer.query import resolver_expression

FLEET = """
hosts:
  - {name: host1, size: 2, queues: [workers], tags: [gpu]}
  - {name: host2, size: 4, queues: [workers]}
  - {name: host3, size: 8, queues: [primary]}
"""


def test_the_candidates_are_in_the_order_of_their_scores_and_the_first_is_picked(api, write) -> None:
    write("a.yaml", FLEET)
    answer = api().of("query", "a.yaml", queue="workers", key="me").json()
    scores = [candidate["score"] for candidate in answer["candidates"]]
    assert (answer["picked"], scores) == (answer["candidates"][0]["name"], sorted(scores, reverse=True))
    assert {candidate["name"] for candidate in answer["candidates"]} == {"host1", "host2"}


def test_a_drained_host_is_no_candidate(api, write) -> None:
    write("a.yaml", "hosts: [{name: host1, drain: true}, {name: host2}]\n")
    answer = api().of("query", "a.yaml").json()
    assert [candidate["name"] for candidate in answer["candidates"]] == ["host2"]
    assert [host["drain"] for host in api().of("fleet", "a.yaml").json()["hosts"]] == [True, False]


def test_a_random_pick_has_no_scores(api, write) -> None:
    write("a.yaml", FLEET)
    answer = api().of("query", "a.yaml", strategy="random", name="host1").json()
    assert (answer["picked"], answer["candidates"]) == ("host1", [{"name": "host1", "size": 2, "score": None}])


def test_python_and_yaml_pick_the_same(api, write, tmp_path, monkeypatch) -> None:
    write("a.yaml", FLEET)
    answer = api().of("query", "a.yaml", queue=["work*", "primary"], key="it's me").json()
    monkeypatch.chdir(tmp_path)
    assert eval(answer["python"], {"load": load}).name == answer["picked"]
    root = OmegaConf.create({"balancer": OmegaConf.load(tmp_path / "a.yaml"), "pick": answer["resolver"]})
    assert root.pick.name == answer["picked"]


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "host*",
        "with space",
        "it's",
        'double "quoted"',
        "{a: b}",
        "a,b",
        "a:b",
        "null",
        "12",
        "[x]",
        "back\\slash",
        "end\\",
        "\\'",
        "=",
        "ü",
    ],
)
def test_any_text_is_written_as_omegaconf_reads_it(text: str) -> None:
    expression = resolver_expression({"tag": text, "name": [text, "b"]}).replace("balancer.host", "oc.create")
    assert OmegaConf.create({"got": expression}).got == {"tag": text, "name": [text, "b"]}


def test_an_unknown_strategy_is_said(api, write) -> None:
    write("a.yaml", FLEET)
    answer = api().of("query", "a.yaml", strategy="rendezvou")
    assert answer.status_code == 400
    assert "unknown strategy 'rendezvou'; did you mean 'rendezvous'?" in answer.json()["error"]["message"]


def test_a_strategy_is_never_a_class_of_others(api, write) -> None:
    write("a.yaml", FLEET)
    assert api().of("query", "a.yaml", strategy="os.system").status_code == 400
