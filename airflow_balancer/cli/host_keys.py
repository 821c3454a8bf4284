"""Which host keys a task's SSHHook accepts; pure."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterable, Mapping
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


class HostKeys(NamedTuple):
    """The keys that a host may show.

    Attributes:
        known: Base64 keys by type.
        source: Where they are written.
        accepts_unknown: Whether a host without a known key is accepted.
        accepts_changed: Whether any key is accepted.
    """

    known: Mapping[str, str]
    source: str
    accepts_unknown: bool = False
    accepts_changed: bool = False

    @classmethod
    def of(cls, arguments: Mapping[str, Any], name: str, known_hosts: Iterable[str]) -> HostKeys:
        """Return the keys of a host by its SSH hook's arguments, and by lines of `~/.ssh/known_hosts`, which come first.

        >>> HostKeys.of({"no_host_key_check": True}, "ws1", ["ws1 ssh-ed25519 AAAA"])
        HostKeys(known={'ssh-ed25519': 'AAAA'}, source='~/.ssh/known_hosts', accepts_unknown=True, accepts_changed=False)
        """
        written, change = str(arguments.get("host_key") or "").split()[:2], is_true(arguments.get("allow_host_key_change"))
        known = known_keys(known_hosts, name)
        if not written or (known and not change):
            return cls(known, "~/.ssh/known_hosts", is_true(arguments.get("no_host_key_check")), change)
        kind = written[0] if len(written) > 1 else "ssh-rsa"
        return cls({kind: written[-1]}, "host_key")

    @property
    def algorithms(self) -> list[str]:
        """The algorithms to ask for: those of the known keys first, as a host with several keys shows the first that is asked for."""
        return [name for kind in sorted(_ALGORITHMS, key=lambda kind: kind not in self.known) for name in _ALGORITHMS[kind]]

    def verdict(self, kind: str, key: str) -> Verdict:
        """Return whether a key is known; a known host with another key is `changed`."""
        if not self.known:
            return "unknown"
        return "known" if self.known.get(kind) == key else "changed"

    def accepts(self, verdict: Verdict) -> bool:
        """Return whether a task connects to a host with this verdict."""
        return verdict == "known" or self.accepts_changed or (verdict == "unknown" and self.accepts_unknown)


def is_true(value: object) -> bool:
    """Return whether SSHHook takes a value for true, as of an Airflow connection's extras."""
    return str(value).lower() == "true"


def known_keys(lines: Iterable[str], name: str) -> dict[str, str]:
    """Return the base64 keys, by type, that lines of a known_hosts file have for a name.

    As paramiko reads it: names and hashed names, no patterns; a port other than 22 belongs to the name.

    >>> known_keys(["ws1,[ws1]:2222 ssh-ed25519 AAAA", "* ssh-rsa BBBB"], "[ws1]:2222")
    {'ssh-ed25519': 'AAAA'}
    """
    found: dict[str, str] = {}
    for line in lines:
        fields = line.split()
        if len(fields) >= _FIELDS and not line.startswith("#") and any(_is_name(written, name) for written in fields[0].split(",")):
            found.setdefault(fields[1], fields[2])
    return found


def _is_name(written: str, name: str) -> bool:
    if not written.startswith("|1|"):
        return written == name
    try:
        salt, hashed = written.removeprefix("|1|").split("|")
        return b64encode(digest(b64decode(salt), name.encode(), sha1)).decode() == hashed
    except (Error, ValueError):
        return False
