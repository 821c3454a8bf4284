"""Looks for edited configurations on a timer, in the process that parses DAG files: no listener tells it of an edit.

What is changed is applied in a process of its own: composing takes DAG folders off the path for a moment, and the process
that parses DAG files forks at any time.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Thread

from ..errors import ConfigurationError
from ..files.locate import Snapshot, take_snapshot
from . import versions
from .database import read_connection
from .metadata import read_pools
from .options import read_options
from .pools import is_ours
from .sources import watched_roots
from .sync import Sync

SECONDS = 30.0
"""The time between two looks; a look takes a few microseconds a file."""
_APPLY_SECONDS = 300.0
_UNSEEN = (
    "airflow-balancer: there is no configuration in {places}, and Airflow has no pool of one. Put it there, name it in [balancer] "
    "config_path where this process can read it, run `airflow-balancer pools FILE apply=true` elsewhere, or set [balancer] sync = false"
)
log = logging.getLogger("airflow_balancer")


def apply_apart() -> list[str]:
    """Bring pools and connections up to date in a process of its own, which logs to the same place; return the problems."""
    with NamedTemporaryFile() as told:
        subprocess.run([sys.executable, "-m", __name__, told.name], check=False, timeout=_APPLY_SECONDS)  # noqa: S603 (this module)
        problems: list[str] = json.loads(told.read() or "[]")
    return problems


class Watch:
    """What was seen at the last look.

    Args:
        known: Whether the process found a configuration when it started.
        apply: Is called where a file changed, and once where no configuration is known.
    """

    def __init__(self, apply: Callable[[], object], *, known: bool) -> None:
        self._apply = apply
        self._known = known
        self._snapshot = take_snapshot(_roots())

    def look(self) -> None:
        """Apply what changed since the last look."""
        if not self._known or self._changed():
            self._known = True
            self._apply()

    def _changed(self) -> bool:
        if self._snapshot.still_true():
            return False
        before, self._snapshot = self._snapshot, _next(self._snapshot)
        return before.files != self._snapshot.files


def _next(before: Snapshot) -> Snapshot:
    try:
        return take_snapshot(_roots())
    except ConfigurationError:
        return before


def _roots() -> tuple[Path, ...]:
    return watched_roots(read_options(versions.option), versions.dag_folders())


def watch(job: object, sync: Sync, *, seconds: float = SECONDS) -> Thread | None:
    """Look for changes from now on, in a thread that ends with the process; return it, or None where nothing is to be synced.

    Args:
        job: The job of this process. Its kind is known only once it runs; the thread ends where others look.
        sync: What synced at the start.
        seconds: The time between two looks.
    """
    if not sync.enabled:
        return None
    # This process says what is wrong, so that it says it once, whether an edit or a run showed it.
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
            except Exception:  # the process goes on, whatever happens here
                if not failed:
                    log.exception("airflow-balancer: looking for edited configurations fails; it is tried again every %g s", seconds)
                failed = True

    thread = Thread(target=run, name="airflow-balancer: watch", daemon=True)
    thread.start()
    return thread


def say_unseen() -> None:
    """Say what to do where no configuration is seen, and none was: Airflow has no pool that the balancer made."""
    with read_connection() as connection:
        if not any(map(is_ours, read_pools(connection))):
            log.warning(_UNSEEN.format(places=", ".join(map(str, _roots())) or "any DAG bundle"))


def main(told: str) -> None:
    """Sync once, as the listener does; write the problems to a file."""
    sync = Sync(tell=lambda problems: Path(told).write_text(json.dumps(problems)))
    sync.at_start()
    if sync.enabled and not sync.knows:
        say_unseen()


if __name__ == "__main__":
    main(sys.argv[1])
