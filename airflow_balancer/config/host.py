"""The host object: airflow-pydantic's, with this package's checks and with its secrets masked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, Self

from airflow_pydantic import Host as BaseHost
from airflow_pydantic import Pool, Variable
from pydantic import ConfigDict, Field, SerializerFunctionWrapHandler, field_serializer, field_validator, model_validator

from ..fleet.fleet import checked_host
from ..fleet.masking import MASK, mask_secrets
from ..fleet.model import HostSpec
from .models import Watchable, WatchedList, adopt, build, tell

__all__ = ("Host", "mask", "password_of")

_ALL_OF_POOL = {*Pool.model_fields}
"""The names of a pool's fields: all are set, so one set serves for every host's pool."""


def mask(secret: Any) -> Any:
    """Return what may be shown of a secret: a mask for a string, a Variable without its value."""
    if isinstance(secret, Variable):
        return secret.model_copy(update={"val": ""})
    return MASK if secret else secret


class Host(Watchable, BaseHost):
    """A host that runs tasks over SSH.

    `repr` and JSON mask the password; the attribute, `override` and `hook` have the real one.
    """

    __slots__ = ("_watchers",)

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, defer_build=True)

    queues: list[str] = Field(default_factory=WatchedList)
    tags: list[str] = Field(default_factory=WatchedList)
    address: str | None = Field(default=None, description="Where the host is reached, when that is not its name.")
    drain: bool = Field(default=False, description="Whether the host takes no new picks; its pool stays.")

    @model_validator(mode="before")
    @classmethod
    def _apply_template(cls, values: Any) -> Any:
        values = super()._apply_template(adopt(values, cls, BaseHost))
        return checked_host(values) if isinstance(values, Mapping) else values

    @field_validator("ssh_hook_args")
    @classmethod
    def _without_address(cls, value: dict[str, Any]) -> dict[str, Any]:
        return {key: item for key, item in value.items() if key != "remote_host"}

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
        """Take the values of validated data, and return this host. Lists that are equal stay the same objects."""
        changed = {name: value for name, value in _values_of(spec).items() if self.__dict__[name] != value}
        self.__dict__.update(changed)
        self.model_fields_set.update(name for name in HostSpec.model_fields if getattr(spec, name) is not None)
        tell(self)
        return self

    def override(self, **kwargs: Any) -> Self:
        """Return a copy with other values; a pool that only follows name and size follows the new ones."""
        values = self.model_dump()
        if self.pool and (self.pool.pool, self.pool.slots) == (self.name, self.size):
            values.pop("pool")
        return type(self)(**{**values, **kwargs})

    def hook(self, username: str | None = None, use_local: bool = True, **hook_kwargs: Any) -> Any:  # noqa: FBT001, FBT002 (airflow-pydantic's)
        """Return an SSH hook that connects to the host's address, else to its name.

        Args:
            username: The user; default: the host's.
            use_local: Whether `.local` is added to a name without a dot; nothing is ever added to an address.
            **hook_kwargs: Further arguments of SSHHook, which take precedence over those of the host.
        """
        reached = {"remote_host": self.address} if self.address else {}
        return super().hook(username, use_local, **{**reached, **hook_kwargs})

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        shown = {"password": mask(self.password), "ssh_hook_args": mask_secrets(self.ssh_hook_args)}
        return ((name, shown.get(name or "", value)) for name, value in super().__repr_args__())

    @field_serializer("password", mode="wrap", when_used="json")
    def _mask_password(self, value: Any, handler: SerializerFunctionWrapHandler) -> Any:
        return handler(mask(value))

    @field_serializer("ssh_hook_args", when_used="json")
    def _mask_arguments(self, value: dict[str, Any]) -> Any:
        return mask_secrets(value)


def _values_of(spec: HostSpec) -> dict[str, Any]:
    """Return a host's values, of which none that can change is shared with the validated data."""
    return {
        **spec.__dict__,
        "pool": build(Pool, spec.pool_values, _ALL_OF_POOL),
        "password": password_of(spec.password),
        "queues": WatchedList(spec.queues),
        "tags": WatchedList(spec.tags),
        "ssh_hook_args": deepcopy(spec.ssh_hook_args) if spec.ssh_hook_args else {},
    }


def password_of(spec: Any) -> Any:
    """Return a validated password as airflow-pydantic has it: a string or a Variable."""
    return spec if spec is None or isinstance(spec, str) else Variable(**spec.model_dump())
