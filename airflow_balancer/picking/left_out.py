"""How many hosts each condition of a query leaves out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from typing import NamedTuple

from ..errors import listing


class LeftOut(NamedTuple):
    """The hosts that the conditions of a query leave out.

    The conditions are applied in order, and each host counts at the first that it fails. So the counts and the hosts that pass
    all conditions add up to all hosts. Where none passes, removing a condition admits exactly its hosts under `alone`.

    Attributes:
        counts: The number of hosts by condition, in order; only conditions that leave some out.
        alone: The names of the hosts that fail this condition and no other, by condition.
    """

    counts: Mapping[str, int]
    alone: Mapping[str, Sequence[str]]

    def __str__(self) -> str:
        if not self.counts:
            return "there are no hosts"
        total = sum(self.counts.values())
        counts = ", ".join(f"{count} drained" if key == "drain" else f"{count} by {key}" for key, count in self.counts.items())
        hints = [f"without {key}: {listing(names)}" for key, names in self.alone.items()]
        return "; ".join([f"{total} {'host' if total == 1 else 'hosts'} left out: {counts}", *hints])


def left_out(names: Sequence[str], admitted: Mapping[str, Set[int]]) -> LeftOut:
    """Return what each condition leaves out.

    Args:
        names: The names of all hosts.
        admitted: The places of the hosts that each condition admits, in the order in which the conditions are applied.
    """
    everything = frozenset(range(len(names)))
    left, counts, failed = everything, dict[str, int](), Counter[int]()
    for key, places in admitted.items():
        counts[key] = len(left - places)
        left &= places
        failed.update(everything - places)
    once = {place for place, count in failed.items() if count == 1}
    alone = {key: [names[place] for place in sorted(once - places)] for key, places in admitted.items()}
    return LeftOut({key: count for key, count in counts.items() if count}, {key: hosts for key, hosts in alone.items() if hosts})
