"""Trying a query."""

from __future__ import annotations

from tests.viewer.browser import generated
from tests.viewer.browser.page import Page


def test_a_query_names_the_picked_host_and_the_candidates_in_their_order(page: Page) -> None:
    expected = generated.query(generated.hosts(12), "gpu", "etl")
    page.open("query").fill("queue", "gpu").fill("key", "etl")
    page.wait(lambda: page.text(".picked-line") == f"Picks {expected['picked']} of 2 candidates", "the query was not answered")
    names = [name.split("\n")[0].removesuffix(" picked") for name in page.column("Candidates", 1)]
    assert names == [candidate["name"] for candidate in expected["candidates"]]


def test_a_query_is_in_the_address(page: Page) -> None:
    page.open("query?queue=gpu&key=etl&strategy=rendezvous")
    assert any(asked.endswith("queue=gpu&key=etl&strategy=rendezvous") for asked in page.stub.asked)
    assert page.find("[name=queue]").get_property("value") == "gpu"


def test_sizes_exclusions_and_preferences_are_sent(page: Page) -> None:
    page.open("query").fill("exclude", "worker0*").fill("prefer", "ssd").fill("min_size", "8")
    page.wait(lambda: page.stub.asked[-1].endswith("exclude=worker0*&prefer=ssd&min_size=8"), "the query was not sent")
    assert page.address == "#query?exclude=worker0*&prefer=ssd&min_size=8"


def test_the_strategies_are_those_that_the_server_has(page: Page) -> None:
    options = [option.get_attribute("value") for option in page.open("query").all("[name=strategy] option")]
    assert options == ["", *generated.configurations()["strategies"]]


def test_a_live_load_is_shown_beside_the_candidates(page: Page) -> None:
    hosts = [{"name": "host2", "size": 16, "score": 3.0, "taken": 3}, {"name": "host1", "size": 8, "score": 9.0, "taken": 2}]
    load = {"source": "the metadata database", "why": ""}
    answer = {"picked": "host2", "candidates": hosts, "load": load, "python": "", "resolver": ""}
    page.stub.answers["query"] = (200, answer)
    page.open("query?strategy=least_loaded")
    assert page.text(".load-line") == (
        "By the slots that were taken when the metadata database was asked; Refresh asks again. "
        "DAG files are parsed without them: rendezvous picks there."
    )
    assert [row[:5] for row in page.rows("Candidates")] == [["1", "host2 picked", "16", "3", ""], ["2", "host1", "8", "2", ""]]
    bars = [bar.get_attribute("aria-label") for bar in page.all("td svg")]
    assert bars == ["3 of 16 taken", "2 of 8 taken"]


def test_where_no_load_is_known_it_is_said(page: Page) -> None:
    answer = generated.query(generated.hosts(3), "", "") | {"load": {"source": "", "why": "there is no Airflow here"}}
    page.stub.answers["query"] = (200, answer)
    assert page.open("query?strategy=least_loaded").text(".load-line") == (
        "Picked by rendezvous, as no load is known: there is no Airflow here"
    )
    assert "Taken" not in page.text("table")


def test_several_patterns_are_sent_one_by_one(page: Page) -> None:
    page.open("query?tag=ssd,%20rack-*")
    assert "tag=ssd&tag=rack-*" in page.stub.asked[-1]


def test_the_python_and_the_resolver_are_copied(page: Page) -> None:
    page.open("query?queue=gpu&key=etl")
    assert page.copied("the line of Python") == "config.select_host(queue='gpu', key='etl')"
    assert page.copied("the resolver expression") == "${balancer.name:{queue:gpu,key:etl}}"


def test_a_strategy_without_scores_lists_its_candidates(page: Page) -> None:
    answer = generated.query(generated.hosts(3), "", "")
    unscored = [candidate | {"score": None} for candidate in answer["candidates"]]
    page.stub.answers["query"] = (200, answer | {"candidates": unscored})
    assert page.open("query").column("Candidates", 3) == ["", "", ""]


def test_a_query_without_a_match_says_what_there_is(page: Page) -> None:
    page.stub.answers["query"] = (400, {"error": {"message": "no host matches queue='gpus'; queues: gpu, workers", "problems": []}})
    assert page.open("query?queue=gpus").text("[role=alert]") == "no host matches queue='gpus'; queues: gpu, workers"
    assert page.find("[name=queue]").is_displayed()
