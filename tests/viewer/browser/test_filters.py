"""Searching, filtering, sorting, and the address that keeps them."""

from __future__ import annotations

import pytest

from tests.viewer.browser.page import Page

SORTS = {
    "hosts": ("name", "occupancy", "health", "system", "queues", "tags", "size", "user", "credential", "pool"),
    "ports": ("host", "ports", "first", "space"),
    "ports?rows=port": ("host", "port", "name", "tags", "pool"),
    "pools": ("name", "occupancy", "running", "waiting", "open", "change", "slots", "wanted", "note"),
    "tasks": ("task", "host", "state", "pool", "why"),
    "tasks?rows=host": ("host", "slots", "tasks", "share", "load", "names"),
    "query": ("place", "name", "size", "score", "bar"),
    "compare": ("name", "change", "left", "right"),
    "settings": ("key", "value", "origin"),
    "yaml": ("path", "value", "origin"),
}


@pytest.mark.parametrize(("name", "value", "column"), [("system", "windows", 3), ("queue", "gpu", 4), ("tag", "ssd", 5)])
def test_a_filter_leaves_the_hosts_that_have_its_value(page: Page, name: str, value: str, column: int) -> None:
    page.open("hosts").choose(name, value)
    assert all(value in cell.split() for cell in page.column("Hosts", column))
    assert len(page.rows("Hosts")) == int(page.text(".tally").split()[0]) > 0


def test_a_search_finds_names_with_a_wildcard(page: Page) -> None:
    page.open("hosts").fill("search", "worker0*2")
    assert page.column("Hosts") == ["worker02.example.com"]


def test_a_search_may_hold_the_signs_of_expressions(page: Page) -> None:
    page.open("hosts").fill("search", "([")
    assert "No host matches" in page.text()


def test_filters_that_leave_nothing_can_be_cleared(page: Page) -> None:
    page.open("hosts?search=nothing&queue=gpu").click("Clear the filters")
    assert page.text(".tally") == "12 hosts"


def test_the_address_opens_the_same_view(page: Page) -> None:
    page.open("hosts").choose("queue", "workers").fill("search", "worker").sort("size")
    seen = page.rows("Hosts")
    assert page.open(page.address[1:]).rows("Hosts") == seen


def test_a_tab_keeps_its_filters_when_one_comes_back(page: Page) -> None:
    page.open("hosts?search=worker02").tab("Ports").tab("Hosts")
    assert page.column("Hosts") == ["worker02.example.com"]


def test_the_back_button_returns_to_the_tab_before(page: Page) -> None:
    page.open("hosts").tab("Ports")
    page.driver.back()
    page.wait(lambda: page.find("[aria-selected=true]").text == "Hosts", "the tab did not come back")


def test_a_link_to_the_view_is_copied(page: Page) -> None:
    assert page.open("hosts?queue=gpu").copied("link to this view") == f"{page.stub.url}#hosts?queue=gpu"


@pytest.mark.parametrize("address", SORTS)
def test_every_column_sorts_both_ways(page: Page, address: str) -> None:
    page.open(address)
    buttons = [button.get_attribute("data-sort") for button in page.all(".sort")]
    assert buttons == list(SORTS[address])
    for name in buttons:
        states = {page.sort(name).find(f"th:has([data-sort={name}])").get_attribute("aria-sort") for _ in range(2)}
        assert states == {"ascending", "descending"}, name


def test_numbers_sort_as_numbers(page: Page) -> None:
    page.open("hosts").sort("size")
    sizes = [int(text) for text in page.column("Hosts", 6)]
    assert sizes == sorted(sizes, reverse=True)


def test_names_sort_by_the_numbers_in_them(page: Page) -> None:
    names = [name for name in page.open("hosts?sort=name").column("Hosts") if name.startswith("worker")]
    assert names == sorted(names, key=lambda name: int(name[6:8]))
