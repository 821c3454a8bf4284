"""`airflow-balancer check`: compares the hosts with the configuration, over SSH."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import UnavailableError
from ..fleet.masking import mask
from .command import Command, Key, Report, Request, UsageError
from .query import QUERY_KEYS, filter_of

if TYPE_CHECKING:
    from ..fleet.model import HostSpec, PortSpec
    from .probe import Probe

_HELP = """Connects to each host as a task's SSHHook does, and runs one command there, which creates nothing. A query limits the hosts.
The exit code is 3 if a host differs: it cannot be reached, shows another host key, refuses the login, runs no POSIX shell,
has another `os`, has more slots taken than its size, or has a file `drain` in its slot folder that the YAML does not know of;
its key file or password is not here; or `hold_slots` is set, and neither flock, perl nor python3 is there.
Passwords that are Airflow Variables are read from AIRFLOW_VAR_<KEY>. Without `hold_slots` such a host is a warning, and so is
a size above the number of cores, as tasks that wait need no core."""

_NO_LOCKS = "nothing there holds locks; install flock (util-linux or busybox), perl or python3"


def _probe(hosts: Sequence[HostSpec], timeout: int | None) -> list[Probe]:
    """Probe the hosts, with a progress bar if stderr is a terminal."""
    import asyncio

    from rich.console import Console
    from rich.progress import Progress

    try:
        from .probe import probe_hosts
    except ImportError:
        raise UnavailableError("`check` connects with asyncssh: pip install 'airflow-balancer[check]'") from None
    # Python 3.11 warns about a proxy command that ends after the event loop.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    quiet = not sys.stderr.isatty()  # rich 13 ends a disabled bar with an empty line
    with Progress(console=Console(stderr=True, quiet=quiet), transient=True, disable=quiet) as bar:
        task = bar.add_task("hosts", total=len(hosts))
        return asyncio.run(probe_hosts(hosts, timeout, lambda: bar.advance(task)))


def _host_row(host: HostSpec, probe: Probe) -> dict[str, Any]:
    facts = probe.facts
    return {
        "name": host.name,
        "address": host.remote_host,
        "seconds": probe.seconds,
        "host_key": probe.host_key,
        "username": host.username,
        "login": probe.login,
        "os": facts.system,
        "cores": facts.cores,
        "size": host.size,
        "taken": len(facts.slots) if facts.locks else None,
        "locks": facts.locks,
        "drain": facts.drain,
    }


def _differences(host: HostSpec, probe: Probe) -> Iterator[str]:
    facts = probe.facts
    yield from probe.problems
    if host.os and facts.system and not facts.is_system(host.os):
        yield f"its system is {facts.system}, not {host.os}"
    if len(facts.slots) > host.size:
        yield f"{len(facts.slots)} slots are taken, more than its size {host.size}"
    if host.hold_slots and facts.complete and not facts.locks:
        yield f"it is to hold slots, and {_NO_LOCKS}"
    if facts.drain is not None and not host.drain:
        yield f"file `drain` in its slot folder takes it out: {facts.drain or '(no reason)'}"


def _warnings(host: HostSpec, probe: Probe) -> Iterator[str]:
    facts = probe.facts
    if facts.cores and host.size > facts.cores:
        yield f"its size {host.size} is above its number of cores, {facts.cores}"
    if facts.complete and not facts.locks and not host.hold_slots:
        yield _NO_LOCKS
    if facts.closed:
        yield "its slot folder may not be read by this user"
    if facts.unread:
        yield f"the files of slots {', '.join(map(str, sorted(facts.unread)))} may not be read by this user"


def _finding_rows(host: HostSpec, probe: Probe) -> list[dict[str, Any]]:
    found = [("differs", text) for text in _differences(host, probe)] + [("warning", text) for text in _warnings(host, probe)]
    return [{"host": host.name, "finding": kind, "text": text} for kind, text in found]


def _slot_rows(host: HostSpec, probe: Probe) -> list[dict[str, Any]]:
    return [{"host": host.name, "slot": slot, **probe.facts.holder(slot)} for slot in sorted(probe.facts.slots)]


def _port_row(port: PortSpec, probe: Probe) -> dict[str, Any]:
    state = "unknown" if not probe.facts.counted else "listens" if port.port in probe.facts.ports else "silent"
    return {"host": port.host, "port": port.port, "name": port.name, "state": state}


def _answer(request: Request) -> Report:
    timeout = request.keys.get("timeout")
    if timeout is not None and (not isinstance(timeout, int) or timeout < 1):
        raise UsageError(f"timeout must be a whole number of seconds from 1 on, not {timeout!r}")
    composed = request.composed
    hosts = composed.index.matching(filter_of(request)) if composed.fleet.hosts else []
    probed = list(zip(hosts, _probe(hosts, timeout), strict=True))
    probes = {host.name: probe for host, probe in probed}
    findings = [row for host, probe in probed for row in _finding_rows(host, probe)]
    report = {
        "hosts": [_host_row(host, probe) for host, probe in probed],
        "slots": [row for host, probe in probed for row in _slot_rows(host, probe)],
        "ports": [_port_row(port, probes[port.host]) for port in composed.fleet.ports if port.host in probes],
        "findings": findings,
        "differs": any(row["finding"] == "differs" for row in findings),
    }
    # A host that knows a password may print it in any of its answers.
    masked: Report = mask(report, set().union(*(probe.secrets for probe in probes.values())))
    return masked


def _line(report: Report) -> str:
    differing = {row["host"] for row in report["findings"] if row["finding"] == "differs"}
    return f"{len(report['hosts']) - len(differing)} as configured, {len(differing)} differ"


COMMAND = Command(
    name="check",
    summary="connect to the hosts, and compare them with the configuration",
    help=_HELP,
    example="check env=prod query.queue=workers",
    answer=_answer,
    keys=(
        Key("timeout", "N", "seconds to connect and log in, and as many for the answer (default: the host's conn_timeout, else 10)"),
        *(key for key in QUERY_KEYS if key.name != "query.key"),
    ),
    tables=True,
    line=_line,
    compares=True,
)
