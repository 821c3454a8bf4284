from __future__ import annotations

import pytest

from airflow_balancer.fleet.masking import MASK, mask_secrets


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
        "empty",
        "no secret",
    ],
)
def test_secrets_are_masked(data, masked):
    assert mask_secrets(data) == masked


def test_masking_leaves_the_data_as_it_was():
    data = {"hosts": [{"password": "hunter2"}]}
    mask_secrets(data)
    assert data == {"hosts": [{"password": "hunter2"}]}
