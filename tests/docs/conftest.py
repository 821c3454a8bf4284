"""Runs of pages, and hosts that answer to `airflow-balancer check`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.docs.runs import PageRun

# What the hosts answer that have these names and no address; they are nowhere.
ANSWERS = {
    "host1": b"::id ubuntu\n::version 24.04\n::cores 16\n::tool flock (util-linux)\n::counted\n::hex 1F90\n::end\n",
    "host2": b"::id ubuntu\n::version 24.04\n::cores 8\n::tool flock (util-linux)\n::counted\n::end\n"
    b"::slot 0 2026-11-25T19:00:00Z 4711 etl.extract, attempt 1\n::slot 1 2026-11-25T19:04:10Z 4802 a person, to look at the GPU\n",
    "host3": b"::system Darwin\n::version 15.1\n::cores 8\n::tool perl\n::drain new disk, back on Monday\n::end\n",
}


@pytest.fixture(scope="module")
def page_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], PageRun]:
    """Return the run of a page, the same one in all tests of a module."""
    runs: dict[Path, PageRun] = {}

    def run_of(page: Path) -> PageRun:
        if page not in runs:
            runs[page] = PageRun(page, tmp_path_factory.mktemp(page.stem))
        return runs[page]

    return run_of


@pytest.fixture
def probed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let hosts answer as above, all others as idle hosts with a core for each slot."""
    from airflow_balancer.cli import check
    from airflow_balancer.cli.probe import Probe
    from airflow_balancer.ssh.host_facts import Facts

    def answer(host: Any) -> bytes:
        if host.name in ANSWERS and not host.address:
            return ANSWERS[host.name]
        return b"::id %s\n::cores %d\n::tool flock (util-linux)\n::counted\n::end\n" % ((host.os or "ubuntu").encode(), host.size)

    def probe(hosts: Any, timeout: int | None) -> list[Probe]:
        return [Probe(0.02, "known", "ok", Facts.read(answer(host))) for host in hosts]

    monkeypatch.setattr(check, "_probe", probe)
