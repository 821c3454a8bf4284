"""`examples/github/plan.yaml`: its steps compare a pull request's merge commit with the base branch, and write one comment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import REPOSITORY

JOBS: dict[str, Any] = yaml.safe_load((REPOSITORY / "examples/github/plan.yaml").read_text())["jobs"]
CONFIG = """
balancer: {{hosts: {{host1: {{size: 4, drain: {0}}}, host2: {{size: 4}}}}}}
tasks: {{load: {{_target_: t, host: "${{balancer.name:host?}}"}}}}
"""
GH = '#!/bin/sh\nprintf "%s\\n" "$@" >> "$CALLS"\necho "$URL"\n'
COMMENTS = "repos/a/b/issues/1/comments"


def bash(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script as a step does, with the commands of this Python's virtualenv and those beside the folder."""
    path = os.pathsep.join([str(folder.parent / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    user = {f"GIT_{role}_{key}": "a@example.org" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
    command = ["bash", "-e", "-c", script]
    return subprocess.run(
        command, cwd=folder, env=os.environ | user | environment | {"PATH": path}, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.slow
def test_the_plan_compares_the_merge_commit_with_the_base_branch(write: Any, tmp_path: Path) -> None:
    repository = write("repository/conf/config.yaml", CONFIG.format("false")).parent.parent
    write(
        "repository/dags/etl.py", "'An Airflow DAG file.'\nfrom airflow_balancer import load\nload('../conf').select_host(key='report')\n"
    )
    assert bash("git init -q -b main && git add . && git commit -q -m Begin && git checkout -q -b change", repository).returncode == 0
    write("repository/conf/config.yaml", CONFIG.format("true"))
    merge = "git commit -qam Drain && git checkout -q main && git merge -q --no-ff -m Merge change"
    assert bash(merge, repository).returncode == 0
    *_, worktree, plan = (step["run"] for step in JOBS["plan"]["steps"] if "run" in step)
    result = bash(f"{worktree}\n{plan}", repository, GITHUB_STEP_SUMMARY=str(tmp_path / "summary"), GITHUB_OUTPUT=str(tmp_path / "output"))
    assert result.returncode == 0, result.stderr
    summary = (tmp_path / "summary").read_text()
    (moved,) = re.findall(r"^\| (.*) \| host1 is drained \|$", summary, re.MULTILINE)
    assert moved == "`report` | `dags/etl.py` | `anything` | `host1` | `host2`"
    end = re.fullmatch(r"markdown<<(\S+)\n(.*)\n\1\n", (tmp_path / "output").read_text(), re.DOTALL)
    assert end
    assert f"{end[2]}\n" == summary


def test_a_configuration_that_is_wrong_fails_the_job(write: Any, tmp_path: Path) -> None:
    folder = write("repository/conf/config.yaml", "balancer: {hosts: [{name: host1, sise: 3}]}").parent.parent
    plan = JOBS["plan"]["steps"][-1]["run"]
    assert bash(plan, folder, GITHUB_STEP_SUMMARY=str(tmp_path / "summary"), GITHUB_OUTPUT=str(tmp_path / "output")).returncode == 1


@pytest.mark.parametrize(("url", "call"), [("", ["POST", COMMENTS]), ("https://x/7", ["PATCH", "https://x/7"])], ids=["first", "next"])
def test_the_comment_is_written_once_and_changed_after(write: Any, tmp_path: Path, url: str, call: list[str]) -> None:
    write("bin/gh", GH).chmod(0o755)
    write("repository/calls", "")
    (step,) = JOBS["comment"]["steps"]
    plan = "## airflow-balancer plan\n\n`$(id)`"
    result = bash(step["run"], tmp_path / "repository", CALLS="calls", URL=url, COMMENTS=COMMENTS, PLAN=plan)
    assert result.returncode == 0, result.stderr
    words = (tmp_path / "repository/calls").read_text().splitlines()
    assert words[-6 - 2 :] == ["--silent", "--method", *call, "--raw-field", "body=## airflow-balancer plan", "", "`$(id)`"]


def test_only_the_job_that_runs_no_code_of_the_pull_request_may_write() -> None:
    assert {name: job["permissions"] for name, job in JOBS.items()} == {"plan": {"contents": "read"}, "comment": {"pull-requests": "write"}}
    assert [step for step in JOBS["comment"]["steps"] if "uses" in step] == []
