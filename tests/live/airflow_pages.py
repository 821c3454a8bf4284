"""Airflow's own pages in a browser: the login, and the navigation that leads to the viewer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from examples.demo.airflow_home import IS_AIRFLOW_2, AirflowHome
from tests.viewer.browser.page import Page
from tests.viewer.browser.stub import Stub

__all__ = ("AirflowPages",)

_ENTRY = "//a[normalize-space()='Balancer']"
_FRAME = "//iframe[@title='Balancer']"
_MENU = "//a[normalize-space()='Browse']" if IS_AIRFLOW_2 else "//button[@aria-label='Browse']"


class AirflowPages:
    """Airflow's website as a person walks through it."""

    def __init__(self, driver: Any, home: AirflowHome) -> None:
        self.driver = driver
        self.home = home
        self.viewer = Page(driver, Stub(url=f"{home.url}/airflow-balancer/"))

    def login(self) -> AirflowPages:
        """Ask for the viewer as a stranger, log in with the home's user and password where that leads, and arrive."""
        self.driver.get(f"{self.home.url}/{'airflow-balancer/' if IS_AIRFLOW_2 else 'plugin/balancer'}")
        self._seen("//input[@name='username']").send_keys(self.home.username)
        self._seen("//input[@name='password']").send_keys(f"{self.home.password}\n")
        self.arrive()
        return self

    def open_viewer(self) -> Page:
        """Click the entry of the navigation."""
        self.driver.get(self.home.url)
        self._seen(_MENU).click()
        self._seen(_ENTRY).click()
        return self.arrive()

    @contextmanager
    def outside(self) -> Iterator[Any]:
        """Give the page around the viewer's frame, and go back into the frame."""
        self.driver.switch_to.default_content()
        yield self.driver
        self.arrive()

    def arrive(self) -> Page:
        """Go into the frame that Airflow 3 has the viewer in."""
        if not IS_AIRFLOW_2:
            self.driver.switch_to.frame(self._seen(_FRAME))
        return self.viewer.settle()

    def _seen(self, xpath: str) -> Any:
        from selenium.webdriver.support import expected_conditions
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self.driver, 30).until(expected_conditions.element_to_be_clickable(("xpath", xpath)), xpath)
