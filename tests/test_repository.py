"""Documents, workflows and hooks name targets, Python versions and linters that there are."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
import yaml

from tests.conftest import REPOSITORY

CONTRIBUTING = (REPOSITORY / "CONTRIBUTING.md").read_text()
MAKEFILE = (REPOSITORY / "Makefile").read_text()
TARGETS = set(re.findall(r"^([\w-]+):", MAKEFILE, re.MULTILINE))
_NAMED = re.compile(r"\bmake ([a-z][\w-]+)(?=`|\n| [A-Z_]+=)")
_LINTER = re.compile(r"\.venv-airflow3/bin/(ruff \w+|python -m [\w.]+|[\w-]+)")


def _jobs() -> dict[str, Any]:
    return yaml.safe_load((REPOSITORY / ".github/workflows/ci.yml").read_text())["jobs"]


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", ".github/workflows/ci.yml", ".github/pull_request_template.md"])
def test_named_make_targets_exist(document):
    named = set(_NAMED.findall((REPOSITORY / document).read_text()))
    assert named
    assert named <= TARGETS


def test_ci_tests_with_each_airflow_and_with_none():
    matrix = _jobs()["test"]["strategy"]["matrix"]
    assert {*matrix["target"], *(more["target"] for more in matrix["include"])} == {name for name in TARGETS if name.startswith("test")}


@pytest.mark.parametrize("job", ["test", "install"])
def test_ci_runs_with_every_python_of_the_classifiers(job):
    classifiers = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["classifiers"]
    pythons = re.findall(r"Python :: (3\.\d+)", "\n".join(classifiers))
    assert _jobs()[job]["strategy"]["matrix"]["python"] == pythons


def test_the_pre_commit_hooks_are_the_linters_of_make_lint():
    config = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())
    hooks = "\n".join(hook["entry"] for repo in config["repos"] for hook in repo["hooks"])
    recipe = MAKEFILE.partition("\nlint:")[2].partition("\n\n")[0]
    assert sorted(_LINTER.findall(hooks)) == sorted(_LINTER.findall(recipe))


def test_contributing_names_every_folder_of_the_package():
    folders = {found.parent.name for found in (REPOSITORY / "airflow_balancer").glob("*/__init__.py")}
    assert set(re.findall(r"^\| `(\w+)/`", CONTRIBUTING, re.MULTILINE)) == folders


def test_the_tests_that_contributing_runs_exist():
    paths = re.findall(r"\b(tests/[\w/.]+)", CONTRIBUTING)
    assert [path for path in paths if not (REPOSITORY / path).exists()] == []
