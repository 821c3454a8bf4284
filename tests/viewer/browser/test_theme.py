"""The page follows the theme of Airflow's UI, live, in its frame and below a path prefix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.viewer.browser.chromium import prefer, resize
from tests.viewer.browser.page import Page
from tests.viewer.browser.stub import Stub, serve

FRAME = """<!doctype html><html class="dark"><title>Airflow</title>
<iframe src="/team/airflow-balancer/" width="1200" height="700"
        sandbox="allow-scripts allow-same-origin allow-forms allow-downloads"></iframe>
"""
_SCHEME = "return getComputedStyle(document.documentElement).colorScheme"
_BACKGROUND = "return getComputedStyle(document.body).backgroundColor"


@pytest.fixture
def framed(driver: Any) -> Iterator[Page]:
    """Give the page in a frame such as Airflow's, below a path prefix."""
    resize(driver, 1280, 800)
    with serve(Stub(prefix="/team/airflow-balancer/", pages={"/plugin": FRAME})) as stub:
        driver.get(stub.url.replace("/team/airflow-balancer/", "/plugin"))
        driver.switch_to.frame(driver.find_element("css selector", "iframe"))
        yield Page(driver, stub).settle()
        driver.get("about:blank")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_alone_the_system_decides(page: Page, scheme: str) -> None:
    prefer(page.driver, scheme)
    dark = page.open().run(_BACKGROUND).startswith("oklch(0.1")
    assert dark is (scheme == "dark")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_that_airflow_stored_goes_first(page: Page, theme: str) -> None:
    page.open().run(f"localStorage.setItem('theme', '{theme}')")
    page.driver.refresh()
    assert page.settle().run(_SCHEME) == theme
    page.run("localStorage.clear()")


def test_in_a_frame_the_parent_decides_and_changes_are_followed(framed: Page) -> None:
    assert framed.run(_SCHEME) == "dark"
    framed.run("parent.document.documentElement.className = 'light'")
    framed.wait(lambda: framed.run(_SCHEME) == "light", "the theme was not followed")


def test_in_a_frame_below_a_prefix_everything_works(framed: Page) -> None:
    framed.tab("Hosts").click("gpu00.example.com")
    assert "10.0.0.1" in framed.text("dialog")
    assert {path.split("/")[1] for path in framed.stub.asked} <= {"team", "plugin", "favicon.ico"}


def test_in_a_frame_the_tab_and_its_filters_survive_a_reload_of_airflows_page(framed: Page) -> None:
    framed.tab("Hosts").choose("queue", "gpu")
    assert framed.run("return parent.location.pathname + parent.location.hash") == "/plugin#hosts?queue=gpu"
    framed.driver.switch_to.default_content()
    framed.driver.refresh()
    framed.driver.switch_to.frame(framed.driver.find_element("css selector", "iframe"))
    assert framed.settle().text(".tally") == "2 of 12 hosts"


def test_in_a_frame_back_goes_back(framed: Page) -> None:
    framed.tab("Hosts").tab("Ports").run("parent.history.back()")
    framed.wait(lambda: framed.find("[aria-selected=true]").text == "Hosts", "the tab did not come back")
    assert framed.run("return parent.location.hash") == "#hosts"


def test_in_a_frame_a_copied_link_opens_airflows_page(framed: Page) -> None:
    link = framed.tab("Hosts").copied("link to this view")
    assert link == framed.stub.url.replace("/team/airflow-balancer/", "/plugin#hosts")


def test_in_a_frame_a_stranger_finds_the_login(framed: Page) -> None:
    framed.stub.answers["fleet"] = (401, None)
    link = framed.click("Refresh").find("[role=alert] a")
    assert (link.text, link.get_attribute("target")) == ("Log in to Airflow", "_top")


def test_in_a_frame_a_task_leads_to_its_latest_attempt_in_airflow(framed: Page) -> None:
    link = framed.tab("Tasks").fill("search", "daily.load").find("tbody a")
    assert (link.get_attribute("href").partition("/team/")[2], link.get_attribute("target")) == ("dags/daily/runs/r1/tasks/load", "_top")


def test_in_a_frame_the_copy_buttons_work(framed: Page) -> None:
    framed.tab("Pools").find("[aria-label='Copy the command']").click()
    framed.wait(lambda: framed.find("[aria-label='Copy the command']").get_attribute("data-done") == "Copied", "nothing was copied")
