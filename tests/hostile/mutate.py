"""Mutates the configurations of this repository: `conf/`, those of README and docs, the example's."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from .inputs import PLAIN, SHAPES, TREE
from .rig import Content, Input

REPOSITORY = Path(__file__).parents[2]
_FILE = re.compile(r"`((?!conf/)[\w/]+\.yaml)`:\n\n```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_KEYS = (
    "hosts",
    "ports",
    "name",
    "host",
    "port",
    "size",
    "queues",
    "tags",
    "os",
    "pool",
    "password",
    "address",
    "ssh_hook_args",
    "drain",
    "host_overrides",
    "strategy",
    "lock",
    "pool_manager",
    "default_size",
    "default_password",
    "balancer",
    "extensions",
    "defaults",
    "hydra",
    "_target_",
    "_convert_",
    "_recursive_",
    "_args_",
    "<<",
    "_self_",
    "",
    "sise",
    "defaults_",
    "a.b",
    "a/b",
    "a@b",
    "é",
    "1",
    "???",
)
_TEXTS = (
    "",
    "a",
    "host1",
    "host2",
    "workers",
    "???",
    "${",
    "${a}",
    "${..}",
    "${balancer.name:}",
    "${balancer.host:{queue:workers}}",
    "${balancer.free_port:{host:host1,min:9000}}",
    "${balancer.inventory:inventory/hosts.yaml}",
    "${balancer.inventory:balancer.yaml}",
    "${oc.env:HOME}",
    "${oc.decode:'[1'}",
    "${hosts}",
    "${extensions.balancer}",
    "${balancer.hosts:{queue:'*'}}",
    "${balancer.pool:x}",
    "${extensions.balancer.hosts}",
    "a\nb",
    "\x1b[31m",
    "\ud800",
    "\u2028",
    "é" * 300,
    "a" * 300,
    "../x",
    "/etc/passwd",
    "%s",
    "{0}",
    "airflow_balancer.BalancerConfiguration",
    "airflow_balancer.Host",
    "airflow_balancer.strategies.Random",
    "builtins.dict",
    "x.y",
    "bounded",
)
_SNIPPETS = (
    "[",
    "]",
    "{",
    "}",
    ":",
    "- ",
    "\t",
    "#",
    "&a ",
    "*a",
    "<<: *a\n",
    "!!int ",
    "!x ",
    "---\n",
    "...\n",
    "|\n",
    ">\n",
    "'",
    '"',
    "\\",
    "${",
    "}",
    "%",
    "@",
    "`",
    "? ",
    "\0",
    "\r",
    "\ufeff",
    "\u2028",
    "# @package _global_\n",
    "# @package a.b\n",
    "null",
    "~",
    "1e400",
    "0x1F",
    "1_0",
    "=",
    "defaults: [_self_]\n",
    "hydra: {}\n",
    "hydra: null\n",
)
_OVERRIDES = (
    "env=prod",
    "env=staging",
    "+env=dev",
    "~env",
    "hosts=listed",
    "hosts=inventory",
    "strategy=random",
    "strategy=nothing",
    "ports=none",
    "default_size=3",
    "hosts.0.size=3",
    "hosts.host1.size=3",
    "hosts.a.size=3",
    "host_overrides.host1.size=0",
    "+a.b=c",
    "++a=b",
    "~hosts",
    "extensions.balancer.default_size=6",
    "extensions.balancer.hosts.host3.size=4",
    "~extensions.balancer.hosts",
    "hosts=[]",
    "hosts={}",
    "ports=[{host:host1,port:1}]",
    "a=${hosts}",
    "hosts=${a}",
    "strategy.c=1",
    "hosts.0=null",
    "hosts=null",
    "_target_=x",
    "++hydra.a=b",
    "extensions=null",
    "extensions.balancer=[]",
    "dags/etl@x=failover",
    "default_username=${oc.env:HOME}",
    "hosts.0.name=${balancer.name:}",
)


@cache
def seeds() -> tuple[Input, ...]:
    """Return what is mutated."""
    conf: dict[str, Content] = {
        f"conf/{path.relative_to(REPOSITORY / 'conf')}": path.read_text() for path in (REPOSITORY / "conf").rglob("*.yaml")
    }
    of_config = {name.replace("conf/", "config/", 1): content for name, content in conf.items()}
    pages = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
    written = [Input({Path(name).name: text}, Path(name).name) for page in pages for name, text in _FILE.findall(page.read_text())]
    example = Input({"balancer.yaml": (REPOSITORY / "examples/dags/balancer.yaml").read_text()})
    return (*[PLAIN, TREE, example, *written] * 3, Input(conf, "conf/config.yaml"), Input(of_config, "config/config.yaml"))


def mutated(random: Random) -> Input:
    """Return a configuration with some mutations."""
    if random.random() < 0.02:
        return random.choice(list(SHAPES.values()))
    seed = random.choice(seeds())
    files, overrides = dict(seed.files), list(seed.overrides)
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 5))):
        if random.random() < 0.15:
            overrides.append(_override(random))
            continue
        name = seed.main if random.random() < 0.5 else random.choice(sorted(files))
        content = files[name]
        assert isinstance(content, str)
        files[name] = random.choice(_WAYS)(random, content)
    return Input(files, seed.main, tuple(overrides))


def _override(random: Random) -> str:
    override = random.choice(_OVERRIDES)
    if random.random() < 0.3:
        override = (
            override.partition("=")[0] + "=" + random.choice((*_TEXTS, "3", "[1,2]", "{a:b}", "9" * 5000, "null", "1e400", "'", "a,b"))
        )
    if random.random() < 0.15:
        at = random.randrange(len(override) + 1)
        override = override[:at] + random.choice(("=", ".", "~", "+", "@", "{", "'", "\\", " ", "$", "[", "é")) + override[at:]
    return override


def _value(random: Random, depth: int = 2) -> Any:
    kind = random.randrange(12 if depth else 9)
    if kind < 4:
        return random.choice(_TEXTS)
    if kind < 9:
        return random.choice((None, True, False, 0, -1, 1, 3, 8080, 65536, 2**31, 2**70, 10**4999, 1.5, float("inf"), float("nan")))
    if kind == 9:
        return [_value(random, depth - 1) for _ in range(random.randrange(3))]
    return {_key(random): _value(random, depth - 1) for _ in range(random.randrange(3))}


def _key(random: Random) -> Any:
    return random.choice(_KEYS) if random.random() < 0.9 else random.choice((1, None, True, 1.5, 2**70))


def _places(data: Any) -> list[tuple[Any, Any]]:
    """Return each container with each of its keys."""
    keys = list(data) if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
    return [place for key in keys for place in [(data, key), *_places(data[key])]]


def _change_data(change: Callable[[Random, Any, Any], None]) -> Callable[[Random, str], str]:
    def way(random: Random, text: str) -> str:
        try:
            data = yaml.safe_load(text)
            places = _places(data)
        except (yaml.YAMLError, ValueError, TypeError, RecursionError, AttributeError):
            return _insert(random, text)
        if not places:
            return _insert(random, text)
        change(random, *random.choice(places))
        head = text[: text.index("\n") + 1] if text.startswith("# @package") else ""
        try:
            return head + yaml.safe_dump(data, sort_keys=False, allow_unicode=False)
        except (yaml.YAMLError, ValueError, TypeError):
            return _insert(random, text)

    return way


def _replace(random: Random, parent: Any, key: Any) -> None:
    parent[key] = _value(random)


def _vary(random: Random, parent: Any, key: Any) -> None:
    """Replace a value by another of its kind, which is often right."""
    value = parent[key]
    if isinstance(value, bool | str):
        parent[key] = random.choice(
            (True, False) if isinstance(value, bool) else (f"{value}x", value.upper(), "host1", "workers", "*", "a b")
        )
    elif isinstance(value, int | float):
        parent[key] = random.choice((1, 2, 9, value + 1, value - 1))
    elif isinstance(value, list):
        random.shuffle(value)
    elif isinstance(value, dict):
        parent[key] = dict(reversed(value.items()))


def _remove(random: Random, parent: Any, key: Any) -> None:
    del parent[key]


def _add(random: Random, parent: Any, key: Any) -> None:
    if isinstance(parent, list):
        parent.insert(key, _value(random))
    else:
        parent[_key(random)] = _value(random)


def _rename(random: Random, parent: Any, key: Any) -> None:
    if isinstance(parent, dict):
        parent[_key(random)] = parent.pop(key)


def _repeat(random: Random, parent: Any, key: Any) -> None:
    if isinstance(parent, list):
        parent *= 2
    else:
        parent[_key(random)] = parent[key]


def _wrap(random: Random, parent: Any, key: Any) -> None:
    parent[key] = random.choice(([parent[key]], {_key(random): parent[key]}))


def _insert(random: Random, text: str) -> str:
    at = random.randrange(len(text) + 1)
    return text[:at] + random.choice(_SNIPPETS) + text[at:]


def _cut(random: Random, text: str) -> str:
    at = random.randrange(len(text) + 1)
    return text[:at] + text[at + random.randrange(1, 12) :]


def _lines(random: Random, text: str) -> str:
    lines = text.splitlines(keepends=True) or [""]
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    if random.random() < 0.5:
        lines[one], lines[other] = lines[other], lines[one]
    else:
        lines.insert(one, lines[other])
    return "".join(lines)


def _indent(random: Random, text: str) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at = random.randrange(len(lines))
    lines[at] = " " * random.randrange(1, 4) + lines[at] if random.random() < 0.5 else lines[at].lstrip()
    return "".join(lines)


_OF_DATA = (_replace, _replace, _vary, _vary, _vary, _remove, _add, _add, _rename, _repeat, _wrap)
_WAYS = (*map(_change_data, _OF_DATA * 2), _insert, _insert, _cut, _lines, _indent)
