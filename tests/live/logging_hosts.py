"""Real sshds, one for each host of a fleet, each with a home of its own in which it logs what it runs."""

from __future__ import annotations

import fcntl
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
import yaml

from examples.demo.openssh_hosts import OpenSshHosts

CROWD = Path(__file__).with_name("crowd")
FLEET = CROWD / "fleet.yaml"
SCRIPTS = ("session.sh", "work.sh")


class Moment(NamedTuple):
    """A command starts or ends on its host.

    Attributes:
        change: 1 or -1.
        time: In nanoseconds.
        task: The command's task.
        slot: The slot that it holds, or `-`.
    """

    change: int
    time: int
    task: str
    slot: str


class LoggingHosts:
    """The hosts of a fleet; a context manager. Their log is in the order of a lock, whatever the clock says.

    Args:
        root: An empty directory.
        source: The fleet's YAML, in which each host has an `address` on loopback.
    """

    def __init__(self, root: Path, source: Path = FLEET) -> None:
        self._root = root
        hosts = yaml.safe_load(source.read_text())["hosts"]
        self.sizes: dict[str, int] = {host["name"]: host["size"] for host in hosts}
        self._addresses: dict[str, str] = {host["name"]: host["address"] for host in hosts}
        settings = f"SetEnv HOME={root}/{{address}}\nForceCommand /bin/sh {root}/{{address}}/session.sh\n"
        root.mkdir(parents=True, exist_ok=True)
        self._ssh = OpenSshHosts(list(self._addresses.values()), root, settings=settings)

    def __enter__(self) -> LoggingHosts:
        self.clear()
        self.servers = self._ssh.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._ssh.__exit__(*error)

    def home(self, name: str) -> Path:
        """The home of a host's SSH user."""
        return self._root / self._addresses[name]

    def clear(self) -> None:
        """Give each host an empty home."""
        for name in self._addresses:
            shutil.rmtree(self.home(name), ignore_errors=True)
            self.home(name).mkdir()
            for script in SCRIPTS:
                shutil.copy(CROWD / script, self.home(name))

    def kill(self, name: str) -> None:
        """Kill a host's sshd and its sessions with -9: clients lose their connection, commands go on."""
        server = psutil.Process(self._ssh.servers[self._addresses[name]].pid)
        for process in [server, *server.children(recursive=True)]:
            if process.name().startswith("sshd"):
                process.kill()

    def start(self, name: str) -> None:
        """Start a killed host's sshd again."""
        process = self._ssh.servers[self._addresses[name]]
        process.stop()
        process.start()

    def commands(self, name: str) -> list[Moment]:
        """The log of a host, line by line."""
        words = [line.split() for line in _lines(self.home(name) / "commands.log")]
        return [Moment(1 if word == "start" else -1, int(time), task, slot) for word, time, task, slot in words]

    def started(self) -> int:
        """How many commands have started on all hosts."""
        return sum(moment.change > 0 for name in self._addresses for moment in self.commands(name))

    def sessions(self, name: str) -> int:
        """How many sessions a host has had, those that were refused a slot too."""
        return sum(line.startswith("begin") for line in _lines(self.home(name) / "sessions.log"))

    def are_idle(self) -> bool:
        """Whether every command that started has ended."""
        return all(sum(moment.change for moment in self.commands(name)) == 0 for name in self._addresses)

    def slots(self, name: str) -> Path:
        """The folder of a host's slots."""
        return self.home(name) / "slots"

    def held(self, name: str) -> list[str]:
        """The slots of a host that are locked."""
        return [file.name for file in self.slots(name).iterdir() if file.name.isdigit() and _is_locked(file)]

    @contextmanager
    def drained(self, name: str) -> Iterator[None]:
        """Have a file `drain` among a host's slots."""
        file = self.slots(name) / "drain"
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.write_text("a new disk\n")
        try:
            yield
        finally:
            file.unlink()


def running(moments: Sequence[Moment]) -> Iterator[tuple[int, int]]:
    """Yield each moment's time, and how many commands run from then on."""
    count = 0
    for moment in moments:
        count += moment.change
        yield moment.time, count


def most(moments: Sequence[Moment]) -> int:
    """How many commands ran at once, at most."""
    return max((count for _, count in running(moments)), default=0)


def overruns(moments: Sequence[Moment], size: int, *, edited: int, then: int) -> list[int]:
    """How many commands ran whenever it was more than the host's size.

    Args:
        moments: The host's log.
        size: Its size at the start.
        edited: When that changed, in nanoseconds.
        then: Its size from then on. What holds a slot beyond it may end in peace.
    """
    settled = max([edited, *(moment.time for moment in moments if moment.slot.isdigit() and int(moment.slot) >= then)])

    def limit(time: int) -> int:
        return size if time < edited else then if time > settled else max(size, then)

    return [count for time, count in running(moments) if count > limit(time)]


def twice_held(moments: Sequence[Moment]) -> Iterator[Moment]:
    """Yield the commands that started with a slot that another one held."""
    held: Counter[str] = Counter()
    for moment in moments:
        held[moment.slot] += moment.change
        if held[moment.slot] > 1:
            yield moment


def started(moments: Sequence[Moment], held: Sequence[str], *, since: int, until: int) -> Counter[str]:
    """Count by slot the commands that started between two times, but for those that had their slot at the first one.

    Args:
        moments: The host's log.
        held: The slots that were held at the first time: by commands that run, and by those that are about to start.
        since: The first time, in nanoseconds.
        until: The second.
    """
    running, found = Counter[str](), Counter[str]()
    for moment in moments:
        if moment.time <= since:
            running[moment.slot] += moment.change
        elif moment.time < until and moment.change > 0:
            found[moment.slot] += 1
    return found - (Counter(held) - running)


def _lines(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def _is_locked(file: Path) -> bool:
    with file.open() as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
