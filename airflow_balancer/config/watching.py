"""Hosts, ports and lists that tell balancers of changes, and the derived values that a balancer then forgets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import ref

if TYPE_CHECKING:
    from ..fleet.fleet import Fleet
    from ..picking.choice import Assigned
    from ..picking.filters import HostIndex
    from ..ports.table import PortTable

_T = TypeVar("_T")


@dataclass
class Known:
    """Values that a balancer derived from its hosts and ports, and the tables of the free ports that it gave."""

    fleet: Fleet | None = None
    hosts: tuple[HostIndex[Any], Assigned] | None = None
    in_use: dict[str, list[int]] | None = None
    source: str | None = None
    tables: dict[tuple[str, str | None], PortTable] = field(default_factory=dict)

    def forget(self) -> None:
        """Forget all but the free ports that were given."""
        self.fleet = self.hosts = self.in_use = self.source = None


def watch(owner: Any, name: str, inner: Iterable[str], watcher: ref[Known]) -> None:
    """Let a list of the owner, each object in it, and that object's `inner` lists tell a watcher of their changes."""
    things = _watched_list(owner, name)
    _add_watcher((things, *things), watcher)
    for each in inner:
        _add_watcher([_watched_list(thing, each) for thing in things], watcher)


def _watched_list(owner: Any, name: str) -> WatchedList[Any]:
    """Return a list of an object, after replacing a plain one."""
    values: dict[str, Any] = owner.__dict__
    if not isinstance(values[name], WatchedList):
        values[name] = WatchedList(values[name])
    found: WatchedList[Any] = values[name]
    return found


def _add_watcher(things: Iterable[Any], watcher: ref[Known]) -> None:
    """Add a watcher to each object. The slot for watchers is not copied, pickled or compared."""
    first = (watcher,)  # shared: a tuple for each of thousands of objects would start garbage collections
    for thing in things:
        if not (watchers := _watchers(thing)):
            object.__setattr__(thing, "_watchers", first)
        elif all(known is not watcher for known in watchers):
            object.__setattr__(thing, "_watchers", (*(known for known in watchers if known()), watcher))


def tell(thing: Any) -> None:
    """Let the watchers of an object forget what they derived from it."""
    for watcher in _watchers(thing):
        if known := watcher():
            known.forget()


def _watchers(thing: Any) -> tuple[ref[Known], ...]:
    try:
        found: tuple[ref[Known], ...] = object.__getattribute__(thing, "_watchers")
    except AttributeError:
        return ()
    return found


class Watchable:
    """Tells watchers when an attribute is set. A subclass must have the slot `_watchers`."""

    __slots__ = ()

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        tell(self)


class WatchedList(list[_T]):
    """A list that tells watchers when it is changed in place. Copies and pickles have no watchers."""

    __slots__ = ("_watchers",)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (list(self),)


def _telling(change: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(change)
    def changed(self: WatchedList[Any], *args: Any, **options: Any) -> Any:
        try:
            return change(self, *args, **options)
        finally:
            tell(self)

    return changed


_CHANGES = "__delitem__ __iadd__ __imul__ __setitem__ append clear extend insert pop remove reverse sort"
for _name in _CHANGES.split():
    setattr(WatchedList, _name, _telling(getattr(list, _name)))
