"""Writes `docs/reference/` from the models, the command table, the options and the docstrings."""
