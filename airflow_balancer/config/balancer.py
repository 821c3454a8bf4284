"""The balancer object: a fleet with the methods that DAG files call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from airflow_pydantic import BalancerConfiguration as BaseBalancerConfiguration
from pydantic import (
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    SerializerFunctionWrapHandler,
    ValidatorFunctionWrapHandler,
    field_serializer,
    field_validator,
    model_validator,
)

from ..files.garbage import pause_gc
from ..fleet.entries import plain_node
from ..fleet.fleet import Fleet
from ..picking.strategies import Strategy, build_strategy, strategy_data
from .adopted import adopted
from .host import Host, masked, password_of
from .objects import Settled, objects_of, plain
from .picking import Picking
from .pool_manager import PoolManagerConfiguration
from .port import Port

__all__ = ("BalancerConfiguration", "load_config")


class BalancerConfiguration(Picking):
    """Hosts, ports and how they are balanced.

    Hosts may be given as a list, or as a mapping by name; `host_overrides` changes single ones, and a
    port's host may be given by name. Whatever is wrong is one error that names the host or port, the
    key, and what would be right.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True, defer_build=True)

    hosts: list[Host] = Field(default_factory=list)
    ports: list[Port] = Field(default_factory=list)
    pool_manager: PoolManagerConfiguration = Field(default_factory=PoolManagerConfiguration)
    queue_pools: bool = Field(default=False, description="Whether each queue gets a pool, too.")
    strategy: Any = Field(default_factory=lambda: build_strategy("bounded"), description="How one host is chosen.")
    port_lock: str | None = Field(default=None, description="The file that keeps free ports for who asks.")

    @field_validator("hosts", "ports", mode="wrap")
    @classmethod
    def _keep_settled(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        return list(value) if isinstance(value, Settled) else handler(value)

    @model_validator(mode="wrap")
    @classmethod
    @pause_gc()
    def _settle(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(value, cls):
            return cls._settle_again(value, handler)
        value = adopted(value, cls, BaseBalancerConfiguration)
        if not isinstance(value, dict):
            return handler(value)
        data = plain_node({key: plain(item) for key, item in cls._apply_template(dict(value)).items()})
        fleet = Fleet.from_data(data)
        given = {key: item for key, item in data.items() if key in cls.model_fields and item is not None}
        if "strategy" in given:
            given["strategy"] = build_strategy(given["strategy"])
        return handler({**given, **objects_of(fleet, data.get("hosts"), data.get("ports"))})

    @classmethod
    @pause_gc()
    def of_fleet(cls, fleet: Fleet) -> Self:
        """Return the balancer of a fleet that is validated already."""
        settings = fleet.settings
        values = {name: getattr(settings, name) for name in settings.model_fields_set}
        values |= {"default_password": password_of(settings.default_password), "strategy": build_strategy(settings.strategy)}
        if settings.pool_manager is not None:
            values["pool_manager"] = PoolManagerConfiguration.model_validate(settings.pool_manager)
        objects = {key: list(items) for key, items in objects_of(fleet, None, None).items()}
        return cls.model_construct(**values, **objects)

    @classmethod
    def _settle_again(cls, value: Self, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Hold an instance to the rules after an assignment; one that breaks them is undone."""
        before = dict(value.__dict__)
        settled = handler(value)
        if all(settled.__dict__[name] is item for name, item in before.items()):
            return settled
        try:
            objects = objects_of(settled.fleet, settled.hosts, settled.ports)
            settled.__dict__.update((key, list(items)) for key, items in objects.items())
            settled.__dict__["strategy"] = build_strategy(settled.strategy)
        except Exception:
            settled.__dict__.update(before)
            raise
        return settled

    @model_validator(mode="after")
    def _validate(self) -> Self:
        return self

    @property
    def fleet(self) -> Fleet:
        """The same hosts, ports and settings as validated plain data."""
        return Fleet.from_data(self.__dict__)

    def queue_pool(self, queue: str) -> str:
        """Return the name of a queue's pool, for tasks that are counted together whichever of its hosts they run on.

        Its slots are the sizes of the queue's hosts, without drained ones. A host of several queues
        counts in each of them.

        Raises:
            ConfigurationError: Queues have no pools, as `queue_pools` is not set.
            NoMatch: No host is of this queue; a RuntimeError.
        """
        return self.fleet.queue_pool(queue)

    @staticmethod
    def load_path(yaml_file: str | Path, _config_dir: str | Path | None = None, *, overrides: Sequence[str] = ()) -> BalancerConfiguration:
        """Return the balancer of one YAML file; see `airflow_balancer.load`."""
        from .loading import load

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
            config_dir: The folder, looked for beside the calling file and upwards.
            config_name: The file in it, with or without `.yaml`; default: `config`, else `balancer`.
            overrides: Hydra overrides.
            basepath: The file or folder to look beside, in place of the calling file.

        Raises:
            ConfigurationError: There is none, or it is wrong.
        """
        from .loading import load_tree

        return load_tree(config_dir, config_name, overrides or (), basepath)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, masked(value) if name == "default_password" else value

    @field_serializer("default_password", mode="wrap", when_used="json")
    def _mask_password(self, value: Any, handler: SerializerFunctionWrapHandler) -> Any:
        return handler(masked(value))

    @field_serializer("strategy")
    def _strategy_data(self, value: Strategy) -> dict[str, Any]:
        return strategy_data(value)


load_config = BalancerConfiguration.load
