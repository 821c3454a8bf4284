"""Nothing there, something wrong, and the API's own errors."""

from __future__ import annotations

import pytest

from tests.viewer.browser.page import Page


def test_no_configuration_says_what_to_do(page: Page) -> None:
    hint = "Add conf/config.yaml beside the DAGs."
    page.stub.answers["configurations"] = (200, {"configurations": [], "problems": [], "hint": hint})
    assert page.open().text(".empty") == f"No configuration found\n{hint}"


def test_a_broken_file_shows_its_error_under_its_name(page: Page) -> None:
    problem = "team/lab.yaml: is not valid YAML, line 3: mapping values are not allowed here"
    page.stub.answers["configurations"] = (200, {"configurations": [], "problems": [problem], "hint": "make one"})
    assert page.open().text("[role=alert]") == "team/lab.yaml\nis not valid YAML, line 3: mapping values are not allowed here"
    assert "No configuration found" not in page.text()


def test_a_wrong_configuration_shows_each_problem_as_the_command_line_does(page: Page) -> None:
    problems = ["host 'a': unknown key 'sise'; did you mean 'size'?", "host 'a': key 'size' must be a whole number, not -3"]
    page.stub.answers["fleet"] = (400, {"error": {"message": "\n".join(problems), "problems": problems}})
    assert page.open().text("[role=alert]").split("\n") == ["The configuration has 2 problems", *problems]
    assert page.find("select[name=configuration]").is_displayed()


def test_one_problem_is_said_once(page: Page) -> None:
    page.stub.answers["fleet"] = (400, {"error": {"message": "host 'a' is named twice", "problems": ["host 'a' is named twice"]}})
    assert page.open().text("[role=alert]") == "host 'a' is named twice"


def test_a_configuration_that_is_gone_is_named(page: Page) -> None:
    assert "No configuration fleet.gone" in page.open("hosts?configuration=fleet.gone").text()


def test_an_unknown_tab_is_the_fleet(page: Page) -> None:
    assert page.open("nonsense").find("[aria-selected=true]").text == "Fleet"


@pytest.mark.parametrize(
    ("status", "text"), [(401, "You are not logged in"), (403, "You may not see this page"), (502, "The server answered 502")]
)
def test_an_answer_without_a_message_is_explained(page: Page, status: int, text: str) -> None:
    page.stub.answers["configurations"] = (status, None)
    assert page.open().text("[role=alert]").startswith(text)


@pytest.mark.parametrize(("tab", "what"), [("pools", "pools"), ("assignments", "tasks")])
def test_what_cannot_be_reached_says_why(page: Page, tab: str, what: str) -> None:
    page.stub.answers[tab] = (200, {"available": False, "why": "Airflow is not installed here", "command": ""})
    assert page.open(what).text(".empty").endswith("Airflow is not installed here")


def test_without_airflow_the_command_for_its_pools_is_still_there(page: Page) -> None:
    page.stub.answers["pools"] = (200, {"available": False, "why": "no Airflow", "command": "airflow-balancer pools plan"})
    assert page.open("pools").copied("the command") == "airflow-balancer pools plan"


def test_without_occupancy_there_is_no_column_for_it(page: Page) -> None:
    page.stub.answers["occupancy"] = (200, {"available": False, "why": "no Airflow", "pools": {}})
    assert "occupancy" not in [button.get_attribute("data-sort") for button in page.open("hosts").all(".sort")]


def test_an_empty_fleet_says_what_to_add(page: Page) -> None:
    page.stub.hosts = page.stub.ports = 0
    assert "Add a host under hosts:" in page.open("hosts").text(".empty")
    assert "Add a port under ports:" in page.open("ports").text(".empty")
    assert "Add a host under hosts:" in page.open("fleet").text(".empty")
