"""Plain data from YAML: as OmegaConf reads it, within the bounds of `docs/explanation/security.md`."""

from __future__ import annotations

import pytest
import yaml
from omegaconf import OmegaConf

from airflow_balancer.files.document import TooMuchError, parse_yaml, read_outline


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: 1", {"a": 1}),
        ("[1, 0x10, 1.5, 1e3, -2E-1, true, yes, null, ~, '']", [1, 16, 1.5, 1000.0, -0.2, True, True, None, None, ""]),
        ("['1', \"true\", !!str 1, !!str true, !!int '3']", ["1", "true", "1", "true", 3]),
        ("[2024-01-01, 2024-01-01 00:00:00, '<', e3, x1e3]", ["2024-01-01", "2024-01-01 00:00:00", "<", "e3", "x1e3"]),
        ("{a: &x {b: 1, c: 2}, d: {<<: *x, c: 3}}", {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}),
        (
            "{a: &x {b: 1, c: 2}, d: &y {b: 3}, e: {<<: [*x, *y], f: 4}}",
            {"a": {"b": 1, "c": 2}, "d": {"b": 3}, "e": {"b": 1, "c": 2, "f": 4}},
        ),
        ("{'<<': 1}", {"<<": 1}),
        ("a: &x [1]\nb: *x\n&k c: 2\nd: *k", {"a": [1], "b": [1], "c": 2, "d": "c"}),
        ("!!map {a: !!seq [1]}", {"a": [1]}),
        ("{2: a, true: b, null: c}", {2: "a", True: "b", None: "c"}),
    ],
)
def test_values_are_those_of_omegaconf(text, value):
    assert parse_yaml(text) == value
    if value is not None and None not in value:  # which OmegaConf takes for no key
        assert OmegaConf.to_container(OmegaConf.create(text)) == value


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        ("a: 1\na: 2", "found duplicate key a", 2),
        ("{1: a, 0x1: b, 1: c}", "found duplicate key 1", 1),
        ("? [a]\n: 1", "a key must be a string, not a list or a mapping", 1),
        ("x: &l [1]\n? *l\n: 1", "a key must be a string, not a list or a mapping", 2),
        ("{<<: 1}", "'<<' merges a mapping, or a list of mappings", 1),
        ("{<<: [{a: 1}, 2]}", "'<<' merges a mapping, or a list of mappings", 1),
        ("a: 1\n---\nb: 2", "a second document; a file holds one", 2),
        ("a: *x", "alias 'x' has no anchor before it, or is inside of it", 1),
        ("a: &x [*x]", "alias 'x' has no anchor before it, or is inside of it", 1),
        ("a: !!python/name:os.system ''", "unknown tag '!!python/name:os.system'; leave it out", 1),
        ("a: !x {}", "unknown tag '!x'; leave it out", 1),
        ("a: !!set {b}", "unknown tag '!!set'; leave it out", 1),
        ("a: !!seq {}", "unknown tag '!!seq'; leave it out", 1),
        ("a: !!int b", "'b' is no int", 1),
        ("a: !!bool b", "'b' is no bool", 1),
        (f"a: {'9' * 101}", "a number of more than 100 characters", 1),
        ("a: " + "${" * 51 + "}" * 51, "interpolations are nested deeper than 50 levels", 1),
        ("a: ${x}" + "${" * 51 + "}" * 51, "interpolations are nested deeper than 50 levels", 1),
        ("a: ${x}" + "x" * 19_997, "a string of more than 20000 characters holds an interpolation", 1),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text, problem, line):
    with pytest.raises(yaml.MarkedYAMLError) as error:
        parse_yaml(text)
    assert (error.value.problem, error.value.problem_mark.line + 1) == (problem, line)


@pytest.mark.parametrize(
    "text",
    [
        "9" * 100,
        "${" * 50 + "}" * 50,
        "${x}" + "x" * 19_996,
        "x" * 30_000,
        "[" * 100 + "]" * 100,
        "{a: &x [" + "1, " * 9_999 + "], b: *x}",
    ],
    ids=["number", "interpolations", "long interpolation", "long string", "nesting", "aliases"],
)
def test_the_most_that_is_allowed_is_read(text):
    parse_yaml(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[" * 101 + "]" * 101, "is nested deeper than 100 levels"),
        ("{a: &x [" + "1, " * 10_000 + "], b: *x}", "repeats more than 10000 values by its aliases"),
        ("{a: &x [" + "1, " * 4_999 + "], b: *x, c: *x, d: *x}", "repeats more than 10000 values by its aliases"),
        ("{a: &x '" + "x" * 10_000_000 + "', b: *x}", "repeats more than 10000 values by its aliases"),
    ],
    ids=["nesting", "one alias", "aliases", "long alias"],
)
def test_more_is_refused(text, problem):
    with pytest.raises(TooMuchError, match=f"^{problem}$"):
        parse_yaml(text)


def test_a_file_has_so_many_values_and_those_that_its_aliases_repeat(monkeypatch):
    monkeypatch.setattr("airflow_balancer.files.document.MAX_VALUES", 10)
    for text in ("[1, 2, 3, 4, 5, 6, 7, 8, 9]", "[&x [1, 2, 3], *x, 1]", "{a: 1, b: 2, c: 3, d: 4}", f"[{'x' * 8_999}]"):
        parse_yaml(text)
    for text in ("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]", "[&x [1, 2, 3], *x, 1, 2]", "{a: 1, b: 2, c: 3, d: 4, e: 5}", f"[{'x' * 9_000}]"):
        with pytest.raises(TooMuchError, match=r"^has more than 10 values$"):
            parse_yaml(text)


def test_an_outline_has_strings_and_ends_with_the_first_document():
    assert read_outline(b"a: [1, true, !x y, 2024-01-01]\n---\n*unknown") == {"a": ["1", "true", "y", "2024-01-01"]}
