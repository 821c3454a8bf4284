"""Names are text, the policy is strict, and the page only reads."""

from __future__ import annotations

import pytest

from tests.viewer.browser.generated import MARKUP_HOST, MARKUP_TAG
from tests.viewer.browser.page import Page

TABS = (
    "fleet",
    "hosts",
    "ports",
    "ports?rows=port",
    "ports?rows=free",
    "pools",
    "tasks",
    "tasks?rows=host",
    "tasks?rows=moved",
    "whatif?drain=worker02.example.com",
    "query",
    "compare?all=yes",
    "settings",
    "yaml",
)


def _no_alert(page: Page) -> bool:
    from selenium.common.exceptions import NoAlertPresentException

    with pytest.raises(NoAlertPresentException):
        page.driver.switch_to.alert  # noqa: B018
    return page.run("return document.querySelectorAll('main img, main script, dialog img, dialog script').length") == 0


@pytest.mark.parametrize("address", TABS)
def test_markup_in_names_is_shown_as_text(page: Page, address: str) -> None:
    page.open(address)
    assert _no_alert(page)
    if address not in ("pools", "settings"):
        assert MARKUP_HOST in page.find("main").get_property("textContent")


def test_markup_in_tags_is_shown_as_text(page: Page) -> None:
    assert MARKUP_TAG in page.open("hosts").find("main").get_property("textContent")
    assert MARKUP_TAG in [option.text for option in page.all("select[name=tag] option")]


def test_markup_in_the_address_is_shown_as_text(page: Page) -> None:
    page.open(f"hosts?host={MARKUP_HOST.replace(' ', '%20')}")
    assert (page.text("dialog h2"), _no_alert(page)) == (MARKUP_HOST, True)


def test_markup_in_an_error_is_shown_as_text(page: Page) -> None:
    page.stub.answers["fleet"] = (400, {"error": {"message": MARKUP_TAG, "problems": [MARKUP_HOST]}})
    assert (page.open().text("[role=alert]"), _no_alert(page)) == (f"{MARKUP_TAG}\n{MARKUP_HOST}", True)


@pytest.mark.parametrize("address", TABS)
def test_the_strict_policy_refuses_nothing_of_the_page(page: Page, address: str) -> None:
    assert page.open(address).refusals == []


def test_the_policy_refuses_inline_scripts(page: Page) -> None:
    page.open().run(
        "const script = document.createElement('script'); script.textContent = 'window.ran = true'; document.body.append(script)"
    )
    assert page.run("return window.ran") is None


def test_the_page_asks_no_other_server(page: Page) -> None:
    page.open("hosts")
    origins = page.run("return [...new Set(performance.getEntriesByType('resource').map(({name}) => new URL(name).origin))]")
    assert origins == [page.stub.url.rstrip("/")]
