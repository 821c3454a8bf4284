"""Each question of an operator is answered in at most two clicks from the first view, on a fleet that is busy."""

from __future__ import annotations

from tests.viewer.browser.page import Page


def test_what_is_overloaded(page: Page) -> None:
    assert page.open().text(".hottest li").startswith("worker02.example.com\n4/4 +2")


def test_what_is_down(page: Page) -> None:
    assert page.open().text(".wrong li.bad").startswith("worker03.example.com cannot be reached")


def test_what_if_a_host_is_drained(page: Page) -> None:
    page.open().tab("What if").choose("drain", "worker02.example.com")
    assert page.rows("Picks that move")[0][2] == "worker02.example.com"


def test_where_a_task_runs(page: Page) -> None:
    page.open().tab("Tasks").fill("search", "daily.load[1]")
    assert [row[:2] for row in page.rows("Tasks")] == [["daily.load[1]", "worker01.example.com"]]


def test_why_a_task_is_on_its_host(page: Page) -> None:
    page.open().tab("Tasks").fill("search", "daily.load[1]")
    assert "worker02.example.com had their share of the other picks" in page.column("Tasks", 4)[0]


def test_which_port_is_free(page: Page) -> None:
    page.open().tab("Ports").click("Free ports")
    assert page.text(".picked-line [role=status]") == "Port 8000 is free on gpu00.example.com"


def test_which_pool_is_not_as_configured_and_what_mends_it(page: Page) -> None:
    page.open().tab("Pools")
    assert page.column("Pools", 5)[:2] == ["missing", "other slots"]
    assert "apply=true" in page.copied("the command")
