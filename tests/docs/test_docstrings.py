"""The examples in docstrings are right."""

from __future__ import annotations

from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.rest import DocTestParser

from tests.conftest import HAS_AIRFLOW, REPOSITORY

MODULES = [path for path in sorted((REPOSITORY / "airflow_balancer").rglob("*.py")) if ">>> " in path.read_text()]


@pytest.mark.parametrize("path", MODULES, ids=[str(path.relative_to(REPOSITORY)) for path in MODULES])
def test_examples_in_docstrings_hold(path: Path) -> None:
    for example in Sybil(parsers=[DocTestParser()]).parse(path):
        try:
            example.evaluate()
        except ImportError as error:
            if HAS_AIRFLOW or "airflow" not in str(error):
                raise
            pytest.skip("Airflow is not installed")
