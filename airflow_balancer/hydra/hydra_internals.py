"""Hydra's private names: a config loader that composes a configuration as data.

Hydra resolves interpolations while it composes: where layers merge over them, in defaults lists, in its own
node. There is no public hook before that, so one Hydra instance gets this loader in place of its own.
"""

from __future__ import annotations

from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf, flag_override

from ..errors import ConfigurationError
from .omegaconf_internals import called_resolvers, is_harmless, restrict
from .origins import walk

_DEFAULTS_FLAG = "HYDRA_REMOVE_TOP_LEVEL_DEFAULTS"


def compose_as_data() -> None:
    """Let the Hydra instance that has just been initialized call no resolver of another package while it composes."""
    hydra = GlobalHydra.instance().hydra
    assert hydra is not None
    hydra.config_loader = _DataLoader(hydra.config_loader.get_search_path())


class _DataRepository(ConfigRepository):
    def load_config(self, config_path: str) -> Any:
        result = super().load_config(config_path)
        if result is not None:
            restrict(result.config)
        return result

    def _extract_defaults_list(self, config_path: str, cfg: Any) -> Any:
        defaults = super()._extract_defaults_list(config_path, cfg)
        for _, value in walk(OmegaConf.to_container(defaults, resolve=False) if OmegaConf.is_config(defaults) else defaults):
            for resolver in called_resolvers(value) if isinstance(value, str) else ():
                # Hydra resolves these in a config of its own. `oc.decode` and `oc.create` would resolve what they are given.
                if not is_harmless(resolver) or resolver in ("oc.decode", "oc.create"):
                    raise ConfigurationError(f"the viewer does not call the resolver {resolver!r}, in the defaults list of {config_path!r}")
        return defaults


class _DataLoader(ConfigLoaderImpl):
    def __init__(self, config_search_path: Any) -> None:
        super().__init__(config_search_path)
        self.repository = _DataRepository(config_search_path)

    def _compose_config_from_defaults_list(self, defaults: Any, repo: Any) -> DictConfig:
        root = restrict(OmegaConf.create())
        with flag_override(root, "no_deepcopy_set_nodes", values=True):
            for default in defaults:
                root.merge_with(restrict(self._load_single_config(default=default, repo=repo).config))
                restrict(root)
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
