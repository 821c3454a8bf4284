"""The types of what is measured: a case has a row for each of its sizes, and a row one or two measurements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Side = Literal["ours", "published", "plain"]
Unit = Literal["s", "bytes", "statements"]


class Size(NamedTuple):
    """A fleet's hosts and ports."""

    hosts: int
    ports: int

    def __str__(self) -> str:
        return f"{self.hosts:,} x {self.ports:,}"


@dataclass(frozen=True)
class Target:
    """What a row must show: `faster` is the other's median over ours, `within` ours over the other's, `at_most` ours itself."""

    kind: Literal["faster", "within", "at_most"]
    value: float


@dataclass(frozen=True)
class Case:
    """Something that is measured.

    Attributes:
        name: How it is chosen on the command line.
        title: What it is.
        ours: The job of this package.
        sizes: The fleets it is measured with.
        other: The side that it is compared with, and its job; `ours` with `other_size` compares sizes.
        unit: What a sample is.
        targets: By size, what must be shown.
        other_size: The other side's fleet, where it is another one.
        left_out: Sizes that the other side is not measured with, and why.
    """

    name: str
    title: str
    ours: str
    sizes: tuple[Size, ...]
    other: tuple[Side, str] | None = None
    unit: Unit = "s"
    targets: Mapping[Size, Target] = field(default_factory=dict)
    other_size: Size | None = None
    left_out: Mapping[Size, str] = field(default_factory=dict)


class Measurement(NamedTuple):
    """One thing that is measured, however many rows show it."""

    side: Side
    job: str
    size: Size


class Row(NamedTuple):
    """A case at one size."""

    case: Case
    size: Size

    @property
    def ours(self) -> Measurement:
        """What is measured of this package."""
        return Measurement("ours", self.case.ours, self.size)

    @property
    def other(self) -> Measurement | None:
        """What it is compared with, if anything."""
        if self.case.other is None or self.size in self.case.left_out:
            return None
        side, job = self.case.other
        return Measurement(side, job, self.case.other_size or self.size)

    @property
    def target(self) -> Target | None:
        """What it must show, if anything."""
        return self.case.targets.get(self.size)
