"""The entries of a fleet: reads hosts, ports and pools as written, applies defaults, validates them, and checks them together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from ..errors import Problem
from .hook_args import REMOTE_HOST, argument_problems, settle_address
from .masking import shown
from .model import SLOT_KEYS, HostSpec, NamedPoolSpec, PortSpec, Settings
from .problems import problems_of, unknown_host, unknown_key

_M = TypeVar("_M", bound=BaseModel)
_HYDRA_KEYS = ("_target_", "_convert_", "_recursive_", "_partial_")
_MODELS: dict[str, type[BaseModel]] = {"hosts": HostSpec, "ports": PortSpec, "pools": NamedPoolSpec}
_EXAMPLES = {"hosts": "tags: [a]", "ports": "tags: [a]", "pools": "slots: 4"}
_KNOWN = {model: frozenset((*model.model_fields, "host_name")) for model in _MODELS.values()}


class Entries(NamedTuple):
    """The hosts, ports or pools as written.

    Attributes:
        group: Their key: `hosts`, `ports` or `pools`.
        places: The index or name of each entry under the key.
        data: The keys and values of each entry.
        wrong: The positions in `data` of entries with a problem.
        unread: The problems of entries that are in neither list, as they are not mappings or have two names.
    """

    group: str
    places: list[int | str]
    data: list[dict[str, Any]]
    wrong: set[int]
    unread: list[Problem]

    @property
    def noun(self) -> str:
        """The word for one entry: `host`, `port` or `pool`."""
        return self.group.removesuffix("s")

    @property
    def names(self) -> set[str] | None:
        """The names of all entries; None if an unread entry could have any name."""
        unread = [place for problem in self.unread for place in problem.path[1:2] or (0,)]
        if any(isinstance(place, int) for place in unread):
            return None
        return {*map(str, unread), *(name for data in self.data if isinstance(name := data.get("name"), str))}

    def right(self) -> Entries:
        """Return the entries without a problem."""
        kept = [at for at in range(len(self.data)) if at not in self.wrong]
        return self._replace(places=[self.places[at] for at in kept], data=[self.data[at] for at in kept], wrong=set())

    def locate(self, at: int) -> tuple[str, tuple[str | int, ...]]:
        """Return an entry's subject for messages, and its path."""
        place, data = self.places[at], self.data[at]
        subject = f"{self.group}[{place}]"
        if isinstance(place, str) or data.get("name"):
            subject = f"{self.noun} {place!r}" if isinstance(place, str) else f"{self.noun} {shown(data['name'])}"
        elif self.group == "ports" and data.get("port") is not None:
            host = _name_of(data.get("host")) or data.get("host_name")
            subject = f"port {shown(data['port'])}{f' on host {host!r}' if isinstance(host, str) else ''}"
        return subject, (self.group, place)

    def problem(self, at: int, message: str, *keys: str) -> Problem:
        """Mark an entry as wrong, and return the problem of the entry, or of the value under `keys`."""
        self.wrong.add(at)
        subject, path = self.locate(at)
        return Problem(message, subject, (*path, *keys))


def plain_node(data: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a node without the keys that tell Hydra how to instantiate it."""
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


def read_entries(value: Any, group: str) -> Entries:
    """Read `hosts:`, `ports:` or `pools:`, written as a list or as a mapping by name.

    Args:
        value: The value of the key: plain data, or a list of objects with the fields of the group's model.
        group: The key.
    """
    if isinstance(value, Mapping):
        entries = _from_items(plain_node({name: {} if item is None else item for name, item in value.items()}).items(), group)
        # JSON and Python write these differently, and in Python True equals 1.
        wrong = [name for name in value if isinstance(name, bool) or not isinstance(name, str | int)]
        text = f"key {group!r}: each name must be a string, not {{}}; put it in quotes"
        entries.unread.extend(Problem(text.format(shown(name)), path=(group,)) for name in wrong)
        return entries
    if value is None or (isinstance(value, Sequence) and not isinstance(value, str | bytes)):
        return _from_items(enumerate(value or ()), group)
    text = f"key {group!r} must be a list of {group}, or a mapping of {group} by name, not {shown(value)}"
    return Entries(group, [], [], set(), [Problem(text, path=(group,))])


def read_pools(value: Any) -> Entries:
    """Read `pools:`, where a number `n` means `{slots: n}`."""
    if isinstance(value, Mapping):
        value = {name: {"slots": item} if isinstance(item, str | int | float) else item for name, item in value.items()}
    entries = read_entries(value, "pools")
    entries.data[:] = [{key: item for key, item in data.items() if item is not None} for data in entries.data]
    return entries


def _from_items(items: Iterable[tuple[int | str, Any]], group: str) -> Entries:
    """Read entries by their index, or by their name if they are values of a mapping."""
    entries, model = Entries(group, [], [], set(), []), _MODELS[group]
    noun = entries.noun
    for place, item in items:
        named, data = isinstance(place, str), _fields(item, model)
        if data is None:
            example = _EXAMPLES[group] if named else f"name: {noun}1, {_EXAMPLES[group]}" if group == "pools" else f"name: {noun}1"
            subject = f"{noun} {place!r}" if named else f"{group}[{place}]"
            entries.unread.append(Problem(f"must be a mapping such as {{{example}}}, not {shown(item)}", subject, (group, place)))
        elif named and data.get("name") not in (None, "", place):
            text = f"key 'name' says {shown(data['name'])}; leave it out"
            entries.unread.append(Problem(text, f"{noun} {place!r}", (group, place, "name")))
        else:
            entries.places.append(place)
            entries.data.append({**data, "name": place} if named else data)
    return entries


def _merge(base: Any, over: Any) -> Any:
    if isinstance(base, Mapping) and isinstance(over, Mapping):
        return {**base, **{key: _merge(base.get(key), value) for key, value in over.items()}}
    return over


def override_hosts(hosts: Entries, overrides: Any) -> list[Problem]:
    """Apply `host_overrides: {name: {key: value}}` to `hosts` in place; mappings merge, lists replace."""
    if overrides is None:
        return []
    if not isinstance(overrides, Mapping):
        text = f"key 'host_overrides' must be a mapping such as {{host1: {{size: 4}}}}, not {shown(overrides)}"
        return [Problem(text, path=("host_overrides",))]
    by_name = {str(data.get("name")): data for data in hosts.data}
    problems, names = list[Problem](), hosts.names
    for name, changes in plain_node(overrides).items():
        path, subject = ("host_overrides", name), f"host_overrides.{name}"
        if names is not None and name not in names:
            problems.append(Problem(unknown_host(name, names, len(problems)), subject, path))
        elif not isinstance(changes, Mapping):
            problems.append(Problem(f"must be a mapping such as {{size: 4}}, not {shown(changes)}", subject, path))
        else:
            fields = HostSpec.model_fields
            problems += [Problem(unknown_key(str(key), fields), subject, (*path, str(key))) for key in changes if key not in fields]
            changed, data = dict(changes), by_name.get(name, {})
            if wrong := settle_address(changed):
                problems.append(Problem(wrong, subject, (*path, *REMOTE_HOST)))
            data.update({str(key): _merge(data.get(key), value) for key, value in changed.items() if str(key) in fields})
    return problems


def of_override(problem: Problem, hosts: Entries, overrides: Any) -> Problem:
    """Return a host's problem as one of `host_overrides` if the wrong value comes from there."""
    name = hosts.data[hosts.places.index(problem.path[1])].get("name")
    changes = overrides.get(name) if isinstance(overrides, Mapping) and isinstance(name, str) else None
    if not isinstance(changes, Mapping):
        return problem
    for key in problem.path[2:]:
        if isinstance(changes, Mapping) and key not in changes:
            return problem
        changes = changes[key] if isinstance(changes, Mapping) else None
    return Problem(problem.message, f"host_overrides.{name}", ("host_overrides", str(name), *problem.path[2:]))


def settle_addresses(hosts: Entries) -> list[Problem]:
    """Turn `ssh_hook_args: {remote_host: address}` into `address: address`."""
    given = [(at, data) for at, data in enumerate(hosts.data) if data.get("ssh_hook_args")]
    return [hosts.problem(at, text, *REMOTE_HOST) for at, data in given if (text := settle_address(data))]


def check_arguments(hosts: Entries) -> list[Problem]:
    """Return a problem for each of the hosts' `ssh_hook_args` that would be dropped."""
    given = [(at, data) for at, data in enumerate(hosts.data) if data.get("ssh_hook_args")]
    return [hosts.problem(at, text, "ssh_hook_args", key) for at, data in given for key, text in argument_problems(data)]


def settle_ports(ports: Entries) -> list[Problem]:
    """Turn `host: name`, `host: {name: ...}`, a host object or `host_name: name` into `host: name`."""
    problems = []
    for at, data in enumerate(ports.data):
        host, host_name = _name_of(data.pop("host", None)), data.pop("host_name", None) or None
        if host is not None or host_name is not None:
            data["host"] = host_name if host is None else host
        if host is not None and host_name is not None and host != host_name:
            text = f"key 'host' says {shown(host)} but 'host_name' says {shown(host_name)}; give one of them"
            problems.append(ports.problem(at, text, "host_name"))
    return problems


def apply_defaults(hosts: Entries, settings: Settings) -> None:
    """Apply the balancer's defaults to `hosts` in place."""
    defaults = {key: default for key in ("username", "password", "key_file") if (default := getattr(settings, f"default_{key}"))}
    for at, given in enumerate(hosts.data):
        data = {key: value for key, value in given.items() if value is not None} if None in given.values() else given
        data.setdefault("size", settings.default_size)
        for key, default in defaults.items():
            if not data.get(key):
                data[key] = default
        if data.get("hold_slots", settings.hold_slots):
            for key in SLOT_KEYS:
                data.setdefault(key, getattr(settings, key))
        hosts.data[at] = data


@cache
def _list_of(model: type[_M]) -> TypeAdapter[list[_M]]:
    return TypeAdapter(list[model])  # type: ignore[valid-type]


def validate(entries: Entries, model: type[_M], problems: list[Problem]) -> list[_M]:
    """Return the validated entries. If any is wrong, add the problems and return an empty list."""
    try:
        return _list_of(model).validate_python(entries.data)
    except ValidationError as error:
        entries.wrong.update(int(details["loc"][0]) for details in error.errors(include_url=False, include_input=False))
        problems += problems_of(error, model, entries.locate)
        return []


def read_hosts(node: Mapping[str, Any], settings: Settings, problems: list[Problem]) -> tuple[Entries, list[HostSpec]]:
    """Return the hosts of a balancer's node as written, and validated if all are valid. Add the problems."""
    hosts, overrides = read_entries(node.get("hosts"), "hosts"), node.get("host_overrides")
    problems += [*hosts.unread, *settle_addresses(hosts), *override_hosts(hosts, overrides)]
    apply_defaults(hosts, settings)
    wrong = check_arguments(hosts)
    specs = validate(hosts, HostSpec, wrong)
    problems += [of_override(problem, hosts, overrides) for problem in wrong]
    problems += repeated_names(hosts)
    return hosts, specs


def repeated_names(entries: Entries) -> list[Problem]:
    """Return a problem for each entry with the name of an earlier one; entries without a name may repeat."""
    names = {at: name for at, data in enumerate(entries.data) if isinstance(name := data.get("name"), str) and name}
    return _repeated(entries, names, f"{entries.noun} names must differ")


def _repeated(entries: Entries, identities: Mapping[int, str | tuple[str, int]], rule: str) -> list[Problem]:
    """Return a problem for each entry with the identity of an earlier one."""
    if len(set(identities.values())) == len(identities):
        return []
    first: dict[str | tuple[str, int], int] = {}
    places = [f"{entries.group}[{at}]" if isinstance(at, int) else f"{entries.group}.{at}" for at in entries.places]
    problems = []
    for at, identity in identities.items():
        if (before := first.setdefault(identity, at)) != at:
            problems.append(entries.problem(at, f"is defined twice, at {places[before]} and {places[at]}; {rule}"))
    return problems


def port_problems(ports: Entries, hosts: Entries) -> list[Problem]:
    """Return a problem for each port on an unknown host, or with the number or the name of an earlier one."""
    unknown, names = list[Problem](), hosts.names
    right = [(at, port) for at, port in enumerate(ports.data) if at not in ports.wrong]
    for at, port in right:
        if names is not None and (name := port["host"]) not in names:
            unknown.append(ports.problem(at, unknown_host(name, names, len(unknown)), "host"))
    numbers = {at: (port["host"], int(port["port"])) for at, port in right}
    repeated = _repeated(ports, numbers, "a host has each port once")
    return unknown + repeated + repeated_names(ports)
