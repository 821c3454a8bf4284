"""Values that an object computes once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import cached_property
from typing import Any, TypeVar

T = TypeVar("T")


class cached(cached_property[T]):  # noqa: N801 (used as `property` is)
    """`functools.cached_property` without the lock that Python 3.11 takes for all objects of a class.

    A child that is forked while a thread of its parent holds the lock would wait forever.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        super().__init__(compute)
        self.lock = nullcontext()
