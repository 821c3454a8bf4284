"""Decides which host keys a task's SSHHook accepts, without any I/O."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode, decodebytes
from binascii import Error
from collections.abc import Mapping, Sequence
from hashlib import sha1
from hmac import digest
from typing import Any, Literal, NamedTuple

Verdict = Literal["known", "unknown", "changed"]

_FIELDS = 3
_ALGORITHMS = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384",),
    "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521",),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
}


class KnownHosts(NamedTuple):
    """A known_hosts file as paramiko reads it: with names and hashed names, without patterns. A port but 22 is part of the name.

    Attributes:
        entries: The names, type and base64 key of each line.
        broken: The number of the first line that paramiko fails to read, such as one with a marker; 0 if it reads all.
    """

    entries: Sequence[tuple[Sequence[str], str, str]]
    broken: int = 0

    @classmethod
    def read(cls, text: str) -> KnownHosts:
        """Parse a file's content.

        >>> KnownHosts.read("ws1 ssh-dss\\n\\nws1,ws2 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5\\n@revoked ws1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5")
        KnownHosts(entries=[(['ws1', 'ws2'], 'ssh-ed25519', 'AAAAC3NzaC1lZDI1NTE5')], broken=4)
        """
        entries, broken = list[tuple[Sequence[str], str, str]](), 0
        for number, line in enumerate(map(str.strip, text.splitlines()), 1):
            fields = re.split("[ \t]", line)
            if len(fields) >= _FIELDS and not line.startswith("#"):
                names, kind, key, *_ = fields
                try:
                    if kind.encode() in decodebytes(key.encode())[4:]:
                        entries.append((names.split(","), kind, key))
                except Error:
                    broken = broken or number
        return cls(entries, broken)

    def keys(self, name: str) -> dict[str, str]:
        """Return the base64 keys of a name, by type.

        >>> KnownHosts([(["ws1", "[ws1]:2222"], "ssh-ed25519", "AAAA"), (["*"], "ssh-rsa", "BBBB")]).keys("[ws1]:2222")
        {'ssh-ed25519': 'AAAA'}
        """
        found: dict[str, str] = {}
        for names, kind, key in self.entries:
            if any(_is_name(written, name) for written in names):
                found.setdefault(kind, key)
        return found


class HostKeys(NamedTuple):
    """The keys that a task accepts of a host.

    Attributes:
        known: Base64 keys by type.
        source: Where they come from.
        accepts_unknown: Whether a host without a known key is accepted.
        accepts_changed: Whether any key is accepted.
        problem: Why tasks cannot connect to any host; empty if they can.
    """

    known: Mapping[str, str]
    source: str
    accepts_unknown: bool = False
    accepts_changed: bool = False
    problem: str = ""

    @classmethod
    def of(cls, arguments: Mapping[str, Any], name: str, known_hosts: KnownHosts) -> HostKeys:
        """Return the keys of a host from `~/.ssh/known_hosts`, else from its SSH hook's arguments.

        >>> HostKeys.of({"no_host_key_check": True}, "ws1", KnownHosts([(["ws1"], "ssh-ed25519", "AAAA")]))
        HostKeys(known={'ssh-ed25519': 'AAAA'}, source='~/.ssh/known_hosts', accepts_unknown=True, accepts_changed=False, problem='')
        """
        written, change = str(arguments.get("host_key") or "").split()[:2], is_true(arguments.get("allow_host_key_change"))
        line = 0 if change else known_hosts.broken
        problem = f"SSHHook cannot read line {line} of ~/.ssh/known_hosts, and connects nowhere; take it out" if line else ""
        known = known_hosts.keys(name)
        if not written or (known and not change):
            return cls(known, "~/.ssh/known_hosts", is_true(arguments.get("no_host_key_check")), change, problem)
        kind = written[0] if len(written) > 1 else "ssh-rsa"
        return cls({kind: written[-1]}, "host_key", problem=problem)

    @property
    def algorithms(self) -> list[str]:
        """The algorithms to offer, those of the known keys first: a host with several keys shows the first one offered."""
        return [name for kind in sorted(_ALGORITHMS, key=lambda kind: kind not in self.known) for name in _ALGORITHMS[kind]]

    def verdict(self, kind: str, key: str) -> Verdict:
        """Judge a host's key. Another key than the known one is `changed`."""
        if not self.known:
            return "unknown"
        return "known" if self.known.get(kind) == key else "changed"

    def accepts(self, verdict: Verdict) -> bool:
        """Return whether a task connects to a host with this verdict."""
        return verdict == "known" or self.accepts_changed or (verdict == "unknown" and self.accepts_unknown)


def is_true(value: object) -> bool:
    """Return whether SSHHook reads a value as true, like one in an Airflow connection's extras."""
    return str(value).lower() == "true"


def _is_name(written: str, name: str) -> bool:
    if not written.startswith("|1|"):
        return written == name
    try:
        salt, hashed = written.removeprefix("|1|").split("|")
        return b64encode(digest(b64decode(salt), name.encode(), sha1)).decode() == hashed
    except (Error, ValueError):
        return False
