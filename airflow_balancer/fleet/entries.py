"""Reads the forms in which hosts and ports may be written into one: a list of mappings with names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from ..errors import Problem, listing, suggestion
from .addresses import address_problem
from .messages import unknown_keys
from .model import HostSpec, PortSpec

__all__ = ("Entries", "override_hosts", "plain_node", "read_entries", "settle_addresses", "settle_ports")

_REMOTE_HOST = ("ssh_hook_args", "remote_host")
_HYDRA_KEYS = ("_target_", "_convert_", "_recursive_", "_partial_")
_KNOWN: dict[type[BaseModel], frozenset[str]] = {model: frozenset((*model.model_fields, "host_name")) for model in (HostSpec, PortSpec)}


class Entries(NamedTuple):
    """The hosts or ports as written: the key they stand under, each one's index or name there, its keys and values.

    What messages say of an entry is made when there is something to say.
    """

    group: str
    places: list[int | str]
    data: list[dict[str, Any]]

    def path(self, at: int) -> tuple[str | int, ...]:
        """Return where an entry stands."""
        return (self.group, self.places[at])

    def subject(self, at: int) -> str:
        """Return how messages call an entry."""
        place, noun = self.places[at], self.group.removesuffix("s")
        return f"{noun} {place!r}" if isinstance(place, str) else _subject(noun, self.data[at], place)


def plain_node(data: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a node's own keys, without those that tell Hydra how to instantiate it."""
    return {str(key): value for key, value in data.items() if key not in _HYDRA_KEYS}


def _fields(item: Any, model: type[BaseModel]) -> dict[str, Any] | None:
    if isinstance(item, dict) and item.keys() <= _KNOWN[model]:
        return item.copy()
    if isinstance(item, Mapping):
        return plain_node(item)
    if isinstance(item, BaseModel):
        return {name: getattr(item, name) for name in (*model.model_fields, "host_name") if hasattr(item, name)}
    return None


def _name_of(host: Any) -> Any:
    return host.get("name", host) if isinstance(host, Mapping) else getattr(host, "name", host)


def _subject(noun: str, data: Mapping[str, Any], index: int) -> str:
    if name := data.get("name"):
        return f"{noun} {name!r}"
    if noun == "port" and data.get("port") is not None:
        host = _name_of(data.get("host")) or data.get("host_name")
        return f"port {data['port']!r}{f' on host {host!r}' if isinstance(host, str) else ''}"
    return f"{noun}s[{index}]"


def _from_list(items: Iterable[Any], group: str, model: type[BaseModel]) -> tuple[Entries, list[Problem]]:
    entries, problems = Entries(group, [], []), []
    for index, item in enumerate(items):
        if (data := _fields(item, model)) is None:
            text = f"must be a mapping such as {{name: {group.removesuffix('s')}1}}, not {item!r}"
            problems.append(Problem(text, f"{group}[{index}]", (group, index)))
        else:
            entries.places.append(index)
            entries.data.append(data)
    return entries, problems


def _from_mapping(items: Mapping[Any, Any], group: str, model: type[BaseModel]) -> tuple[Entries, list[Problem]]:
    entries, problems = Entries(group, [], []), []
    for name, item in plain_node(items).items():
        subject, path = f"{group.removesuffix('s')} {name!r}", (group, name)
        data = _fields({} if item is None else item, model)
        if data is None:
            problems.append(Problem(f"must be a mapping such as {{tags: [a]}}, not {item!r}", subject, path))
        elif data.get("name") not in (None, "", name):
            problems.append(Problem(f"key 'name' says {data['name']!r}; leave it out", subject, (*path, "name")))
        else:
            entries.places.append(name)
            entries.data.append({**data, "name": name})
    return entries, problems


def read_entries(value: Any, group: str, model: type[BaseModel]) -> tuple[Entries, list[Problem]]:
    """Read `hosts:` or `ports:`, written as a list or as a mapping by name.

    Args:
        value: What stands under the key: plain data, or a list of host or port objects.
        group: The key, `hosts` or `ports`.
        model: The model whose fields are read from objects.
    """
    if value is None:
        return Entries(group, [], []), []
    if isinstance(value, Mapping):
        return _from_mapping(value, group, model)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return _from_list(value, group, model)
    text = f"key {group!r} must be a list of {group}, or a mapping of {group} by name, not {value!r}"
    return Entries(group, [], []), [Problem(text, path=(group,))]


def _merged(base: Any, over: Any) -> Any:
    if isinstance(base, Mapping) and isinstance(over, Mapping):
        return {**base, **{key: _merged(base.get(key), value) for key, value in over.items()}}
    return over


def override_hosts(hosts: Entries, overrides: Any) -> list[Problem]:
    """Apply `host_overrides: {name: {key: value}}` to `hosts` in place; mappings merge, lists replace."""
    if overrides is None:
        return []
    if not isinstance(overrides, Mapping):
        text = f"key 'host_overrides' must be a mapping such as {{host1: {{size: 4}}}}, not {overrides!r}"
        return [Problem(text, path=("host_overrides",))]
    by_name = {str(data.get("name")): data for data in hosts.data}
    problems = []
    for name, changes in plain_node(overrides).items():
        path, subject = ("host_overrides", name), f"host_overrides.{name}"
        if name not in by_name:
            problems.append(Problem(f"unknown host {name!r}{suggestion(name, by_name)} (hosts: {listing(by_name)})", subject, path))
        elif not isinstance(changes, Mapping):
            problems.append(Problem(f"must be a mapping such as {{size: 4}}, not {changes!r}", subject, path))
        else:
            problems += unknown_keys(changes, HostSpec, subject, path)
            changed, data = dict(changes), by_name[name]
            if wrong := _settle_address(changed):
                problems.append(Problem(wrong, subject, (*path, *_REMOTE_HOST)))
            data.update({str(key): _merged(data.get(key), value) for key, value in changed.items()})
    return problems


def settle_addresses(hosts: Entries) -> list[Problem]:
    """Turn `ssh_hook_args: {remote_host: address}` into `address: address`."""
    wrong = {at: text for at, data in enumerate(hosts.data) if (text := _settle_address(data))}
    return [Problem(text, hosts.subject(at), (*hosts.path(at), *_REMOTE_HOST)) for at, text in wrong.items()]


def _settle_address(data: dict[Any, Any]) -> str:
    """Move a host's remote_host to its address, and return what is wrong with it."""
    arguments, address = data.get("ssh_hook_args"), data.get("address")
    if not isinstance(arguments, Mapping) or "remote_host" not in arguments:
        return ""
    given = arguments["remote_host"]
    data["ssh_hook_args"] = {key: value for key, value in arguments.items() if key != "remote_host"}
    if address is None:
        data["address"] = given
    if given is None or given == address:
        return ""
    wrong = address_problem(".".join(_REMOTE_HOST), given)
    if wrong or address is None or address_problem("address", address):
        return wrong
    return f"key 'address' says {address!r} but 'ssh_hook_args.remote_host' says {given!r}; give one of them"


def settle_ports(ports: Entries) -> list[Problem]:
    """Turn `host: name`, `host: {name: ...}`, a host object or `host_name: name` into `host: name`."""
    problems = []
    for at, data in enumerate(ports.data):
        host, host_name = _name_of(data.get("host")) if "host" in data else None, data.pop("host_name", None) or None
        data["host"] = host_name if host is None else host
        if (host_name is None) == (host is None) or not isinstance(data["host"], str):
            problems += _host_problems(ports, at, host, host_name)
    return problems


def _host_problems(ports: Entries, at: int, host: Any, host_name: Any) -> list[Problem]:
    """Return what is wrong with a port that names its host twice, not at all, or as something else than a text."""
    subject, path = ports.subject(at), ports.path(at)
    if isinstance(host, Mapping):
        return [Problem("key 'host' is a mapping without a name; write host: <name of a host>", subject, (*path, "host"))]
    if host is None and host_name is None:
        return [Problem("needs key 'host': the name of a host", subject, (*path, "host"))]
    if host is not None and host_name is not None and host != host_name:
        text = f"key 'host' says {host!r} but 'host_name' says {host_name!r}; give one of them"
        return [Problem(text, subject, (*path, "host_name"))]
    return []
