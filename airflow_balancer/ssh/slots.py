"""Slots on the host: the command that claims one of a host's slots before it runs another, and its answer; pure.

The command is for the SSH user's login shell, which may be sh, bash, zsh, csh or fish. `slots.sh` locks one of the files `0`,
`1` and so on of a folder, on a descriptor that the command and all that it starts inherit. The kernel ends the lock with the
last of them, however they end. `slots.sh` says on stderr, and on stdout, that it has a slot. Both lines start with a token
that is new for each call: what a login shell's own files print comes before it, what the command prints after it.

bash and zsh read `~/.bashrc` and `~/.zshenv` for an SSH command, which may take long and define functions, so they run
`slots.sh` themselves and go on with the command. A program that a signal kills is then reported as exit status 128 + signal;
without a slot such a shell may have become the program, and have died of the signal itself. For all other shells /bin/sh runs
`slots.sh`, and then the command in the login shell; of these only csh and fish have files, which are read twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from shlex import quote
from socket import gethostname
from typing import NamedTuple

_PLAIN = frozenset(range(0x20, 0x7F)) - frozenset(b"""'"$`!\\""")
_KINDS = ("claimed", "full", "drained", "error")
_READS_FILES = """command -v readonly > /dev/null && readonly -p > /dev/null && eval 'test -n "${BASH_VERSION-}${ZSH_VERSION-}"'"""
"""Succeeds in bash and zsh; any other shell can parse it, and goes on after it."""


@dataclass(frozen=True)
class Slots:
    """How a host's slots are held.

    Attributes:
        host: The host as messages call it.
        size: How many slots there are.
        folder: The folder of their files on the host; `~/` is the SSH user's home.
        wait: Seconds until a task that finds all slots held tries again.
        timeout: Seconds after which such a task fails.
    """

    host: str
    size: int
    folder: str
    wait: float
    timeout: float


class Answer(NamedTuple):
    """What a host answers a claim.

    Attributes:
        kind: `claimed`, `full`, `drained`, or `error` where no slot can be held there.
        text: The number of the slot; who holds which since when; the reason in the file `drain`; what to do.
        before: What the login shell's own files printed in front of the answer, where they are read once.
    """

    kind: str
    text: str
    before: bytes = b""


def claim_command(command: str, *, size: int, slot_dir: str, holder: str, token: str) -> str:
    """Return a command for any login shell that runs `command` while it holds one of the slots.

    Args:
        command: What the login shell is to run.
        size: How many slots there are.
        slot_dir: The folder of their files; `~/` is the SSH user's home.
        holder: Who claims it, in one line, for others to read.
        token: What the answer starts with; new for each call.
    """
    values = {"command": command, "size": str(size), "dir": slot_dir, "holder": " ".join(holder.split()), "token": token}
    # By this machine's clock: that of the host costs a process there.
    values["since"] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    program = "\n".join([*(f"slot_{name}={quote(value)}" for name, value in values.items()), _script()])
    here, other = (_encoded(f"slot_login={login}\n{program}") for login in ("", "${SHELL:-/bin/sh}"))
    native = f"""{_READS_FILES} && eval 'printf -v slot_program %b "{here}"; eval "$slot_program"'"""
    exchanged = f"""exec /bin/sh -c 'eval "$(printf %b "$1")"' airflow-balancer-slot '{other}'"""
    return f'{native} || {exchanged}; eval "$slot_command"'


@cache
def _script() -> str:
    """Return the script without its comments and indentation."""
    lines = Path(__file__).with_name("slots.sh").read_text().splitlines()
    return "\n".join(line.strip() for line in lines if line.strip() and not line.strip().startswith("#"))


def _encoded(text: str) -> str:
    """Return a string as `printf %b` decodes it, with what no login shell changes between quotes of either kind."""
    return "".join(chr(byte) if byte in _PLAIN else f"\\0{byte:03o}" for byte in text.encode())


def read_answer(token: str, read: Callable[[], bytes]) -> Answer:
    """Return the answer in a stream, from which it takes all up to the end of the answer's line.

    Args:
        token: What the answer starts with, after anything that the login shell's own files printed.
        read: Returns the next byte of the stream, or none at its end.
    """
    seen, mark = bytearray(), token.encode()
    while byte := read():
        seen += byte
        if byte == b"\n" and mark in seen:
            before, _, line = seen.rpartition(mark)
            kind, _, text = _printable(line).partition(" ")
            if kind in _KINDS:
                # "again": the shell that runs the command reads its files once more, and they print the same.
                slot, again, _ = text.partition(" again" if kind == "claimed" else "\n")
                return Answer(kind, slot, b"" if again else bytes(before))
    said = _printable(seen)[-300:]
    return Answer("error", f"the login shell of the SSH user did not run the claim{f': {said}' if said else ''}")


def _printable(line: bytearray) -> str:
    # Other users of the host may have written parts of it.
    return "".join(char if char.isprintable() else "?" for char in line.decode(errors="replace").strip())


def holder_of(attempt: str, run: str) -> str:
    """Return who claims a slot, as the slot's file has it."""
    return f"{attempt}{f', run {run}' if run else ''}, from {gethostname()}"


def refusal_message(refused: Mapping[str, Answer]) -> str:
    """Return which hosts had no slot, and who holds those that they have.

    >>> refusal_message({"host 'a'": Answer("full", "slot 0: since 12:00"), "host 'b'": Answer("drained", "new disk")})
    "no slot is free: host 'a' is full (slot 0: since 12:00); host 'b' is drained (new disk)"
    """
    hosts = (f"{host} is {answer.kind}" + (f" ({answer.text})" if answer.text else "") for host, answer in refused.items())
    return f"no slot is free: {'; '.join(hosts)}"
