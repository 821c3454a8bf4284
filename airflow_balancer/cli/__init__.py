"""The command lines."""

from .app import main

__all__ = ("main",)
