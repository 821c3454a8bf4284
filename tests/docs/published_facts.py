"""Prints what a balancer package exports and does, as JSON; the test compares the published one's with the page and with ours.

Run as a script, in the virtualenv of the package that is looked at, so it imports nothing of this repository.
"""

from __future__ import annotations

import inspect
import json
import runpy
import sys
from collections.abc import Callable
from typing import Any

CLASSES = ("BalancerConfiguration", "Host", "Port", "HostQuery", "PortQuery", "PoolManagerConfiguration")


def names() -> dict[str, list[str]]:
    """The public names of each module that users import."""
    import airflow_balancer
    import airflow_balancer.config
    import airflow_balancer.testing

    modules = (airflow_balancer, airflow_balancer.config, airflow_balancer.testing)
    public = {module.__name__: {name for name in dir(module) if not name.startswith("_")} for module in modules}
    return {module: sorted(found) for module, found in public.items()}


def members() -> dict[str, dict[str, Any]]:
    """The fields of each class with their defaults, and its methods with their arguments."""
    from pydantic import BaseModel

    import airflow_balancer

    found: dict[str, dict[str, Any]] = {}
    for name in CLASSES:
        cls = getattr(airflow_balancer, name)
        fields = {key: repr(field.get_default(call_default_factory=True)) for key, field in cls.model_fields.items()}
        public = [key for key in dir(cls) if not key.startswith("_") and key not in dir(BaseModel) and key not in fields]
        methods = {key: _arguments(getattr(cls, key)) for key in public if callable(getattr(cls, key))}
        found[name] = {"fields": fields, "methods": methods}
    return found


def _arguments(method: Callable[..., Any]) -> list[tuple[str, str]]:
    return [(argument.name, repr(argument.default)) for argument in inspect.signature(method).parameters.values()]


def deeds(files: dict[str, str]) -> dict[str, str]:
    """What is done with code and YAML that the page's tables name."""
    from airflow_balancer import BalancerConfiguration, Host, Port
    from airflow_balancer.config import configured_pools

    def fleet(*hosts: dict[str, Any], **values: Any) -> Any:
        return BalancerConfiguration(hosts=[{"name": f"host{number}", **host} for number, host in enumerate(hosts)], **values)

    def pools(*hosts: dict[str, Any], **values: Any) -> list[tuple[str, int]]:
        return [(pool.pool, pool.slots) for pool in configured_pools(fleet(*hosts, **values))]

    port, gpu = {"name": "web", "port": 80}, {"pool": {"pool": "gpu"}}
    twice = [{**port, "host_name": "host0"}, {**port, "host_name": "host1"}]
    cases: dict[str, Callable[[], Any]] = {
        "sise: 3": lambda: fleet({"sise": 3}).hosts[0].size,
        "size: 0": lambda: fleet({"size": 0}).hosts[0].size,
        "size: -3": lambda: fleet({"size": -3}).hosts[0].size,
        "default_size: 0": lambda: fleet({}, default_size=0).hosts[0].size,
        "slots: 3, size: 8": lambda: pools({"size": 8, "pool": {"pool": "gpu", "slots": 3}}),
        "a shared pool": lambda: pools({"size": 16, **gpu}, {"size": 8, **gpu}),
        "a port's pool": lambda: pools({"name": "a"}, {"name": "a-80"}, ports=[{"host_name": "a", "port": 80}]),
        "two ports of a name": lambda: len(fleet({}, {}, ports=twice).all_ports),
        "host: host0": lambda: fleet({}, ports=[{"host": "host0", "port": 80}]).ports[0].port,
        "an unknown host": lambda: fleet({}, ports=[{"host_name": "other", "port": 80}]),
        "hosts: {}": lambda: BalancerConfiguration(hosts={}),
        "hosts: null": lambda: BalancerConfiguration(hosts=None),
        "drain: true": lambda: fleet({"drain": True}).select_host().name,
        "remote_host": lambda: fleet({"ssh_hook_args": {"remote_host": "10.0.0.5"}}).hosts[0].hook().remote_host,
        "key_file": lambda: Host(name="a", username="b", key_file="~/.ssh/id").hook().key_file,
        "pool manager": lambda: [dag.dag_id for dag in fleet({}).managed_dags()],
        "os": lambda: fleet({}).filter_hosts(os="ubuntu"),
        "range": lambda: {fleet({}).free_port(Host(name="host0"), min=8000, max=8001).port for _ in range(9)},
        "free_port('host0')": lambda: fleet({}).free_port("host0").port,
        "no number": lambda: Port(host_name="a").port,
        "other": lambda: len(fleet(ports=[Port(host=Host(name="other"), port=80)]).ports),
        "override": lambda: fleet({}).hosts[0].override(name="b").pool.pool,
        "repr": lambda: "hunter22" in repr(fleet({"password": "hunter22"})),
        "json": lambda: "hunter22" in fleet({"password": "hunter22"}).model_dump_json(),
        "deferred": lambda: configured_pools(fleet({}))[0].include_deferred,
        **{name: lambda name=name: [host.name for host in BalancerConfiguration.load_path(files[name]).hosts] for name in files},
    }
    return {name: _outcome(case) for name, case in cases.items()}


def _outcome(case: Callable[[], Any]) -> str:
    try:
        return repr(case())
    except Exception as error:
        return type(error).__name__


def outputs(snippets: dict[str, str]) -> dict[str, str]:
    """What files of code print."""
    found = {}
    for name, path in snippets.items():
        printed: list[str] = []
        runpy.run_path(path, {"print": lambda *values, to=printed: to.append(" ".join(map(str, values)))})
        found[name] = "\n".join(printed)
    return found


if __name__ == "__main__":
    files, snippets = map(json.loads, sys.argv[1:])
    facts = {"names": names(), "members": members(), "deeds": deeds(files), "outputs": outputs(snippets)}
    sys.stdout.write(f"\n{json.dumps(facts)}\n")
