"""The conda recipe: rattler-build accepts it, and it has what pyproject.toml has."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from rattler_build import Stage0Recipe

from airflow_balancer import __version__
from tests.conftest import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def recipe() -> dict[str, Any]:
    """The recipe as rattler-build renders it: each key, version and licence is checked on the way."""
    (rendered,) = Stage0Recipe.from_file(REPOSITORY / "examples/conda/recipe.yaml").render()
    return rendered.recipe.to_dict()


def test_it_is_this_version_for_all_platforms(recipe):
    assert recipe["package"] == {"name": PROJECT["name"], "version": __version__}
    assert recipe["build"]["noarch"] == "python"


def test_it_needs_what_the_project_needs(recipe):
    python, *others = recipe["requirements"]["run"]
    assert python == f"python {PROJECT['requires-python']}"
    assert sorted(other.replace(" ", "") for other in others) == sorted(PROJECT["dependencies"])


def test_it_has_the_projects_programs(recipe):
    assert recipe["build"]["python"]["entry_points"] == [f"{name} = {target}" for name, target in PROJECT["scripts"].items()]


def test_it_describes_the_project(recipe):
    about = recipe["about"]
    assert (about["summary"], about["license"], about["homepage"], about["license_file"]) == (
        PROJECT["description"],
        PROJECT["license"],
        PROJECT["urls"]["Homepage"],
        PROJECT["license-files"],
    )
