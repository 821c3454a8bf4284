"""A plan: what Airflow has, compared with what the configurations want, as plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

__all__ = ("Plan", "Update")

T = TypeVar("T")


class Update(NamedTuple, Generic[T]):
    """One change: `before` is what Airflow has, `after` what it will have."""

    before: T
    after: T


@dataclass(frozen=True)
class Plan(Generic[T]):
    """Each item in exactly one of four groups, sorted by name.

    Attributes:
        create: Wanted, and not in Airflow.
        update: In Airflow, and other than wanted.
        unchanged: As wanted, or left as it is; `notes` says why it is left.
        orphaned: Made by the balancer and no longer wanted; only pruning deletes it.
        notes: By name, why an item is not changed to what the configuration says.
    """

    create: tuple[T, ...] = ()
    update: tuple[Update[T], ...] = ()
    unchanged: tuple[T, ...] = ()
    orphaned: tuple[T, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)

    def differs(self, *, prune: bool = False) -> bool:
        """Return whether applying the plan writes anything."""
        return bool(self.create or self.update or (prune and self.orphaned))

    def summary(self) -> str:
        """Return the number of items in each group as text."""
        groups = {"created": self.create, "updated": self.update, "unchanged": self.unchanged, "orphaned": self.orphaned}
        return ", ".join(f"{len(items)} {name}" for name, items in groups.items())

    def changes(self, shown: Callable[[T], dict[str, Any]]) -> list[dict[str, Any]]:
        """Return each item as plain data, sorted by name: `name`, `action`, `before`, `after` and `note`.

        Args:
            shown: Turns an item into plain data with its `name`, without secrets.
        """
        return sorted((_change(action, before, after, shown, self.notes) for action, before, after in self._pairs()), key=_name)

    def _pairs(self) -> Iterator[tuple[str, T | None, T | None]]:
        yield from (("create", None, item) for item in self.create)
        yield from (("update", change.before, change.after) for change in self.update)
        yield from (("unchanged", item, item) for item in self.unchanged)
        yield from (("orphaned", item, None) for item in self.orphaned)


def _name(change: Mapping[str, Any]) -> str:
    return str(change["name"])


def _change(
    action: str, before: T | None, after: T | None, shown: Callable[[T], dict[str, Any]], notes: Mapping[str, str]
) -> dict[str, Any]:
    old, new = (None if item is None else shown(item) for item in (before, after))
    name = ({**(old or {}), **(new or {})})["name"]
    return {"name": name, "action": action, "before": old, "after": new, "note": notes.get(name, "")}
