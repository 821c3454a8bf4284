"""A browser for all tests, and for each test a server with answers of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.viewer.browser.chromium import chromium, missing, prefer, resize
from tests.viewer.browser.page import Page
from tests.viewer.browser.stub import Stub, serve


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count every test in a browser as slow."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("slow")


@pytest.fixture(scope="session")
def driver() -> Iterator[Any]:
    """Give the browser, or skip for want of one."""
    if reason := missing():
        pytest.skip(reason)
    with chromium() as started:
        yield started


@pytest.fixture
def stub() -> Iterator[Stub]:
    """Serve twelve hosts and thirty ports."""
    with serve(Stub()) as stub:
        yield stub


@pytest.fixture
def page(driver: Any, stub: Stub) -> Iterator[Page]:
    """Give the page in a light window of a desk's size."""
    resize(driver, 1280, 800)
    prefer(driver, "light")
    driver.get_log("browser")
    yield Page(driver, stub)
    driver.get("about:blank")
