"""Reads what `plan against=...` compares with: overrides, another file, or another folder such as a git worktree."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..errors import ConfigurationError
from ..files.locate import find_source
from ..hydra.compose import compose_file
from .command import Request, UsageError
from .dag_files import paths_of
from .picks import Place, Survey, here, short_path, survey, survey_of

_OPENING, _CLOSING, _QUOTES = "[{(", "]})", "'\""


class Comparison(NamedTuple):
    """The picks before and after a change, and those of the request's own configuration."""

    before: Survey
    after: Survey
    own: Survey


def compare(request: Request, against: str) -> Comparison:
    """Return the picks before and after a change.

    Overrides are applied after it. A file or folder holds the state before it.

    Raises:
        UsageError: Neither side has a pick, and no DAG files are given.
        ConfigurationError: A configuration is missing or invalid, or a DAG file cannot be run.
    """
    own = survey_of(request)
    is_path = "=" not in against and not against.startswith("~")
    place = _place_at(request, Path(against)) if is_path else _place_with(request, split_overrides(against))
    there = [path for path in map(place.counterpart, map(Path, paths_of(request))) if path.exists()]
    other = survey(place, there)
    if not (own.files or own.picks or other.picks):
        source = short_path(own.place.composed.source)
        raise UsageError(f"nothing is compared: {source} makes no pick; add dag_files=DIR for those of DAG files")
    return Comparison(other, own, own) if is_path else Comparison(own, other, own)


def split_overrides(given: str) -> list[str]:
    """Split a string into overrides, at spaces or, in a `[list]`, at commas.

    >>> split_overrides("[env=prod,+balancer.hosts.host4={size: 4, queues: [workers]}]")
    ['env=prod', '+balancer.hosts.host4={size: 4, queues: [workers]}']
    """
    is_list = given.startswith("[") and given.endswith("]")
    items = _items(given[1:-1], ",") if is_list else _items(given, " ")
    return [item for item in map(str.strip, items) if item]


def _items(text: str, separator: str) -> Iterator[str]:
    """Split a string at separators outside quotes and brackets."""
    start, depth, quote = 0, 0, ""
    for at, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in _QUOTES:
            quote = character
        elif character == separator and not depth:
            yield text[start:at]
            start = at + 1
        else:
            depth += (character in _OPENING) - (character in _CLOSING)
    yield text[start:]


def _place_with(request: Request, overrides: list[str]) -> Place:
    """Return the place of the request's configuration with more overrides."""
    every = (*request.overrides, *overrides)
    return here(request)._replace(composed=compose_file(request.composed.source, every), overrides=every)


def _place_at(request: Request, path: Path) -> Place:
    """Return the place of another file, of a folder in place of the working directory, or of a configuration's folder."""
    own, source = here(request), request.composed.source
    inside = source.relative_to(own.folder) if source.is_relative_to(own.folder) else None
    folder = Path(os.path.normpath(path.expanduser().absolute()))
    if not folder.exists():
        raise ConfigurationError(f"against: {path}: there is no such file or folder; an override is key=value")
    if inside and (other := folder / inside).is_file():
        return own._replace(composed=compose_file(other, request.overrides), folder=folder)
    try:
        other = find_source(folder)
    except ConfigurationError as error:
        raise ConfigurationError(f"against: {error}{f', nor {inside} as here' if inside and folder.is_dir() else ''}") from None
    composed = compose_file(other, request.overrides)
    if folder.is_file():
        return own._replace(composed=composed)
    return own._replace(composed=composed, folder=other.parent, own_folder=source.parent)
