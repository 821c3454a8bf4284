"""Pauses cyclic garbage collection."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ("pause_gc",)


@contextmanager
def pause_gc() -> Iterator[None]:
    """Pause cyclic garbage collection while many long-lived objects are built.

    Where Airflow is loaded, reading 1,000 hosts and 4,000 ports from YAML takes 0.23 s so, and 0.75 s otherwise.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
