"""The entries of a lock file, and what is wrong in one."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from ..errors import ConfigurationError, Problem
from ..fleet.masking import shown
from ..fleet.model import Name, PortNumber
from ..fleet.problems import problems_of, unknown_key
from ..picking.filters import HOST_KEYS, HostFilter

_FORMS = {
    "hosts": "{requester: etl, query: {queue: workers}, host: host1}",
    "ports": "{host: host1, port: 9000, requester: etl, min: 9000, max: 9999}",
}
_ADVICE = "remove one of them, and run `airflow-balancer lock`"
_Requester = Annotated[str, Field(pattern=r"\S")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


E = TypeVar("E", bound=_Entry)


class PortEntry(_Entry):
    """A free port of a host, from `min` to `max`, that a lock file keeps for a requester."""

    host: Name
    port: PortNumber
    requester: _Requester
    min: PortNumber
    max: PortNumber


class _HostEntry(_Entry):
    requester: _Requester
    query: dict[str, Any] = {}
    host: Annotated[list[Name], Field(min_length=1), BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]


class PortRequest(NamedTuple):
    """A request for a free port: the host, the requester's key, the first and the last port."""

    host: str
    requester: str
    first: int
    last: int

    @classmethod
    def of(cls, entry: PortEntry) -> PortRequest:
        """Return the request that an entry answers."""
        return cls(entry.host, entry.requester, entry.min, entry.max)

    def entry(self, port: int) -> PortEntry:
        """Return the entry that keeps a port for this request."""
        return PortEntry(host=self.host, port=port, requester=self.requester, min=self.first, max=self.last)


class HostEntry(NamedTuple):
    """The host that a lock file keeps for a requester and a query.

    Attributes:
        requester: The key.
        query: The query, without `custom`.
        hosts: The names of hosts. The first that is a candidate counts, since environments may have different hosts.
    """

    requester: str
    query: HostFilter
    hosts: tuple[str, ...]

    @property
    def data(self) -> dict[str, Any]:
        """The entry as plain data, without empty values; a list of one item is written as the item."""
        given = {key: value for key in HOST_KEYS if (value := getattr(self.query, key))}
        query = {key: _short(value) for key, value in given.items()}
        return {"requester": self.requester, **({"query": query} if query else {}), "host": _short(self.hosts)}


def _short(value: Any) -> Any:
    if not isinstance(value, tuple):
        return value
    return value[0] if len(value) == 1 else list(value)


def read_ports(items: Sequence[Any]) -> list[PortEntry]:
    """Return the entries under `ports`.

    Raises:
        ConfigurationError: One of them is wrong; a problem for each.
    """
    entries = _validated("ports", items, PortEntry)
    if problems := [*_range_rules(entries), *_unique_ports(entries)]:
        raise ConfigurationError(problems)
    return entries


def read_hosts(items: Sequence[Any]) -> list[HostEntry]:
    """Return the entries under `hosts`.

    Raises:
        ConfigurationError: One of them is wrong; a problem for each.
    """
    validated = _validated("hosts", items, _HostEntry)
    if problems := list(_query_rules(validated)):
        raise ConfigurationError(problems)
    entries = [HostEntry(entry.requester, HostFilter.of(**entry.query), tuple(entry.host)) for entry in validated]
    if problems := list(_repeated("hosts", [entry[:2] for entry in entries], _host_text)):
        raise ConfigurationError(problems)
    return entries


def _validated(group: str, items: Sequence[Any], model: type[E]) -> list[E]:
    if wrong := {index: item for index, item in enumerate(items) if not isinstance(item, Mapping)}:
        form = f"a mapping such as {_FORMS[group]}"
        raise ConfigurationError(Problem(f"must be {form}, not {shown(item)}", f"{group}[{index}]") for index, item in wrong.items())
    try:
        return TypeAdapter(list[model]).validate_python(items)  # type: ignore[valid-type]
    except ValidationError as error:
        raise ConfigurationError(problems_of(error, model, lambda at: (f"{group}[{at}]", (group, at)))) from None


def _query_rules(entries: Iterable[_HostEntry]) -> Iterator[Problem]:
    for index, entry in enumerate(entries):
        subject = f"hosts[{index}]: key 'query'"
        yield from (Problem(unknown_key(key, HOST_KEYS), subject) for key in entry.query if key not in HOST_KEYS)
        try:
            HostFilter.of(**{key: value for key, value in entry.query.items() if key in HOST_KEYS})
        except ConfigurationError as error:
            yield Problem(str(error), subject)


def _range_rules(entries: Iterable[PortEntry]) -> Iterator[Problem]:
    for index, entry in enumerate(entries):
        if not entry.min <= entry.port <= entry.max:
            yield Problem(f"key 'port' must be from {entry.min} to {entry.max}, as min and max say, not {entry.port}", f"ports[{index}]")


def _unique_ports(entries: Sequence[PortEntry]) -> Iterator[Problem]:
    ports = list(_repeated("ports", [(entry.host, entry.port) for entry in entries], "port {0[1]} on host {0[0]!r} is kept twice".format))
    yield from ports
    reported = {problem.subject for problem in ports}
    requests = _repeated("ports", list(map(PortRequest.of, entries)), _port_text)
    yield from (problem for problem in requests if problem.subject not in reported)


def _repeated(group: str, values: Sequence[Hashable], text_of: Callable[[Any], str]) -> Iterator[Problem]:
    first = dict[Hashable, int]()
    for index, value in enumerate(values):
        if (other := first.setdefault(value, index)) != index:
            yield Problem(f"{text_of(value)}, also at {group}[{other}]; {_ADVICE}", f"{group}[{index}]")


def _port_text(request: PortRequest) -> str:
    return f"{request.requester!r} on host {request.host!r} is there twice for {request.first} to {request.last}"


def _host_text(request: tuple[str, HostFilter]) -> str:
    return f"{request[0]!r} is there twice for {request[1]}"
