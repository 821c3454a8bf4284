"""The keys of the YAML, of queries and of resolvers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from pydantic import BaseModel

from airflow_balancer.cli.query import QUERY_HELP, QUERY_KEYS
from airflow_balancer.fleet.hook_args import OF_A_CONNECTION, OF_THE_HOOK
from airflow_balancer.fleet.model import MAX_SLOTS, NamedPoolSpec, PoolSpec, VariableSpec
from airflow_balancer.fleet.strategy import CLASSES, OPTIONS
from airflow_balancer.hydra import resolvers, schema
from airflow_balancer.hydra.json_schema import descriptions, json_schema

from .markdown import code, page, prose, sentence, table

OF_0_7: Mapping[str, frozenset[str]] = {
    "host": frozenset({"name", "username", "password", "key_file", "ssh_hook_args", "os", "pool", "size", "queues", "tags"}),
    "port": frozenset({"name", "host", "host_name", "port", "tags"}),
    "balancer": frozenset(
        {
            "hosts",
            "ports",
            "default_username",
            "default_password",
            "default_key_file",
            "primary_queue",
            "secondary_queue",
            "default_queue",
            "default_size",
            "override_pool_size",
            "create_connection",
            "pool_manager",
        }
    ),
}
"""The keys that the published package 0.7 has."""
LATER: Mapping[str, str] = {}
"""The version that brought a key, such as `host.zone`, for keys that came after 0.8.0."""

_REQUIRED = {("host", "name"), ("port", "port"), ("pools", "name"), ("pools", "slots"), ("pool", "pool"), ("variable", "key")}
_CONFS: Mapping[str, type] = {"balancer": schema.BalancerConf, "host": schema.HostConf, "port": schema.PortConf}
_WORDS = {"string": "string", "boolean": "`true` or `false`", "object": "mapping", "array": "list"}
_KINDS = {"hosts": "list or mapping", "ports": "list or mapping", "strategy": "string or mapping"}
_HEADER = ("key", "meaning", "type", "default", "since")


def type_of(value: Mapping[str, Any]) -> str:
    """Return the type of a value of the JSON Schema, in words."""
    if "$ref" in value:
        name = str(value["$ref"]).rpartition("/")[2]
        return "" if name == "interpolation" else _KINDS.get(name, "mapping")
    if "anyOf" in value:
        found = [type_of({**alternative, **_bounds(value)}) for alternative in value["anyOf"]]
        words = [word for name in found for word in name.split(" or ")] if "`" not in str(found) else found
        return _without_whole(" or ".join(dict.fromkeys(filter(None, words))))
    kind = value.get("type", "")
    if kind in ("integer", "number"):
        return _number(value, "whole number" if kind == "integer" else "number")
    if kind == "array" and type_of(value.get("items", {})) == "string":
        return "list of strings"
    return "" if kind == "null" else _WORDS.get(kind, "any")


def _bounds(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key in ("minimum", "maximum", "exclusiveMinimum")}


def _without_whole(words: str) -> str:
    return re.sub(r"\bwhole number( above [\d.]+)? or number", "number", words)


def _number(value: Mapping[str, Any], noun: str) -> str:
    if "exclusiveMinimum" in value:
        return f"{noun} above {value['exclusiveMinimum']}"
    if value.get("maximum", MAX_SLOTS) != MAX_SLOTS:
        return f"{noun}, {value['minimum']} to {value['maximum']}"
    return f"{noun} from {value['minimum']}" if "minimum" in value else noun


def _default(section: str, key: str, value: object) -> str:
    if (section, key) in _REQUIRED:
        return "required"
    if isinstance(value, bool):
        return code(str(value).lower())
    return "" if value in (None, "", MISSING) else code(value)


def _since(section: str, key: str) -> str:
    return LATER.get(f"{section}.{key}") or ("0.7" if key in OF_0_7.get(section, ()) else "0.8.0")


def _section(section: str) -> str:
    conf, properties = _CONFS[section], json_schema()["$defs"][section]["properties"]
    told, defaults = descriptions(conf), {field.name: field.default for field in fields(conf)}
    keys = [key for key in told if not key.startswith("_")]
    rows = [
        (code(key), sentence(told[key]), type_of(properties[key]), _default(section, key, defaults[key]), _since(section, key))
        for key in keys
    ]
    return table(_HEADER, rows)


def _model(section: str, model: type[BaseModel]) -> str:
    properties = model.model_json_schema()["properties"]
    return table(
        _HEADER,
        [
            (code(key), sentence(value["description"]), type_of(value), _default(section, key, value.get("default")), "0.8.0")
            for key, value in properties.items()
        ],
    )


def _strategies() -> str:
    rows = []
    for name, cls in CLASSES.items():
        conf = getattr(schema, f"{cls}Conf")
        told, defaults = descriptions(conf), {field.name: field.default for field in fields(conf)}
        options = "; ".join(f"`{key}`, from {least}, default {defaults[key]}: {told[key]}" for key, least in OPTIONS.get(cls, {}).items())
        rows.append((code(name), code(f"airflow_balancer.strategies.{cls}"), sentence(conf.__doc__ or ""), prose(options) or "none"))
    return table(("name", "`_target_`", "chooses", "options"), rows)


def _arguments() -> str:
    of_hook, of_connection = (", ".join(map(code, keys)) for keys in (OF_THE_HOOK, OF_A_CONNECTION))
    return f"- Arguments of the SSH provider's `SSHHook`: {of_hook}.\n- Extras of an SSH connection: {of_connection}."


def yaml_page() -> str:
    """Return the page of all keys of a balancer's YAML."""
    return page(
        "Keys of the YAML",
        "You can look up each key of a balancer's YAML here: its type, its default, its meaning, and the version that brought it.",
        "A value may also be an interpolation, such as `${oc.env:NAME}`, or `null` for the default. Host and port keys stand under "
        "`hosts` and `ports`, in a list or in a mapping by name. Unknown keys are errors. "
        "`airflow-balancer schema` prints the same as JSON Schema, for editors.",
        "## Balancer",
        "The root of a balancer's own YAML, or the node `extensions.balancer` or `balancer` of a tree.",
        _section("balancer"),
        "## Hosts",
        "Entries of `hosts`, and of `host_overrides` by the host's name.",
        _section("host"),
        "### ssh_hook_args",
        _arguments(),
        "### pool",
        "The mapping that a host's `pool` may be in place of a name.",
        _model("pool", PoolSpec),
        "### password",
        "The mapping that `password` and `default_password` may be in place of a string: an Airflow Variable.",
        _model("variable", VariableSpec),
        "## Ports",
        "Entries of `ports`. One of `host` and `host_name` is required.",
        _section("port"),
        "## Pools",
        "Entries of `pools`, in a list, or in a mapping by name, where a number of slots may stand for the mapping.",
        _model("pools", NamedPoolSpec),
        "## Strategy",
        "A name, or a mapping with the `_target_` and the options. The `_target_` of your own class works as well.",
        _strategies(),
    )


def resolvers_page() -> str:
    """Return the page of the resolvers and of the keys of their queries."""
    forms = re.findall(r"^    (\$\{balancer\.\S+)\s+(.*)$", resolvers.__doc__ or "", re.MULTILINE)
    query = [(code(key.name.removeprefix("query.")), sentence(key.help)) for key in QUERY_KEYS if key.name != "query.key"]
    return page(
        "Resolvers and queries",
        "You can look up each resolver here, and each key of a query.",
        "## Resolvers",
        "Hydra resolves them while it composes a configuration, in any Hydra app. Quote an interpolation that has a space after a colon.",
        table(("resolver", "gives"), [(code(form), sentence(text)) for form, text in forms]),
        "A query is a name, or a mapping with the keys below. A resolver takes further keys:",
        table(("key", "resolvers", "meaning"), [(code(key), *_of_resolvers(key, text)) for key, text in resolvers.OWN_KEYS.items()]),
        "## Keys of a query for hosts",
        f"The same in YAML, on the command line (`query.name=...`) and in Python (`select_host(name=...)`). {QUERY_HELP} "
        "Python also takes `custom`, a function that returns whether a host is wanted.",
        table(("key", "meaning"), query),
        "A query for tracked ports, `${balancer.port:...}` and `select_port`, has `name` and `tag`; Python also has `custom`.",
    )


def _of_resolvers(key: str, text: str) -> tuple[str, str]:
    of = {"pool": "`pool`", "host": "`free_port`", "min": "`free_port`", "max": "`free_port`"}.get(key, "all but `inventory`")
    return of, sentence(text)
