"""Hosts and ports as airflow-pydantic's models, built from a validated fleet and validated by its rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from os.path import expanduser
from typing import Any, Self, TypeVar

from airflow_pydantic import Host as BaseHost
from airflow_pydantic import Pool, Variable
from airflow_pydantic import Port as BasePort
from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from ..fleet.fleet import Fleet, check_port, checked_host
from ..fleet.masking import MASK, is_secret_key, mask, mask_args, secrets_of
from ..fleet.model import Drain, HostSpec, PortSpec, Settings, called
from ..ssh.slots import Slots
from .watching import Watchable, WatchedList, tell

_M = TypeVar("_M", bound=BaseModel)
_set = object.__setattr__


def build(cls: type[_M], values: dict[str, Any], given: set[str]) -> _M:
    """Return an object with validated `values` for all of its fields; those in `given` count as set.

    Only this function uses pydantic's private names. `model_construct` looks up aliases, defaults and private
    attributes for each object: building 1,000 hosts and 4,000 ports with it takes 1.4 times as long.
    """
    made = cls.__new__(cls)
    _set(made, "__dict__", values)
    _set(made, "__pydantic_fields_set__", given)
    _set(made, "__pydantic_extra__", None)
    _set(made, "__pydantic_private__", None)
    return made


def adopt(value: Any, cls: type[BaseModel], base: type[BaseModel]) -> Any:
    """Return the values that are set in an object of airflow-pydantic's class `base`; anything else unchanged, also a `cls`."""
    if isinstance(value, base) and not isinstance(value, cls):
        return {name: getattr(value, name) for name in value.model_fields_set}
    return value


class Hidden(str):
    """A secret whose repr is masked, such as in a hook that airflow-pydantic writes into a DAG file, or logs."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(MASK)


def hidden(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a hook, with secret strings as `Hidden`."""
    return {key: Hidden(value) if is_secret_key(key) and isinstance(value, str) else value for key, value in arguments.items()}


class Host(Watchable, BaseHost):
    """A host that runs tasks over SSH.

    `repr` and JSON mask the password; the attribute, `override` and `hook` have the real one.

    >>> Host(name="host1", size=8).hook().remote_host, Host(name="host1", address="10.0.0.5").hook().remote_host
    ('host1.local', '10.0.0.5')
    >>> "swordfish" in repr(Host(name="host1", password="swordfish"))
    False

    Raises:
        ConfigurationError: A value is wrong, or a key unknown; a ValueError.
    """

    __slots__ = ("_watchers",)

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, defer_build=True)

    queues: list[str] = Field(default_factory=WatchedList)
    tags: list[str] = Field(default_factory=WatchedList)
    address: str | None = None
    drain: Drain = False
    hold_slots: bool | None = None
    slot_dir: str | None = None
    slot_wait: int | float | None = None
    slot_timeout: int | float | None = None

    @model_validator(mode="before")
    @classmethod
    def _apply_template(cls, values: Any) -> Any:
        values = super()._apply_template(adopt(values, cls, BaseHost))
        return checked_host(values) if isinstance(values, Mapping) else values

    @field_validator("ssh_hook_args")
    @classmethod
    def _without_address(cls, value: dict[str, Any]) -> dict[str, Any]:
        return hidden({key: item for key, item in value.items() if key != "remote_host"})

    @field_validator("queues", "tags")
    @classmethod
    def _watch_list(cls, value: list[str]) -> WatchedList[str]:
        return WatchedList(value)

    @classmethod
    def of_spec(cls, spec: HostSpec) -> Host:
        """Return the host of validated data."""
        values = _values_of(spec)
        return build(cls, values, {name for name, value in values.items() if value is not None})

    def settle(self, spec: HostSpec) -> Host:
        """Take the values of validated data, and return this host. Equal lists stay the same objects."""
        changed = {name: value for name, value in _values_of(spec).items() if self.__dict__[name] != value}
        self.__dict__.update(changed)
        self.model_fields_set.update(name for name in HostSpec.model_fields if getattr(spec, name) is not None)
        tell(self)
        return self

    def override(self, **kwargs: Any) -> Self:
        """Return a copy with other values; a pool that only follows name and size follows the new ones.

        >>> Host(name="host1", size=8).override(size=4).size
        4
        """
        values = self.model_dump()
        if self.pool and (self.pool.pool, self.pool.slots) == (self.name, self.size):
            values.pop("pool")
        return type(self)(**{**values, **kwargs})

    def hook(self, username: str | None = None, use_local: bool = True, **hook_kwargs: Any) -> Any:  # noqa: FBT001, FBT002 (airflow-pydantic's)
        """Return an SSH hook that connects to the host's address, else to its name; its commands hold slots if `hold_slots` is set.

        A key file may begin with `~`.

        Args:
            username: The user; default: the host's.
            use_local: Whether `.local` is added to a name without a dot; nothing is ever added to an address.
            **hook_kwargs: Further arguments of SSHHook, which take precedence over those of the host.
        """
        reached = {"remote_host": self.address} if self.address else {}
        hook = super().hook(username, use_local, **{**reached, **hook_kwargs})
        if key_file := getattr(hook, "key_file", None):
            hook.key_file = expanduser(key_file)  # paramiko does not expand it
        if isinstance(hook.password, str):
            hook.password = Hidden(hook.password)
        if not type(hook).__module__.startswith("airflow."):
            return hook  # airflow-pydantic's stand-in, where Airflow is not installed
        from ..ssh.hook import hook_of

        return hook_of(hook, self._slots if self.hold_slots else None)

    @property
    def _slots(self) -> Slots:
        defaults = Settings()
        settings = (getattr(self, name) or getattr(defaults, name) for name in ("slot_dir", "slot_wait", "slot_timeout"))
        return Slots(called(self), self.size or defaults.default_size, *settings)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        return mask_args(self, super().__repr_args__())

    @model_serializer(mode="wrap", when_used="json")
    def _mask_json(self, handler: SerializerFunctionWrapHandler) -> Any:
        return mask(handler(self), secrets_of(self))


def _values_of(spec: HostSpec) -> dict[str, Any]:
    """Return a host's values; those that can change are copies."""
    return {
        **spec.__dict__,
        "pool": build(Pool, spec.pool_values, _POOL_FIELDS),
        "password": password_of(spec.password),
        "queues": WatchedList(spec.queues),
        "tags": WatchedList(spec.tags),
        "ssh_hook_args": hidden(deepcopy(spec.ssh_hook_args)) if spec.ssh_hook_args else {},
    }


def password_of(spec: Any) -> Any:
    """Return a validated password as airflow-pydantic has it: a string or a Variable."""
    return spec if spec is None or isinstance(spec, str) else Variable(**spec.model_dump())


_POOL_FIELDS, _PORT_FIELDS = {*Pool.model_fields}, {*BasePort.model_fields}
"""The fields that count as set. All do, so nothing is ever added, and all objects share one set."""


class Port(Watchable, BasePort):
    """A port in use on a host, given by name or as a `Host`. Its `pool` has one slot.

    >>> Port(host="host1", port=8080).pool, Port(host=Host(name="host1"), port=8080, name="web").pool
    ('host1-8080', 'web')

    Raises:
        ConfigurationError: A value is wrong, or the host is missing; a ValueError.
    """

    __slots__ = ("_watchers",)

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, defer_build=True)

    host: Host | None = Field(default=None)

    @model_validator(mode="before")
    @classmethod
    def _apply_template(cls, values: Any) -> Any:
        values = super()._apply_template(adopt(values, cls, BasePort))
        if isinstance(values, Mapping):
            check_port(values)
            if isinstance(values.get("host"), str):
                return {**values, "host": None, "host_name": values["host"]}
        return values

    @classmethod
    def at(cls, host: Host, number: int, name: str = "", tags: Iterable[str] = ()) -> Port:
        """Return a port on a host, without validation."""
        return build(cls, {"name": name, "host": host, "host_name": host.name, "port": number, "tags": [*tags]}, _PORT_FIELDS)

    def settle(self, host: Host) -> Port:
        """Set the host that is meant, and return this port."""
        self.__dict__["host"] = host
        self.model_fields_set.add("host")
        tell(self)
        return self


class Settled(WatchedList[Any]):
    """Objects built from a validated fleet, which need no further validation."""

    __slots__ = ()


def settle_objects(fleet: Fleet, hosts: Any = None, ports: Any = None) -> tuple[Settled, Settled]:
    """Return the fleet's hosts and ports as objects, using those among `hosts` and `ports`."""
    given_hosts = {host.name: host for host in hosts or () if isinstance(host, Host)}
    by_name = {spec.name: given_hosts[spec.name].settle(spec) if spec.name in given_hosts else Host.of_spec(spec) for spec in fleet.hosts}
    given_ports = {(port.host.name if port.host else port.host_name, port.port): port for port in ports or () if isinstance(port, Port)}
    settled = []
    for spec in fleet.ports:
        port, host = given_ports.get((spec.host, spec.port)), by_name[spec.host]
        settled.append(Port.at(host, spec.port, spec.name, spec.tags) if port is None else port.settle(host))
    return Settled(by_name.values()), Settled(settled)


def has_values_of(fleet: Fleet, hosts: list[Host], ports: list[Port]) -> bool:
    """Return whether hosts and ports still have the values of a fleet."""
    same_number = (len(hosts), len(ports)) == (len(fleet.hosts), len(fleet.ports))
    return same_number and all(map(_same_host, fleet.hosts, hosts)) and all(map(_same_port, fleet.ports, ports))


def _same_host(spec: HostSpec, host: Host) -> bool:
    values = host.__dict__
    if {**values, "pool": spec.pool, "password": spec.password} != spec.__dict__:
        return False
    return values["pool"] is not None and values["pool"].__dict__ == spec.pool_values and values["password"] == password_of(spec.password)


def _same_port(spec: PortSpec, port: Port) -> bool:
    if port.host is None:
        return False
    values = (port.port, port.host.name, port.host_name or spec.host, port.name, port.tags)
    return (spec.port, spec.host, spec.host, spec.name, spec.tags) == values
