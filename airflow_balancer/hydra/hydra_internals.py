"""Subclasses of Hydra's config loader and OmegaConf's containers, by their private names, that enforce a reading's limits.

Hydra reads files recursively, and resolves interpolations while it composes: where layers merge over them, in
defaults lists, in its own node. No public hook runs before that, so `_Loader` replaces Hydra's loader, and leaves
any Hydra app of the process alone. OmegaConf keeps one table of resolvers per process, which Airflow and DAG files
share, so the containers of a config refuse the resolvers of other packages.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

from hydra import version
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.utils import setup_globals
from hydra.plugins.config_source import ConfigResult
from hydra.types import RunMode
from omegaconf import DictConfig, ListConfig, Node, OmegaConf, flag_override, open_dict
from omegaconf.basecontainer import BaseContainer
from omegaconf.grammar.gen.OmegaConfGrammarParser import OmegaConfGrammarParser
from omegaconf.grammar_parser import parse

from ..errors import ConfigurationError
from ..files.reading import current_reading
from ..files.yaml import read_layer
from .nodes import walk

MAX_REPEATS = 10_000
"""The most interpolations that one reading resolves again; a dozen lines can expand to billions."""
_KEPT = 1_000
"""How many parsed strings one reading keeps; parsing takes most of the time."""
MAX_LOADS = 2_000
"""The most configs that one run over the defaults lists loads."""
MAX_VALUES = 300_000
"""The most values that interpolations repeat."""
MAX_TEXT = 2**20
"""The longest string that an interpolation gives."""
_DEFAULTS_FLAG = "HYDRA_REMOVE_TOP_LEVEL_DEFAULTS"
_HARMLESS = re.compile(r"(oc|balancer)\..+|hydra|now|python_version")
_SEARCHPATH = "sets hydra.searchpath, which may load Python code; not followed here: give it as an override"


def config_loader(folders: Sequence[Path]) -> ConfigLoaderImpl:
    """Return a loader of the configs in some folders; the first one has the primary config."""
    setup_globals()
    search = create_config_search_path(f"file://{folders[0]}")
    schema = search.get_path().pop()
    for folder in folders[1:]:
        search.append("airflow-balancer", f"file://{folder}")
    search.get_path().append(schema)
    return _Loader(search)


def compose_config(loader: ConfigLoaderImpl, name: str, overrides: Sequence[str]) -> DictConfig:
    """Compose a primary config with its layers and overrides, without Hydra's own node."""
    with _latest_behaviour():
        root = loader.load_configuration(name, list(overrides), RunMode.RUN, from_shell=False)
    with open_dict(root):
        root.pop("hydra", None)
    restricted: DictConfig = _restrict(root)
    return restricted


@contextmanager
def hydra_app(folders: Sequence[Path]) -> Iterator[Hydra]:
    """Yield a Hydra app that answers `--info` and shell completion, independent of any app that runs in this process."""
    with _latest_behaviour():
        yield Hydra("airflow-balancer", config_loader(folders))


@contextmanager
def _latest_behaviour() -> Iterator[None]:
    """Compose with the defaults of the installed Hydra, and restore the `version_base` of a running app."""
    chosen = version.VersionBase.instance()
    before = chosen.version_base
    version.setbase(None)
    try:
        yield
    finally:
        chosen.version_base = before


class _Source(FileConfigSource):
    """Reads a folder's configs within the limits of `files/`, and only below the reading's roots."""

    def load_config(self, config_path: str) -> ConfigResult:
        file = Path(os.path.realpath(Path(self.path) / self._normalize_file_name(config_path)))
        current_reading().admit(file, f"the file {file.name!r}")
        data, head = read_layer(file)
        header = self._get_header_dict(head)
        return ConfigResult(config=_restrict(OmegaConf.create(data)), path=f"file://{self.path}", provider=self.provider, header=header)


class _Repository(ConfigRepository):
    def initialize_sources(self, config_search_path: Any) -> None:
        super().initialize_sources(config_search_path)
        self.sources = [
            _Source(source.provider, f"file://{source.path}") if source.scheme() == "file" else source for source in self.sources
        ]

    def load_config(self, config_path: str) -> Any:
        result = super().load_config(config_path)
        if result is not None:
            _restrict(result.config)
        return result

    def _extract_defaults_list(self, config_path: str, cfg: Any) -> Any:
        defaults = super()._extract_defaults_list(config_path, cfg)
        written = OmegaConf.to_container(defaults, resolve=False) if OmegaConf.is_config(defaults) else defaults
        for _, value in walk(written) if "${" in str(written) and current_reading().roots is not None else ():
            for resolver in _called_resolvers(value) if isinstance(value, str) else ():
                # Hydra resolves these outside our containers, where `oc.decode` and `oc.create` can call any resolver.
                if not _is_harmless(resolver) or resolver in ("oc.decode", "oc.create"):
                    raise ConfigurationError(f"{_refusal(resolver)}, in the defaults list of {config_path!r}")
        return defaults


class _Loader(ConfigLoaderImpl):
    def __init__(self, config_search_path: Any) -> None:
        super().__init__(config_search_path)
        self.repository = _Repository(config_search_path)

    def _parse_overrides_and_create_caching_repo(self, config_name: str | None, overrides: list[str]) -> Any:
        parsed, repo = super()._parse_overrides_and_create_caching_repo(config_name, overrides)
        load, loads = repo.load_config, count()

        def counted(config_path: str) -> Any:
            if next(loads) >= MAX_LOADS:
                raise ConfigurationError(f"pulls in more than {MAX_LOADS} configs by defaults lists")
            return load(config_path)

        repo.load_config = counted  # type: ignore[method-assign]
        return parsed, repo

    def _process_config_searchpath(self, config_name: str | None, parsed_overrides: Any, repo: Any) -> None:
        loaded = repo.load_config(config_name) if config_name and current_reading().roots is not None else None
        # `select` follows merge keys, anchors and interpolations, as Hydra does.
        if loaded is not None and OmegaConf.select(loaded.config, "hydra.searchpath") is not None:
            raise ConfigurationError(_SEARCHPATH)
        super()._process_config_searchpath(config_name, parsed_overrides, repo)

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
    """Return whether a resolver is OmegaConf's, Hydra's or this package's. None of these runs foreign code."""
    return _HARMLESS.fullmatch(resolver) is not None


def _refusal(resolver: str) -> str:
    return f"the resolver {resolver!r} is of another package, and not called here"


class _Effort:
    """What resolving has cost so far.

    Attributes:
        repeats: How many interpolations were resolved again.
        values: How many values all results hold.
        parsed: Parses a string as OmegaConf does.
    """

    def __init__(self) -> None:
        self.repeats = 0
        self.values = 0
        self.parsed = lru_cache(_KEPT)(parse)
        self._known: dict[int, Any] = {}
        self._sizes: dict[int, tuple[Any, int]] = {}

    def count(self, node: Any) -> None:
        """Count a node before it is resolved."""
        if id(node) in self._known:
            self.repeats += str(node._value()).count("${")
        self._known[id(node)] = node
        if self.repeats > MAX_REPEATS:
            raise ConfigurationError(f"resolves interpolations more than {MAX_REPEATS} times again")

    def spend(self, found: Any) -> None:
        """Count the result of an interpolation."""
        self.values += self._size(found)
        if self.values > MAX_VALUES:
            raise ConfigurationError(f"repeats more than {MAX_VALUES} values by interpolations")
        text = found._value() if isinstance(found, Node) else None
        if isinstance(text, str) and len(text) > MAX_TEXT:
            raise ConfigurationError(f"an interpolation gives a string of more than {MAX_TEXT} characters")

    def _size(self, node: Any) -> int:
        if not isinstance(node, DictConfig | ListConfig):
            return 1
        if id(node) not in self._sizes:
            self._sizes[id(node)] = node, 1 + sum(map(self._size, _children(node)))
        return self._sizes[id(node)][1]


_effort: ContextVar[_Effort | None] = ContextVar("airflow_balancer_effort", default=None)


@contextmanager
def bounded_effort() -> Iterator[None]:
    """Limit what is resolved in this context; nested contexts share one count."""
    token = _effort.set(_effort.get() or _Effort())
    try:
        yield
    finally:
        _effort.reset(token)


class _Restricted(BaseContainer):
    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return _restrict(super().__deepcopy__(memo))  # type: ignore[misc]

    def _maybe_resolve_interpolation(self, parent: Any, key: Any, value: Any, *args: Any, **more: Any) -> Any:
        if (effort := _effort.get()) is None or not value._is_interpolation():
            return super()._maybe_resolve_interpolation(parent, key, value, *args, **more)
        more = dict(zip(("throw_on_resolution_failure", "memo"), args, strict=False)) | more
        more["memo"] = set() if more.get("memo") is None else more["memo"]
        tree = effort.parsed(value._value())
        return self._resolve_interpolation_from_parse_tree(parent=parent, value=value, key=key, parse_tree=tree, **more)

    def _resolve_interpolation_from_parse_tree(self, parent: Any, value: Any, *args: Any, **more: Any) -> Any:
        effort = _effort.get()
        if effort is not None:
            effort.count(value)
        found = super()._resolve_interpolation_from_parse_tree(parent, value, *args, **more)
        if effort is not None:
            effort.spend(found)
        return found

    def _evaluate_custom_resolver(self, key: Any, node: Any, inter_type: str, inter_args: Any, inter_args_str: Any) -> Any:
        if not _is_harmless(inter_type) and current_reading().roots is not None:
            raise ConfigurationError(_refusal(inter_type))
        # The results of `oc.create` and `balancer.host` may hold interpolations.
        return _restrict(super()._evaluate_custom_resolver(key, node, inter_type, inter_args, inter_args_str))


class _RestrictedDict(_Restricted, DictConfig):
    pass


class _RestrictedList(_Restricted, ListConfig):
    pass


def _restrict(node: Any) -> Any:
    """Restrict all containers of a config in place, and return the config."""
    if isinstance(node, DictConfig | ListConfig):
        if not isinstance(node, _Restricted):
            object.__setattr__(node, "__class__", _RestrictedDict if isinstance(node, DictConfig) else _RestrictedList)
        for child in _children(node):
            _restrict(child)
    return node


def _children(node: BaseContainer) -> Iterable[Any]:
    """Return the nodes in a container as written; a missing one, or an interpolation, has none."""
    content = node.__dict__["_content"]
    return content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()


def _called_resolvers(value: str) -> Iterator[str]:
    """Yield the name of each resolver that a string calls, as written; a name may hold an interpolation."""
    nodes = [parse(value)] if "${" in value else []
    while nodes:
        node = nodes.pop()
        if isinstance(node, OmegaConfGrammarParser.InterpolationResolverContext):
            yield node.getChild(1).getText()
        nodes += getattr(node, "children", None) or ()
