"""Masks secrets in reprs, JSON, logs and printed configurations."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

MASK = "**********"
_SECRET_KEY = re.compile(r"passw(or)?d|passphrase|secret|token|private_?key|pkey", re.IGNORECASE)
_SHORTEST_SUBSTRING = 4
"""The shortest secret to mask inside longer strings."""


def is_secret_key(key: object) -> bool:
    """Return whether the name of a key says that its value is secret."""
    return isinstance(key, str) and _SECRET_KEY.search(key) is not None


def secret_values(data: object) -> set[str]:
    """Return all values under secret keys in plain `data`, as strings."""
    if isinstance(data, Mapping):
        values = {str(v) for k, v in data.items() if is_secret_key(k) and isinstance(v, str | int) and not isinstance(v, bool)}
        return (values - {"", MASK}).union(*(secret_values(v) for v in data.values()))
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        return set().union(*(secret_values(item) for item in data))
    return set()


def mask_values(data: Any, secrets: set[str]) -> Any:
    """Return plain `data` with each of the `secrets` masked, also inside longer strings."""
    if isinstance(data, Mapping):
        return {key: mask_values(value, secrets) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [mask_values(item, secrets) for item in data]
    if isinstance(data, str):
        if data in secrets:
            return MASK
        for secret in sorted(secrets, key=len, reverse=True):
            if len(secret) >= _SHORTEST_SUBSTRING:
                data = data.replace(secret, MASK)
    return data


def mask_keys(data: Any) -> Any:
    """Return plain `data` with the values of secret keys masked."""
    if isinstance(data, Mapping):
        return {key: MASK if is_secret_key(key) and _is_secret(value) else mask_keys(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [mask_keys(item) for item in data]
    return data


def _is_secret(value: object) -> bool:
    is_variable = isinstance(value, Mapping) and "key" in value
    return value is not None and not is_variable


def mask_all(data: Any, secrets: Collection[str]) -> Any:
    """Return plain `data` with the values of secret keys masked, and each of many known `secrets`."""
    masked = mask_keys(data)
    # A fleet may have a password for each host: replacing all of them in each string would take seconds.
    text = "\n".join(_strings(masked))
    return mask_values(masked, {secret for secret in secrets if secret in text})


def _strings(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    for item in data.values() if isinstance(data, Mapping) else data if isinstance(data, list) else ():
        yield from _strings(item)


def mask_secrets(data: Any) -> Any:
    """Return plain `data` with secrets masked: under secret keys, and where the same string occurs again.

    A reference to an Airflow Variable (`{key: ...}`) is not a secret, and stays.

    >>> mask_secrets({"password": "hunter2", "command": "login hunter2", "size": 3})
    {'password': '**********', 'command': 'login **********', 'size': 3}
    """
    return mask_keys(mask_values(data, secret_values(data)))
