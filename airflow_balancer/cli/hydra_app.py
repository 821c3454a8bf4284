"""Answers `--info` and shell completion by Hydra's own app over the tree; nothing is run in it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from .arguments import sort_arguments
from .commands import COMMANDS, DEFAULT

__all__ = ("complete", "run_hydra_app")


def run_hydra_app(source: Path, overrides: Sequence[str], flags: Sequence[str]) -> None:
    """Run Hydra's app with its own flags over a configuration.

    Raises:
        ConfigurationError: It cannot be composed.
    """
    import hydra

    from ..files.locate import tree_above
    from ..files.yaml import read_root
    from ..hydra.compose import forced, without_self_warning
    from ..hydra.explain import CAUSES, explained

    folders = tree_above(source, read_root(source))
    above = [f"hydra.searchpath=[{','.join(f'file://{folder}' for folder in folders)}]"] if folders else []
    os.environ["HYDRA_FULL_ERROR"] = "1"
    sys.argv = [sys.argv[0], *flags, *forced(overrides, source), *above]
    try:
        with without_self_warning():
            hydra.main(version_base=None, config_path=str(source.parent), config_name=source.stem)(lambda _: None)()
    except CAUSES as error:
        raise explained(error, str(source)) from error


def complete(flags: Sequence[str]) -> None:
    """Print how the shell's line may go on: by commands, keys of the command, and whatever Hydra knows of the tree."""
    line = os.environ.get("COMP_LINE", "")
    words = line.split()[1:]
    last = "" if line.endswith(" ") or not words else words.pop()
    arguments = sort_arguments(words)
    commands = dict.fromkeys(word for command in COMMANDS for word in command.split())
    keys = (arguments.command if arguments.given else DEFAULT).all_keys.values()
    known = [*commands, *(f"{key.name}={choice}" for key in keys for choice in key.choices or [""])]
    if last:
        sys.stdout.writelines(f"{word}\n" for word in known if word.startswith(last))
        sys.stdout.flush()
    if arguments.source:
        os.environ["COMP_LINE"] = " ".join(["airflow-balancer", *arguments.overrides, last])
        run_hydra_app(arguments.source, (), flags)
