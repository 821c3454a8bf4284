"""The errors, and what to do about the messages that users see most."""

from __future__ import annotations

import ast

from . import source
from .docstrings import markdown
from .markdown import page, prose, table

ERRORS = ("ConfigurationError", "NoMatch", "NoFreePort", "HostUnreachable", "NoSlot", "UnavailableError")

MESSAGES: dict[str, dict[str, str]] = {
    "Configurations": {
        "unknown key …; did you mean": "Correct the spelling; the message lists the keys that exist there.",
        "must be a whole number from": "Give a number without quotes within the range that the message names.",
        "must be an IP address or a DNS name": "Give the address alone: the user is `username`, the port `ssh_hook_args: {port: 2222}`.",
        "unknown host": "The port, or the override, names a host that is not under `hosts`.",
        "is defined twice, at": "Two entries have one name, or one host and port. Remove or rename one.",
        "is no argument of an SSH hook, and would be dropped": "Correct the key under `ssh_hook_args`; the hint names the nearest.",
        "there is no such file or folder (looked": "Give a path relative to the DAG file, or an absolute one.",
        "there is no balancer; give 'hosts:'": "The file has neither `hosts:` nor `balancer:` nor `extensions.balancer:`.",
        "there are several balancers, at": "Call one of them `balancer`, or give the resolver `balancer:` with the path of the one meant.",
        "cannot be imported": "Install the strategy's module, or put it beside the YAML or in a folder of `PYTHONPATH`.",
        "is outside of the configuration's folders": "The scheduler and the page open no such file. Move it below the configuration.",
    },
    "Picks and ports": {
        "no host matches": "The message says how many hosts each condition leaves out. Loosen the condition behind `without`.",
        "takes a pick:": "All hosts that match are drained. End a drain, or loosen the query.",
        "a range of ports goes from min to max": "Give `min` and `max` within 1 to 65535.",
        "are taken; give a wider range": "Widen the range from `min` to `max`, or free a port.",
        "has no pool; set queue_pools: true": "Set `queue_pools: true`, or leave `queue_pool` out.",
        "no pool is named": "Add the pool under `pools:`, or correct its name.",
    },
    "The lock file": {
        "needs key 'lock': the file to write": "Add `lock: balancer.lock.yaml` to the YAML.",
        "the lock file that 'lock' names does not exist": "Run `airflow-balancer lock`, and commit the file.",
        "take it out of 'ports', or run `airflow-balancer lock`": "A locked port is in use by now. The command gives the request another.",
    },
    "Tasks": {
        "cannot be reached": "The host refuses the connection or does not answer. The next attempt goes to the next host.",
        "no slot is free:": "Nothing: the task is rescheduled, and uses no retry. `airflow-balancer check` lists who holds the slots.",
        "no slot can be held there": "The message says what the host lacks: a tool for locks, or a folder that the SSH user may write.",
        "is in no DAG yet, so its pool is unknown": "Create the operator within the DAG, or give it `dag=`, `key=` or `pool=`.",
        "takes no password from YAML": "A deferred job needs `key_file`, a connection, or a password from an Airflow Variable.",
        "no load is known, so the hosts are ranked without it": "The strategy `least_loaded` could not read Airflow; the log says why.",
    },
    "Pools": {
        "the pools of these configurations stay as they are": "Correct the configurations that the log names; the others are applied.",
        "Airflow's metadata database does not exist yet": "Run `airflow db migrate`, or give `api_url`.",
        "an API server is reached with httpx": "Run `pip install 'airflow-balancer[api]'`.",
    },
}
"""Words of each message, with `…` for a gap, and what to do, by what it is about."""


def messages_page() -> str:
    """Return the page of the errors and messages."""
    sections = [
        part
        for title, messages in MESSAGES.items()
        for part in (f"## {title}", table(("message has", "what to do"), [(f"`` {text} ``", prose(do)) for text, do in messages.items()]))
    ]
    errors = [_error(name) for name in ERRORS]
    return page(
        "Messages",
        "You can find out here what a message of airflow-balancer means, and what to do about it.",
        "A message names the file or override, the host or port, the key, and what would be right. Secrets are masked. "
        "Schedulers and workers log the same text.",
        *sections,
        "## Errors",
        "All are a `BalancerError`. The built-in class is what code for 0.7.12 may catch.",
        table(("error", "is also a", "means"), errors),
    )


def _error(name: str) -> tuple[str, str, str]:
    node = source.find(source.PACKAGE / "errors", name).node
    assert isinstance(node, ast.ClassDef)
    also = ", ".join(f"`{ast.unparse(base)}`" for base in node.bases if ast.unparse(base) != "BalancerError")
    return f"`{name}`", also, markdown(ast.get_docstring(node) or "").partition("\n\n")[0]
