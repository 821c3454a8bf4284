"""The errors of airflow-balancer.

BalancerError
├── ConfigurationError (ValueError)    the configuration is wrong or cannot be read
├── NoMatch (RuntimeError)             no host or port matches the query
├── NoFreePort (RuntimeError)          every port of the range is taken on the host
├── HostUnreachable (ConnectionError)  a host refuses the connection or does not answer
├── NoSlot (RuntimeError)              a host has no free slot for a command, or cannot hold slots
└── UnavailableError                   Airflow's live data cannot be read, or takes too long
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import islice


def printable(text: str) -> str:
    """Return text on one line, with unprintable characters escaped."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


@dataclass(frozen=True)
class Problem:
    """One problem in a configuration.

    Attributes:
        message: What is wrong and what would be right; never a secret.
        subject: The host or port, such as `host 'host1'`; empty for the balancer itself.
        path: The path of the value below the balancer's node, such as `("hosts", 0, "size")`.
        origin: The file or override that the value comes from; empty when unknown.
    """

    message: str
    subject: str = ""
    path: tuple[str | int, ...] = ()
    origin: str = ""

    def __str__(self) -> str:
        return printable(": ".join(part for part in (self.origin, self.subject, self.message) if part))


class BalancerError(Exception):
    """Base class of this package's errors."""


class ConfigurationError(BalancerError, ValueError):
    """The configuration is wrong or cannot be read. The message has one line for each problem."""

    def __init__(self, problems: str | Iterable[Problem]) -> None:
        self.problems = (Problem(problems),) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    @property
    def strings(self) -> list[str]:
        """All strings of the problems, including those of their paths."""
        return [str(part) for p in self.problems for part in (p.message, p.subject, *p.path, p.origin)]

    def rewritten(self, rewrite: Callable[[str], str]) -> ConfigurationError:
        """Return the same error with all strings of each problem rewritten."""
        return ConfigurationError(
            Problem(
                rewrite(p.message), rewrite(p.subject), tuple(rewrite(k) if isinstance(k, str) else k for k in p.path), rewrite(p.origin)
            )
            for p in self.problems
        )

    def with_origin(self, origin_of: dict[Problem, str]) -> ConfigurationError:
        """Return the same error with the file or override of each problem."""
        return ConfigurationError(replace(p, origin=origin_of.get(p, p.origin)) for p in self.problems)


class NoMatch(BalancerError, RuntimeError):
    """No host or port matches the query. The message has the query and the names that exist.

    >>> from airflow_balancer import BalancerConfiguration
    >>> try:
    ...     BalancerConfiguration(hosts={"host1": {"queues": ["workers"]}}).select_host(queue="batch")
    ... except NoMatch as error:
    ...     error.left_out
    {'queue': 1}

    Attributes:
        left_out: How many hosts each condition of the query leaves out, in the order of the conditions. A host counts at the
            first condition that it fails, so the counts add up to all hosts. Empty unless hosts were filtered.
    """

    def __init__(self, message: str = "", left_out: Mapping[str, int] | None = None) -> None:
        super().__init__(message)
        self.left_out = dict(left_out or {})


class NoFreePort(BalancerError, RuntimeError):
    """Every port of the range is taken on the host."""


class HostUnreachable(BalancerError, ConnectionError):
    """A host refuses the connection or does not answer. The message names it and the next one."""


class NoSlot(BalancerError, RuntimeError):
    """A host has no free slot for a command, or cannot hold slots. The message names the holders or the remedy."""


class UnavailableError(BalancerError):
    """Airflow's live data cannot be read, or takes too long. The message says why."""


_SHOWN = 12
_COMPARED, _LONGEST, _FURTHEST = 500, 100, 30


def listing(names: Iterable[str]) -> str:
    """Return sorted `names` in one string, cut after a dozen; `none` for an empty list."""
    ordered = sorted(set(names))
    more = f" and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else ""
    return ", ".join(ordered[:_SHOWN]) + more or "none"


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the nearest of the `known` names, or an empty string."""
    # A comparison costs the product of the lengths, so long names and the rest of a long list are not compared.
    candidates = list(islice((other for other in known if abs(len(other) - len(name)) <= _FURTHEST), _COMPARED))
    nearest = get_close_matches(name, candidates) if len(name) <= _LONGEST else []
    return f"; did you mean {nearest[0]!r}?" if nearest else ""
