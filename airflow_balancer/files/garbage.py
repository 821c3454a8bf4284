"""Puts off Python's garbage collection while many objects are made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ("pause_gc",)


@contextmanager
def pause_gc() -> Iterator[None]:
    """Collect no garbage while objects are made all of which stay.

    They are many enough to make Python look at every object of the process, which takes longer than
    making them: a tenth of a second and more where Airflow is loaded.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
