"""Each question of an operator is answered in at most two clicks from the first view, on a fleet that is busy."""

from __future__ import annotations

from tests.viewer.browser.generated import MARKUP_HOST
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
    assert page.column("Tasks", 4)[0].startswith("2 of 3 in its key's ranking, after worker02.example.com")


def test_what_moved(page: Page) -> None:
    page.open().tab("Tasks").click("What moved")
    assert [[row[number] for number in (0, 1, 2, 4)] for row in page.rows("Tasks that moved")] == [
        ["daily.load", "worker02.example.com", "worker01.example.com", "6 → 7"],
        ["etl.step_0", "retired-host", MARKUP_HOST, "2 → 3"],
    ]
    assert [row[3:] for row in page.sort("task").rows("Tasks that moved")] == [
        ["1 hour ago", "6 → 7", "worker02.example.com is drained"],
        ["24 hours ago", "2 → 3", "retired-host is gone"],
    ]


def test_which_port_is_free(page: Page) -> None:
    page.open().tab("Ports").click("Free ports")
    assert page.text(".picked-line [role=status]") == "Port 8000 is free on gpu00.example.com"


def test_which_pool_is_not_as_configured_and_what_mends_it(page: Page) -> None:
    page.open().tab("Pools")
    assert page.column("Pools", 5)[:2] == ["missing", "other slots"]
    assert "apply=true" in page.copied("the command")
