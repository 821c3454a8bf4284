"""Turns pydantic's findings into the package's own messages: subject, key, what would be right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ..errors import Problem, suggestion
from .addresses import address_problem
from .masking import is_secret_key
from .model import MAX_NAME, MAX_PORT, MAX_SLOTS

__all__ = ("problems_of", "unknown_key", "unknown_keys")

_NUMBERS = {"port": MAX_PORT, "min": MAX_PORT, "max": MAX_PORT, "size": MAX_SLOTS, "default_size": MAX_SLOTS, "slots": MAX_SLOTS}
_LONGEST = 60
_TEXT = f"a text of 1 to {MAX_NAME} characters"
_EXPECTED = {
    "name": _TEXT,
    "host": _TEXT,
    "key": _TEXT,
    "asker": "a text that is not empty",
    "port_lock": "the path of a YAML file, such as ports.lock.yaml",
    "password": "a text, or {key: <name of an Airflow Variable>}",
    "default_password": "a text, or {key: <name of an Airflow Variable>}",
    "pool": "the name of a pool, or a mapping such as {pool: name, slots: 4}",
    **{key: f"a whole number from 1 to {largest}" for key, largest in _NUMBERS.items()},
}
_EXPECTED_BY_TYPE = {
    "bool": "true or false",
    "dict": "a mapping",
    "list": "a list such as [{0}]",
    "string": "a text; put it in quotes",
}


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Return the message for a key that does not exist."""
    known = sorted(known)
    return f"unknown key {key!r}{suggestion(key, known)} (keys: {', '.join(known)})"


def unknown_keys(data: Mapping[Any, Any], model: type[BaseModel], subject: str, path: tuple[str | int, ...]) -> list[Problem]:
    """Return a problem for each key of `data` that is no field of `model`."""
    fields = model.model_fields
    return [Problem(unknown_key(str(key), fields), subject, (*path, str(key))) for key in data if key not in fields]


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _expected(kind: str, key: str, value: object) -> str:
    if key in _EXPECTED:
        return _EXPECTED[key]
    text = _EXPECTED_BY_TYPE.get(kind.split("_", maxsplit=1)[0], "something else")
    return text.format(value if isinstance(value, str) else "a, b")


def _message(details: ErrorDetails, location: Sequence[str | int], fields: Iterable[str]) -> str:
    key, kind, value = str(location[-1]), details["type"], details["input"]
    named = ".".join(map(str, location))
    if kind == "extra_forbidden":
        return unknown_key(named, fields)
    if kind == "missing":
        return f"needs key {named!r}: {_expected(kind, key, None)}"
    if kind == "address":
        return address_problem(named, value)
    got = "" if any(map(is_secret_key, location)) else f", not {_shown(value)}"
    return f"key {named!r} must be {_expected(kind, key, value)}{got}"


def _known(model: type[BaseModel], location: Sequence[str | int]) -> Iterable[str]:
    """Return the keys that are known where the location's last one stands."""
    if len(location) > 1 and location[0] == "pool":
        return ("pool", "slots", "description", "include_deferred")
    return model.model_fields


Place = tuple[str, tuple[str | int, ...]]


def problems_of(error: ValidationError, model: type[BaseModel], entry: Callable[[int], Place] | None = None) -> list[Problem]:
    """Return a problem for each finding of `error`.

    Args:
        error: What pydantic found, in one `model` or in a list of them.
        model: The model that was validated.
        entry: For a list, returns the subject and the path of one of its items.
    """
    problems = []
    for details in error.errors(include_url=False):
        location = details["loc"]
        subject, path = entry(int(location[0])) if entry else ("", ())
        if entry:
            location = location[1:]
        problems.append(Problem(_message(details, location, _known(model, location)), subject, (*path, *location)))
    return problems
