"""Checks for edited configurations on a timer, in the process that parses DAG files: no listener reports edits.

A child process applies the changes: composing briefly takes the DAG folders off the Python path, and the process that
parses DAG files may fork at any time.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Thread

from ..errors import ConfigurationError
from ..files.locate import take_snapshot
from . import versions
from .database import read_connection
from .metadata import read_pools
from .options import read_options
from .pools import is_ours
from .sources import watched_roots
from .sync import Sync

SECONDS = 15.0
"""The time between two checks; a check takes a few microseconds a file."""
_APPLY_SECONDS = 300.0
_UNSEEN = (
    "airflow-balancer: there is no configuration in {places}, and Airflow has no pool of one. Put it there, name it in [balancer] "
    "config_path where this process can read it, run `airflow-balancer pools FILE apply=true` elsewhere, or set [balancer] sync = false"
)
log = logging.getLogger("airflow_balancer")


def apply_apart() -> list[str]:
    """Update pools and connections in a child process, which logs to the same place; return the problems."""
    with NamedTemporaryFile() as told:
        subprocess.run([sys.executable, "-m", __name__, told.name], check=False, timeout=_APPLY_SECONDS)  # noqa: S603 (this module)
        problems: list[str] = json.loads(told.read() or "[]")
    return problems


class Watch:
    """Applies the configurations when their files change.

    Args:
        apply: Called if a file changed, and once if no configuration is known.
        known: Whether the process found a configuration when it started.
    """

    def __init__(self, apply: Callable[[], object], *, known: bool) -> None:
        self._apply = apply
        self._known = known
        self._snapshot = take_snapshot(_roots())

    def look(self) -> None:
        """Apply the configurations if a file changed since the last check."""
        if not self._known or self._changed():
            self._known = True
            self._apply()

    def _changed(self) -> bool:
        if self._snapshot.still_true():
            return False
        before = self._snapshot
        with suppress(ConfigurationError):
            self._snapshot = take_snapshot(_roots())
        return before.files != self._snapshot.files


def _roots() -> tuple[Path, ...]:
    return watched_roots(read_options(versions.option), versions.dag_folders())


def watch(job: object, sync: Sync, *, seconds: float = SECONDS) -> Thread | None:
    """Start a daemon thread that checks for changes, and return it; None if this process does not sync.

    Args:
        job: This process's job. Its kind is known only once it runs; the thread ends unless the job parses DAG files.
        sync: The Sync of the process's start.
        seconds: The time between two checks.
    """
    if not sync.enabled:
        return None
    # This process reports the problems, so that it reports each once, whether an edit or a run revealed it.
    watch = Watch(lambda: sync.say(apply_apart()), known=sync.knows)

    def run() -> None:
        failed = False
        while True:
            time.sleep(seconds)
            if not versions.parses_dags(job):
                return
            try:
                watch.look()
                failed = False
            except Exception:  # the process must go on
                if not failed:
                    log.exception("airflow-balancer: cannot check for edited configurations; trying again every %g s", seconds)
                failed = True

    thread = Thread(target=run, name="airflow-balancer: watch", daemon=True)
    thread.start()
    return thread


def say_unseen() -> None:
    """Log what to do if there is no configuration, and Airflow has no pool that the balancer made."""
    with read_connection() as connection:
        if not any(map(is_ours, read_pools(connection))):
            log.warning(_UNSEEN.format(places=", ".join(map(str, _roots())) or "any DAG bundle"))


def main(told: str) -> None:
    """Sync once, as the listener does, and write the problems to a file."""
    sync = Sync(tell=lambda problems: Path(told).write_text(json.dumps(problems)))
    sync.at_start()
    if sync.enabled and not sync.knows:
        say_unseen()


if __name__ == "__main__":
    main(sys.argv[1])
