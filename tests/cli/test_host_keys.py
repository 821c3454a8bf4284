"""Which host keys a hook accepts, by its arguments and `~/.ssh/known_hosts`."""

from __future__ import annotations

import pytest

from airflow_balancer.cli.host_keys import HostKeys, KnownHosts

KNOWN = KnownHosts([(["ws1"], "ssh-ed25519", "AAAA")])
HASHED = "|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg="
"""The name 192.168.1.61, from the manual of OpenSSH."""


@pytest.mark.parametrize(
    ("arguments", "known", "expected"),
    [
        ({}, KNOWN, HostKeys({"ssh-ed25519": "AAAA"}, "~/.ssh/known_hosts")),
        ({"host_key": "ssh-ed25519 BBBB"}, KNOWN, HostKeys({"ssh-ed25519": "AAAA"}, "~/.ssh/known_hosts")),
        ({"host_key": "BBBB"}, KnownHosts([]), HostKeys({"ssh-rsa": "BBBB"}, "host_key")),
        ({"host_key": "ssh-ed25519 BBBB me@ws1"}, KnownHosts([]), HostKeys({"ssh-ed25519": "BBBB"}, "host_key")),
        ({"host_key": "ssh-ed25519 BBBB", "allow_host_key_change": "true"}, KNOWN, HostKeys({"ssh-ed25519": "BBBB"}, "host_key")),
        ({"no_host_key_check": True}, KnownHosts([]), HostKeys({}, "~/.ssh/known_hosts", accepts_unknown=True)),
        ({"allow_host_key_change": True}, KNOWN, HostKeys({"ssh-ed25519": "AAAA"}, "~/.ssh/known_hosts", accepts_changed=True)),
    ],
    ids=["known", "known and given", "no type", "a comment", "a change", "no check", "any key"],
)
def test_keys_are_those_of_the_hook(arguments, known, expected):
    assert HostKeys.of(arguments, "ws1", known) == expected


@pytest.mark.parametrize(("change", "broken"), [("", True), ("true", False)])
def test_a_line_that_the_hook_cannot_read_is_named_unless_keys_may_change(change, broken):
    keys = HostKeys.of({"allow_host_key_change": change}, "ws1", KnownHosts([], broken=4))
    text = "SSHHook cannot read line 4 of ~/.ssh/known_hosts, and connects nowhere; take it out"
    assert keys.problem == (text if broken else "")


@pytest.mark.parametrize(
    ("written", "name", "known"),
    [("ws1", "ws1", True), ("ws1", "ws2", False), (HASHED, "192.168.1.61", True), (HASHED, "192.168.1.62", False), ("|1|x", "|1|x", False)],
    ids=["name", "another name", "hashed", "another hashed", "broken"],
)
def test_a_name_is_found_in_the_clear_and_hashed(written, name, known):
    assert KnownHosts([([written], "ssh-rsa", "AAAA"), ([written], "ssh-rsa", "BBBB")]).keys(name) == ({"ssh-rsa": "AAAA"} if known else {})


@pytest.mark.parametrize(
    ("keys", "verdict", "accepted"),
    [
        (HostKeys({"a": "1"}, ""), "known", True),
        (HostKeys({"a": "2"}, "", accepts_unknown=True), "changed", False),
        (HostKeys({"a": "2"}, "", accepts_changed=True), "changed", True),
        (HostKeys({}, ""), "unknown", False),
        (HostKeys({}, "", accepts_unknown=True), "unknown", True),
    ],
)
def test_a_host_is_accepted_by_its_key(keys, verdict, accepted):
    assert (keys.verdict("a", "1"), keys.accepts(verdict)) == (verdict, accepted)


def test_the_algorithms_of_known_keys_are_asked_for_first():
    assert HostKeys({"ssh-rsa": "AAAA"}, "").algorithms[:3] == ["rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519"]
