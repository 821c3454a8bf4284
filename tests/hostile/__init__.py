"""Hostile input: no file stops a process, runs code, or gets another answer than one of ours."""
