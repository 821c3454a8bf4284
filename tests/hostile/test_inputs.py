"""Each input made by hand gets the same fleet on every path, or one of our errors."""

from __future__ import annotations

import pytest

from .inputs import ENDLESS, SHAPES
from .rig import ALL, EVERY_PATH, Reader, sample, wrong

pytestmark = pytest.mark.thorough


def _paths(number: int) -> tuple[str, ...]:
    """Return one of the paths in turn, or all."""
    return EVERY_PATH if ALL else (EVERY_PATH[number % len(EVERY_PATH)],)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(ENDLESS)), ids=list(ENDLESS))
def test_no_file_stops_a_process(reader: Reader, number: int) -> None:
    given = list(ENDLESS.values())[number]
    assert wrong(reader.read(given, _paths(number))) == []


@pytest.mark.parametrize("names", [list(SHAPES)[::400], pytest.param(sample(SHAPES, 100), marks=pytest.mark.slow)], ids=["few", "many"])
def test_a_wrong_shape_is_one_error_of_ours(reader: Reader, names: list[str]) -> None:
    assert {name: found for name in names if (found := wrong(reader.read(SHAPES[name])))} == {}
