"""Two environments side by side."""

from __future__ import annotations

from tests.viewer.browser.page import Page


def test_two_environments_are_compared_host_by_host(page: Page) -> None:
    page.open("compare?left=dev&right=prod")
    rows = page.rows("Hosts compared")
    assert [row[:2] for row in rows] == [
        ["gpu00.example.com", "≠ changed"],
        ["worker01.example.com", "+ added"],
        ["worker02.example.com", "\u2212 removed"],
    ]
    assert (rows[1][2], rows[2][3]) == ("not there", "not there")


def test_the_values_that_differ_are_marked(page: Page) -> None:
    marks = [mark.text for mark in page.open("compare?left=dev&right=prod").all(".difference")]
    assert marks == ["size 2", "queues workers", "size 8", "queues workers gpu"]


def test_what_is_the_same_is_shown_when_asked(page: Page) -> None:
    page.open("compare?left=dev&right=prod").find("[name=all]").click()
    assert len(page.settle().rows("Hosts compared")) == 12


def test_settings_are_compared(page: Page) -> None:
    page.open("compare?left=dev&right=prod").click("Settings 1")
    assert page.rows("Settings compared") == [["default_username", "≠ changed", "developer", "airflow"]]


def test_picks_that_move_are_compared(page: Page) -> None:
    page.open("compare?left=dev&right=prod").click("Picks 1")
    [row] = page.rows("Picks compared")
    assert row == ["dags.etl.tasks.step1", "queue='workers'", "worker01.example.com", "worker02.example.com", "drained"]


def test_sides_that_agree_say_so(page: Page) -> None:
    assert page.open("compare?left=dev&right=prod&section=ports").text(".empty") == "No difference in the ports\ndev and prod agree."


def test_the_sides_can_be_chosen_also_after_an_error(page: Page) -> None:
    page.stub.answers["compare"] = (400, {"error": {"message": "env/lab.yaml is wrong", "problems": []}})
    page.open("compare")
    assert page.text("[role=alert]") == "env/lab.yaml is wrong"
    assert page.find("select[name=left]").is_displayed()


def test_a_configuration_of_one_environment_says_how_to_add_another(page: Page) -> None:
    only = {"id": "a", "name": "A", "environments": [], "environment": None}
    page.stub.answers["configurations"] = (200, {"configurations": [only], "problems": [], "hint": ""})
    assert "One environment only" in page.open("compare").text(".empty")
