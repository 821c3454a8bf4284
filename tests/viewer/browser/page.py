"""The page as its readers have it: tabs, tables, fields, buttons."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.viewer.browser.stub import Stub

_READY = "return document.querySelector('#app[aria-busy=false] main') !== null"
_ROWS = """
const table = document.querySelector(`table[aria-label="${arguments[0]}"]`);
return [...table.querySelectorAll("tbody tr:not(.spacer)")].map((row) => [...row.children].map((cell) => cell.innerText.trim()));
"""


class Page:
    """The viewer in a browser."""

    def __init__(self, driver: Any, stub: Stub) -> None:
        self.driver = driver
        self.stub = stub

    def open(self, address: str = "fleet") -> Page:
        """Go to a tab with its query, as a new visitor, and wait for the answers."""
        self.driver.get("about:blank")
        self.driver.get(f"{self.stub.url}#{address}")
        return self.settle()

    def settle(self) -> Page:
        """Wait until nothing is being read."""
        self.wait(lambda: self.run(_READY), "the page still reads")
        return self

    def wait(self, holds: Callable[[], Any], otherwise: str, *, timeout: float = 8) -> Any:
        """Return what `holds` returns once it is true."""
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self.driver, timeout, 0.02).until(lambda _: holds(), otherwise)

    def run(self, script: str, *arguments: Any) -> Any:
        """Return what a script in the page returns."""
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> Any:
        """Return the first element that a CSS selector finds."""
        return self.driver.find_element("css selector", selector)

    def all(self, selector: str) -> list[Any]:
        """Return all elements that a CSS selector finds."""
        return self.driver.find_elements("css selector", selector)

    def text(self, selector: str = "main") -> str:
        """Return the text that one sees."""
        return str(self.find(selector).text)

    def tab(self, title: str) -> Page:
        """Click a tab."""
        self.driver.find_element("xpath", f"//*[@role='tab'][normalize-space()='{title}']").click()
        return self.settle()

    def click(self, text: str) -> Page:
        """Click the button or link of that text."""
        self.driver.find_element("xpath", f"//*[self::button or self::a][contains(normalize-space(), '{text}')]").click()
        return self.settle()

    def fill(self, name: str, text: str) -> Page:
        """Type over what is in a field."""
        from selenium.webdriver.common.keys import Keys

        self.find(f"[name={name}]").send_keys(Keys.CONTROL, "a", Keys.NULL, text)
        return self.settle()

    def choose(self, name: str, value: str) -> Page:
        """Choose an option of a select."""
        from selenium.webdriver.support.ui import Select

        Select(self.find(f"select[name={name}]")).select_by_value(value)
        return self.settle()

    def sort(self, column: str) -> Page:
        """Click the heading of a column."""
        self.find(f"[data-sort={column}]").click()
        return self.settle()

    def rows(self, label: str) -> list[list[str]]:
        """Return the texts of a table's rows in view."""
        return list(self.run(_ROWS, label))

    def column(self, label: str, index: int = 0) -> list[str]:
        """Return the texts of a column."""
        return [row[index] for row in self.rows(label)]

    def copied(self, name: str) -> str:
        """Click a copy button, and return what it gave to the clipboard."""
        self.run(
            "window.copied = null; Object.defineProperty(navigator, 'clipboard',"
            "{configurable: true, value: {writeText: async (text) => { window.copied = text; }}})"
        )
        self.find(f"[aria-label='Copy {name}']").click()
        return str(self.wait(lambda: self.run("return window.copied"), f"{name} was not copied"))

    @property
    def address(self) -> str:
        """The state in the address."""
        return str(self.run("return location.hash"))

    @property
    def refusals(self) -> list[str]:
        """What the browser's log says, such as what the Content-Security-Policy refused."""
        return [json.dumps(entry["message"]) for entry in self.driver.get_log("browser")]
