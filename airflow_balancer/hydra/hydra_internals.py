"""Private names of Hydra and OmegaConf: a config loader, and containers, that call no resolver of another package.

Hydra resolves interpolations while it composes: where layers merge over them, in defaults lists, in its own
node. There is no public hook before that, so one Hydra instance gets this loader in place of its own.
OmegaConf looks up resolvers in one table of the process, which is Airflow's and DAG files' too, so a
configuration that is composed as data gets containers of its own that refuse the resolvers of others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, ListConfig, OmegaConf, flag_override
from omegaconf.basecontainer import BaseContainer
from omegaconf.grammar.gen.OmegaConfGrammarParser import OmegaConfGrammarParser
from omegaconf.grammar_parser import parse

from ..errors import ConfigurationError
from .nodes import walk

_DEFAULTS_FLAG = "HYDRA_REMOVE_TOP_LEVEL_DEFAULTS"
_HARMLESS = re.compile(r"(oc|balancer)\..+|hydra|now|python_version")


def compose_as_data() -> None:
    """Let the Hydra instance that has just been initialized call no resolver of another package while it composes."""
    hydra = GlobalHydra.instance().hydra
    assert hydra is not None
    hydra.config_loader = _DataLoader(hydra.config_loader.get_search_path())


class _DataRepository(ConfigRepository):
    def load_config(self, config_path: str) -> Any:
        result = super().load_config(config_path)
        if result is not None:
            _restrict(result.config)
        return result

    def _extract_defaults_list(self, config_path: str, cfg: Any) -> Any:
        defaults = super()._extract_defaults_list(config_path, cfg)
        written = OmegaConf.to_container(defaults, resolve=False) if OmegaConf.is_config(defaults) else defaults
        for _, value in walk(written) if "${" in str(written) else ():
            for resolver in _called_resolvers(value) if isinstance(value, str) else ():
                # Hydra resolves these in a config of its own. `oc.decode` and `oc.create` would resolve what they are given.
                if not _is_harmless(resolver) or resolver in ("oc.decode", "oc.create"):
                    raise ConfigurationError(f"the viewer does not call the resolver {resolver!r}, in the defaults list of {config_path!r}")
        return defaults


class _DataLoader(ConfigLoaderImpl):
    def __init__(self, config_search_path: Any) -> None:
        super().__init__(config_search_path)
        self.repository = _DataRepository(config_search_path)

    def _compose_config_from_defaults_list(self, defaults: Any, repo: Any) -> DictConfig:
        root = _restrict(OmegaConf.create())
        with flag_override(root, "no_deepcopy_set_nodes", values=True):
            for default in defaults:
                root.merge_with(_restrict(self._load_single_config(default=default, repo=repo).config))
                _restrict(root)
        _strip_defaults(root)
        assert isinstance(root, DictConfig)
        return root


def _strip_defaults(node: Any) -> None:
    if not isinstance(node, DictConfig) or node._is_missing() or node._is_none() or node._is_interpolation():
        return
    if node._get_flag(_DEFAULTS_FLAG):
        with flag_override(node, ["readonly", "struct"], values=False):
            node._set_flag(_DEFAULTS_FLAG, None)
            node.pop("defaults", None)
    for _, value in node.items_ex(resolve=False):
        _strip_defaults(value)


def _is_harmless(resolver: str) -> bool:
    """Return whether a resolver is OmegaConf's, Hydra's or this package's, which run nothing of others."""
    return _HARMLESS.fullmatch(resolver) is not None


class _Restricted(BaseContainer):
    def _evaluate_custom_resolver(self, key: Any, node: Any, inter_type: str, inter_args: Any, inter_args_str: Any) -> Any:
        if not _is_harmless(inter_type):
            raise ConfigurationError(f"the viewer does not call the resolver {inter_type!r}")
        # What `oc.create` and `balancer.host` return may hold interpolations, too.
        return _restrict(super()._evaluate_custom_resolver(key, node, inter_type, inter_args, inter_args_str))


class _RestrictedDict(_Restricted, DictConfig):
    pass


class _RestrictedList(_Restricted, ListConfig):
    pass


def _restrict(node: Any) -> Any:
    """Make all containers of a config refuse other packages' resolvers, and return the config."""
    if isinstance(node, DictConfig | ListConfig):
        if not isinstance(node, _Restricted):
            object.__setattr__(node, "__class__", _RestrictedDict if isinstance(node, DictConfig) else _RestrictedList)
        content = node.__dict__["_content"]
        for child in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
            _restrict(child)
    return node


def _called_resolvers(value: str) -> Iterator[str]:
    """Yield the name of each resolver that a string calls, as written: it may hold an interpolation itself."""
    nodes = [parse(value)] if "${" in value else []
    while nodes:
        node = nodes.pop()
        if isinstance(node, OmegaConfGrammarParser.InterpolationResolverContext):
            yield node.getChild(1).getText()
        nodes += getattr(node, "children", None) or ()
