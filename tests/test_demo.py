"""The demo's sentences say what really happened to the picks, not what should have."""

from __future__ import annotations

import pytest

from examples.demo.picked import Pick, Picks, draining, moves, sameness


def picks(**hosts: str) -> Picks:
    """Return picks of hosts, each with an address and a pool."""
    return {task: Pick(host, f"address of {host}", host) for task, host in hosts.items()}


BEFORE = picks(a="ws1", b="ws2", c="ws2", d="ws3")


@pytest.mark.parametrize(
    ("after", "sentence"),
    [
        (picks(a="ws1", b="ws1", c="ws3", d="ws3"), "If ws2 is drained: 2 of 4 tasks move, none of the others."),
        (picks(a="ws3", b="ws1", c="ws3", d="ws3"), "If ws2 is drained: 3 of 4 tasks move, 1 of them from other hosts."),
        (picks(a="ws1", b="ws2", c="ws3", d="ws3"), "If ws2 is drained: 1 of 4 tasks move, none of the others, 1 on it even so."),
        (picks(a="ws2", b="ws1", c="ws3", d="ws3"), "If ws2 is drained: 3 of 4 tasks move, 1 of them from other hosts, 1 on it even so."),
    ],
    ids=["its own", "another's too", "one stays", "one comes"],
)
def test_draining_is_said_as_it_happened(after: Picks, sentence: str) -> None:
    assert draining(BEFORE, after, "ws2") == sentence


def test_moves_have_the_old_and_the_new_host() -> None:
    assert moves(BEFORE, picks(a="ws1", b="ws1", c="ws2", d="ws1")) == {"b": ("ws2", "ws1"), "d": ("ws3", "ws1")}


def test_a_pick_with_another_host_or_pool_is_not_the_same() -> None:
    again = {**BEFORE, "a": Pick("ws3", "address of ws3", "ws3"), "b": BEFORE["b"]._replace(pool="warehouse")}
    assert sameness(BEFORE, BEFORE) == "4 of 4 picks are the same in a second process with another hash seed."
    assert sameness(BEFORE, again) == "2 of 4 picks are the same in a second process with another hash seed."
