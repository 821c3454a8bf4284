"""Hosts and ports as validated data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Annotated, Any, Final, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, SerializerFunctionWrapHandler, model_serializer
from pydantic_core import PydanticCustomError

from .drain import drain_value
from .masking import MASK, mask, mask_args, mask_known, secrets_of, shown
from .strategy import check_strategy

_LONGEST = 253
"""The longest DNS name, in characters."""
_SHOWN = 60
_LABEL = r"(?!-)[\w-]{1,63}(?<!-)"
_DNS_NAME = re.compile(rf"(?:{_LABEL}\.)*(?!\d+\.?$){_LABEL}\.?")
_CHARACTERS = re.compile(r"[\w.:%-]+")
_LOGIN = re.compile(r".*@", re.DOTALL)
_HINTS = {
    r".*://.*": "leave the scheme and the path out",
    r".*@.*": "the user is the key `username`",
    r"(?P<host>[^:]+|\[.+\]):(?P<port>\d+)": "the port is `ssh_hook_args: {{port: {port}}}`",
    r"\[.+\]": "leave the brackets out",
    r"[\d.]+": "an IPv4 address has four numbers from 0 to 255",
}


def address_problem(key: str, value: object) -> str:
    """Return what is wrong with the address under a key, or an empty string.

    >>> address_problem("address", "10.0.0.5")
    ''
    >>> address_problem("address", "10.0.0.5:2222")
    "key 'address' must be an IP address or a DNS name, not '10.0.0.5:2222'; the port is `ssh_hook_args: {port: 2222}`"
    """
    if isinstance(value, str) and _is_address(value):
        return ""
    message = f"key {key!r} must be an IP address or a DNS name"
    if not isinstance(value, str):
        return f"{message}, such as 10.0.0.5, not {shown(value)}"
    # The part before an @ may hold a password.
    return f"{message}, not {_LOGIN.sub(f'{MASK}@', mask_known(value))[:_SHOWN]!r}; {_hint(value)}"


def _is_address(value: str) -> bool:
    if len(value) > _LONGEST or not _CHARACTERS.fullmatch(value):
        return False
    return _is_ip(value) or _DNS_NAME.fullmatch(value) is not None


def _is_ip(value: str) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


def _hint(value: str) -> str:
    for pattern, hint in _HINTS.items():
        if found := re.fullmatch(pattern, value, re.DOTALL):
            return hint.format(**found.groupdict())
    return "such as 10.0.0.5, 2001:db8::5 or ws1.example.com"


MAX_PORT: Final = 65535
MAX_SLOTS: Final = 2**31 - 1
"""The largest number that Airflow's slots column holds."""
MAX_NAME: Final = 256
"""The longest name that Airflow's pool column holds, in characters."""


class _Plain(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True, hide_input_in_errors=True, defer_build=True)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        return mask_args(self, super().__repr_args__())

    @model_serializer(mode="wrap", when_used="json")
    def _mask_json(self, handler: SerializerFunctionWrapHandler) -> Any:
        return mask(handler(self), secrets_of(self))


def _whole(value: object) -> object:
    if isinstance(value, bool | float):
        raise ValueError
    return value


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError
    return value


def _pool(value: object) -> object:
    if isinstance(value, BaseModel) and not isinstance(value, PoolSpec):
        return {name: getattr(value, name) for name in value.model_fields_set}  # what is left out is the default here
    return {"pool": value} if isinstance(value, str) else value


def _address(value: object) -> object:
    if value is not None and address_problem("address", value):
        raise PydanticCustomError("address", "no address")
    return value


def _strategy(value: object) -> object:
    if check_strategy(value):
        raise PydanticCustomError("strategy", "no strategy")
    return value


def _mapping(value: object) -> object:
    if value is not None and not isinstance(value, Mapping | BaseModel):
        raise ValueError
    return value


def _password(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Mapping) or hasattr(value, "key"):
        return VariableSpec.model_validate(value)
    raise ValueError


_PRINTABLE = r"^[^\p{C}\p{Zl}\p{Zp}]*$"
"""No control characters, which terminals and logs obey."""
# A regex runs inside pydantic-core; a validator would cost a Python call for each name.
Name = Annotated[str, Field(max_length=MAX_NAME, pattern=r"^[^\p{C}\p{Zl}\p{Zp}]*[^\s\p{C}][^\p{C}\p{Zl}\p{Zp}]*$")]
Text = Annotated[str, Field(pattern=_PRINTABLE)]
# The bounds come first, so that pydantic-core checks them too.
Slots = Annotated[int, Field(ge=1, le=MAX_SLOTS), BeforeValidator(_whole)]
Seconds = Annotated[int | float, Field(gt=0, allow_inf_nan=False), BeforeValidator(_number)]
Folder = Annotated[str, Field(pattern=r"^(/|~/)[^\r\n]+$")]
Drain = Annotated[bool | str, BeforeValidator(drain_value)]
Team = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{3,50}$")]
PortNumber = Annotated[int, Field(ge=1, le=MAX_PORT), BeforeValidator(_whole)]


class VariableSpec(_Plain):
    """An Airflow Variable that holds a secret; only its key is read."""

    model_config = ConfigDict(extra="ignore")

    key: Name = Field(description="the Variable's key")
    description: str | None = Field(default="", description="what Airflow shows")
    is_encrypted: bool | None = Field(default=False, description="as in airflow-pydantic's `Variable`")
    deserialize_json: bool | None = Field(default=False, description="whether the Variable holds JSON")


Password = Annotated[Any, BeforeValidator(_password), Field(repr=False)]


class PoolSpec(_Plain):
    """The pool of a host, written as a name or as a mapping."""

    pool: Name = Field(description="name of the pool; hosts that name the same one share it")
    slots: Slots | None = Field(default=None, description="number of slots; default: the host's size")
    description: str | None = Field(default="", description="what Airflow shows; default: one that names the host")
    include_deferred: bool | None = Field(default=True, description="whether deferred tasks hold a slot")


class NamedPoolSpec(_Plain):
    """A pool under `pools:`, which belongs to no host or port."""

    name: Name = Field(description="unique name of the pool")
    slots: Slots = Field(description="number of slots")
    description: Text = Field(default="", description="what Airflow shows")
    include_deferred: bool = Field(default=True, description="whether deferred tasks hold a slot")


class HostSpec(_Plain):
    """A host with the balancer's defaults applied."""

    name: Name
    address: Annotated[str | None, BeforeValidator(_address)] = None
    username: str | None = None
    password: Password = None
    key_file: str | None = None
    ssh_hook_args: dict[str, JsonValue] = Field(default_factory=dict, repr=False)
    os: Text | None = None
    pool: Annotated[PoolSpec | None, BeforeValidator(_pool)] = None
    size: Slots
    queues: list[Text] = Field(default_factory=list)
    tags: list[Text] = Field(default_factory=list)
    drain: Drain = False
    hold_slots: bool = False
    slot_dir: Folder | None = None
    slot_wait: Seconds | None = None
    slot_timeout: Seconds | None = None

    @property
    def remote_host(self) -> str:
        """The address that its hook connects to; default: its name, with `.local` appended if that has no dot."""
        return self.address or (self.name if "." in self.name else f"{self.name}.local")

    @property
    def credential(self) -> str:
        """The kind of this host's credential, without the secret."""
        if self.password is not None:
            return "password" if isinstance(self.password, str) else f"variable {self.password.key}"
        return "key file" if self.key_file else "default"

    @property
    def pool_name(self) -> str:
        """The name of the pool that counts this host's tasks."""
        return self.pool.pool if self.pool else self.name

    @property
    def pool_values(self) -> dict[str, Any]:
        """The values of the pool that counts this host's tasks, in the order of `PoolSpec`'s fields, with defaults filled in."""
        text = f"Balancer pool for host({self.name})"
        if (given := self.pool) is None:
            return {"pool": self.name, "slots": self.size, "description": text, "include_deferred": True}
        slots, described = given.slots or self.size, given.description or text
        return {"pool": given.pool, "slots": slots, "description": described, "include_deferred": given.include_deferred is not False}


class PortSpec(_Plain):
    """A tracked port; `host` is the name of a host of the same fleet."""

    name: Annotated[Text, Field(max_length=MAX_NAME)] = ""
    host: Name
    port: PortNumber
    tags: list[Text] = Field(default_factory=list)

    @property
    def pool(self) -> str:
        """The name of this port's pool: the port's own name, else `<host>-<port>`."""
        return self.name or f"{self.host}-{self.port}"


SLOT_KEYS: Final = ("hold_slots", "slot_dir", "slot_wait", "slot_timeout")
"""The keys of a balancer that its hosts take over if they hold slots."""


class Settings(_Plain):
    """The keys of a balancer's node except hosts, ports and pools."""

    default_username: str = "airflow"
    default_password: Password = None
    default_key_file: str | None = None
    primary_queue: str = "default"
    secondary_queue: str = "default"
    default_queue: str = "default"
    default_size: Slots = 8
    override_pool_size: bool = False
    create_connection: bool = False
    queue_pools: bool = False
    team: Team | None = None
    hold_slots: bool = False
    slot_dir: Folder = "~/.airflow-balancer/slots"
    slot_wait: Seconds = 60
    slot_timeout: Seconds = 86400
    pool_manager: Annotated[Any, BeforeValidator(_mapping)] = None
    strategy: Annotated[Any, BeforeValidator(_strategy)] = "bounded"
    lock: str | None = None


class _Called(Protocol):
    name: str
    address: str | None


def called(host: _Called) -> str:
    """Return a host's name for messages, with its address if that differs.

    >>> called(HostSpec(name="host1", address="10.0.0.5", size=8))
    "host 'host1' at 10.0.0.5"
    """
    return f"host {host.name!r}" + (f" at {host.address}" if host.address not in (None, host.name) else "")
