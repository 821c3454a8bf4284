"""The balancer object: a fleet with the methods that DAG files call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from airflow_pydantic import BalancerConfiguration as BaseBalancerConfiguration
from pydantic import (
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    ValidatorFunctionWrapHandler,
    field_serializer,
    field_validator,
    model_validator,
)

from .. import query as queries
from ..collection import collection_put_off
from ..entries import plain_node
from ..errors import NoMatch
from ..fleet import Fleet
from ..keys import call_key, caller_state, calling_frame
from ..model import MAX_PORT
from ..port_asks import note_ask
from ..port_lock import LockAsk
from ..ports import DEFAULT_MIN
from ..spelling import listing, suggestion
from ..strategies import BatchStrategy, Strategy, build_strategy, choose_port, ranking, strategy_data
from .adopted import adopted
from .host import Host, masked, password_of
from .indexed import IndexedHosts
from .objects import Settled, objects_of, plain
from .pool_manager import PoolManagerConfiguration
from .port import Port
from .port_tables import PortTables

__all__ = ("BalancerConfiguration", "load_config")

Patterns = str | Sequence[str] | None


class BalancerConfiguration(BaseBalancerConfiguration):
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

    _indexed: IndexedHosts = PrivateAttr(default_factory=IndexedHosts)
    _tables: PortTables = PrivateAttr(default_factory=PortTables)

    @field_validator("hosts", "ports", mode="wrap")
    @classmethod
    def _keep_settled(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        return list(value) if isinstance(value, Settled) else handler(value)

    @model_validator(mode="wrap")
    @classmethod
    @collection_put_off()
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
    @collection_put_off()
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

    @property
    def all_hosts(self) -> list[Host]:
        """The hosts, sorted by name."""
        return list(self._indexed.of(self.hosts).hosts)

    @property
    def all_ports(self) -> list[Port]:
        """The tracked ports, sorted by the names of their pools."""
        return sorted(self.ports, key=lambda port: port.pool)

    def filter_hosts(
        self,
        name: Patterns = None,
        queue: Patterns = None,
        os: Patterns = None,
        tag: Patterns = None,
        custom: Callable[[Host], object] | None = None,
        *,
        min_size: int | None = None,
        exclude: Patterns = None,
    ) -> list[Host]:
        """Return the hosts that match, sorted by name; drained ones, too.

        Args:
            name: A shell pattern, or several of which one must match.
            queue: Likewise for the host's queues.
            os: Likewise for its operating system.
            tag: Likewise for its tags.
            custom: Returns whether a host is wanted.
            min_size: The smallest size, in slots.
            exclude: Patterns of names that are not wanted.

        Raises:
            NoMatch: No host matches; a RuntimeError.
        """
        query = queries.HostQuery.of(name, queue, os, tag, custom, min_size=min_size, exclude=exclude)
        return self._indexed.of(self.hosts).matching(query)

    def select_host(
        self,
        name: Patterns = None,
        queue: Patterns = None,
        os: Patterns = "",
        tag: Patterns = "",
        custom: Callable[[Host], object] | None = None,
        *,
        key: str | None = None,
        min_size: int | None = None,
        exclude: Patterns = None,
        prefer: Patterns = None,
    ) -> Host:
        """Return one of the hosts that match and are not drained: the same one for the same key, wherever it is asked.

        Args:
            name: See `filter_hosts`.
            queue: See `filter_hosts`.
            os: See `filter_hosts`.
            tag: See `filter_hosts`.
            custom: See `filter_hosts`.
            key: Who asks: a key is given its host whatever else is asked. By default the calling file's name and
                which of its selections this is, and a `bounded` strategy counts those that went before.
            min_size: See `filter_hosts`.
            exclude: See `filter_hosts`.
            prefer: Patterns of names or tags: one of the hosts that match these is selected where there are any.

        Raises:
            NoMatch: No host matches, or all that do are drained; a RuntimeError.
        """
        query = queries.HostQuery.of(name, queue, os, tag, custom, min_size=min_size, exclude=exclude, prefer=prefer)
        candidates = self._indexed.of(self.hosts).candidates(query)
        if key or not isinstance(self._strategy, BatchStrategy):
            return self._strategy.choose(key or call_key("host"), candidates, {})
        return self._choose_by_load(candidates)

    def assign_hosts(
        self,
        keys: Iterable[str],
        *,
        name: Patterns = None,
        queue: Patterns = None,
        os: Patterns = None,
        tag: Patterns = None,
        custom: Callable[[Host], object] | None = None,
        min_size: int | None = None,
        exclude: Patterns = None,
        prefer: Patterns = None,
    ) -> dict[str, Host]:
        """Return a host for each key, chosen together: a `bounded` load holds over all of them, whatever their order.

        Args:
            keys: Who asks, such as the ids of a DAG's tasks.
            name: See `filter_hosts`.
            queue: See `filter_hosts`.
            os: See `filter_hosts`.
            tag: See `filter_hosts`.
            custom: See `filter_hosts`.
            min_size: See `filter_hosts`.
            exclude: See `filter_hosts`.
            prefer: See `select_host`.

        Raises:
            NoMatch: No host matches, or all that do are drained; a RuntimeError.
        """
        query = queries.HostQuery.of(name, queue, os, tag, custom, min_size=min_size, exclude=exclude, prefer=prefer)
        candidates = self._indexed.of(self.hosts).candidates(query)
        asks = {(key, ""): candidates for key in keys}
        if not isinstance(self._strategy, BatchStrategy):
            return {key: self._strategy.choose(key, candidates, {}) for key, _ in asks}
        assigned = self._strategy.assign(asks)
        return {ask[0]: assigned[ask] for ask in asks}

    def rank_hosts(
        self,
        name: Patterns = None,
        queue: Patterns = None,
        os: Patterns = "",
        tag: Patterns = "",
        custom: Callable[[Host], object] | None = None,
        *,
        key: str,
        min_size: int | None = None,
        exclude: Patterns = None,
        prefer: Patterns = None,
        load: Mapping[str, int] | None = None,
    ) -> list[Host]:
        """Return the hosts of which `select_host` selects one, in the order in which a key's attempts go through them.

        Args:
            name: See `filter_hosts`.
            queue: See `filter_hosts`.
            os: See `filter_hosts`.
            tag: See `filter_hosts`.
            custom: See `filter_hosts`.
            key: Who asks. The first host is the one that `select_host` gives for it.
            min_size: See `filter_hosts`.
            exclude: See `filter_hosts`.
            prefer: See `select_host`; there are no others in the order where these match any.
            load: How many tasks each host has now, by name, for a strategy that goes by it.

        Raises:
            NoMatch: No host matches, or all that do are drained; a RuntimeError.
        """
        query = queries.HostQuery.of(name, queue, os, tag, custom, min_size=min_size, exclude=exclude, prefer=prefer)
        return ranking(self._strategy, key, self._indexed.of(self.hosts).candidates(query), load or {})

    def filter_ports(self, name: Patterns = None, tag: Patterns = None, custom: Callable[[Port], object] | None = None) -> list[Port]:
        """Return the tracked ports that match, sorted by the names of their pools.

        Raises:
            NoMatch: No port matches; a RuntimeError.
        """
        return queries.matching_ports(queries.PortQuery.of(name, tag, custom), self.all_ports)

    def select_port(
        self,
        name: Patterns = None,
        tag: Patterns = "",
        custom: Callable[[Port], object] | None = None,
        *,
        key: str | None = None,
    ) -> Port:
        """Return one of the tracked ports that match: the same one for the same key.

        Raises:
            NoMatch: No port matches; a RuntimeError.
        """
        return choose_port(self._strategy, key or call_key("port"), self.filter_ports(name, tag, custom))

    def queue_pool(self, queue: str) -> str:
        """Return the name of a queue's pool, for tasks that are counted together whichever of its hosts they run on.

        Its slots are the sizes of the queue's hosts, without drained ones. A host of several queues
        counts in each of them.

        Raises:
            ConfigurationError: Queues have no pools, as `queue_pools` is not set.
            NoMatch: No host is of this queue; a RuntimeError.
        """
        return self.fleet.queue_pool(queue)

    def free_port(self, host: Host | str, min: int = DEFAULT_MIN, max: int = MAX_PORT, *, key: str | None = None) -> Port:  # noqa: A002 (published names)
        """Return a port of the host that is neither tracked nor given to another key: the key's own in the lock file, if it has one.

        Args:
            host: The host, or the name of one of this balancer's.
            min: The first port that may be given.
            max: The last port that may be given.
            key: Who asks: equal keys get the same port. By default every call is another.

        Raises:
            NoFreePort: All ports of the range are taken.
            NoMatch: No host has the given name.
            ConfigurationError: The range is none, or the lock file is wrong, or keeps a port that is in use.
        """
        if isinstance(host, str):
            host = self._host(host)
        key = key or call_key("free_port")
        table = self._tables.of(host.name, self.ports, self.port_lock)
        number = table.take(key, min, max)
        note_ask(self.port_lock, LockAsk(host.name, key, min, max), number, table, by_file=True)
        return Port.model_construct(name="", host=host, host_name=host.name, port=number, tags=[])

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

    def _choose_by_load(self, candidates: Sequence[Host]) -> Host:
        """Choose by the picks that the calling file has made so far without keys of its own."""
        # The balancer is kept with its picks, so that no other one gets its id.
        _, load = caller_state(calling_frame()).setdefault(("picks", id(self)), (self, Counter[str]()))
        host = self._strategy.choose(call_key("host"), candidates, load)
        load[host.name] += 1
        return host

    @property
    def _strategy(self) -> Strategy:
        strategy: Strategy = self.strategy
        return strategy

    def _host(self, name: str) -> Host:
        if host := self._tables.host(name, self.hosts):
            return host
        known = [host.name for host in self.hosts]
        raise NoMatch(f"no host is named {name!r}{suggestion(name, known)} (hosts: {listing(known)})")

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
