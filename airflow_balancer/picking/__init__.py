"""Which host a key gets: queries, candidates and strategies."""

__all__ = ("DEFAULT_KEY",)

DEFAULT_KEY = "command line"
"""The key of a query on the command line or the page that gives none."""
