"""Reads the forms in which hosts and ports may be written into one: a list of mappings with names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from .errors import Problem
from .messages import unknown_keys
from .model import HostSpec
from .spelling import listing, suggestion

__all__ = ("Entry", "override_hosts", "plain_node", "read_entries", "settle_port")

_HYDRA_KEYS = ("_target_", "_convert_", "_recursive_", "_partial_")


class Entry(NamedTuple):
    """One host or port as written: where it stands, how messages call it, its keys and values."""

    path: tuple[str | int, ...]
    subject: str
    data: dict[str, Any]


def plain_node(data: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a node's own keys, without those that tell Hydra how to instantiate it."""
    return {str(key): value for key, value in data.items() if key not in _HYDRA_KEYS}


def _fields(item: Any, model: type[BaseModel]) -> dict[str, Any] | None:
    if isinstance(item, Mapping):
        return plain_node(item)
    if isinstance(item, BaseModel):
        names = (*model.model_fields, "host_name")
        return {name: getattr(item, name) for name in names if hasattr(item, name)}
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


def _from_list(items: Iterable[Any], group: str, model: type[BaseModel]) -> tuple[list[Entry], list[Problem]]:
    entries, problems = [], []
    noun = group.removesuffix("s")
    for index, item in enumerate(items):
        if (data := _fields(item, model)) is None:
            text = f"must be a mapping such as {{name: {noun}1}}, not {item!r}"
            problems.append(Problem(text, f"{group}[{index}]", (group, index)))
        else:
            entries.append(Entry((group, index), _subject(noun, data, index), data))
    return entries, problems


def _from_mapping(items: Mapping[Any, Any], group: str, model: type[BaseModel]) -> tuple[list[Entry], list[Problem]]:
    entries, problems = [], []
    for name, item in plain_node(items).items():
        subject, path = f"{group.removesuffix('s')} {name!r}", (group, name)
        data = _fields({} if item is None else item, model)
        if data is None:
            problems.append(Problem(f"must be a mapping such as {{tags: [a]}}, not {item!r}", subject, path))
        elif data.get("name") not in (None, "", name):
            problems.append(Problem(f"key 'name' says {data['name']!r}; leave it out", subject, (*path, "name")))
        else:
            entries.append(Entry(path, subject, {**data, "name": name}))
    return entries, problems


def read_entries(value: Any, group: str, model: type[BaseModel]) -> tuple[list[Entry], list[Problem]]:
    """Read `hosts:` or `ports:`, written as a list or as a mapping by name.

    Args:
        value: What stands under the key: plain data, or a list of host or port objects.
        group: The key, `hosts` or `ports`.
        model: The model whose fields are read from objects.
    """
    if value is None:
        return [], []
    if isinstance(value, Mapping):
        return _from_mapping(value, group, model)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return _from_list(value, group, model)
    text = f"key {group!r} must be a list of {group}, or a mapping of {group} by name, not {value!r}"
    return [], [Problem(text, path=(group,))]


def _merged(base: Any, over: Any) -> Any:
    if isinstance(base, Mapping) and isinstance(over, Mapping):
        return {**base, **{key: _merged(base.get(key), value) for key, value in over.items()}}
    return over


def override_hosts(hosts: list[Entry], overrides: Any) -> list[Problem]:
    """Apply `host_overrides: {name: {key: value}}` to `hosts` in place; mappings merge, lists replace."""
    if overrides is None:
        return []
    if not isinstance(overrides, Mapping):
        text = f"key 'host_overrides' must be a mapping such as {{host1: {{size: 4}}}}, not {overrides!r}"
        return [Problem(text, path=("host_overrides",))]
    by_name = {str(entry.data.get("name")): entry for entry in hosts}
    problems = []
    for name, changes in plain_node(overrides).items():
        path, subject = ("host_overrides", name), f"host_overrides.{name}"
        if name not in by_name:
            problems.append(Problem(f"unknown host {name!r}{suggestion(name, by_name)} (hosts: {listing(by_name)})", subject, path))
        elif not isinstance(changes, Mapping):
            problems.append(Problem(f"must be a mapping such as {{size: 4}}, not {changes!r}", subject, path))
        else:
            problems += unknown_keys(changes, HostSpec, subject, path)
            data = by_name[name].data
            data.update({str(key): _merged(data.get(key), value) for key, value in changes.items()})
    return problems


def settle_port(entry: Entry) -> list[Problem]:
    """Turn `host: name`, `host: {name: ...}`, a host object or `host_name: name` into `host: name`."""
    host, host_name = _name_of(entry.data.get("host")), entry.data.pop("host_name", None) or None
    entry.data["host"] = host if host is not None else host_name
    if isinstance(host, Mapping):
        text = "key 'host' is a mapping without a name; write host: <name of a host>"
        return [Problem(text, entry.subject, (*entry.path, "host"))]
    if entry.data["host"] is None:
        return [Problem("needs key 'host': the name of a host", entry.subject, (*entry.path, "host"))]
    if host is not None and host_name is not None and host != host_name:
        text = f"key 'host' says {host!r} but 'host_name' says {host_name!r}; give one of them"
        return [Problem(text, entry.subject, (*entry.path, "host_name"))]
    return []
