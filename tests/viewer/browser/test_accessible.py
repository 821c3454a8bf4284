"""axe-core finds nothing against WCAG 2.2 AA, in both themes: contrast, names, roles, labels."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.viewer.browser.chromium import prefer, resize
from tests.viewer.browser.page import Page
from tests.viewer.browser.test_safety import TABS

HERE = Path(__file__).parent
AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"
_RUN = """
const done = arguments[0];
axe.run({runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then(({violations, passes}) => done({
  found: violations.flatMap(({id, nodes}) => nodes.map(({target, failureSummary}) => `${id}: ${target}: ${failureSummary}`)),
  passed: passes.map(({id}) => id),
}));
"""


@pytest.fixture(scope="session")
def axe() -> str:
    """Give axe-core's source, or skip for want of it."""
    if not AXE.is_file() and (npm := shutil.which("npm")):
        install = [npm, "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(install, cwd=HERE, check=False, capture_output=True)
    if not AXE.is_file():
        pytest.skip("no axe-core: npm install --no-package-lock in tests/viewer/browser")
    return AXE.read_text()


def _violations(page: Page, axe: str) -> list[str]:
    # Through the debugger's protocol, for the page's policy lets no script in.
    page.driver.execute_cdp_cmd("Runtime.evaluate", {"expression": axe})
    page.driver.set_script_timeout(60)
    answer = page.driver.execute_async_script(_RUN)
    assert "color-contrast" in answer["passed"]
    return list(answer["found"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", [*TABS, "hosts?host=gpu00.example.com", "hosts?search=nothing"])
def test_a_view_is_accessible(page: Page, axe: str, address: str, scheme: str) -> None:
    prefer(page.driver, scheme)
    assert _violations(page.open(address), axe) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_error_is_accessible(page: Page, axe: str, scheme: str) -> None:
    prefer(page.driver, scheme)
    page.stub.answers["fleet"] = (400, {"error": {"message": "host 'a' is named twice", "problems": ["hosts[3]"]}})
    assert _violations(page.open(), axe) == []


def test_a_narrow_view_is_accessible(page: Page, axe: str) -> None:
    resize(page.driver, 360, 740)
    assert _violations(page.open("hosts"), axe) == []
