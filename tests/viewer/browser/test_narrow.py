"""A telephone's width: nothing is cut off, and only tables scroll sideways."""

from __future__ import annotations

import pytest

from tests.viewer.browser.chromium import resize
from tests.viewer.browser.page import Page
from tests.viewer.browser.test_safety import TABS

_OVERFLOW = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize("address", TABS)
def test_the_page_does_not_scroll_sideways(page: Page, address: str) -> None:
    resize(page.driver, 360, 740)
    assert page.open(address).run(_OVERFLOW) == 0


def test_the_chosen_tab_is_in_view(page: Page) -> None:
    resize(page.driver, 360, 740)
    place = page.open("yaml").find("[aria-selected=true]").rect
    assert 0 <= place["x"] <= 360 - place["width"]


def test_a_host_fills_the_screen(page: Page) -> None:
    resize(page.driver, 360, 740)
    page.open("hosts?host=gpu00.example.com")
    assert page.find("dialog").rect["width"] == 360


def test_occupancy_is_second_and_columns_that_say_the_same_of_all_hosts_are_hidden(page: Page) -> None:
    fleet = page.stub.answer("fleet", {})[1]
    page.stub.answers["fleet"] = (200, fleet | {"hosts": [host | {"username": "airflow", "os": "ubuntu"} for host in fleet["hosts"]]})
    resize(page.driver, 420, 740)
    columns = [button.get_attribute("data-sort") for button in page.open("hosts").all(".sort")]
    assert columns[:2] == ["name", "occupancy"]
    assert {"user", "system"}.isdisjoint(columns)


def test_a_long_name_is_cut_in_its_middle_and_whole_where_it_was_searched_for(page: Page) -> None:
    resize(page.driver, 420, 740)
    cut = "const it = document.querySelector('tbody .cut'); return it.scrollWidth > it.clientWidth && it.clientWidth > 0"
    fleet = page.stub.answer("fleet", {})[1]
    page.stub.answers["fleet"] = (
        200,
        fleet | {"hosts": [{**fleet["hosts"][0], "name": "a-very-long-name-of-a-host-in-rack-17.example.com"}]},
    )
    assert page.open("hosts").run(cut)
    end = page.find("tbody .cut-end").rect
    assert end["x"] + end["width"] <= 180
    assert not page.open("hosts?search=rack-17").run(cut)
