"""The fleets that are measured, as plain data and as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

__all__ = ("CROWDED", "PORT_RANGE", "balancer_data", "crowded_data", "write_files")

SYSTEMS = ("ubuntu", "debian", "macos")
PORT_RANGE = (20_000, 20_999)
"""The range in which free ports are asked for, both ends included."""
CROWDED = {"empty": 0, "half": 500, "full": 980}
"""How many ports of the range are tracked on the hosts of these names."""


def _host(number: int) -> dict[str, Any]:
    return {
        "name": f"host{number:05d}",
        "size": (4, 8, 16)[number % 3],
        "os": SYSTEMS[number % len(SYSTEMS)],
        "queues": ["workers", f"queue{number % 20}"],
        "tags": [f"rack{number % 50}", f"site{number % 5}"],
    }


def balancer_data(hosts: int, ports: int) -> dict[str, Any]:
    """Return a balancer's node; made anew each time, so that neither side sees what the other one did to it."""
    return {
        "default_username": "airflow",
        "default_key_file": "/home/airflow/.ssh/id_rsa",
        "hosts": [_host(number) for number in range(hosts)],
        "ports": [{"host_name": f"host{number % hosts:05d}", "port": 8000 + number // hosts} for number in range(ports)],
    }


def crowded_data(hosts: int, ports: int) -> dict[str, Any]:
    """Return a balancer's node with as many hosts and ports, three hosts of which have the range empty, half-full and nearly full."""
    first, _ = PORT_RANGE
    crowd = [{"host_name": name, "port": first + number} for name, taken in CROWDED.items() for number in range(taken)]
    data = balancer_data(hosts - len(CROWDED), max(ports - len(crowd), 0))
    return {**data, "hosts": data["hosts"] + [{**_host(0), "name": name} for name in CROWDED], "ports": data["ports"] + crowd}


def _write(path: Path, data: Any, head: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(head + yaml.dump(data, Dumper=yaml.CSafeDumper, sort_keys=False))


def write_files(folder: Path, hosts: int, ports: int) -> None:
    """Write the same fleet as a plain file, beside inventories, as a Hydra tree, and as an airflow-config tree."""
    data = {"_target_": "airflow_balancer.BalancerConfiguration", **balancer_data(hosts, ports)}
    tables = {key: data[key] for key in ("hosts", "ports")}
    named = {**data, **{key: f"${{balancer.inventory:{key}.yaml}}" for key in tables}}
    _write(folder / "plain" / "fleet.yaml", data)
    _write(folder / "inventory" / "fleet.yaml", named)
    for key, table in tables.items():
        _write(folder / "inventory" / f"{key}.yaml", table)
    _write(folder / "tree" / "main.yaml", {"defaults": ["_self_", "extensions/fleet@extensions.balancer"]})
    _write(folder / "tree" / "extensions" / "fleet.yaml", data)
    _write(
        folder / "airflow" / "config" / "config.yaml",
        {"_target_": "airflow_config.Configuration", "defaults": ["_self_", "extensions/balancer@extensions.balancer"]},
        "# @package _global_\n",
    )
    _write(folder / "airflow" / "config" / "extensions" / "balancer.yaml", data, "# @package extensions.balancer\n")
