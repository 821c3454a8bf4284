"""The balancer object: a fleet with the methods that DAG files call."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

from airflow_pydantic import BalancerConfiguration as BaseBalancerConfiguration
from airflow_pydantic import Dag, Pool
from airflow_pydantic import PoolManagerConfiguration as BasePoolManagerConfiguration
from pydantic import (
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)

from ..errors import ConfigurationError, Problem
from ..files.locate import find_source
from ..files.yaml import pause_gc, read_root
from ..fleet.entries import plain_node
from ..fleet.fleet import Fleet
from ..fleet.masking import mask, masking, secrets_of
from ..fleet.model import NamedPoolSpec
from ..fleet.pools import mark
from ..hydra.compose import compose_file, compose_tree, hydra_set_aside
from ..hydra.composed import Composed
from ..hydra.nodes import BALANCER_TARGETS, walk
from ..picking.strategies import Strategy, build_strategy, strategy_data
from .models import Host, Port, Settled, adopt, password_of, settle_objects
from .selection import SelectingBalancer
from .watching import WatchedList


def plain(value: Any) -> Any:
    """Return a node of OmegaConf as plain data with everything resolved; other values unchanged."""
    if "omegaconf" not in sys.modules:
        return value  # a node would have imported it
    from omegaconf import OmegaConf

    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def configured_pools(config: SelectingBalancer) -> list[Pool]:
    """Return the pools that Airflow should have, hosts first; a shared pool is listed once."""
    return [
        Pool(pool=pool.name, slots=pool.slots, description=pool.description, include_deferred=pool.include_deferred)
        for pool in config.fleet.pools
    ]


class PoolManagerConfiguration(BasePoolManagerConfiguration):
    """How the pool manager's DAG is generated; see airflow-pydantic."""

    @model_validator(mode="wrap")
    @classmethod
    def _adopt(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        return handler(adopt(value, cls, BasePoolManagerConfiguration))

    def build_dag(self, config: Any) -> Dag | None:
        """Return the DAG; None if the balancer has no key `pool_manager`, or that says `dag: {enabled: false}`.

        Its pools have the balancer's mark, so that the plugin does not take them for pools that others made or edited.
        """
        if "pool_manager" not in config.model_fields_set:
            return None
        pools = [pool.model_copy(update={"description": mark(pool.description, pool.slots)}) for pool in configured_pools(config)]
        hosts = [SimpleNamespace(name=pool.pool, pool=pool, size=pool.slots) for pool in pools]
        return super().build_dag(SimpleNamespace(hosts=hosts, ports=[], override_pool_size=config.override_pool_size))


def _pool_manager(data: Any) -> PoolManagerConfiguration:
    try:
        return PoolManagerConfiguration.model_validate(data)
    except ValidationError as error:
        problems = [(("pool_manager", *details["loc"]), details["msg"]) for details in error.errors(include_url=False, include_input=False)]
        raise ConfigurationError(Problem(f"key {'.'.join(map(str, path))!r}: {text}", path=path) for path, text in problems) from None


_KNOWN_CLASSES = ("Host", "Port", "Pool", "Variable", "BalancerConfiguration", "PoolManagerConfiguration")
_OUR_PACKAGES = ("airflow_balancer.", "airflow_pydantic.", "airflow_config.")


def _names_own_class(data: Mapping[str, Any]) -> bool:
    """Return whether a node, apart from its strategy, names a class that is not a known one."""
    named = (str(value).rpartition(".") for path, value in walk(data) if path[-1:] == ("_target_",) and path[0] != "strategy")
    return any(name not in _KNOWN_CLASSES or not f"{package}.".startswith(_OUR_PACKAGES) for package, _, name in named)


def _instantiate(composed: Composed) -> BalancerConfiguration:
    """Return the balancer that Hydra instantiates.

    Raises:
        ConfigurationError: It cannot be instantiated, or is not a BalancerConfiguration.
    """
    from hydra.utils import instantiate

    from ..hydra.explain import CAUSES, explained

    data = {"_target_": "airflow_balancer.BalancerConfiguration", **composed.node}
    with masking(composed.own_secrets):
        try:
            with hydra_set_aside():
                made = instantiate(data, _convert_="all")
        except (*CAUSES, TypeError, SystemExit) as error:
            raise explained(error, str(composed.source)) from None
    if not isinstance(made, BalancerConfiguration):
        raise ConfigurationError(f"{composed.source}: {data['_target_']} gives {type(made).__name__}, not a BalancerConfiguration")
    return made


class BalancerConfiguration(SelectingBalancer):
    """Hosts, ports and how they are balanced.

    Hosts may be given as a list, or as a mapping by name; `host_overrides` changes single ones, and a
    port's host may be given by name. One error lists everything that is wrong, with the host or port, the
    key, and what would be right.

    >>> balancer = BalancerConfiguration(hosts={"host1": {"size": 16}, "host2": {"size": 8}})
    >>> balancer.select_host(key="nightly").name, balancer.free_port("host1", 9000, 9099, key="nightly").port
    ('host2', 9011)
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, defer_build=True)

    hosts: list[Host] = Field(default_factory=WatchedList)
    ports: list[Port] = Field(default_factory=WatchedList)
    pools: tuple[NamedPoolSpec, ...] = ()
    team: str | None = None
    pool_manager: PoolManagerConfiguration = Field(default_factory=PoolManagerConfiguration.model_construct)
    queue_pools: bool = False
    hold_slots: bool = False
    slot_dir: str = "~/.airflow-balancer/slots"
    slot_wait: int | float = 60
    slot_timeout: int | float = 86400
    strategy: Any = Field(default_factory=lambda: build_strategy("bounded"))
    lock: str | None = None

    @field_validator("hosts", "ports", mode="wrap")
    @classmethod
    def _keep_settled(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> WatchedList[Any]:
        return WatchedList(value if isinstance(value, Settled) else handler(value))

    @model_validator(mode="wrap")
    @classmethod
    @pause_gc()
    def _settle(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(value, cls):
            return cls._settle_again(value, handler)
        value = adopt(value, cls, BaseBalancerConfiguration)
        if not isinstance(value, dict):
            return handler(value)
        data = plain_node({key: plain(item) for key, item in cls._apply_template(dict(value)).items()})
        fleet = Fleet.from_data(data)
        given = {key: item for key, item in data.items() if key in cls.model_fields and item is not None}
        if "strategy" in given:
            given["strategy"] = build_strategy(given["strategy"])
        hosts, ports = settle_objects(fleet, data.get("hosts"), data.get("ports"))
        return handler({**given, "hosts": hosts, "ports": ports, "pools": fleet.named_pools})

    @classmethod
    def of_fleet(cls, fleet: Fleet, strategy: Strategy | None = None) -> Self:
        """Return the balancer of a validated fleet, with its strategy if that is built already."""
        settings = fleet.settings
        values = {name: getattr(settings, name) for name in settings.model_fields_set}
        values |= {"strategy": strategy or build_strategy(settings.strategy), "default_password": password_of(settings.default_password)}
        if settings.pool_manager is not None:
            values["pool_manager"] = _pool_manager(settings.pool_manager)
        hosts, ports = map(WatchedList, settle_objects(fleet))
        made = cls.model_construct(**values, hosts=hosts, ports=ports, pools=fleet.named_pools)
        made._known.fleet = fleet
        return made

    @classmethod
    def _settle_again(cls, value: Self, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Validate an instance after an assignment, and undo an assignment that is wrong."""
        before = dict(value.__dict__)
        settled = handler(value)
        if all(settled.__dict__[name] is item for name, item in before.items()):
            return settled
        try:
            settled.__dict__["strategy"] = build_strategy(settled.strategy)
            settled._settle_objects()
        except Exception:
            settled.__dict__.update(before)
            raise
        return settled

    @model_validator(mode="after")
    def _validate(self) -> Self:  # in place of airflow-pydantic's rules
        return self

    def queue_pool(self, queue: str) -> str:
        """Return the name of a queue's pool, which counts tasks on any of the queue's hosts.

        Its slots are the sizes of the queue's hosts, without drained ones. A host of several queues
        counts in each of them.

        Raises:
            ConfigurationError: `queue_pools` is not set, so queues have no pools.
            NoMatch: No host serves this queue; a RuntimeError.
        """
        return self.fleet.queue_pool(queue)

    def pool(self, name: str) -> str:
        """Return the name of one of this balancer's pools, for a task's `pool=`: one under `pools:`, or a host's or port's.

        Raises:
            NoMatch: No pool has this name; a RuntimeError.
        """
        return self.fleet.pool(name)

    @staticmethod
    def load_path(yaml_file: str | Path, _config_dir: str | Path | None = None, *, overrides: Sequence[str] = ()) -> BalancerConfiguration:
        """Return the balancer of one YAML file; see `airflow_balancer.load`."""
        return load(yaml_file if _config_dir is None else Path(_config_dir) / Path(yaml_file).name, overrides)

    @staticmethod
    def load(
        config_dir: Path | str = "config",
        config_name: Path | str = "",
        overrides: Sequence[str] | None = None,
        *,
        basepath: str = "",
        _offset: int = 4,
    ) -> BalancerConfiguration:
        """Return the balancer of an airflow-config tree, as `airflow_config.load_config` composes it.

        Args:
            config_dir: The folder, looked up beside the calling file and above.
            config_name: The file in it, with or without `.yaml`; default: `config`, else `balancer`.
            overrides: Hydra overrides.
            basepath: The file or folder to look beside, in place of the calling file.

        Raises:
            ConfigurationError: It is missing, or wrong.
        """
        name = str(config_name)
        file = Path(config_dir) / (name if not name or name.endswith((".yaml", ".yml")) else f"{name}.yaml")
        source = find_source(file, basepath or None)
        root = read_root(source)
        is_tree = source.parent.name == "config" and str(root.get("_target_")) not in BALANCER_TARGETS and "hosts" not in root
        compose = compose_tree if is_tree else compose_file
        return _balancer_of(compose(source, overrides or ()))

    def __repr__(self) -> str:
        """Equal for all fleets: Airflow stores the repr of a task's arguments, and makes a DAG version when one changes."""
        return f"{type(self).__name__}(...)"

    __str__ = __repr__

    @model_serializer(mode="wrap", when_used="json")
    def _mask_json(self, handler: SerializerFunctionWrapHandler) -> Any:
        return mask(handler(self), secrets_of(self))

    @field_serializer("strategy")
    def _strategy_data(self, value: Strategy) -> dict[str, Any]:
        return strategy_data(value)


def load(path: str | Path, overrides: Sequence[str] = (), *, basepath: str | Path | None = None) -> BalancerConfiguration:
    """Return the balancer of a YAML file or of a Hydra tree.

    Args:
        path: A balancer's YAML, a file of a Hydra tree or of an airflow-config tree, or a tree's folder.
            A relative path is looked up beside the calling file, then above, then in the working directory.
        overrides: Hydra overrides, such as `["env=prod"]`.
        basepath: The file or folder to look beside, in place of the calling file.

    Raises:
        ConfigurationError: It is missing, or wrong; each problem names the file or override.
    """
    return _balancer_of(compose_file(find_source(path, basepath), overrides))


@pause_gc()
def _balancer_of(composed: Composed) -> BalancerConfiguration:
    own = _instantiate(composed) if _names_own_class(composed.data) else None
    try:
        balancer = own or BalancerConfiguration.of_fleet(composed.fleet, composed.strategy)
    except ConfigurationError as error:
        raise composed.located(error) from None
    balancer._carry(str(composed.source), composed.assigned)
    return balancer


load_config = BalancerConfiguration.load
