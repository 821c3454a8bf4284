"""Each input made by hand gets the same fleet on every path, or one of our errors."""

from __future__ import annotations

import pytest

from .inputs import ENDLESS, SHAPES
from .rig import EVERY_PATH, Reader, wrong

SHAPE_STEP = 400
"""Without the slow tests, every four-hundredth shape is read."""


@pytest.mark.slow
@pytest.mark.parametrize("name", ENDLESS)
def test_no_file_stops_a_process(reader: Reader, name: str) -> None:
    assert wrong(reader.read(ENDLESS[name], EVERY_PATH)) == []


@pytest.mark.parametrize("step", [SHAPE_STEP, pytest.param(1, marks=pytest.mark.slow)])
def test_a_wrong_shape_is_one_error_of_ours(reader: Reader, step: int) -> None:
    assert {name: found for name in list(SHAPES)[::step] if (found := wrong(reader.read(SHAPES[name])))} == {}
