"""The facts of a host: the script that collects them there, and the parser of its output; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from shlex import quote
from typing import Any

_LONGEST = 320
_SLOT = re.compile(r"(\d{1,8}) ?(.*)")
_HOLDER = re.compile(r"(?P<since>\d{4}-\S+)? ?(?:(?P<pid>\d{1,9}) )?(?P<holder>.*)")
_CORES = re.compile(r"\d{1,6}")
_OF_OS_RELEASE = ("id", "like", "version", "codename")
_SYSTEMS = {"darwin": "macos", "mac": "macos", "osx": "macos"}

# POSIX sh for `sh -s`, whatever the user's login shell. It creates nothing, and holds its shared locks only for a moment.
# Each line of the answer begins with `::`, which distinguishes it from the output of a profile.
_SCRIPT = """
say() { printf '::%s\\n' "$*"; }
text() { dd bs=300 count=1 <"$1" | head -n 1; }
locked() {
  case $tool in
    flock*) flock -s -n 9 ;;
    perl) perl -MFcntl=:flock -e 'open(my $file, "<&=9"); exit !flock($file, LOCK_SH | LOCK_NB)' ;;
    python3) python3 -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_SH | fcntl.LOCK_NB)' ;;
  esac
  [ $? -eq 1 ]
}
find_tool() {
  case $(flock -V 2>&1) in
    *util-linux*) echo 'flock (util-linux)'; return ;;
    *BusyBox*) echo 'flock (busybox)'; return ;;
  esac
  if command -v flock >/dev/null; then echo flock
  elif perl -MFcntl=:flock -e 1; then echo perl
  elif python3 -c 'import fcntl'; then echo python3
  fi
}
slots() {
  [ -d "$dir" ] || return
  cd "$dir" || { say closed; return; }
  if [ -e drain ]; then say drain "$(text drain)"; fi
  for slot in *; do
    case $slot in *[!0-9]*) continue ;; esac
    if [ ! -f "$slot" ] || [ -h "$slot" ]; then continue; fi
    if [ ! -r "$slot" ]; then say unread "$slot"
    elif (locked) 9<"$slot"; then say slot "$slot $(text "$slot")"
    fi
  done
}
ports() {
  if [ -r /proc/net/tcp ]; then
    cat /proc/net/tcp /proc/net/tcp6 | sed -n 's/^ *[0-9]*: [0-9A-F]*:\\([0-9A-F]*\\) [0-9A-F:]* 0A .*/::hex \\1/p' && say counted
  elif command -v netstat >/dev/null; then
    netstat -an | sed -n 's/^tcp[^ ]* *[0-9]* *[0-9]* *[^ ]*[.:]\\([0-9]*\\) .*LISTEN.*/::port \\1/p' && say counted
  fi
}
held() {
  tool=$(find_tool)
  say tool "$tool"
  (slots)
}
main() {
  say system "$(uname -s)"
  for file in /etc/os-release /usr/lib/os-release; do
    [ -r "$file" ] || continue
    sed -n -e 's/^ID=/::id /p' -e 's/^ID_LIKE=/::like /p' -e 's/^VERSION_ID=/::version /p' -e 's/^VERSION_CODENAME=/::codename /p' "$file"
    break
  done
  if command -v sw_vers >/dev/null; then say version "$(sw_vers -productVersion)"; fi
  say cores "$(nproc || getconf _NPROCESSORS_ONLN || sysctl -n hw.ncpu)"
  held
  ports
}
"""


def script(slot_dir: str, *, slots_only: bool = False) -> str:
    """Return the script for a host; a leading `~/` in its slot folder is the home on that host.

    >>> script("~/a b").splitlines()[0]
    'dir="$HOME"/\\'a b\\''
    """
    home, _, below = slot_dir.partition("/")
    folder = f'"$HOME"/{quote(below)}' if home == "~" else quote(slot_dir)
    return f"dir={folder}\n{_SCRIPT}{{ {'held' if slots_only else 'main'}; say end; }} </dev/null 2>/dev/null\n"


@dataclass
class Facts:
    """The facts of a host.

    Attributes:
        values: The single values, by their names in the script.
        slots: The content of each held slot's file.
        unread: The slots whose files are unreadable.
        ports: The listening ports.
    """

    values: dict[str, str] = field(default_factory=dict)
    slots: dict[int, str] = field(default_factory=dict)
    unread: list[int] = field(default_factory=list)
    ports: set[int] = field(default_factory=set)

    @classmethod
    def read(cls, answer: bytes) -> Facts:
        """Parse an answer; skip lines that the script did not print.

        >>> Facts.read(b"welcome!\\n::cores 8\\n::slot 3 2026-11-25T19:00:00Z 77 etl\\n::hex 1F90\\n::end\\n")
        Facts(values={'cores': '8', 'end': ''}, slots={3: '2026-11-25T19:00:00Z 77 etl'}, unread=[], ports={8080})
        """
        facts = cls()
        for line in answer.split(b"\n"):
            if line.startswith(b"::"):
                facts._add(*printable(line[2:].decode(errors="replace")).partition(" ")[::2])
        return facts

    def _add(self, name: str, value: str) -> None:
        if name in ("slot", "unread"):
            if found := _SLOT.fullmatch(value):
                number = int(found[1])
                if name == "unread":
                    self.unread.append(number)
                else:
                    self.slots[number] = found[2]
        elif name in ("hex", "port"):
            if re.fullmatch(r"[0-9A-F]{1,5}", value):
                self.ports.add(int(value, 16 if name == "hex" else 10))
        else:
            self.values.setdefault(name, value.strip("\"'") if name in _OF_OS_RELEASE else value)

    @property
    def complete(self) -> bool:
        """Whether the script ran to its end."""
        return "end" in self.values

    @property
    def locks(self) -> str:
        """The tool that can lock files; empty if the host has none."""
        return self.values.get("tool", "")

    @property
    def held(self) -> int | None:
        """The number of held slots; None if the host cannot tell."""
        return len(self.slots) if self.complete and self.locks and not self.closed and not self.unread else None

    @property
    def drain(self) -> str | None:
        """The content of the file `drain`; None without such a file."""
        return self.values.get("drain")

    @property
    def closed(self) -> bool:
        """Whether the slot folder is unreadable."""
        return "closed" in self.values

    @property
    def counted(self) -> bool:
        """Whether the host can list its listening ports."""
        return "counted" in self.values

    def holder(self, slot: int) -> dict[str, Any]:
        """Return a slot's holder according to its file: `since`, `pid` and `holder`.

        >>> Facts(slots={3: "2026-11-25T19:00:00Z 4711 etl.extract"}).holder(3)
        {'since': '2026-11-25T19:00:00Z', 'pid': 4711, 'holder': 'etl.extract'}
        """
        found = _HOLDER.fullmatch(self.slots[slot])
        assert found
        return {"since": found["since"] or "", "pid": int(found["pid"]) if found["pid"] else None, "holder": found["holder"]}

    @property
    def cores(self) -> int | None:
        """The number of cores."""
        cores = self.values.get("cores", "")
        return int(cores) if _CORES.fullmatch(cores) else None

    @property
    def system(self) -> str:
        """The system and its version, such as `ubuntu 24.04`."""
        return f"{self._name} {self.values.get('version', '')}".strip()

    @property
    def _name(self) -> str:
        system = self.values.get("system", "").lower()
        return self.values.get("id") or _SYSTEMS.get(system, system)

    def is_system(self, written: str) -> bool:
        """Return whether a host's `os` can mean this system: by its name, alone or with a version, a relative's, or its kernel's.

        >>> ubuntu = Facts({"system": "Linux", "id": "ubuntu", "like": "debian", "version": "24.04", "codename": "noble"})
        >>> [ubuntu.is_system(name) for name in ("Ubuntu", "ubuntu-24", "ubuntu 24.04", "noble", "debian", "linux", "ubuntu22", "macos")]
        [True, True, True, True, True, True, False, False]
        """
        version, codename = self.values.get("version", ""), self.values.get("codename", "")
        versions = {"", version, version.partition(".")[0], codename}
        names = {_plain(self._name + each) for each in versions} | {_plain(codename), *map(_plain, self._relatives)}
        plain = _plain(written)
        return _SYSTEMS.get(plain, plain) in names - {""}

    @property
    def _relatives(self) -> list[str]:
        system = self.values.get("system", "").lower()
        return [*self.values.get("like", "").split(), _SYSTEMS.get(system, system)]


def printable(text: str) -> str:
    """Return the beginning of a string without control characters."""
    return "".join(filter(str.isprintable, text[:_LONGEST]))


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name.lower())
