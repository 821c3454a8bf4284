"""The entries of a fleet as they are written: their shapes, and what to say of a wrong one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ..errors import Problem, listing, suggestion
from .drain import MAX_REASON
from .hook_args import argument_problems
from .masking import is_secret_key, shown
from .model import MAX_NAME, MAX_PORT, MAX_SLOTS, HostSpec, NamedPoolSpec, PoolSpec, PortSpec, address_problem
from .strategy import check_strategy

_NUMBERS = {"port": MAX_PORT, "min": MAX_PORT, "max": MAX_PORT, "size": MAX_SLOTS, "default_size": MAX_SLOTS, "slots": MAX_SLOTS}
MOST_HINTS = 20
"""How many unknown hosts get a hint at their spelling: each is compared with all that there are."""
_NAME = f"a string of 1 to {MAX_NAME} characters"
_EXPECTED = {
    **dict.fromkeys(("name", "key"), _NAME),
    "host": "the name of a host",
    "drain": f"true, false or a reason of at most {MAX_REASON} characters",
    "team": "the name of a team: 3 to 50 letters, digits, - or _",
    "requester": "a string that is not empty",
    "slot_dir": "a path on the host that starts with / or ~/",
    **dict.fromkeys(("slot_wait", "slot_timeout"), "a number of seconds above 0"),
    "lock": "the path of a YAML file, such as balancer.lock.yaml",
    "pool_manager": "a mapping, such as {connection_id: airflow_api}",
    **dict.fromkeys(("password", "default_password"), "a string, or {key: <name of an Airflow Variable>}"),
    "pool": "the name of a pool, or a mapping such as {pool: name, slots: 4}",
    **{key: f"a whole number from 1 to {largest}" for key, largest in _NUMBERS.items()},
}
_EXPECTED_BY_TYPE = {
    "bool": "true or false",
    "dict": "a mapping",
    "list": "a list such as [{0}]",
    "string": "a string; put it in quotes",
}


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Return the message for an unknown key."""
    known = sorted(known)
    hint = "; did you mean 'slots'?" if key.endswith("size") and "slots" in known else suggestion(key, known)
    return f"unknown key {key!r}{hint} (keys: {', '.join(known)})"


def _expected(kind: str, key: str, value: object) -> str:
    if kind == "string_pattern_mismatch" and not str(value).isprintable():
        return "a string without control characters"
    if key in _EXPECTED:
        return _EXPECTED[key]
    text = _EXPECTED_BY_TYPE.get(kind.split("_", maxsplit=1)[0], "something else")
    return text.format(value if isinstance(value, str) else "a, b")


def _message(details: ErrorDetails, location: Sequence[str | int], fields: Iterable[str]) -> str:
    key, kind, value = str(location[-1]), details["type"], details["input"]
    named = ".".join(map(str, location))
    if kind == "extra_forbidden":
        return unknown_key(named, fields)
    if kind == "missing":
        return f"needs key {named!r}: {_expected(kind, key, None)}"
    if kind == "address":
        return address_problem(named, value)
    if kind == "strategy":
        return check_strategy(value)
    got = "" if any(map(is_secret_key, location)) else f", not {shown(value)}"
    return f"key {named!r} must be {_expected(kind, key, value)}{got}"


def problems_of(
    error: ValidationError, model: type[BaseModel], entry: Callable[[int], tuple[str, tuple[str | int, ...]]] | None = None
) -> list[Problem]:
    """Return a problem for each error that pydantic found in one `model`, or in a list of them.

    Args:
        error: The errors.
        model: The validated model.
        entry: Returns the subject and the path of an item of the list.
    """
    problems = []
    for details in error.errors(include_url=False):
        location, subject, path = details["loc"], "", tuple[str | int, ...]()
        if entry:
            (subject, path), location = entry(int(location[0])), location[1:]
        fields = (PoolSpec if len(location) > 1 and location[0] == "pool" else model).model_fields
        problems.append(Problem(_message(details, location, fields), subject, (*path, *location)))
    return problems


_REMOTE_HOST = ("ssh_hook_args", "remote_host")
_HYDRA_KEYS = ("_target_", "_convert_", "_recursive_", "_partial_")
_MODELS: dict[str, type[BaseModel]] = {"hosts": HostSpec, "ports": PortSpec, "pools": NamedPoolSpec}
_EXAMPLES = {"hosts": "tags: [a]", "ports": "tags: [a]", "pools": "slots: 4"}
_KNOWN = {model: frozenset((*model.model_fields, "host_name")) for model in _MODELS.values()}


class Entries(NamedTuple):
    """The hosts, ports or pools as written.

    Attributes:
        group: Their key: `hosts`, `ports` or `pools`.
        places: The index or name of each one there.
        data: The keys and values of each one.
        wrong: The positions in `data` of those that have a problem.
        unread: The problems of those that are no mappings, and stand in no list here.
    """

    group: str
    places: list[int | str]
    data: list[dict[str, Any]]
    wrong: set[int]
    unread: list[Problem]

    @property
    def names(self) -> set[str] | None:
        """The names of all entries, as far as they are strings; None where one that cannot be read may have any."""
        unread = [place for problem in self.unread for place in problem.path[1:2] or (0,)]
        if any(isinstance(place, int) for place in unread):
            return None
        return {*map(str, unread), *(name for data in self.data if isinstance(name := data.get("name"), str))}

    def right(self) -> Entries:
        """Return those without a problem."""
        kept = [at for at in range(len(self.data)) if at not in self.wrong]
        return self._replace(places=[self.places[at] for at in kept], data=[self.data[at] for at in kept], wrong=set())

    def place(self, at: int) -> tuple[str, tuple[str | int, ...]]:
        """Return the subject of an entry for messages, and its path; built only for a problem."""
        place, noun, data = self.places[at], self.group.removesuffix("s"), self.data[at]
        subject = f"{self.group}[{place}]"
        if isinstance(place, str) or data.get("name"):
            subject = f"{noun} {place!r}" if isinstance(place, str) else f"{noun} {shown(data['name'])}"
        elif noun == "port" and data.get("port") is not None:
            host = _name_of(data.get("host")) or data.get("host_name")
            subject = f"port {shown(data['port'])}{f' on host {host!r}' if isinstance(host, str) else ''}"
        return subject, (self.group, place)

    def problem(self, at: int, message: str, *keys: str) -> Problem:
        """Return a problem of an entry, or of a value below it; the entry is wrong from then on."""
        self.wrong.add(at)
        subject, path = self.place(at)
        return Problem(message, subject, (*path, *keys))


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


def read_entries(value: Any, group: str) -> Entries:
    """Read `hosts:`, `ports:` or `pools:`, written as a list or as a mapping by name.

    Args:
        value: The value of the key: plain data, or a list of objects with the fields of the group's model.
        group: The key.
    """
    if isinstance(value, Mapping):
        entries = _from_items(plain_node({name: {} if item is None else item for name, item in value.items()}).items(), group)
        # JSON and Python write these in different ways, and Python takes True for 1.
        wrong = [name for name in value if isinstance(name, bool) or not isinstance(name, str | int)]
        text = f"key {group!r}: each name must be a string, not {{}}; put it in quotes"
        entries.unread.extend(Problem(text.format(shown(name)), path=(group,)) for name in wrong)
        return entries
    if value is None or (isinstance(value, Sequence) and not isinstance(value, str | bytes)):
        return _from_items(enumerate(value or ()), group)
    text = f"key {group!r} must be a list of {group}, or a mapping of {group} by name, not {shown(value)}"
    return Entries(group, [], [], set(), [Problem(text, path=(group,))])


def read_pools(value: Any) -> Entries:
    """Read `pools:`, in which a number of slots may stand for a mapping."""
    if isinstance(value, Mapping):
        value = {name: {"slots": item} if isinstance(item, str | int | float) else item for name, item in value.items()}
    entries = read_entries(value, "pools")
    entries.data[:] = [{key: item for key, item in data.items() if item is not None} for data in entries.data]
    return entries


def _from_items(items: Iterable[tuple[int | str, Any]], group: str) -> Entries:
    """Read entries with their indexes, or with the names that they have as keys of a mapping."""
    entries, noun, model = Entries(group, [], [], set(), []), group.removesuffix("s"), _MODELS[group]
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
            hint = suggestion(name, names) if len(problems) < MOST_HINTS else ""
            problems.append(Problem(f"unknown host {name!r}{hint} (hosts: {listing(names)})", subject, path))
        elif not isinstance(changes, Mapping):
            problems.append(Problem(f"must be a mapping such as {{size: 4}}, not {shown(changes)}", subject, path))
        else:
            fields = HostSpec.model_fields
            problems += [Problem(unknown_key(str(key), fields), subject, (*path, str(key))) for key in changes if key not in fields]
            changed, data = dict(changes), by_name.get(name, {})
            if wrong := _settle_address(changed):
                problems.append(Problem(wrong, subject, (*path, *_REMOTE_HOST)))
            data.update({str(key): _merge(data.get(key), value) for key, value in changed.items() if str(key) in fields})
    return problems


def of_override(problem: Problem, hosts: Entries, overrides: Any) -> Problem:
    """Return the problem of a host's value as that of the override which gives the value, where one does."""
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
    return [hosts.problem(at, text, *_REMOTE_HOST) for at, data in enumerate(hosts.data) if (text := _settle_address(data))]


def check_arguments(hosts: Entries) -> list[Problem]:
    """Return a problem for each of the hosts' `ssh_hook_args` that would be dropped."""
    given = [(at, data) for at, data in enumerate(hosts.data) if data.get("ssh_hook_args")]
    return [hosts.problem(at, text, "ssh_hook_args", key) for at, data in given for key, text in argument_problems(data)]


def _settle_address(data: dict[Any, Any]) -> str:
    """Move a host's remote_host to its address, and return what is wrong with it, or an empty string."""
    arguments, address = data.get("ssh_hook_args"), data.get("address")
    if not isinstance(arguments, Mapping) or "remote_host" not in arguments:
        return ""
    given = arguments["remote_host"]
    data["ssh_hook_args"] = {key: value for key, value in arguments.items() if key != "remote_host"}
    wrong = "" if given is None else address_problem(".".join(_REMOTE_HOST), given)
    if address is None and not wrong:
        data["address"] = given
    if given is None or given == address:
        return ""
    if wrong or address is None or address_problem("address", address):
        return wrong
    return f"key 'address' says {shown(address)} but 'ssh_hook_args.remote_host' says {shown(given)}; give one of them"


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
