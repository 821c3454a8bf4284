"""Suggestions for misspelt names, as every message of the package words them."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ("listing", "suggestion")

_SHOWN = 12


def listing(names: Iterable[str]) -> str:
    """Return sorted `names` as text, cut after a dozen; `none` when there are none."""
    ordered = sorted(set(names))
    more = f" and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else ""
    return ", ".join(ordered[:_SHOWN]) + more or "none"


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the nearest of the `known` names, or an empty text."""
    nearest = get_close_matches(name, list(known), n=1)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""
