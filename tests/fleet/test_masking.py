from __future__ import annotations

import json
from functools import partial
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_balancer import ConfigurationError
from airflow_balancer.errors import Problem
from airflow_balancer.fleet.fleet import Fleet
from airflow_balancer.fleet.masking import MASK, mask, mask_text, masking, needs_no_mask, secrets_of, shown


@pytest.mark.parametrize(
    ("data", "masked"),
    [
        ({"password": "hunter2"}, {"password": MASK}),
        ({"default_password": "hunter2", "size": 1}, {"default_password": MASK, "size": 1}),
        ({"hosts": [{"password": "hunter2"}]}, {"hosts": [{"password": MASK}]}),
        ({"password": None}, {"password": None}),
        ({"password": 12345}, {"password": MASK}),
        ({"password": {"key": "a_variable"}}, {"password": {"key": "a_variable"}}),
        ({"password": {"description": "hunter2"}, "note": "hunter2"}, {"password": MASK, "note": MASK}),
        (
            {"ssh_hook_args": {"passphrase": "p", "private_key": "k", "port": 22}},
            {"ssh_hook_args": {"passphrase": MASK, "private_key": MASK, "port": 22}},
        ),
        ({"password": "hunter2", "command": "login hunter2 now"}, {"password": MASK, "command": f"login {MASK} now"}),
        ({"password": "a", "command": "a cat"}, {"password": MASK, "command": "a cat"}),
        ({"password": "host1", "hosts": [{"name": "host1"}]}, {"password": MASK, "hosts": [{"name": "host1"}]}),
        ({"password": "true", "drain": "true"}, {"password": MASK, "drain": "true"}),
        ({"password": 8080, "ports": [{"port": 8080, "name": "a-8080"}]}, {"password": MASK, "ports": [{"port": 8080, "name": "a-8080"}]}),
        (
            {"password": 7654321, "note": "a 7654321", "number": 7654321, "size": 7654321},
            {"password": MASK, "note": f"a {MASK}", "number": MASK, "size": 7654321},
        ),
        ({"tokens": ["hunter2"], "note": "hunter2"}, {"tokens": MASK, "note": MASK}),
        ({"hosts": {"token-server": {"os": "ubuntu"}}, "os": "ubuntu"}, {"hosts": {"token-server": {"os": "ubuntu"}}, "os": "ubuntu"}),
        ({"password": "a\nhunter2", "note": "hunter2"}, {"password": MASK, "note": MASK}),
        ({"url": "http://me:p%40ss@h/", "note": "p@ss"}, {"url": f"http://me:{MASK}@h/", "note": MASK}),
        ({"command": "psql password=hunter2 -x", "note": "hunter2"}, {"command": f"psql password={MASK} -x", "note": MASK}),
        ({"password": "", "command": "a cat"}, {"password": MASK, "command": "a cat"}),
        ({"key_file": "/etc/key", "tags": ["token"]}, {"key_file": "/etc/key", "tags": ["token"]}),
    ],
    ids=[
        "key",
        "part of a key",
        "nested",
        "none",
        "number",
        "variable",
        "a mapping that is no variable",
        "other keys",
        "in a string",
        "too short for substrings",
        "a host's name",
        "a common word",
        "a number of a port",
        "a long number",
        "in a list",
        "a host's name that looks like a key",
        "several lines",
        "in a URL",
        "in an option",
        "empty",
        "no secret",
    ],
)
def test_secrets_are_masked(data, masked):
    assert mask(data) == masked


def test_masking_leaves_the_data_as_it_was():
    data = {"hosts": [{"password": "hunter2"}]}
    mask(data)
    assert data == {"hosts": [{"password": "hunter2"}]}


def test_a_value_that_cannot_be_told_from_other_text_is_no_secret_elsewhere():
    values = ["abc", "abcd", "22", "12345", "123456", "True", "host1", "airflow"]
    assert secrets_of({"hosts": [{"name": "host1"}]}, {"tokens": values}) == {"abcd", "123456"}


@pytest.mark.parametrize("others", [0, 500])
def test_a_secret_that_begins_with_another_is_masked_whole(others):
    secrets = ["hunter2", "hunter2-and-more", "hunter2-and", *(f"hunter2-{number}" for number in range(others))]
    assert mask_text("login hunter2-and-more", secrets) == f"login {MASK}"


def test_secrets_are_gathered_once_for_an_error_of_many_problems():
    gathered = []
    wrong = {"hosts": [{"name": f"host{number}", "size": -1, "os": ["hunter2" * 20]} for number in range(50)]}
    with pytest.raises(ConfigurationError) as error, masking(lambda: gathered.append("once") or {"hunter2"}):
        Fleet.from_data(wrong)
    assert (gathered, len(error.value.problems), "hunter" in str(error.value)) == (["once"], 100, False)


def test_a_secret_in_the_path_of_a_problem_is_masked():
    problem = Problem("is wrong", path=("hosts", "hunter2", "size"))
    with pytest.raises(ConfigurationError) as error, masking(lambda: {"hunter2"}):
        raise ConfigurationError([problem])
    assert error.value.problems == (Problem("is wrong", path=("hosts", MASK, "size")),)


@pytest.mark.parametrize(("value", "text"), [("x" * 58, f"{'x' * 58!r}"), ("x" * 59, f"'{'x' * 59}...")], ids=["60", "more"])
def test_a_value_is_shown_with_sixty_characters(value, text):
    assert shown(value) == text


@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_a_secret_is_masked_as_json_writes_it(ensure_ascii):
    secret = 'größe"'
    assert mask(json.dumps([secret], ensure_ascii=ensure_ascii), [secret]) == f'["{MASK}"]'


@pytest.mark.parametrize(
    ("written", "shown"),
    [(repr, f"'{MASK}'"), (json.dumps, f'"{MASK}"'), (quote, MASK), (quote_plus, MASK), (partial(quote, safe=""), MASK)],
    ids=["Python", "JSON", "path", "query", "part of a path"],
)
def test_a_secret_is_masked_whole_as_text_of_any_kind_writes_it(written, shown):
    secret = "/größe 'and\" \x07"
    assert mask_text(f"x: {written(secret)}", [secret]) == f"x: {shown}"


def _raised(error, cause):
    try:
        raise error from cause
    except ConfigurationError as caught:
        return caught


def test_an_error_keeps_the_causes_of_which_none_tells_a_secret():
    cause = _raised(ConfigurationError("outer"), ValueError("inner"))
    with pytest.raises(ConfigurationError) as error, masking(lambda: {"hunter2"}):
        raise ConfigurationError("wrong") from cause
    assert (error.value.__cause__, cause.__cause__.args) == (cause, ("inner",))


def test_an_error_drops_the_causes_one_of_which_tells_a_secret():
    cause = _raised(ConfigurationError("outer"), ValueError("hunter2"))
    with pytest.raises(ConfigurationError) as error, masking(lambda: {"hunter2"}):
        raise ConfigurationError("wrong") from cause
    assert (error.value.__cause__, error.value.__suppress_context__) == (None, True)


TEXTS = st.text("Kk\u212asS\u017fecrtoknpaswd:@/=h1 '\"\\\n", max_size=12) | st.sampled_from(
    ["password=x", "http://a:b@c", "hunter2-2", "token", "123456"]
)


@given(
    st.recursive(st.none() | st.integers(0, 10**7) | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)), st.sets(TEXTS)
)
def test_what_needs_no_mask_is_left_as_it_is(data, secrets) -> None:
    known = {secret for secret in secrets if len(secret) > 3}
    if needs_no_mask(json.dumps(data, ensure_ascii=False), known):
        assert mask(data, known) == data


@pytest.mark.parametrize(
    ("text", "secrets", "needed"),
    [
        ('{"host":"a"}', {"hunter2-2"}, False),
        ('{"host":"a","why":"hunter2-2"}', {"hunter2-2"}, True),
        ('{"why":"say \\"hi\\" now"}', {'say "hi" now'}, True),
        ('{"Password":1}', set(), True),
        ('{"\u017fecret":1}', set(), True),
        ('"me:x@host"', set(), True),
        ('{"host":"a"}', {f"secret-{number}" for number in range(500)}, False),
        ('{"host":"secret-77"}'.replace("secret", "hidden"), {f"hidden-{number}" for number in range(500)}, True),
    ],
    ids=["none", "a secret", "a quoted one", "a key", "a key in other letters", "a login", "many secrets", "one of many"],
)
def test_only_what_may_hold_a_secret_is_masked(text: str, secrets: set[str], needed: bool) -> None:  # noqa: FBT001
    assert needs_no_mask(text, secrets) is not needed
