"""Mutate the package's core, and list the mutants that no test notices.

`make mutate` draws 300 mutants by a seed. A mutant is one change of the source: a swapped comparison or boolean, a dropped
`not` or decorator, a number off by one, a changed default, a removed statement. Each is judged by the fast tests that execute
its line, then by others, the nearest first, for some seconds. `tools/equivalent_mutants.txt` lists the mutants that change
nothing that a caller can see, each with the reason.
"""

from __future__ import annotations

import argparse
import compileall
import gc
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from itertools import accumulate
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import NamedTuple

import pytest
from coverage import Coverage

from tools.mutants import REPOSITORY, Mutant, core_files, find_mutants

EQUIVALENT = Path(__file__).with_name("equivalent_mutants.txt")
TESTS = (
    "files", "fleet", "picking", "ports", "lock", "hydra", "ssh", "config", "cli", "airflow", "hostile",
    "test_caching.py", "test_errors.py", "test_one_answer.py", "test_package.py", "test_seed.py",
)  # fmt: skip
LIBRARIES = ("hypothesis", "airflow_pydantic", "hydra", "sqlalchemy", "rich.table", "asyncssh")
PATIENCE, MEMORY = 30, 8 << 30
"""The seconds of CPU time, or a tenth of those on the clock, after which a test hangs; the bytes that the tests of a mutant may take."""


def equivalent_mutants() -> dict[tuple[str, ...], str]:
    """Return the reason of each listed mutant: a block has its file, the line before, the line after, and the reason."""
    blocks = [block.splitlines() for block in EQUIVALENT.read_text().split("\n\n") if block.strip()]
    return {tuple(block[:3]): " ".join(block[3:]) for block in blocks}


class _Measure:
    """A plugin of pytest that writes the tests that execute each line, and the CPU seconds of each test, as JSON."""

    def __init__(self) -> None:
        self.coverage = Coverage(data_file=None, source=["airflow_balancer"], config_file=False)
        self.seconds: dict[str, float] = defaultdict(float)
        self.coverage.start()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.coverage.switch_context(nodeid)
        self.seconds[nodeid] -= sum(os.times()[:4])

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.seconds[nodeid] += sum(os.times()[:4])

    def pytest_sessionfinish(self) -> None:
        self.coverage.stop()
        data = self.coverage.get_data()
        lines = {Path(file).relative_to(Path.cwd()).as_posix(): data.contexts_by_lineno(file) for file in data.measured_files()}
        Path(os.environ["MUTATE_MEASURE"]).write_text(json.dumps([lines, self.seconds]))


def pytest_configure(config: object) -> None:
    """Measure where pytest loads this module as a plugin."""
    config.pluginmanager.register(_Measure())  # type: ignore[attr-defined]


class Tests(NamedTuple):
    """The fast tests: those that execute each line of each file, and how long each takes."""

    lines: dict[str, dict[str, list[str]]]
    seconds: dict[str, float]

    @classmethod
    def measure(cls, folder: Path) -> Tests:
        """Run the tests once, without a mutant.

        Raises:
            SystemExit: A test fails.
        """
        to = folder.parent / "measured.json"
        command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", "-p", "tools.mutate", *(f"tests/{name}" for name in TESTS)]
        if subprocess.run(command, cwd=folder, env=_environment(folder) | {"MUTATE_MEASURE": str(to)}, check=False).returncode:
            raise SystemExit("a test fails without any mutant")
        return cls(*json.loads(to.read_text()))

    def of(self, mutant: Mutant, budget: float) -> list[str]:
        """Return the tests of a mutant that take `budget` seconds of CPU time, those that most likely notice it first.

        Tests that execute its line come first, of those the tests of its module and of its room, then those of its file. Each
        test function has one case before any has two.
        """
        lines, (folder, name) = self.lines.get(mutant.path, {}), mutant.path.split("/")[-2:]
        # Default values, decorators and class attributes are executed at import: there the line below has the tests.
        number = min((int(line) for line, tests in lines.items() if int(line) >= mutant.number and any(tests)), default=0)
        on_line, in_file = set(lines.get(str(number), ())), set().union(*lines.values())
        near = {
            test: (test not in on_line, f"/test_{name}:" not in test, f"tests/{folder}/" not in test, test not in in_file)
            for test in self.seconds
        }
        cases, order = Counter[str](), list[tuple[tuple[bool, ...], int, float, str]]()
        for test in sorted(self.seconds, key=lambda test: self.seconds[test]):
            cases[function := test.partition("[")[0]] += 1
            order.append((near[test], cases[function], self.seconds[test], test))
        sums = accumulate(seconds for _, _, seconds, _ in sorted(order))
        return [test for (*_, test), total in zip(sorted(order), sums, strict=True) if total < budget]


def _environment(folder: Path) -> dict[str, str]:
    # OmegaConf takes coverage for a debugger, and would add causes to its messages.
    return {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "", "OC_CAUSE": "0"}


def copy_repository(folder: Path) -> Path:
    """Copy the repository, but for hidden folders, with bytecode that holds for the same source only."""
    shutil.copytree(REPOSITORY, folder, ignore=shutil.ignore_patterns(".*", "__pycache__", "node_modules", "dist"))
    compileall.compile_dir(folder, quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
    return folder


class _Watch:
    """A plugin of pytest that ends the process when a test takes too long, and notes which test runs."""

    def __init__(self, note: Path) -> None:
        self.note = note

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        _be_patient()
        self.note.write_text(nodeid)


def _be_patient() -> None:
    """End this process when it spins or waits for too long; the CPU may be busy with other work."""
    signal.setitimer(signal.ITIMER_PROF, PATIENCE)
    signal.alarm(10 * PATIENCE)


def start_tests(folder: Path, tests: list[str]) -> int:
    """Run tests in a copy of the repository, in a fork that has the libraries loaded; return its process id."""
    if pid := os.fork():
        return pid
    code = 1
    try:
        os.setpgid(0, 0)
        _be_patient()
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        os.chdir(folder)
        os.environ.update(_environment(folder))
        sys.path[:] = [str(folder), *(path for path in sys.path if path not in {"", str(REPOSITORY)})]
        sys.dont_write_bytecode = False
        for descriptor in range(3):
            os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
        options = ["-x", "-q", "-p", "no:schemathesis", "-m", "not slow", f"--rootdir={folder}"]
        code = int(pytest.main([*options, *tests], plugins=[_Watch(_note(folder))]))
    finally:
        os._exit(code)


def _note(folder: Path) -> Path:
    return folder.parent / f"{folder.name}.runs"


def judge(mutants: dict[Mutant, list[str]], folders: list[Path]) -> Iterator[tuple[Mutant, str]]:
    """Yield each mutant and what kills it, which is empty where all of its tests pass.

    As many run at once as there are copies of the repository.
    """
    running = dict[int, tuple[Mutant, Path, str]]()
    left = deque(mutants.items())
    while left or running:
        while left and folders:
            (mutant, tests), folder = left.popleft(), folders.pop()
            source = (folder / mutant.path).read_text()
            (folder / mutant.path).write_text(mutant.source)
            _note(folder).write_text("the import")
            running[start_tests(folder, tests)] = mutant, folder, source
        pid, status = os.wait()
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)  # what a test has started
        mutant, folder, source = running.pop(pid)
        (folder / mutant.path).write_text(source)
        folders.append(folder)
        hangs = " hangs" if status in (signal.SIGPROF, signal.SIGALRM) else ""
        yield mutant, f"{_note(folder).read_text()}{hangs}" if status else ""


def load_libraries(airflow_home: Path) -> None:
    """Load what the tests need, but for the package, in this process, which then forks for each mutant."""
    os.environ |= {"AIRFLOW_HOME": str(airflow_home), "AIRFLOW__CORE__UNIT_TEST_MODE": "True"}
    for library in LIBRARIES:
        with suppress(ImportError):
            import_module(library)
    for name in [name for name in sys.modules if name.partition(".")[0] == "airflow_balancer"]:
        del sys.modules[name]  # which Airflow loads for its policy
    gc.freeze()


def main() -> None:
    """Draw and judge; print each mutant, and the score. The exit status is 1 below the score that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutate", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=300, help="how many mutants (300)")
    parser.add_argument("--seed", type=int, default=1, help="what draws them (1)")
    parser.add_argument("--workers", type=int, default=2, help="how many run at once (2)")
    parser.add_argument("--seconds", type=float, default=20, help="how much CPU time the tests for one mutant take (20)")
    parser.add_argument("--at-least", type=float, default=95, help="the percentage to kill of those that are not equivalent (95)")
    parser.add_argument("--only", default="", help="only files whose path contains this")
    given = parser.parse_args()
    paths = [file.relative_to(REPOSITORY).as_posix() for file in core_files()]
    every = [mutant for path in paths if given.only in path for mutant in find_mutants(path, (REPOSITORY / path).read_text())]
    # By what each is, so that an edit of one line changes nothing of what is drawn elsewhere.
    drawn = sorted(every, key=lambda mutant: random.Random(f"{given.seed} {mutant.key}").random())[: given.count]
    equivalent, found = equivalent_mutants(), Counter[str]()
    with tempfile.TemporaryDirectory(prefix="mutants-") as root:
        folders = [copy_repository(Path(root, "0"))]
        tests = Tests.measure(folders[0])
        folders += [shutil.copytree(folders[0], Path(root, str(number))) for number in range(1, given.workers)]
        load_libraries(Path(root, "airflow"))
        for mutant, killer in judge({mutant: tests.of(mutant, given.seconds) for mutant in drawn}, folders):
            found[word := "killed" if killer else "equivalent" if mutant.key in equivalent else "ALIVE"] += 1
            print(f"{word} {mutant.path}:{mutant.number}", *mutant.key[1:], *[killer] if killer else (), sep="\n  ", flush=True)
    score = 100 * found["killed"] / ((found["killed"] + found["ALIVE"]) or 1)
    print(f"{len(drawn)} of {len(every)} mutants by seed {given.seed}: {dict(found)}; {score:.1f} % killed")
    sys.exit(score < given.at_least)


if __name__ == "__main__":
    main()
