"""Values that an object computes once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class cached(Generic[T]):  # noqa: N801 (it is used as `property` is)
    """`functools.cached_property` without its lock, which Python 3.12 removed.

    It is one for all objects of a class: a child that is forked while a thread computes would wait for ever.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object, owner: type) -> Self | T:
        """Return the value, which takes the place of this descriptor in the object."""
        if instance is None:
            return self
        value = vars(instance)[self._name] = self._compute(instance)
        return value
