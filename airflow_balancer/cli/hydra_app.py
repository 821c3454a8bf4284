"""Uses Hydra to parse overrides and sweeps, and to answer `--info` and shell completion."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import suggestion
from ..fleet.masking import mask_word, masking
from .arguments import sort_arguments
from .command import UsageError
from .commands import NAMES

if TYPE_CHECKING:
    from hydra.core.config_loader import ConfigLoader
    from hydra.core.override_parser.types import Override


def check_overrides(overrides: Sequence[str], known: Iterable[str]) -> None:
    """Check that each override can be parsed and gives one value. `known` has the command's keys."""
    for override in _parse(overrides, known) if overrides else ():
        if override.is_sweep_override():
            raise UsageError(f"{mask_word(str(override.input_line))!r} gives several values; add --multirun, or put the value in quotes")


def split_sweep(source: Path, overrides: Sequence[str], known: Iterable[str]) -> list[list[str]]:
    """Return the overrides of each run of a sweep over a configuration. `known` has the command's keys."""
    from ..hydra.hydra_internals import config_loader

    # `env=glob(*)` needs a loader to list the options of the group.
    parsed = _parse(overrides, known, config_loader([source.parent]))
    choices = {override.get_key_element(): _values(override) for override in parsed}
    return [list(run) for run in product(*choices.values())]


def _parse(overrides: Sequence[str], known: Iterable[str], loader: ConfigLoader | None = None) -> list[Override]:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import OverrideParseException

    from ..hydra.compose import LONGEST_OVERRIDE

    if any(len(override) > LONGEST_OVERRIDE for override in overrides):
        raise UsageError(f"an override has more than {LONGEST_OVERRIDE} characters; write it into a YAML file")
    try:
        return OverridesParser.create(loader).parse_overrides(list(overrides))
    except OverrideParseException as error:
        hint = suggestion(str(error.override).partition("=")[0], known)
        raise UsageError(f"{mask_word(str(error.override))!r} is not an override; write key=value{hint}") from None
    except (ValueError, RecursionError):
        raise UsageError("an override has a number too long, or brackets too deep, to be read") from None


def _values(override: Override) -> list[str]:
    from hydra.errors import HydraException

    if not override.is_sweep_override():
        return [str(override.input_line)]
    try:
        return [f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()]
    except (HydraException, ValueError) as error:
        raise UsageError(f"{mask_word(str(override.input_line))!r}: {error}") from None


def run_hydra_app(source: Path, overrides: Sequence[str], info: str, completion: str) -> None:
    """Let Hydra answer `--info` or `-sc` over a configuration, without running the configuration's callbacks."""
    from ..files.locate import tree_above
    from ..files.yaml import read_root
    from ..hydra.compose import force_own_keys, without_self_warning
    from ..hydra.explain import CAUSES, explained
    from ..hydra.hydra_internals import hydra_app
    from ..hydra.secrets import written_secrets

    logging.raiseExceptions = False  # Hydra logs its answer, maybe to a closed pipe
    try:
        with (
            masking(lambda: written_secrets(source, overrides)),
            without_self_warning(),
            hydra_app([source.parent, *tree_above(source, read_root(source))]) as app,
        ):
            if info:
                app.show_info(info, source.stem, force_own_keys(overrides, source))
            else:
                app.shell_completion(source.stem, [completion])
    except BrokenPipeError:
        raise
    except CAUSES as error:
        raise explained(error, str(source)) from None


def complete(completion: str) -> None:
    """Print completions of the shell's line: commands, keys of the command, and what Hydra offers for the tree."""
    line = os.environ.get("COMP_LINE", "")
    words = line.split()[1:]
    last = "" if line.endswith(" ") or not words else words.pop()
    arguments = sort_arguments(words)
    keys = arguments.command.all_keys.values()
    known = [*NAMES, *(f"{key.name}={choice}" for key in keys for choice in key.choices or [""])]
    if last:
        sys.stdout.writelines(f"{word}\n" for word in known if word.startswith(last))
        sys.stdout.flush()
    if arguments.source:
        os.environ["COMP_LINE"] = " ".join(["airflow-balancer", *arguments.overrides, last])
        run_hydra_app(arguments.source, (), "", completion)
