"""A process that applies a fleet of so many hosts, two ports each, to a metadata database: `worker.py URL HOSTS SIZE`."""

from __future__ import annotations

import sys

from sqlalchemy import create_engine

from airflow_balancer.airflow import database, versions
from airflow_balancer.fleet.fleet import Fleet


def fleet(hosts: int, size: int) -> Fleet:
    """Return the fleet that all workers apply."""
    names = [f"host{n}" for n in range(hosts)]
    ports = [{"host": name, "port": port} for name in names for port in (8000, 8001, 8002, 8003)]
    return Fleet.from_data({"hosts": [{"name": name, "size": size} for name in names], "ports": ports})


def main(url: str, hosts: str, size: str) -> None:
    """Say `ready`, wait for a line, apply, and say how many pools were made."""
    engine = create_engine(url)
    versions.engine = lambda: engine
    wanted = {"fleet.yaml": fleet(int(hosts), int(size))}
    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()
    plan = database.apply_patiently(wanted).pools
    print(len(plan.create) + len(plan.update), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
