"""Places requests on hosts when many already have one, and moves as few of these as possible."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from .rendezvous import Bounded, C, Candidates, Request, make_room, score


def place(
    strategy: Bounded, requests: Mapping[Request, Sequence[C]], kept: Mapping[Request, str], fixed: Collection[Request] = ()
) -> dict[Request, str]:
    """Return the name of a host for each request. No host is over its cap, and as few requests as possible move.

    A host stays over its cap only if the `fixed` requests leave no room.

    Args:
        strategy: Gives the cap of each host, and places the requests without a host.
        requests: The candidates of each request.
        kept: The host of each request that has one, which is one of its candidates.
        fixed: The requests among these that must not move.
    """
    ready = {request: Candidates.of(candidates) for request, candidates in requests.items()}
    hosts = {**kept, **{request: host.name for request, host in strategy.assign(ready, kept).items()}}
    room = strategy.caps(ready)
    held: dict[str, list[Request]] = {name: [] for name in room}
    for request, name in hosts.items():
        if request in fixed:
            room[name] -= 1
        else:
            held[name].append(request)

    def order(name: str, request: Request) -> tuple[Any, ...]:
        # A new request moves before one that has a host, and of several the one that scores lowest there.
        return request in kept, score(request[0], ready[request].by_name[name]), request

    for name in sorted(room):
        while len(held[name]) > room[name] and make_room([name], ready, room, held, order):
            pass
    return {**hosts, **{request: name for name, of_host in held.items() for request in of_host}}
