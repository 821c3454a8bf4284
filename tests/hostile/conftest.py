"""The reader that hostile inputs go through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .rig import Reader


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory, airflow_home: Path) -> Iterator[Reader]:
    """Read inputs by every path, in a child that may be lost."""
    made = Reader(tmp_path_factory.mktemp("hostile"))
    yield made
    made.close()
