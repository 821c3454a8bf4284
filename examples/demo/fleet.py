"""The example's balancer YAML, with the login and the ports of the running SSH servers."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from .ssh_hosts import SshHost

__all__ = ("DAGS", "FLEET", "names_by_address", "read_fleet", "write_dag", "write_fleet")

DAGS = Path(__file__).parents[1] / "dags"
FLEET = DAGS / "balancer.yaml"


def names_by_address(source: Path = FLEET) -> dict[str, str]:
    """The name of each host, by its address."""
    return {host.get("address", host["name"]): host["name"] for host in yaml.safe_load(source.read_text())["hosts"]}


def read_fleet(hosts: Sequence[SshHost], source: Path = FLEET) -> dict[str, Any]:
    """The YAML's content, each host with the port, the key and the user of its server."""
    fleet: dict[str, Any] = yaml.safe_load(source.read_text())
    servers = {host.address: host for host in hosts}
    for host in fleet["hosts"]:
        server = servers[host.get("address", host["name"])]
        host |= {"username": server.username, "key_file": str(server.key_file), "ssh_hook_args": {"port": server.port}}
        # All hosts are one machine, so each needs its own slot folder; the demo removes it at its end.
        host["slot_dir"] = str(server.key_file.parents[1] / "slots" / host["name"])
    return fleet


def write_dag(fleet: dict[str, Any], folder: Path) -> Path:
    """Copy the example's DAG file into a folder, beside this fleet, and return its path."""
    folder.mkdir(exist_ok=True)
    write_fleet(fleet, folder / "balancer.yaml")
    return Path(shutil.copy(DAGS / "etl.py", folder))


def write_fleet(fleet: dict[str, Any], path: Path) -> None:
    """Write a balancer YAML in one step: a reader sees the old one or the new one."""
    draft = path.with_suffix(".draft")
    draft.write_text(yaml.safe_dump(fleet, sort_keys=False))
    draft.replace(path)
