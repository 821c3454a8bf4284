"""Each input made by hand gets the same fleet on every path, or one of our errors."""

from __future__ import annotations

import os

import pytest

from .inputs import ENDLESS, SHAPES
from .rig import EVERY_PATH, Reader, wrong

STEP = int(os.environ.get("HOSTILE_STEP", "40"))
"""The slow tests read every so many-th shape, and each endless input by two paths in turn; with 1, as for `make fuzz`, all by all."""
FAST_STEP = 400


def _paths(number: int) -> tuple[str, ...]:
    count = len(EVERY_PATH)
    return EVERY_PATH if STEP == 1 else (EVERY_PATH[number % count], EVERY_PATH[(number + count // 2) % count])


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(ENDLESS)), ids=list(ENDLESS))
def test_no_file_stops_a_process(reader: Reader, number: int) -> None:
    given = list(ENDLESS.values())[number]
    assert wrong(reader.read(given, _paths(number))) == []


@pytest.mark.parametrize("step", [FAST_STEP, pytest.param(STEP, marks=pytest.mark.slow)])
def test_a_wrong_shape_is_one_error_of_ours(reader: Reader, step: int) -> None:
    assert {name: found for name in list(SHAPES)[::step] if (found := wrong(reader.read(SHAPES[name])))} == {}
