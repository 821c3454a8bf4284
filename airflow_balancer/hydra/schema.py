"""Structured configs, and how Hydra's ConfigStore gets them.

They are options of the group `airflow_balancer`, which leaves all other names to the user's tree:

    defaults:
      - /airflow_balancer/balancer@extensions.balancer
      - /airflow_balancer/strategy@extensions.balancer.strategy: bounded

A field is `Any` if YAML may give more than one type of value (a name or a mapping, a list or a mapping),
which structured configs cannot express. The fleet checks these fields.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

GROUP = "airflow_balancer"


@dataclass
class HostConf:
    """A host that runs tasks over SSH."""

    _target_: str = "airflow_balancer.Host"
    # unique name, which pools, ports and picks refer to
    name: str | None = None
    # IP address or DNS name; default: its name, with `.local` appended if the name has no dot
    address: str | None = None
    # SSH user; default: the balancer's default_username
    username: str | None = None
    # a string, or {key: <Airflow Variable>}; default: default_password
    password: Any = None
    # path of the SSH private key; default: default_key_file
    key_file: str | None = None
    # more arguments for SSHHook, such as {port: 2222}
    ssh_hook_args: dict[str, Any] = field(default_factory=dict)
    # operating system, such as ubuntu
    os: str | None = None
    # a pool's name, or {pool: name, slots: 4}; default: a pool named like the host
    pool: Any = None
    # tasks at once: slots of the host's pool and its weight in picks; default: default_size
    size: int | None = None
    # queues that the host serves
    queues: list[str] = field(default_factory=list)
    # free labels
    tags: list[str] = field(default_factory=list)
    # true, or the reason, to give the host no new picks; its pool stays
    drain: Any = False
    # whether each command over SSH holds one of the host's slots while it runs; default: the balancer's hold_slots
    hold_slots: bool | None = None
    # folder of the slots on the host, absolute or below ~/; default: the balancer's slot_dir
    slot_dir: str | None = None
    # seconds until a task that found no free slot tries again; default: the balancer's slot_wait
    slot_wait: float | None = None
    # seconds after which such a task fails; default: the balancer's slot_timeout
    slot_timeout: float | None = None


@dataclass
class PortConf:
    """A port in use on a host."""

    _target_: str = "airflow_balancer.Port"
    # name of the port and of its pool; default: <host>-<port>
    name: str = ""
    # the host's name, or the host itself
    host: Any = None
    # the host's name, as another way to write `host`
    host_name: str = ""
    # port number, 1 to 65535
    port: int | None = None
    # free labels
    tags: list[str] = field(default_factory=list)


@dataclass
class StrategyConf:
    """How one host is chosen among the candidates."""

    # a class with choose(key, candidates, load)
    _target_: str = MISSING


@dataclass
class RendezvousConf(StrategyConf):
    """The same host for the same key; a host that leaves moves only its own keys."""

    _target_: str = "airflow_balancer.strategies.Rendezvous"


@dataclass
class BoundedConf(StrategyConf):
    """Rendezvous, but no host gets more than c times its share of the picks."""

    _target_: str = "airflow_balancer.strategies.Bounded"
    # the largest load of a host, in fair shares: 1 is the most even; a larger bound moves fewer picks when hosts change
    c: float = 1.25


@dataclass
class LeastLoadedConf(StrategyConf):
    """The host with the fewest taken slots for its size at run time; rendezvous if their number is unknown."""

    _target_: str = "airflow_balancer.strategies.LeastLoaded"
    # seconds in which a task counts the held slots of its candidates, if these hold slots
    deadline: float = 2.0


@dataclass
class RandomConf(StrategyConf):
    """A random host at each pick."""

    _target_: str = "airflow_balancer.strategies.Random"


@dataclass
class BalancerConf:
    """A fleet, and how it is balanced."""

    _target_: str = "airflow_balancer.BalancerConfiguration"
    # instantiate from plain lists and dicts, which is many times faster
    _convert_: str = "all"
    # hosts: a list, or a mapping by name
    hosts: Any = None
    # changes to single hosts, by name: a mapping of a host's keys
    host_overrides: dict[str, Any] = field(default_factory=dict)
    # ports: a list, or a mapping by name
    ports: Any = None
    # pools that belong to no host or port, by name: slots, or {slots: 4, description: text, include_deferred: false}
    pools: Any = None
    # team of all of these pools, if Airflow runs with multi_team; default: tasks of every team may use them
    team: str | None = None
    # SSH user of hosts without one
    default_username: str = "airflow"
    # password of hosts without one: a string, or {key: <Airflow Variable>}
    default_password: Any = None
    # path of the SSH private key of hosts without one
    default_key_file: str | None = None
    # queue that may include the host running Airflow itself
    primary_queue: str = "default"
    # queue that does not include the host running Airflow itself
    secondary_queue: str = "default"
    # queue of ordinary workers
    default_queue: str = "default"
    # size of hosts without one, in slots
    default_size: int = 8
    # whether slots that were edited in Airflow are set back
    override_pool_size: bool = False
    # whether each host gets an SSH connection in Airflow
    create_connection: bool = False
    # whether each queue gets a pool, too: queue-<name>, with the slots of its hosts
    queue_pools: bool = False
    # whether each command over SSH holds one of its host's slots while it runs, so that no host runs more than its size
    hold_slots: bool = False
    # folder of the slots on each host; hosts that share a home directory need different folders
    slot_dir: str = "~/.airflow-balancer/slots"
    # seconds until a task that found no free slot tries again, a quarter more or less; this uses no retry
    slot_wait: float = 60
    # seconds after which such a task fails; a wait of more than a day means a fleet too small, or a slot never released
    slot_timeout: float = 86400
    # the generated DAG that reconciles pools; see airflow-pydantic
    pool_manager: Any = None
    # strategy that chooses among the candidates: a name, or a mapping with a _target_
    strategy: Any = "bounded"
    # the file of `airflow-balancer lock`, relative to the configuration, such as balancer.lock.yaml
    lock: str | None = None


def register_configs() -> None:
    """Store the structured configs under the group `airflow_balancer`; a second call changes nothing."""
    strategies = {"rendezvous": RendezvousConf, "bounded": BoundedConf, "least_loaded": LeastLoadedConf, "random": RandomConf}
    groups = {GROUP: {"balancer": BalancerConf, "host": HostConf, "port": PortConf}, f"{GROUP}/strategy": strategies}
    for group, options in groups.items():
        for name, node in options.items():
            ConfigStore.instance().store(group=group, name=name, node=node, provider=GROUP)
