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
