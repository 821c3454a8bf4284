"""The commands that find, start once and collect detached jobs on a host; pure.

The provider keeps each job in a folder. Beside these folders, `started` has a link for each attempt of a task, whose target
is the job's id. A job first creates its attempt's link. Only one process can, so a delayed job cannot start a second
time. A search creates the missing links of earlier attempts with the target `-`, so that those never start a job.
The commands need a POSIX shell, like the provider's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from shlex import quote
from typing import NamedTuple

_NO_JOB = "-"
"""The target of a link whose job must not start, or was collected. It must not exist as a folder: `ln` would create the link inside."""
_LINE = re.compile(r"^(\S+) (af_[A-Za-z0-9_]+) (running|ended|gone)$", re.MULTILINE)


class Found(NamedTuple):
    """A job that an earlier attempt started.

    Attributes:
        link: The name of its link in the folder `started`.
        job_id: Its id.
        state: `running`, `ended`, or `gone` if it ended without an exit code.
    """

    link: str
    job_id: str
    state: str


@dataclass(frozen=True)
class JobFiles:
    """The files of a task's jobs on a host.

    Attributes:
        folder: The folder of all jobs.
        name: The prefix of the task's links, equal for all attempts.
        number: The number of this attempt.
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
        """Return the job's command: it creates the attempt's link and runs `command`, or exits if the link exists.

        `command` runs in its own shell, so that the job has an exit code and a log however the command ends.
        """
        link = quote(self.path(self.link))
        return f"mkdir -p {quote(self.folder)}/started; ln -s {quote(job_id)} {link} 2>/dev/null || exit 0\nbash -c {quote(command)}"

    def search(self) -> str:
        """Return a command that prints the jobs of this and earlier attempts, and keeps earlier attempts from starting one."""
        links = " ".join(quote(f"{self.name}.{number}") for number in range(self.number, 0, -1))
        return f"""mkdir -p {quote(self.folder)}/started && cd {quote(self.folder)} || exit 1
for link in {links}; do
[ "$link" = {quote(self.link)} ] || ln -s {_NO_JOB} "started/$link" 2>/dev/null
job=$(readlink "started/$link") && [ -d "$job" ] && printf '%s ' "$link" "$job" && {_state("$job")}
done; :"""

    def forget(self, link: str) -> str:
        """Return a command that hides a job from searches, once its exit code and log are collected."""
        return f"ln -sf {_NO_JOB} {quote(self.path(link))}"


def _state(folder: str) -> str:
    """Return a command that prints the state of the job in a folder, which may be a quoted string."""
    # After a restart of the host, another process may have the job's process id: compare its command line.
    return f"""if [ -s "{folder}/exit_code" ]; then echo ended
elif p=$(cat "{folder}/pid" 2>/dev/null); [ -d "{folder}" ] && [ -z "$p" ]; then echo running
elif {{ kill -0 "-$p" || kill -0 "$p"; }} 2>/dev/null && case $(ps -o args= -p "$p" 2>/dev/null) in "" | *"{folder}"*) ;; *) false ;; esac
then echo running
elif [ -s "{folder}/exit_code" ]; then echo ended
else echo gone
fi"""


def state_command(folder: str) -> str:
    """Return a command that prints the state of the job in a folder: `running`, `ended` or `gone`."""
    return f"job={quote(folder)}; {_state('$job')}"


def found_in(output: str) -> list[Found]:
    """Return the jobs that a search printed; skip what the login shell's startup files print.

    >>> found_in("welcome\\nextract_0a.2 af_etl_extract_try2_x running\\n")
    [Found(link='extract_0a.2', job_id='af_etl_extract_try2_x', state='running')]
    """
    return [Found(*match.groups()) for match in _LINE.finditer(output)]


def job_name(task: str, *unique: str) -> str:
    """Return the name of a task's jobs on a host.

    Args:
        task: The task's readable name.
        *unique: Strings that identify the task among all that run on the host.

    >>> job_name("etl.extract", "etl", "extract", "manual", "-1")
    'etl_extract_36b733a248014d0b'
    """
    digest = sha256("\0".join(unique).encode()).hexdigest()[:16]
    return f"{re.sub('[^A-Za-z0-9]+', '_', task)[:60]}_{digest}"
