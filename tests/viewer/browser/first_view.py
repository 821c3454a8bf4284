"""Print how long the page takes to its first view and from tab to tab, how it scrolls and filters, and what a poll costs the server.

    python -m tests.viewer.browser.first_view [hosts [ports [url]]]

Without a url, the page is served with generated answers; each visit has a new browser, so nothing is in a cache. What polls cost
is measured over Airflow's own tables: see polls.py.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from contextlib import nullcontext
from typing import Any

from tests.viewer.browser.chromium import chromium
from tests.viewer.browser.page import Page
from tests.viewer.browser.stub import Stub, serve

VISITS = 5
VIEWS = {"fleet": ".host-tile", "hosts": "tbody .link", "ports": "tbody .bar"}
_FIRST_VIEW = """
const [selector, done] = arguments;
const seen = () => requestAnimationFrame(() => setTimeout(() => done(performance.now())));
const look = () => document.querySelector(selector) ? seen() : setTimeout(look, 4);
look();
"""
TABS = ("hosts", "ports", "pools", "tasks", "whatif", "query", "compare", "settings", "yaml", "fleet")
_TAB = """
const [tab, done] = arguments;
const start = performance.now();
const seen = () => requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
const look = () => document.querySelector("#app[aria-busy=false]") ? seen() : setTimeout(look, 4);
document.getElementById(`tab-${tab}`).click();
queueMicrotask(look);
"""
_SCROLL = """
const done = arguments[0];
const grid = document.querySelector(".grid");
const frames = [];
let before = performance.now();
const step = (now) => {
  frames.push(now - before);
  before = now;
  grid.scrollTop += 400;
  if (frames.length < 60) requestAnimationFrame(step);
  else done({ longest: Math.max(...frames.slice(2)), rows: document.querySelectorAll("tbody tr").length, bottom: grid.scrollTop });
};
requestAnimationFrame(step);
"""
_FILTER = """
const done = arguments[0];
const field = document.querySelector("[name=search]");
const start = performance.now();
field.value = "9";
field.dispatchEvent(new Event("input"));
requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
"""


def first_view(url: str, address: str) -> float:
    """Return the milliseconds from the visit to the first view."""
    with chromium() as driver:
        driver.get(f"{url}#{address}")
        return float(driver.execute_async_script(_FIRST_VIEW, VIEWS[address]))


def tabs(stub: Stub) -> dict[str, float]:
    """Return the milliseconds from a click on each tab to its view, the best of the visits."""
    best: dict[str, float] = {}
    with chromium() as driver:
        for _ in range(VISITS):
            Page(driver, stub).open()
            for tab in TABS:
                taken = float(driver.execute_async_script(_TAB, tab))
                best[tab] = min(taken, best.get(tab, taken))
    return best


def in_use(stub: Stub, address: str) -> dict[str, Any]:
    """Return the longest frame in milliseconds while one scrolls, and the milliseconds of a search."""
    with chromium() as driver:
        page = Page(driver, stub).open(address)
        return {**driver.execute_async_script(_SCROLL), "search": driver.execute_async_script(_FILTER), "tally": page.text(".tally")}


def main(hosts: int = 1000, ports: int = 4000, url: str = "") -> None:
    """Print the times."""
    given = Stub(hosts, ports, url=url)
    with nullcontext(given) if url else serve(given) as stub:
        sys.stdout.write(f"{hosts} hosts, {ports} ports, {VISITS} visits each\n")
        for address in VIEWS:
            times = [first_view(stub.url, address) for _ in range(VISITS)]
            median = statistics.median(times)
            sys.stdout.write(f"first view of {address}: best {min(times):.0f} ms, median {median:.0f} ms, longest {max(times):.0f} ms\n")
        for tab, taken in tabs(stub).items():
            sys.stdout.write(f"tab {tab}: {taken:.0f} ms\n")
        for address in ("hosts", "ports?rows=port"):
            seen = in_use(stub, address)
            sys.stdout.write(f"{address}: longest frame while scrolling {seen['longest']:.0f} ms, search {seen['search']:.0f} ms\n")
    sys.stdout.flush()
    subprocess.run([sys.executable, "-W", "ignore", "-m", "tests.viewer.browser.polls", str(hosts), str(ports)], check=True)


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:3]), *sys.argv[3:4])
