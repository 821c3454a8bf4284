"""Each input made by hand gets the same fleet on every path, or one of our errors."""

from __future__ import annotations

import os

import pytest

from .inputs import ENDLESS, SHAPES
from .rig import EVERY_PATH, Reader, wrong

FAST_STEP, SLOW_STEP = 400, int(os.environ.get("HOSTILE_STEP", "40"))
"""Every how many-th shape is read, without the slow tests and with them; `make fuzz` reads all."""


@pytest.mark.slow
@pytest.mark.parametrize("name", list(ENDLESS)[:: max(1, SLOW_STEP // 8)])
def test_no_file_stops_a_process(reader: Reader, name: str) -> None:
    assert wrong(reader.read(ENDLESS[name], EVERY_PATH)) == []


@pytest.mark.parametrize("step", [FAST_STEP, pytest.param(SLOW_STEP, marks=pytest.mark.slow)])
def test_a_wrong_shape_is_one_error_of_ours(reader: Reader, step: int) -> None:
    assert {name: found for name in list(SHAPES)[::step] if (found := wrong(reader.read(SHAPES[name])))} == {}
