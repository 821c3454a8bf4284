"""What the files of pages make, beside what their pages print. A file may move to another page."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_balancer import load_fleet
from airflow_balancer.hydra.resolvers import NAMES
from airflow_balancer.picking.strategies import build_strategy
from tests.conftest import HAS_AIRFLOW, REPOSITORY
from tests.docs.pages import BLOCKS, PAGES, Block, folders_with
from tests.docs.runs import PageRun

OF_THE_TREE = [
    block
    for block in BLOCKS
    if block.file.startswith("conf/") and (REPOSITORY / block.file).exists() and "conf" in folders_with(block.page)
]
needs_airflow = pytest.mark.skipif(not HAS_AIRFLOW, reason="Airflow is not installed")


@pytest.fixture
def run_with(page_run: Callable[[Path], PageRun], cli: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], PageRun]:
    """Run the first page that has a file."""

    def run(file: str) -> PageRun:
        last = next(block for block in BLOCKS if block.file == file)
        run = page_run(last.page)
        run.run(last, cli, monkeypatch)
        return run

    return run


@pytest.mark.parametrize("block", OF_THE_TREE, ids=[f"{block.page.stem}, {block.file}" for block in OF_THE_TREE])
def test_file_of_the_tree_is_the_one_in_the_repository(block: Block) -> None:
    lines = (REPOSITORY / block.file).read_text().splitlines(keepends=True)
    assert block.text == "".join(line for line in lines if line.startswith("# @") or not line.startswith("#"))


def test_hosts_as_a_list_and_as_a_mapping_are_the_same_fleet(run_with: Callable[[str], PageRun]) -> None:
    def hosts(file: str) -> list[tuple[Any, ...]]:
        return [(host.name, host.os, host.size, host.queues, host.tags) for host in load_fleet(folder / file).hosts]

    folder = run_with("dags/by_name.yaml").folder
    assert hosts("dags/by_name.yaml") == hosts("dags/balancer.yaml")


@needs_airflow
def test_dag_file_runs_its_task_on_the_picked_host(run_with: Callable[[str], PageRun]) -> None:
    names = run_with("dags/etl.py").names["dags/etl.py"]
    task = names["dag"].get_task("extract")
    assert (task.ssh_hook.remote_host, task.pool) == (f"{names['host'].name}.local", names["host"].name)
    assert task.command == f"extract --port {names['port'].port}"


@needs_airflow
def test_dag_of_airflow_config_is_made_with_its_picks(run_with: Callable[[str], PageRun]) -> None:
    names = run_with("dags/nightly.py").names["dags/nightly.py"]
    tasks = {task.task_id: (task.ssh_hook.remote_host, task.pool, task.command) for task in names["etl"].tasks}
    assert tasks == {
        "extract": ("host2.local", "host2", "extract --on host2 --port 9651"),
        "publish": ("host1.local", "host1", "publish --to http://host1:8080"),
    }


def test_every_resolver_is_on_a_page() -> None:
    told = {name for page in PAGES for name in re.findall(r"\$\{balancer\.(\w+):", page.read_text())}
    assert told == set(NAMES)


def test_strategies_in_tables_exist() -> None:
    tables = [page.read_text().partition("| `strategy` | chooses |")[2].partition("\n\n")[0] for page in PAGES]
    names = re.findall(r"^\| `(\w+)`", "\n".join(tables), re.MULTILINE)
    assert names == [re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(build_strategy(name)).__name__).lower() for name in names]
    assert names
