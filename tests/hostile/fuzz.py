"""`make fuzz`: reads mutated configurations by every path, until FUZZ_INPUTS or FUZZ_SECONDS are spent; prints the figures."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing import Process, Queue
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from .mutate import mutated
from .rig import Reader, wrong

_WORKERS = max(2, (os.cpu_count() or 2) // 2)
Found = tuple[str, list[str], Counter[str], float, int]


def _fuzz(folder: str, numbers: range, seed: str, deadline: float, results: Queue[Found | None]) -> None:
    reader = Reader(Path(folder))
    for number in numbers:
        if time.time() > deadline:
            break
        name, before = f"{seed}-{number}", reader.lost
        outcomes = reader.read(mutated(Random(name)))
        kinds = Counter(f"{outcome.path}: {'refused' if outcome.text else 'read'}" for outcome in outcomes)
        results.put((name, wrong(outcomes), kinds, max(outcome.seconds for outcome in outcomes), reader.lost - before))
    reader.close()
    results.put(None)


def main() -> int:
    """Fuzz, print the figures, and return 1 where something was wrong."""
    seconds = float(os.environ.get("FUZZ_SECONDS", "inf"))
    inputs = int(os.environ.get("FUZZ_INPUTS", "2000" if seconds == float("inf") else "1000000000"))
    seed = os.environ.get("FUZZ_SEED") or str(time.time_ns())
    started = time.time()
    bad, count, lost, slowest, kinds = 0, 0, 0, 0.0, Counter[str]()
    with TemporaryDirectory(prefix="fuzz") as folder:
        os.environ["AIRFLOW_HOME"] = f"{folder}/airflow"
        for name, texts, kind, slow, gone in _results(folder, inputs, seed, started + seconds):
            count, bad, lost, slowest, kinds = count + 1, bad + bool(texts), lost + gone, max(slowest, slow), kinds + kind
            sys.stdout.writelines(f"{name}: {text!r}\n" for text in texts)
            sys.stdout.flush()
    sys.stdout.writelines(f"{kind}: {number}\n" for kind, number in sorted(kinds.items()))
    ended = f"{bad} others, {lost} processes lost, slowest {slowest:.2f} s of CPU time"
    sys.stdout.write(f"{count} inputs in {time.time() - started:.0f} s, seed {seed}: {ended}\n")
    return 1 if bad else 0


def _results(folder: str, inputs: int, seed: str, deadline: float) -> Iterator[Found]:
    results: Queue[Found | None] = Queue()
    workers = [Process(target=_fuzz, args=(folder, range(step, inputs, _WORKERS), seed, deadline, results)) for step in range(_WORKERS)]
    for worker in workers:
        worker.start()
    running = len(workers)
    while running:
        if (found := results.get()) is None:
            running -= 1
        else:
            yield found


def show(name: str) -> int:
    """Print the input of a name that `main` printed."""
    given = mutated(Random(name))
    for file, content in given.files.items():
        sys.stdout.write(f"--- {file}{' (main)' if file == given.main else ''}\n{content}\n")
    sys.stdout.write(f"--- overrides: {given.overrides!r}\n")
    return 0


if __name__ == "__main__":
    sys.exit(show(sys.argv[1]) if len(sys.argv) > 1 else main())
