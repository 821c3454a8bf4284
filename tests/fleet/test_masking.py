from __future__ import annotations

import json

import pytest

from airflow_balancer import ConfigurationError
from airflow_balancer.errors import Problem
from airflow_balancer.fleet.fleet import Fleet
from airflow_balancer.fleet.masking import MASK, mask, mask_text, masking, secrets_of, shown


@pytest.mark.parametrize(
    ("data", "masked"),
    [
        ({"password": "hunter2"}, {"password": MASK}),
        ({"default_password": "hunter2", "size": 1}, {"default_password": MASK, "size": 1}),
        ({"hosts": [{"password": "hunter2"}]}, {"hosts": [{"password": MASK}]}),
        ({"password": None}, {"password": None}),
        ({"password": 12345}, {"password": MASK}),
        ({"password": {"key": "a_variable"}}, {"password": {"key": "a_variable"}}),
        (
            {"ssh_hook_args": {"passphrase": "p", "private_key": "k", "port": 22}},
            {"ssh_hook_args": {"passphrase": MASK, "private_key": MASK, "port": 22}},
        ),
        ({"password": "hunter2", "command": "login hunter2 now"}, {"password": MASK, "command": f"login {MASK} now"}),
        ({"password": "a", "command": "a cat"}, {"password": MASK, "command": "a cat"}),
        ({"password": "host1", "hosts": [{"name": "host1"}]}, {"password": MASK, "hosts": [{"name": "host1"}]}),
        ({"password": "true", "drain": "true"}, {"password": MASK, "drain": "true"}),
        ({"password": 8080, "ports": [{"port": 8080, "name": "a-8080"}]}, {"password": MASK, "ports": [{"port": 8080, "name": "a-8080"}]}),
        ({"password": 7654321, "note": "a 7654321", "size": 7654321}, {"password": MASK, "note": f"a {MASK}", "size": 7654321}),
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


def test_a_secret_that_begins_with_another_is_masked_whole():
    assert mask_text("login hunter2-and-more", ["hunter2", "hunter2-and-more", "hunter2-and"]) == f"login {MASK}"


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
