"""Slots on the host: the command that claims a slot and then runs another command, and the host's answer; pure.

The command runs in the SSH user's login shell: sh, bash, zsh, csh or fish. `slots.sh` locks one of the files `0`, `1` and so
on in a folder, on a descriptor that the command and its children inherit. The kernel releases the lock when the last of them
ends, however it ends. `slots.sh` reports a claimed slot on stderr and on stdout. Both lines start with a token that is new
for each call: it separates the output of the login shell's startup files from the command's output.

For an SSH command, bash and zsh read `~/.bashrc` and `~/.zshenv`, which may be slow and define functions. So these shells
run `slots.sh` themselves, and then the command. If a signal kills the program, they report exit status 128 + signal, whereas
without a slot such a shell may become the program and die of the signal itself. For all other shells, /bin/sh runs
`slots.sh`, then the command in the login shell. Of these, csh and fish read their startup files twice.
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
"""Succeeds in bash and zsh; any other shell parses it, fails and continues."""


@dataclass(frozen=True)
class Slots:
    """The slots of a host.

    Attributes:
        host: The host's name in messages.
        size: The number of slots.
        folder: The folder of their files on the host; `~/` is the SSH user's home.
        wait: The seconds until a task that found no free slot tries again.
        timeout: The seconds after which such a task fails.
    """

    host: str
    size: int
    folder: str
    wait: float
    timeout: float


class Answer(NamedTuple):
    """A host's answer to a claim.

    Attributes:
        kind: `claimed`, `full`, `drained`, or `error` if the host cannot hold slots.
        text: By kind: the slot's number, the holders of all slots, the content of the file `drain`, or what to do.
        before: The output of the login shell's startup files before the answer, if they are read only once.
    """

    kind: str
    text: str
    before: bytes = b""


def claim_command(command: str, *, size: int, slot_dir: str, holder: str, token: str) -> str:
    """Return a command for any login shell that runs `command` while it holds one of the slots.

    Args:
        command: The command for the login shell.
        size: The number of slots.
        slot_dir: The folder of their files; `~/` is the SSH user's home.
        holder: A line that tells others who holds the slot.
        token: The start of the answer; new for each call.
    """
    values = {"command": command, "size": str(size), "dir": slot_dir, "holder": " ".join(holder.split()), "token": token}
    # Use this machine's clock: reading the host's costs a process there.
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
    """Encode a string for `printf %b`, with characters that no login shell changes between quotes of either kind."""
    return "".join(chr(byte) if byte in _PLAIN else f"\\0{byte:03o}" for byte in text.encode())


def read_answer(token: str, read: Callable[[], bytes]) -> Answer:
    """Read a stream up to the end of the answer's line, and return the answer.

    Args:
        token: The start of the answer, which follows the output of the login shell's startup files.
        read: Returns the next byte of the stream, or `b""` at its end.
    """
    seen, mark = bytearray(), token.encode()
    while byte := read():
        seen += byte
        if byte == b"\n" and mark in seen:
            before, _, line = seen.rpartition(mark)
            kind, _, text = _printable(line).partition(" ")
            if kind in _KINDS:
                # "again": the shell that runs the command reads its startup files again, which print the same.
                slot, again, _ = text.partition(" again" if kind == "claimed" else "\n")
                return Answer(kind, slot, b"" if again else bytes(before))
    said = _printable(seen)[-300:]
    return Answer("error", f"the login shell of the SSH user did not run the claim{f': {said}' if said else ''}")


def _printable(line: bytearray) -> str:
    # Other users of the host may have written parts of the line.
    return "".join(char if char.isprintable() else "?" for char in line.decode(errors="replace").strip())


def holder_of(attempt: str, run: str) -> str:
    """Return the line in a slot's file that names its holder."""
    return f"{attempt}{f', run {run}' if run else ''}, from {gethostname()}"


def refusal_message(refused: Mapping[str, Answer]) -> str:
    """Return the message that no host has a free slot, with the holders of their slots.

    >>> refusal_message({"host 'a'": Answer("full", "slot 0: since 12:00"), "host 'b'": Answer("drained", "new disk")})
    "no slot is free: host 'a' is full (slot 0: since 12:00); host 'b' is drained (new disk)"
    """
    hosts = (f"{host} is {answer.kind}" + (f" ({answer.text})" if answer.text else "") for host, answer in refused.items())
    return f"no slot is free: {'; '.join(hosts)}"
