"""Answers of the viewer's API for a fleet of any size, in the shape that the page reads."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

SYSTEMS = ("ubuntu", "rhel", "windows")
QUEUES = ("workers", "transfers", "gpu", "reports")
TAGS = ("rack-a", "rack-b", "ssd", "batch")
COMMAND = "airflow-balancer pools --config-dir conf env=prod apply=true"
MARKUP_HOST = "<img src=x onerror=alert(1)>"
MARKUP_TAG = "</script><script>alert(2)</script>"
CREDENTIALS = ("key file", "password", "variable", "none")

Data = dict[str, Any]
_ASKED = "host, queue=workers"


def configurations() -> Data:
    """Return the answer of `api/configurations`."""
    environments = {"environments": ["dev", "staging", "prod"], "environment": "prod"}
    found = [{"id": key, "name": name, **environments} for key, name in (("fleet.main", "Main fleet"), ("fleet.lab", "Lab"))]
    strategies = ["rendezvous", "bounded", "least_loaded", "random"]
    return {"configurations": found, "strategies": strategies, "problems": [], "hint": ""}


def overview(number: int) -> Data:
    """Return the answer of `api/overview`: a configuration of so many hosts, and one that is wrong."""
    rows = [{"id": "fleet.main", "name": "Main fleet", "hosts": number, "drained": 1, "slots": 192, "problem": ""}]
    wrong = {"id": "fleet.lab", "name": "Lab", "hosts": 0, "drained": 0, "slots": 0, "problem": "lab.yaml: unknown key 'sise'"}
    return {"configurations": [*rows, wrong]}


def hosts(number: int, *, markup: bool = True) -> list[Data]:
    """Return hosts; of three or more, the last one's name and tag are `markup`."""
    made = [_host(index) for index in range(number)]
    if number > 2 and markup:
        made[-1] |= {"name": MARKUP_HOST, "tags": [MARKUP_TAG], "pool": MARKUP_HOST}
    return made


def _host(index: int) -> Data:
    rng = random.Random(index)
    return {
        "name": f"worker{index:02}.example.com" if index % 7 else f"gpu{index // 7:02}.example.com",
        "os": SYSTEMS[min(2, rng.randrange(5) // 2)],
        "queues": [QUEUES[index % 2], *(["gpu"] if index % 7 == 0 else [])],
        "tags": rng.sample(TAGS, rng.randrange(3)),
        "size": rng.choice((4, 8, 8, 16, 32)),
        "username": rng.choice(("airflow", "batch")),
        "credential": rng.choice(CREDENTIALS),
        "pool": f"worker{index:02}" if index % 7 else f"gpu{index // 7:02}",
        "drain": index == DRAINED,
        "hold_slots": False,
        "address": f"10.0.{index // 250}.{index % 250 + 1}",
    }


DRAINED = 4
"""Which host is drained."""


def ports(fleet_hosts: list[Data], number: int) -> list[Data]:
    """Return ports, spread over the hosts in turn."""
    made = []
    for index in range(number):
        host = fleet_hosts[index % len(fleet_hosts)]
        turn = index // len(fleet_hosts)
        port = 8000 + 10 * (index % 13) + turn + (900 if index % 5 == 0 else 0)
        name = f"{('http', 'metrics', 'debug', 'feed')[turn % 4]}-{index % len(fleet_hosts)}"
        made.append(
            {"host": host["name"], "port": port, "name": name, "pool": f"{host['pool']}-{port}", "tags": [("web", "internal")[turn % 2]]}
        )
    return made


SETTINGS = [
    {"key": "default_username", "value": "airflow", "origin": "conf/extensions/balancer.yaml"},
    {"key": "default_key_file", "value": "********", "origin": "conf/env/prod.yaml"},
    {"key": "default_size", "value": 8, "origin": "airflow_balancer, built in"},
    {"key": "primary_queue", "value": "workers", "origin": "conf/extensions/balancer.yaml"},
    {"key": "secondary_queue", "value": "transfers", "origin": "conf/extensions/balancer.yaml"},
    {"key": "override_pool_size", "value": False, "origin": "airflow_balancer, built in"},
    {"key": "create_connection", "value": None, "origin": "airflow_balancer, built in"},
    {"key": "strategy", "value": {"_target_": "airflow_balancer.strategies.Rendezvous"}, "origin": "conf/strategy/rendezvous.yaml"},
]


def fleet(made: list[Data], port_number: int, environment: str = "prod") -> Data:
    """Return the answer of `api/fleet`."""
    made_ports = ports(made, port_number) if made else []
    summary = {
        "hosts": len(made),
        "slots": sum(host["size"] for host in made),
        "ports": port_number,
        "pools": len(made) + port_number,
        "queues": len({queue for host in made for queue in host["queues"]}),
        "problems": 0,
        "addresses": 0,
    }
    asked = {"request": _ASKED, "problem": False}
    picks = [{"requester": f"dags.etl.tasks.step{index}", **asked, "gets": host["name"]} for index, host in enumerate(made[:6])]
    text = _yaml(made, made_ports)
    origins = [
        {
            "path": f"hosts.{host['name']}.{key}",
            "value": host[key],
            "origin": "conf/hosts/example.yaml" if key != "size" else f"conf/env/{environment}.yaml",
        }
        for host in made[:200]
        for key in ("os", "size", "username")
    ]
    return {
        "name": "fleet",
        "source": "conf/config.yaml",
        "environment": environment,
        "summary": summary,
        "hosts": made,
        "ports": made_ports,
        "locked": [{"host": made[0]["name"], "port": 8001, "requester": "etl.py#0"}] if made else [],
        "settings": SETTINGS,
        "yaml": text,
        "origins": [*({"path": row["key"], "value": row["value"], "origin": row["origin"]} for row in SETTINGS), *origins],
        "picks": picks,
    }


def _yaml(made: list[Data], made_ports: list[Data]) -> str:
    lines = ["_target_: airflow_balancer.BalancerConfiguration", "default_username: airflow", "hosts:"]
    for host in made:
        lines += [
            f"  - name: {host['name']!r}",
            f"    os: {host['os']}",
            f"    size: {host['size']}",
            f"    queues: [{', '.join(host['queues'])}]",
        ]
        lines += ["    password: '********'"] if host["credential"] == "password" else []
    lines.append("ports:")
    for port in made_ports:
        lines += [f"  - host: {port['host']!r}", f"    port: {port['port']}", f"    name: {port['name']}"]
    return "\n".join(lines) + "\n"


def occupancy(made: list[Data]) -> Data:
    """Return the answer of `api/occupancy`."""
    return {"available": True, "why": "", "pools": {host["pool"]: _stats(index, host["size"]) for index, host in enumerate(made)}}


def _stats(index: int, size: int) -> Data:
    rng = random.Random(f"stats {index}")
    running = rng.randrange(size + 1)
    deferred = rng.randrange(size - running + 1) // 2
    queued = rng.randrange(min(3, size - running - deferred + 1))
    left = size - running - deferred - queued
    return {
        "total": size,
        "running": running,
        "queued": queued,
        "deferred": deferred,
        "scheduled": 0 if left else 1 + rng.randrange(4),
        "open": left,
    }


def stats(total: int, running: int, waiting: int = 0) -> Data:
    """Return the occupancy of a pool with running and waiting tasks."""
    return {"total": total, "running": running, "queued": 0, "deferred": 0, "scheduled": waiting, "open": total - running}


def pools(made: list[Data]) -> Data:
    """Return the answer of `api/pools`."""
    changes = [
        {"change": "create", "name": made[0]["pool"], "slots": None, "wanted": made[0]["size"], "note": ""},
        {"change": "update", "name": made[1]["pool"], "slots": 4, "wanted": made[1]["size"], "note": ""},
        {
            "change": "kept",
            "name": made[2]["pool"],
            "slots": 3,
            "wanted": made[2]["size"],
            "note": "edited by hand; override_pool_size is off",
        },
        {
            "change": "orphaned",
            "name": "retired-host",
            "slots": 8,
            "wanted": None,
            "note": "made by the balancer, no host of that name now",
        },
    ]
    return {
        "available": True,
        "why": "",
        "changes": changes,
        "same": [{"change": "same", "name": h["pool"], "slots": h["size"], "wanted": h["size"], "note": ""} for h in made[3:]],
        "unchanged": len(made) - 3,
        "command": COMMAND,
        "prune": COMMAND.replace("apply", "prune"),
    }


def health(made: list[Data]) -> Data:
    """Return the answer of `api/health`: the fourth host is down, the others are well."""
    return {"available": True, "why": "", "pools": {host["pool"]: _health(index) for index, host in enumerate(made)}}


DOWN = 3
"""Which host is down."""


def _health(index: int) -> Data:
    rng = random.Random(f"health {index}")
    attempts = [rng.randrange(6) for _ in range(24)]
    failures = [number if index == DOWN and hour > 20 else 0 for hour, number in enumerate(attempts)]
    success = datetime.now(UTC) - timedelta(hours=3 if index == DOWN else 0, minutes=10)
    return {
        "attempts": sum(attempts),
        "failures": sum(failures),
        "unreachable": sum(failures),
        "failing": sum(failures),
        "last_success": success.isoformat(),
        "wait": 12.0 + index,
        "hourly_attempts": attempts,
        "hourly_failures": failures,
    }


def assignments(made: list[Data]) -> Data:
    """Return the answer of `api/assignments`: the first host has far more than its share."""
    rows = []
    for index, host in enumerate(made):
        number = 40 if index == 0 else random.Random(f"tasks {index}").randrange(host["size"] // 2 + 1)
        tasks = [{"dag_id": ("etl", "reports", "sync")[task % 3], "task_id": f"step_{task}"} for task in range(number)]
        rows.append({"host": host["name"], "pool": host["pool"], "slots": host["size"], "tasks": tasks, "drain": host["drain"]})
    queue = {"pool": "queue-transfers", "slots": 24, "tasks": [{"dag_id": "sync", "task_id": "copy"}]}
    return {"available": True, "why": "", "hosts": rows, "queues": [queue], "tasks": _places(made, rows)}


STATES = ("success", "running", "scheduled", "failed", None)


def _places(made: list[Data], rows: list[Data]) -> list[Data]:
    """Return the tasks of the hosts, one that is mapped, and one in the pool of a port."""
    found = [
        {**task, "map_index": -1, "pool": row["pool"], "kind": "host", "hosts": [row["host"]], **_latest(number), "why": ""}
        for row in rows
        for number, task in enumerate(row["tasks"])
    ]
    if len(made) < 3:
        return found
    mapped = {"dag_id": "daily", "task_id": "load", "pool": made[1]["pool"], "kind": "host", "hosts": [made[1]["name"]]}
    found += [{**mapped, "map_index": index, **_latest(index), "why": WHY} for index in range(2)]
    port = {"dag_id": "daily", "task_id": "serve", "pool": "http-0", "kind": "port", "hosts": [made[0]["name"]]}
    return [*found, {**port, "map_index": -1, **_latest(1), "why": ""}]


WHY = "2 of 3 in its key's ranking, after worker02.example.com; candidates: queue='workers'"


def _latest(number: int) -> Data:
    state = STATES[number % len(STATES)]
    return {"state": state, "try_number": 1 + number % 2 if state else None, "path": "dags/daily/runs/r1/tasks/load" if state else ""}


def moved(made: list[Data]) -> Data:
    """Return the answer of `api/moved`: a task left the drained host an hour ago, another one a host that is gone yesterday."""
    if len(made) < 3:
        return {"available": True, "why": "", "versions": 5, "dags": 1, "moves": []}
    now, names = datetime.now(UTC), [host["name"] for host in made]
    first = {"dag_id": "daily", "task_id": "load", "before": [names[2]], "after": [names[1]], "why": f"{names[2]} is drained"}
    second = {"dag_id": "etl", "task_id": "step_0", "before": ["retired-host"], "after": [names[-1]], "why": "retired-host is gone"}
    moves = [
        {**first, "before_version": 6, "version": 7, "when": (now - timedelta(hours=1)).isoformat()},
        {**second, "before_version": 2, "version": 3, "when": (now - timedelta(days=1)).isoformat()},
    ]
    return {"available": True, "why": "", "versions": 5, "dags": 4, "moves": moves}


def picks(made: list[Data]) -> Data:
    """Return the answer of `api/picks`."""
    names = [host["name"] for host in made[:6]]
    rows = [
        {"key": f"dags.etl.tasks.step{index}", "query": "queue='workers'", "host": name, "candidates": names, "why": "the only candidate"}
        for index, name in enumerate(names)
    ]
    return {"hosts": len(made), "picks": rows}


def whatif(made: list[Data], drain: str) -> Data:
    """Return the answer of `api/whatif`: the picks of a drained host move to the last one."""
    last, key = made[-1]["name"], "dags.etl.tasks.step1"
    moves = [{"key": key, "query": "queue='workers'", "before": drain, "after": last, "why": f"{drain} is drained"}] if drain else []
    loads = [
        {
            "host": host["name"],
            "before_size": host["size"],
            "after_size": host["size"],
            "before": 1,
            "after": (1 if host["name"] != drain else 0) + (1 if drain and host["name"] == last else 0),
            "before_fair": 1.0,
            "after_fair": 1.25,
        }
        for host in made
    ]
    text = f"# in balancer\nhost_overrides:\n  {drain}:\n    drain: true\n" if drain else ""
    why = f"{drain} is drained"
    tasks = [{"dag_id": "daily", "task_id": "load", "before": [drain], "after": [last], "why": why}] if drain else []
    return {"picks": len(made), "moves": moves, "tasks": tasks, "loads": loads, "yaml": text}


def query(made: list[Data], queue: str, key: str) -> Data:
    """Return the answer of `api/query`: hosts of the queue, the highest score first."""
    matching = [host for host in made if not queue or queue in host["queues"]]
    scores = {host["name"]: host["size"] * random.Random(key + host["name"]).random() for host in matching}
    order = sorted(matching, key=lambda host: -scores[host["name"]])
    return {
        "picked": order[0]["name"] if order else "",
        "candidates": [{"name": host["name"], "size": host["size"], "score": scores[host["name"]], "taken": None} for host in order],
        "load": None,
        "python": f"config.select_host(queue={queue!r}, key={key!r})",
        "resolver": f"${{balancer.name:{{queue:{queue},key:{key}}}}}",
    }


def compare(made: list[Data], left: str, right: str) -> Data:
    """Return the answer of `api/compare`: a host added, one removed, one changed."""
    rows = [{"name": host["name"], "change": "same", "left": host, "right": host, "differences": []} for host in made]
    rows[0] |= {"change": "changed", "left": made[0] | {"size": 2, "queues": ["workers"]}, "differences": ["size", "queues"]}
    rows[1] |= {"change": "added", "left": None}
    rows[2] |= {"change": "removed", "right": None}
    settings = [{"key": row["key"], "left": row["value"], "right": row["value"]} for row in SETTINGS]
    settings[0] = settings[0] | {"left": "developer"}
    moved = {
        "key": "dags.etl.tasks.step1",
        "query": "queue='workers'",
        "before": made[1]["name"],
        "after": made[2]["name"],
        "why": "drained",
    }
    return {"left": left, "right": right, "hosts": rows, "ports": [], "settings": settings, "picks": [moved]}
