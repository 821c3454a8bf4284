"""Splits a sweep into the overrides of each run, by Hydra's own grammar."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import suggestion
from .command import UsageError

if TYPE_CHECKING:
    from hydra.core.config_loader import ConfigLoader
    from hydra.core.override_parser.types import Override

__all__ = ("check_overrides", "split_sweep")


def check_overrides(overrides: Sequence[str], known: Iterable[str]) -> None:
    """Check that each override can be parsed, and gives one value; the `known` keys are those of the command.

    Raises:
        UsageError: One cannot, or gives several.
    """
    if not overrides:
        return
    for override in _parse(overrides, known):
        if override.is_sweep_override():
            raise UsageError(f"{override.input_line!r} gives several values; add --multirun, or put the value in quotes")


def split_sweep(source: Path, overrides: Sequence[str], known: Iterable[str]) -> list[list[str]]:
    """Return the overrides of each run of a sweep over a configuration; the `known` keys are those of the command.

    Raises:
        UsageError: An override cannot be parsed, or its values cannot be enumerated.
    """
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    from ..hydra.compose import hydra_set_aside

    with hydra_set_aside(), initialize_config_dir(config_dir=str(source.parent), version_base=None):
        # `env=glob(*)` looks for options of the group.
        parsed = _parse(overrides, known, GlobalHydra.instance().config_loader())
        choices = {override.get_key_element(): _values(override) for override in parsed}
    return [list(run) for run in product(*choices.values())]


def _parse(overrides: Sequence[str], known: Iterable[str], loader: ConfigLoader | None = None) -> list[Override]:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import OverrideParseException

    try:
        return OverridesParser.create(loader).parse_overrides(list(overrides))
    except OverrideParseException as error:
        hint = suggestion(str(error.override).partition("=")[0], known)
        raise UsageError(f"{error.override!r} is not an override; write key=value{hint}") from None


def _values(override: Override) -> list[str]:
    from hydra.errors import HydraException

    if not override.is_sweep_override():
        return [str(override.input_line)]
    try:
        return [f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()]
    except HydraException as error:
        raise UsageError(f"{override.input_line!r}: {error}") from None
