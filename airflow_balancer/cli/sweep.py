"""Splits a sweep into the overrides of each run, by Hydra's own grammar."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from .command import UsageError

__all__ = ("split_sweep",)


def split_sweep(overrides: Sequence[str], *, multirun: bool) -> list[list[str]]:
    """Return the overrides of each run; those of one run where it is no sweep.

    Raises:
        UsageError: An override cannot be parsed, or gives several values outside of a sweep.
    """
    if not overrides:
        return [[]]
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException, OverrideParseException

    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
    except OverrideParseException as error:
        raise UsageError(f"{error.override!r} is not an override; write key=value") from None
    choices: dict[str, list[str]] = {}
    for override, word in zip(parsed, overrides, strict=True):
        key = override.get_key_element()
        if override.is_sweep_override() and not multirun:
            raise UsageError(f"{word!r} gives several values; add --multirun, or put the value in quotes")
        try:
            choices[key] = [f"{key}={value}" for value in override.sweep_string_iterator()] if override.is_sweep_override() else [word]
        except HydraException as error:
            raise UsageError(f"{word!r}: {error}") from None
    return [list(run) for run in product(*choices.values())]
