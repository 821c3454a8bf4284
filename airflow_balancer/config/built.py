"""Makes objects of values that are validated already."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel

__all__ = ("built",)

_M = TypeVar("_M", bound=BaseModel)
_set = object.__setattr__


def built(cls: type[_M], values: dict[str, Any], given: set[str]) -> _M:
    """Return an object that has these `values`, of all its fields, of which the names in `given` were set.

    As `model_construct`, in a tenth of its time: that one looks for aliases, defaults and private attributes.
    """
    made = cls.__new__(cls)
    _set(made, "__dict__", values)
    _set(made, "__pydantic_fields_set__", given)
    _set(made, "__pydantic_extra__", None)
    _set(made, "__pydantic_private__", None)
    return made
