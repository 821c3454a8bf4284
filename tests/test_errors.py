"""Spelling hints, how many names they compare, and names in one line."""

from __future__ import annotations

import pytest

from airflow_balancer.errors import listing, printable, suggestion


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("hots1", ["host1", "other"], "; did you mean 'host1'?"),
        ("host1", ["queue", "web"], ""),
        ("a" * 60, ["a" * 90], f"; did you mean {'a' * 90!r}?"),
        ("a" * 60, ["a" * 91], ""),
        ("a" * 100, ["a" * 99], f"; did you mean {'a' * 99!r}?"),
        ("a" * 101, ["a" * 100], ""),
        ("hots1", [*map("{:05}".format, range(499)), "host1"], "; did you mean 'host1'?"),
        ("hots1", [*map("{:05}".format, range(500)), "host1"], ""),
    ],
    ids=["near", "far", "longer", "too much longer", "long", "too long", "the last compared", "more"],
)
def test_the_nearest_of_the_names_that_are_compared_is_suggested(name, known, hint):
    assert suggestion(name, known) == hint


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], "none"),
        (["b", "a", "b"], "a, b"),
        ("abcdefghijkl", "a, b, c, d, e, f, g, h, i, j, k, l"),
        ("nmlkjihgfedcba", "a, b, c, d, e, f, g, h, i, j, k, l and 2 more"),
    ],
    ids=["none", "two", "a dozen", "more"],
)
def test_a_dozen_names_are_listed(names, text):
    assert listing(names) == text


def test_what_a_terminal_would_not_show_is_escaped():
    assert printable("größe\n\x1b[0m'") == "größe\\n\\x1b[0m'"
