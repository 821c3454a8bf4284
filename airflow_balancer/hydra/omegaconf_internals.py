"""OmegaConf's private names: where a node is in its config, and containers that call few resolvers.

OmegaConf gives a resolver its node without a public way to the node's parents and keys, and looks up
resolvers in one table of the process, which is Airflow's and DAG files' too. So a configuration that is
read as data gets containers of its own that refuse the resolvers of others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, ListConfig
from omegaconf.basecontainer import BaseContainer
from omegaconf.grammar.gen.OmegaConfGrammarParser import OmegaConfGrammarParser
from omegaconf.grammar_parser import parse

from ..errors import ConfigurationError
from .origins import dotted

_HARMLESS = re.compile(r"(oc|balancer)\..+|hydra|now|python_version")


def place_of(node: Any) -> str:
    """Return the path of a node in its config, as OmegaConf writes it."""
    keys: list[str | int] = []
    while (parent := node._get_parent()) is not None:
        keys.append(node._key())
        node = parent
    return dotted(tuple(reversed(keys)))


def requester_of(node: Any) -> str:
    """Return the key of a request without one: the path of the nearest enclosing node with a `_target_`, else of the parent mapping.

    The root does not count as enclosing, or everything in it would be one requester.
    """
    mapping, parent = None, node._get_parent()
    while parent is not None and parent._get_parent() is not None:
        if isinstance(parent, DictConfig):
            mapping = mapping or parent
            if "_target_" in parent:
                return place_of(parent)
        parent = parent._get_parent()
    return "" if mapping is None else place_of(mapping)


def written_at(node: Any) -> str:
    """Return the value of a node as written, interpolations unresolved."""
    return str(node._value())


def is_harmless(resolver: str) -> bool:
    """Return whether a resolver is OmegaConf's, Hydra's or this package's: it runs nothing of others."""
    return _HARMLESS.fullmatch(resolver) is not None


class _Restricted(BaseContainer):
    def _evaluate_custom_resolver(self, key: Any, node: Any, inter_type: str, inter_args: Any, inter_args_str: Any) -> Any:
        if not is_harmless(inter_type):
            raise ConfigurationError(f"the viewer does not call the resolver {inter_type!r}")
        # What `oc.create` and `balancer.host` return may hold interpolations, too.
        return restrict(super()._evaluate_custom_resolver(key, node, inter_type, inter_args, inter_args_str))


class _RestrictedDict(_Restricted, DictConfig):
    pass


class _RestrictedList(_Restricted, ListConfig):
    pass


def restrict(node: Any) -> Any:
    """Make all containers of a config refuse other packages' resolvers, and return the config."""
    if isinstance(node, DictConfig | ListConfig):
        if not isinstance(node, _Restricted):
            object.__setattr__(node, "__class__", _RestrictedDict if isinstance(node, DictConfig) else _RestrictedList)
        content = node.__dict__["_content"]
        for child in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
            restrict(child)
    return node


def called_resolvers(value: str) -> Iterator[str]:
    """Yield the name of each resolver that a string calls, as written: it may hold an interpolation itself."""
    nodes = [parse(value)] if "${" in value else []
    while nodes:
        node = nodes.pop()
        if isinstance(node, OmegaConfGrammarParser.InterpolationResolverContext):
            yield node.getChild(1).getText()
        nodes += getattr(node, "children", None) or ()
