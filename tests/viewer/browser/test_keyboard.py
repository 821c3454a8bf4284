"""Everything can be reached and read without a mouse."""

from __future__ import annotations

from tests.viewer.browser.page import Page


def _press(page: Page, *keys: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(page.driver).send_keys(*keys).perform()
    page.settle()


def _focused(page: Page) -> str:
    return str(page.run("const it = document.activeElement; return it.id || it.name || it.dataset.sort || it.className || it.tagName"))


def test_arrows_move_between_the_tabs(page: Page) -> None:
    from selenium.webdriver.common.keys import Keys

    page.open().find("#tab-fleet").send_keys(Keys.ARROW_RIGHT)
    page.settle()
    assert (_focused(page), page.address) == ("tab-hosts", "#hosts")
    _press(page, Keys.END)
    assert (_focused(page), page.address) == ("tab-yaml", "#yaml")
    _press(page, Keys.ARROW_RIGHT)
    assert _focused(page) == "tab-fleet"


def test_tab_walks_from_the_header_into_the_table(page: Page) -> None:
    from selenium.webdriver.common.keys import Keys

    page.open("hosts")
    walked = []
    for _ in range(12):
        _press(page, Keys.TAB)
        walked.append(_focused(page))
    assert walked == [
        "configuration",
        "environment",
        "refresh",
        "copy",
        "tab-hosts",
        "search",
        "queue",
        "system",
        "tag",
        "grid",
        "name",
        "occupancy",
    ]


def test_the_focus_is_seen(page: Page) -> None:
    from selenium.webdriver.common.keys import Keys

    page.open("hosts")
    for _ in range(10):
        _press(page, Keys.TAB)
        style = page.run("const s = getComputedStyle(document.activeElement); return [s.outlineStyle, s.outlineWidth]")
        assert style == ["solid", "2px"], _focused(page)


def test_enter_sorts_and_keeps_the_focus(page: Page) -> None:
    from selenium.webdriver.common.keys import Keys

    page.open("hosts").find("[data-sort=size]").send_keys(Keys.ENTER)
    page.settle()
    assert (_focused(page), page.address) == ("size", "#hosts?sort=size&order=down")


def test_slash_goes_to_the_search(page: Page) -> None:
    page.open("hosts")
    _press(page, "/")
    assert _focused(page) == "search"


def test_escape_closes_the_host_and_returns_to_its_row(page: Page) -> None:
    from selenium.webdriver.common.keys import Keys

    page.open("hosts").find("tbody .link").send_keys(Keys.ENTER)
    page.wait(lambda: page.find("dialog").is_displayed(), "the host did not open")
    assert _focused(page) == "close"
    _press(page, Keys.ESCAPE)
    page.wait(lambda: page.address == "#hosts", "the host is still in the address")
    assert (page.find("dialog").is_displayed(), _focused(page)) == (False, "link")


def test_tabs_say_which_panel_they_control(page: Page) -> None:
    tab = page.open("ports").find("[aria-selected=true]")
    panel = page.find(f"#{tab.get_attribute('aria-controls')}")
    assert (panel.get_attribute("role"), panel.accessible_name, tab.get_attribute("tabindex")) == ("tabpanel", "Ports", "0")
