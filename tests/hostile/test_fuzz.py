"""Mutated configurations get the same fleet on every path, or one of our errors; `make fuzz` reads more of them."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from .mutate import mutated
from .rig import Reader, wrong


@pytest.mark.slow
@settings(max_examples=settings.default.max_examples // 3, suppress_health_check=list(HealthCheck))
@given(random=st.randoms(use_true_random=False))
def test_a_mutated_configuration_is_read_alike_or_refused(reader: Reader, random: Random) -> None:
    mutant = mutated(random)
    note(repr(mutant))
    assert wrong(reader.read(mutant)) == []
