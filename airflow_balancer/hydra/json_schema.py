"""JSON Schema of a balancer's YAML, for editors: types and bounds of the models, descriptions of the structured configs."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from ..fleet.fleet import FLEET_KEYS
from ..fleet.hook_args import OF_A_CONNECTION, OF_THE_HOOK
from ..fleet.model import HostSpec, NamedPoolSpec, PortSpec, Settings, VariableSpec
from ..fleet.strategy import CLASSES, OPTIONS, TARGETS
from . import schema
from .nodes import BALANCER_TARGETS

_PORTABLE = (("\\p{C}", "\\x00-\\x1f\\x7f-\\x9f"), ("\\p{Zl}", "\\u2028"), ("\\p{Zp}", "\\u2029"))
"""Character classes of pydantic's patterns, and ranges that every editor's regex engine knows."""
_OF_HYDRA: dict[str, Any] = {key: {} for key in ("_target_", "_convert_", "_recursive_", "_partial_")}
_LAYER = {"defaults": {"type": "array"}, "hydra": {"type": "object"}}
_TEXT = {"type": "string"}


def descriptions(conf: type) -> dict[str, str]:
    """Return the comment above each field of a structured config, by field."""
    found, above = dict[str, str](), list[str]()
    for line in map(str.strip, inspect.getsource(conf).splitlines()):
        if field := re.match(r"(\w+): ", line):
            found[field[1]] = " ".join(above)
        above = [*above, line.removeprefix("# ")] if line.startswith("# ") else []
    return found


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}


def _portable(value: Any) -> Any:
    """Rewrite one of pydantic's schemas for editors. Each value in it may be an interpolation or null."""
    if isinstance(value, list):
        return [_portable(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {
        "exclusiveMinimum" if key == "gt" else key: item
        for key, item in value.items()
        if key != "title" and (key, item) != ("default", None)
    }
    made = {key: _portable(item) for key, item in kept.items() if key not in ("properties", "items", "pattern")}
    if "properties" in kept:
        made["properties"] = {key: _value(item) for key, item in kept["properties"].items()}
    if "items" in kept:
        made["items"] = _value(kept["items"])
    if "pattern" in kept:
        made["pattern"] = kept["pattern"]
        for ours, portable in _PORTABLE:
            made["pattern"] = made["pattern"].replace(ours, portable)
    return made


def _value(value: Mapping[str, Any], description: str = "") -> dict[str, Any]:
    made = _portable(dict(value))
    described = {"description": description} if description else {}
    default = {"default": made.pop("default")} if "default" in made else {}
    if not made:
        return {**described, **default}
    alternatives = made.pop("anyOf") if "anyOf" in made else [made]
    beside = made if made is not alternatives[0] else {}
    return {**described, **default, **beside, "anyOf": [*alternatives, _ref("interpolation"), {"type": "null"}]}


def _object(conf: type, model: type[BaseModel], written: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a mapping with the keys of a structured config. `written` has the keys that YAML writes in several ways."""
    typed: dict[str, Any] = model.model_json_schema()["properties"]
    keys = {key: text for key, text in descriptions(conf).items() if not key.startswith("_")}
    properties = {key: _value(written.get(key, typed.get(key, {})), text) for key, text in keys.items()}
    return {
        "type": "object",
        "description": conf.__doc__,
        "properties": {**properties, **_OF_HYDRA, **more},
        "additionalProperties": False,
    }


def _entries(name: str, required: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of hosts or ports, as a list or by name. By name, a layer of a tree may hold a part of an entry."""
    item = {"allOf": [_ref(name), required]}
    by_name = {"type": "object", "properties": {**_OF_HYDRA, **_LAYER}, "additionalProperties": _value(_ref(name))}
    return {"anyOf": [{"type": "array", "items": _value(item)}, by_name]}


def _pools() -> dict[str, Any]:
    """Return the schema of `pools`, as a list or by name. By name, an entry may be its number of slots."""
    keys = {key: _value(item) for key, item in NamedPoolSpec.model_json_schema()["properties"].items()}
    pool = {"type": "object", "properties": keys, "additionalProperties": False}
    return {
        "anyOf": [
            {"type": "array", "items": _value({**pool, "required": ["name", "slots"]})},
            {"type": "object", "additionalProperties": {"anyOf": [keys["slots"], pool]}},
        ]
    }


def _strategy() -> dict[str, Any]:
    confs = {cls: getattr(schema, f"{cls}Conf") for cls in CLASSES.values()}
    classes = [
        {
            "type": "object",
            "description": conf.__doc__,
            "properties": {
                "_target_": {"enum": [target for target, named in TARGETS.items() if named == cls]},
                **{
                    key: _value({"type": "number", "minimum": least}, descriptions(conf)[key])
                    for key, least in OPTIONS.get(cls, {}).items()
                },
                **_LAYER,
            },
            "required": ["_target_"],
            "additionalProperties": False,
        }
        for cls, conf in confs.items()
    ]
    own = {
        "type": "object",
        "properties": {"_target_": {"type": "string", "pattern": r"^(?!airflow_balancer\.)"}},
        "required": ["_target_"],
    }
    layer = {"type": "object", "properties": {"_target_": False}, "required": ["defaults"]}
    return {"anyOf": [{"enum": [*CLASSES, *TARGETS]}, *classes, own, layer]}


def _parts(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schemas of the models that a model's keys hold."""
    parts: dict[str, Any] = model.model_json_schema().get("$defs", {})
    return parts


def _definitions() -> dict[str, Any]:
    secret = {"anyOf": [_TEXT, _ref("variable")]}
    arguments: dict[str, Any] = {key: {} for key in (*OF_THE_HOOK, *OF_A_CONNECTION)}
    of_host = {
        "address": {"type": "string", "pattern": r"^[^\s/@\[\]]+$"},
        "password": secret,
        "ssh_hook_args": {"type": "object", "properties": arguments, "additionalProperties": False},
        "pool": {"anyOf": [{"type": "string", "minLength": 1}, _ref("PoolSpec")]},
    }
    of_port = {"host": {"anyOf": [{"type": "string", "minLength": 1}, {"type": "object", "required": ["name"]}]}, "host_name": _TEXT}
    overrides = {"type": "object", "properties": _OF_HYDRA, "additionalProperties": _value(_ref("host"))}
    nodes = {"hosts": _ref("hosts"), "ports": _ref("ports"), "pools": _pools(), "host_overrides": overrides, "strategy": _ref("strategy")}
    settings = {"default_password": secret, "pool_manager": {"type": "object"}}
    on_host = {"anyOf": [{"required": ["host"]}, {"required": ["host_name"]}]}
    return {
        "interpolation": {
            "type": "string",
            "pattern": r"\$\{|^\?\?\?$",
            "description": "an interpolation, or ??? for a value that must be given",
        },
        "variable": {**_portable(VariableSpec.model_json_schema()), "description": "an Airflow Variable that holds the secret"},
        **{name: _portable(part) for model in (HostSpec, PortSpec, Settings) for name, part in _parts(model).items()},
        "host": _object(schema.HostConf, HostSpec, of_host, {}),
        "port": _object(schema.PortConf, PortSpec, of_port, {}),
        "hosts": _entries("host", {"required": ["name"]}),
        "ports": _entries("port", {"required": ["port"], **on_host}),
        "strategy": _strategy(),
        "balancer": _object(schema.BalancerConf, Settings, {**nodes, **settings}, _LAYER),
        "tree": _tree(),
    }


def _tree() -> dict[str, Any]:
    balancer = {"balancer": _value(_ref("balancer"))}
    return {"type": "object", "properties": {**_LAYER, **balancer, "extensions": {"type": ["object", "null"], "properties": balancer}}}


def _balancer_or_tree() -> dict[str, Any]:
    """Return the schema of a file: a balancer's node if it has one of its keys, otherwise a part of a tree."""
    targets = {"properties": {"_target_": {"enum": sorted(BALANCER_TARGETS)}}, "required": ["_target_"]}
    in_tree = {"anyOf": [{"required": ["balancer"]}, {"required": ["extensions"]}]}
    keys = [{"required": [key]} for key in FLEET_KEYS]
    return {
        "type": "object",
        "if": {"allOf": [{"not": in_tree}, {"anyOf": [targets, *keys]}]},
        "then": _ref("balancer"),
        "else": _ref("tree"),
    }


PARTS = ("balancer", "hosts", "ports", "strategy")
"""What a file may hold: a balancer or a tree with one, or the part that its `# @package` line names."""


def json_schema(part: str = "balancer") -> dict[str, Any]:
    """Return the JSON Schema of one of `PARTS`."""
    root = _balancer_or_tree() if part == "balancer" else _ref(part)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "airflow-balancer" + ("" if part == "balancer" else f": {part}"),
        "allOf": [root],
        "$defs": _definitions(),
    }
