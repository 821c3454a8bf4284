"""One process of a benchmark: runs jobs, prints the samples of each as a line of JSON.

Only what both packages have is imported here; a job imports what it measures.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ("Setting", "main", "timed")


@dataclass(frozen=True)
class Setting:
    """What a job gets.

    Attributes:
        hosts: The hosts of the fleet.
        ports: Its ports.
        repeats: How many samples are wanted, at the most.
        seconds: After how long a job takes no further sample.
        folder: Where the files of the fleet are, and where a job may write.
        database: The URL of an empty database; empty: SQLite.
    """

    hosts: int
    ports: int
    repeats: int
    seconds: float
    folder: Path
    database: str = ""


def timed(setting: Setting, run: Callable[[Any], object], prepare: Callable[[], Any] = lambda: None) -> list[float]:
    """Return the seconds of each `run` of what `prepare` makes; the preparation does not count.

    What was there before is kept out of Python's garbage collection, on all sides: one look at what
    Airflow made takes longer than most of what is measured, and falls into some samples only.
    """
    gc.collect()
    gc.freeze()
    return list(_timed(setting, run, prepare))


def _timed(setting: Setting, run: Callable[[Any], object], prepare: Callable[[], Any]) -> Iterator[float]:
    end = time.monotonic() + setting.seconds
    for number in range(setting.repeats):
        if number and time.monotonic() > end:
            return
        given = prepare()
        start = time.perf_counter()
        kept = run(given)
        yield time.perf_counter() - start
        del kept


def main() -> None:
    """Run the jobs that the argument names, as `module.function`, in the setting that it gives."""
    # Airflow logs to the standard output, too.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    asked = json.loads(sys.argv[1])
    setting = Setting(**{**asked["setting"], "folder": Path(asked["setting"]["folder"])})
    for name in asked["jobs"]:
        module, _, function = name.partition(".")
        try:
            result = {"samples": getattr(importlib.import_module(f"{__package__}.jobs.{module}"), function)(setting)}
        except Exception as error:  # the other jobs go on; the runner says which failed, and why
            result = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        out.write(json.dumps({"job": name, **result}) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
