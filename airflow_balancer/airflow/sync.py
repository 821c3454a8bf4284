"""Keeps Airflow's pools and connections in step with the configurations, and reports each problem once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import BalancerError, ConfigurationError, Problem
from ..files.locate import Snapshot, take_snapshot
from ..fleet.fleet import Fleet
from ..fleet.masking import mask_text
from . import metadata, versions
from .composing import Composer, Load, load_sources
from .connections import Plans
from .database import apply_fleets, apply_patiently
from .options import SectionOptions, read_options
from .sources import read_sources, watched_roots

Tell = Callable[[Sequence[str]], object]
log = logging.getLogger("airflow_balancer")
_RETRY_SECONDS = 5.0
"""The pause before retrying what the database refused."""


def log_problems(texts: Sequence[str]) -> None:
    """Log problems, and what they mean for the pools."""
    for text in texts:
        log.error("airflow-balancer: %s", text)
    if texts:
        log.error("airflow-balancer: the pools of these configurations stay as they are; `airflow-balancer pools` shows the difference")


class Sync:
    """One process's view of the configurations; unchanged files cost one `stat` each.

    Args:
        load: Composes a configuration; default: in a child process.
        tell: Receives the problems that were not reported before.
    """

    def __init__(self, load: Load | None = None, tell: Tell = log_problems) -> None:
        self._load = load
        self._tell = tell
        self._options: SectionOptions | None = None
        self._snapshot: Snapshot | None = None
        self._fleets: dict[str, Fleet] = {}
        self._due = False
        self._not_before = 0.0
        self._said: set[str] = set()

    @property
    def enabled(self) -> bool:
        """Whether section `[balancer]` was read, and allows this process to sync."""
        return self._options is not None and self._options.sync

    @property
    def knows(self) -> bool:
        """Whether a configuration was found, or a problem with one was reported."""
        return bool(self._fleets or self._said)

    def at_start(self) -> None:
        """Create and update pools and connections in separate transactions; never raise."""
        self._guarded(lambda: apply_patiently(self._fleets))

    def at_run(self, dag_run: object) -> None:
        """Do the same in the transaction of a DAG run's session, without waiting for locks; never raise."""
        self._guarded(lambda: apply_fleets(versions.session_connection(dag_run), self._fleets))

    def _guarded(self, apply: Callable[[], Plans]) -> None:
        problems: list[Problem] = []
        try:
            problems += self._look()
            if self._due and time.monotonic() >= self._not_before:
                self._not_before = time.monotonic() + _RETRY_SECONDS
                plans = apply()
                self._report(plans)
                problems += plans.pools.problems
                self._due, self._not_before = False, 0.0
        except ConfigurationError as error:
            problems += error.problems
        except Exception as error:  # the scheduler must go on
            problems.append(Problem(_refusal(error)))
        self._complain(problems)

    def _look(self) -> list[Problem]:
        """Compose the configurations again if a file changed, and return their problems."""
        if self._options is None:
            self._options = read_options(versions.option)
        if not self._options.sync or (self._snapshot and self._snapshot.still_true()):
            return []
        folders = versions.dag_folders()
        before, self._snapshot = self._snapshot, take_snapshot(watched_roots(self._options, folders))
        if before and before.files == self._snapshot.files:
            return []
        self._fleets, self._not_before = {}, 0.0
        self._fleets, problems = _compose(self._options, folders, self._snapshot, self._load)
        self._due = bool(self._fleets)
        # A problem that was fixed and comes back is logged again.
        self._said.intersection_update(map(str, problems))
        return problems

    def _complain(self, problems: Sequence[Problem]) -> None:
        secrets = {secret for fleet in self._fleets.values() for secret in fleet.secrets} if problems else ()
        self.say([mask_text(str(problem), secrets) for problem in problems])

    def say(self, problems: Sequence[str]) -> None:
        """Report the problems that were not reported before."""
        new = [text for text in problems if text not in self._said]
        self._said.update(new)
        self._tell(new)

    @staticmethod
    def _report(plans: Plans) -> None:
        for noun, plan in (("pools", plans.pools), ("connections", plans.connections)):
            if plan.differs():
                log.info("airflow-balancer: %s: %s", noun, plan.summary())
        for text in plans.pools.warnings:
            log.warning("airflow-balancer: %s", text)


def find_fleets(load: Load | None = None) -> tuple[dict[str, Fleet], list[Problem]]:
    """Compose the configurations that this Airflow would sync: those named in section `[balancer]`, else those found.

    Raises:
        ConfigurationError: Section `[balancer]` is invalid.
    """
    options, folders = read_options(versions.option), versions.dag_folders()
    return _compose(options, folders, take_snapshot(watched_roots(options, folders)), load)


def _compose(
    options: SectionOptions, folders: Sequence[Path], snapshot: Snapshot, load: Load | None
) -> tuple[dict[str, Fleet], list[Problem]]:
    sources, problems = read_sources(options, folders, snapshot)
    with Composer(snapshot.roots, folders, named=bool(options.config_path)) as composer:
        fleets, wrong = load_sources(sources, load or composer.load)
    return fleets, [*problems, *wrong]


def _refusal(error: Exception) -> str:
    original = getattr(error, "orig", None)
    if original is not None:
        return f"{metadata.refusal(original)}; once that is mended, a run that starts tries again"
    if isinstance(error, BalancerError):
        return str(error)
    return f"failed with {type(error).__name__}: {error}; set [balancer] sync = false to go without"
