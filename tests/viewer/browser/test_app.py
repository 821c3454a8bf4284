"""The page on the real app, served by `airflow-balancer-viewer` over real YAML."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.viewer.browser.chromium import prefer, resize
from tests.viewer.browser.generated import MARKUP_HOST, MARKUP_TAG
from tests.viewer.browser.page import Page
from tests.viewer.browser.stub import Stub

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

CONF = Path(__file__).parents[3] / "conf"
VIEWER = "from airflow_balancer.cli.viewer import main; main()"
MARKUP = f"""
balancer:
  hosts:
    - name: worker1
      size: 8
      queues: [workers]
      password: hunter2
    - name: worker2
      queues: [workers]
      tags: [{MARKUP_TAG!r}]
    - name: {MARKUP_HOST!r}
      queues: [{MARKUP_TAG!r}]
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the package's own tree, beside a file with markup."""
    folder = tmp_path_factory.mktemp("viewer")
    shutil.copytree(CONF, folder / "conf")
    (folder / "markup.yaml").write_text(MARKUP)
    return folder


def _served(path: Path) -> Iterator[str]:
    where = ["--config-dir", str(path)] if path.is_dir() else [str(path)]
    command = [sys.executable, "-c", VIEWER, *where, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=path.parent) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[1]
        process.terminate()


@pytest.fixture(scope="module")
def conf_url(tree: Path) -> Iterator[str]:
    """Serve the package's own tree."""
    yield from _served(tree / "conf")


@pytest.fixture(scope="module")
def markup_url(tree: Path) -> Iterator[str]:
    """Serve names that are markup."""
    yield from _served(tree / "markup.yaml")


@pytest.fixture
def wrong_url(tmp_path: Path) -> Iterator[str]:
    """Serve a configuration that gets two problems while it is open."""
    path = tmp_path / "fleet.yaml"
    path.write_text("balancer: {hosts: [{name: a}, {name: b}]}\n")
    for url in _served(path):
        path.write_text("balancer: {hosts: [{name: a, sise: 3}, {name: b, size: -3}]}\n")
        yield url


def _page(driver: Any, url: str) -> Page:
    resize(driver, 1280, 800)
    prefer(driver, "light")
    driver.get_log("browser")
    return Page(driver, Stub(url=url))


@pytest.fixture
def real(driver: Any, conf_url: str) -> Page:
    """Give the page over the package's own tree."""
    return _page(driver, conf_url)


def test_hosts_come_from_the_yaml(real: Page) -> None:
    assert real.open("hosts").column("Hosts") == ["host1", "host2", "host3"]


def test_an_environment_changes_the_hosts(real: Page) -> None:
    sizes = [real.open(f"hosts?environment={name}").column("Hosts", 4)[2] for name in ("dev", "prod")]
    assert sizes == ["2", "12"]


def test_a_query_answers_as_the_command_line_does(real: Page) -> None:
    from airflow_balancer import load

    real.open("query?environment=prod&queue=workers&key=etl")
    picked = load(CONF / "config.yaml", ["env=prod"]).select_host(queue="workers", key="etl").name
    assert real.text(".picked-line").startswith(f"Picks {picked} of ")
    assert real.column("Candidates", 1)[0].split()[0] == picked


def test_a_query_without_a_match_shows_the_message(real: Page) -> None:
    assert "gpus" in real.open("query?queue=gpus").text("[role=alert]")


def test_environments_differ_where_the_yaml_says(real: Page) -> None:
    assert "size 2" in real.open("compare?left=dev&right=prod").text("main")


def test_a_visitor_goes_through_every_tab(real: Page) -> None:
    real.open().choose("environment", "prod")
    assert [tally.text for tally in real.all(".tally")] == ["3 hosts", "44 slots, 2 ports, 5 pools, 2 queues"]
    first, _, last = real.tab("Hosts").rows("Hosts")
    assert (first[0], first[4]) == ("host1", "16")
    assert last == ["host3", "macos", "workers", "release", "12", "airflow-prod", "key file", "host3"]
    assert [row[:3] for row in real.tab("Ports").rows("Ports by host")] == [["host1", "1", "8080"], ["host2", "1", "8793"]]
    assert real.tab("Pools").copied("the command") == "airflow-balancer pools config.yaml env=prod apply=true"
    assert real.tab("Tasks").text(".empty")
    assert ["default_username", "airflow-prod", "env/prod.yaml"] in real.tab("Settings").rows("Settings")
    assert "default_username: airflow-prod" in real.tab("YAML").copied("the composed YAML")


def test_a_query_is_typed_in_the_chosen_environment(real: Page) -> None:
    from airflow_balancer import load

    real.open().choose("environment", "prod").tab("Try a query").fill("queue", "workers").fill("key", "etl")
    python = 'load("config.yaml", ["env=prod"]).select_host(queue="workers", key="etl")'
    real.wait(lambda: python in real.text(), "the query was not answered")
    picked = load(CONF / "config.yaml", ["env=prod"]).select_host(queue="workers", key="etl").name
    assert real.column("Candidates", 1)[0].split() == [picked, "picked"]


def test_sides_are_chosen_and_their_differences_marked(real: Page) -> None:
    real.open().tab("Compare").choose("left", "dev").choose("right", "prod")
    changed = {row[0]: row[1] for row in real.rows("Hosts compared")}
    assert (changed["host3"], {"size 2", "size 12"} <= {mark.text for mark in real.all(".difference")}) == ("≠ changed", True)
    seen = real.text()
    assert real.open(real.address[1:]).text() == seen


def test_settings_name_their_files(real: Page) -> None:
    assert ["default_size", "2", "env/dev.yaml"] in real.open("settings").rows("Settings")


@pytest.mark.parametrize("tab", ["fleet", "hosts", "ports", "pools", "tasks", "query", "compare", "settings", "yaml"])
def test_the_apps_policy_refuses_nothing_of_the_page(real: Page, tab: str) -> None:
    assert real.open(tab).refusals == []


@pytest.mark.parametrize("tab", ["hosts", "query", "yaml"])
def test_markup_in_yaml_is_shown_as_text(driver: Any, markup_url: str, tab: str) -> None:
    page = _page(driver, markup_url).open(tab)
    assert MARKUP_HOST in page.find("main").get_property("textContent")
    assert page.all("main img, main script") == []


def test_no_password_is_in_the_page(driver: Any, markup_url: str) -> None:
    page = _page(driver, markup_url)
    shown = [page.open(tab).find("body").get_property("textContent") for tab in ("hosts", "yaml", "hosts?host=worker1")]
    assert not any("hunter2" in text for text in shown)


def test_a_wrong_configuration_shows_the_problems_of_the_command_line(driver: Any, wrong_url: str) -> None:
    text = _page(driver, wrong_url).open().text("[role=alert]")
    assert "host 'a': unknown key 'sise'; did you mean 'size'?" in text
    assert "host 'b': key 'size' must be a whole number" in text
