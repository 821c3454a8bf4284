"""The messages for wrong keys and values of a fleet."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ..errors import Problem, listing, suggestion
from .drain import MAX_REASON
from .masking import is_secret_key, shown
from .model import MAX_NAME, MAX_PORT, MAX_SLOTS, PoolSpec, address_problem
from .strategy import check_strategy

_NUMBERS = {"port": MAX_PORT, "min": MAX_PORT, "max": MAX_PORT, "size": MAX_SLOTS, "default_size": MAX_SLOTS, "slots": MAX_SLOTS}
_MOST_HINTS = 20
"""How many unknown hosts get a hint: each is compared with all known hosts."""
_NAME = f"a string of 1 to {MAX_NAME} characters"
_EXPECTED = {
    **dict.fromkeys(("name", "key"), _NAME),
    "host": "the name of a host",
    "drain": f"true, false or a reason of at most {MAX_REASON} characters",
    "team": "the name of a team: 3 to 50 letters, digits, - or _",
    "requester": "a string that is not empty",
    "slot_dir": "a path on the host that starts with / or ~/",
    **dict.fromkeys(("slot_wait", "slot_timeout"), "a number of seconds above 0"),
    "lock": "the path of a YAML file, such as balancer.lock.yaml",
    "pool_manager": "a mapping, such as {connection_id: airflow_api}",
    **dict.fromkeys(("password", "default_password"), "a string, or {key: <name of an Airflow Variable>}"),
    "pool": "the name of a pool, or a mapping such as {pool: name, slots: 4}",
    **{key: f"a whole number from 1 to {largest}" for key, largest in _NUMBERS.items()},
}
_EXPECTED_BY_TYPE = {
    "bool": "true or false",
    "dict": "a mapping",
    "list": "a list such as [{0}]",
    "string": "a string; put it in quotes",
}


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Return the message for an unknown key."""
    known = sorted(known)
    hint = "; did you mean 'slots'?" if key.endswith("size") and "slots" in known else suggestion(key, known)
    return f"unknown key {key!r}{hint} (keys: {', '.join(known)})"


def unknown_host(name: str, known: Collection[str], before: int) -> str:
    """Return the message for an unknown host, with a hint at the spelling unless too many came `before`."""
    return f"unknown host {name!r}{suggestion(name, known) if before < _MOST_HINTS else ''} (hosts: {listing(known)})"


def _expected(kind: str, key: str, value: object) -> str:
    if kind == "string_pattern_mismatch" and not str(value).isprintable():
        return "a string without control characters"
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
    if kind == "strategy":
        return check_strategy(value)
    got = "" if any(map(is_secret_key, location)) else f", not {shown(value)}"
    return f"key {named!r} must be {_expected(kind, key, value)}{got}"


def problems_of(
    error: ValidationError, model: type[BaseModel], locate: Callable[[int], tuple[str, tuple[str | int, ...]]] | None = None
) -> list[Problem]:
    """Return a problem for each error that pydantic found in one `model`, or in a list of them.

    Args:
        error: The errors.
        model: The validated model.
        locate: Returns the subject and the path of an item of the list.
    """
    problems = []
    for details in error.errors(include_url=False):
        location, subject, path = details["loc"], "", tuple[str | int, ...]()
        if locate:
            (subject, path), location = locate(int(location[0])), location[1:]
        fields = (PoolSpec if len(location) > 1 and location[0] == "pool" else model).model_fields
        problems.append(Problem(_message(details, location, fields), subject, (*path, *location)))
    return problems
