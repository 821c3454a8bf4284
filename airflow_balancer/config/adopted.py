"""Takes objects of airflow-pydantic's own classes where this package's are wanted."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

__all__ = ("adopted",)


def adopted(value: Any, cls: type[BaseModel], base: type[BaseModel]) -> Any:
    """Return an object of the `base` class that is none of `cls` as the values it was given; anything else as it is."""
    if isinstance(value, base) and not isinstance(value, cls):
        return {name: getattr(value, name) for name in value.model_fields_set}
    return value
