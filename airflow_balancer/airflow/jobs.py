"""Detached jobs on a host: where each attempt's job is, whether it still runs, and that it starts once; pure.

A job has a folder of its own, the provider's. Beside these folders is one more, `started`, with a link for each attempt of a
task, which the job makes as its first act. Its target is the job's id. Only one process can make it, so a job that comes late
starts no second time; a search puts `-` where an earlier attempt has no job yet, and so keeps it from ever starting one.
All commands are for a POSIX shell, as the provider's are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from shlex import quote
from typing import NamedTuple

_NO_JOB = "-"
"""The target of a link after which no job starts, or whose job has been collected; no target is a file: `ln` would go into a folder."""
_LINE = re.compile(r"^(\S+) (af_[A-Za-z0-9_]+) (running|ended|gone)$", re.MULTILINE)


class Found(NamedTuple):
    """A job that an earlier attempt started.

    Attributes:
        link: The name of its link in the folder `started`.
        job_id: Its id.
        state: `running`, `ended`, or `gone` where it ended without an exit code.
    """

    link: str
    job_id: str
    state: str


@dataclass(frozen=True)
class JobFiles:
    """The files of a task's jobs on a host.

    Attributes:
        folder: The folder of all jobs.
        name: What the links of the task's attempts begin with; the same for all attempts.
        number: Which attempt this is.
    """

    folder: str
    name: str
    number: int

    @property
    def link(self) -> str:
        """The name of this attempt's link."""
        return f"{self.name}.{self.number}"

    def path(self, link: str) -> str:
        """Return the path of a link."""
        return f"{self.folder}/started/{link}"

    def starting(self, command: str, job_id: str) -> str:
        """Return a command for a job: it makes the attempt's link and runs `command`, or ends where there is such a link.

        The command has a shell of its own, so that the job has an exit code and a log, however the command ends.
        """
        link = quote(self.path(self.link))
        return f"mkdir -p {quote(self.folder)}/started; ln -s {quote(job_id)} {link} 2>/dev/null || exit 0\nbash -c {quote(command)}"

    def search(self) -> str:
        """Return a command that prints the jobs of this attempt and those before it; an earlier one that has no job gets none."""
        links = " ".join(quote(f"{self.name}.{number}") for number in range(self.number, 0, -1))
        return f"""mkdir -p {quote(self.folder)}/started && cd {quote(self.folder)} || exit 1
for link in {links}; do
[ "$link" = {quote(self.link)} ] || ln -s {_NO_JOB} "started/$link" 2>/dev/null
job=$(readlink "started/$link") && [ -d "$job" ] && printf '%s ' "$link" "$job" && {_state("$job")}
done; :"""

    def forget(self, link: str) -> str:
        """Return a command after which a job is no longer found: its exit code and log were collected."""
        return f"ln -sf {_NO_JOB} {quote(self.path(link))}"


def _state(folder: str) -> str:
    """Return a command that prints what a job does whose folder this is; the folder may be in quotes."""
    # A process of another name has the number of one that ended before the host was restarted.
    return f"""if [ -s "{folder}/exit_code" ]; then echo ended
elif p=$(cat "{folder}/pid" 2>/dev/null); [ -d "{folder}" ] && [ -z "$p" ]; then echo running
elif {{ kill -0 "-$p" || kill -0 "$p"; }} 2>/dev/null && case $(ps -o args= -p "$p" 2>/dev/null) in "" | *"{folder}"*) ;; *) false ;; esac
then echo running
elif [ -s "{folder}/exit_code" ]; then echo ended
else echo gone
fi"""


def state_command(folder: str) -> str:
    """Return a command that prints what a job does: `running`, `ended` or `gone`.

    Args:
        folder: The job's folder.
    """
    return f"job={quote(folder)}; {_state('$job')}"


def found_in(output: str) -> list[Found]:
    """Return the jobs that a search printed; what a login shell's own files print is passed over.

    >>> found_in("welcome\\nextract_0a.2 af_etl_extract_try2_x running\\n")
    [Found(link='extract_0a.2', job_id='af_etl_extract_try2_x', state='running')]
    """
    return [Found(*match.groups()) for match in _LINE.finditer(output)]


def job_name(task: str, *unique: str) -> str:
    """Return the name of a task's jobs on a host.

    Args:
        task: The task as people call it.
        *unique: What tells it from all other tasks that run on the host.

    >>> job_name("etl.extract", "etl", "extract", "manual", "-1")
    'etl_extract_36b733a248014d0b'
    """
    digest = sha256("\0".join(unique).encode()).hexdigest()[:16]
    return f"{re.sub('[^A-Za-z0-9]+', '_', task)[:60]}_{digest}"
