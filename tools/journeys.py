"""Count the files that five journeys pass through, and their moves between files.

`python tools/journeys.py`: each journey runs in a process of its own. A move is a call whose file is another one of this
package than the file of the call before it; a module that is imported on the way counts as a call.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from types import FrameType

import airflow_balancer
from airflow_balancer import load

PACKAGE = str(Path(airflow_balancer.__file__).parent)
REPOSITORY = Path(__file__).resolve().parent.parent
TWO_HOSTS = "hosts: [{name: a, queues: [workers]}, {name: b, queues: [workers]}]\n"


def load_file() -> Callable[[], object]:
    """`load` of a YAML of two hosts."""
    return lambda: load(Path("balancer.yaml").absolute())


def select_host() -> Callable[[], object]:
    """`select_host(key=...)` of what was loaded."""
    balancer = load(Path("balancer.yaml").absolute())
    return lambda: balancer.select_host(queue="workers", key="nightly")


def show_tree() -> Callable[[], object]:
    """The command line over the example tree, one of whose tasks requests a free port."""
    from airflow_balancer.cli import main

    sys.argv = ["airflow-balancer", "--config-dir", str(REPOSITORY / "conf")]
    return main


def plan_pools() -> Callable[[], object]:
    """From the scan of a DAGs folder to the plan of its pools."""
    from airflow_balancer.airflow import pools, sync, versions

    versions.dag_folders = lambda: [Path.cwd()]
    versions.option = lambda key: None  # noqa: ARG005
    return lambda: pools.plan_pools(pools.wanted_pools(sync.find_fleets()[0]), [])


def get_page() -> Callable[[], object]:
    """The page's first request for a fleet."""
    from airflow_balancer.viewer.catalogue import Catalogue
    from airflow_balancer.viewer.configuration import Places
    from airflow_balancer.viewer.service import Viewer

    places = Places((REPOSITORY / "conf",), ((REPOSITORY / "conf" / "config.yaml", ()),))
    catalogue = Catalogue(lambda: places)
    viewer, (identity,) = Viewer(catalogue), catalogue.look().configurations
    return lambda: viewer.api_of("fleet", {"configuration": identity})


JOURNEYS = (load_file, select_host, show_tree, plan_pools, get_page)


def follow(journey: Callable[[], object]) -> list[str]:
    """Return the file of each call within the package, in order."""
    files: list[str] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            files.append(frame.f_code.co_filename)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        with redirect_stdout(StringIO()), suppress(SystemExit):
            journey()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return files


def main() -> None:
    """Print all journeys, or make the one that is named."""
    if len(sys.argv) == 1:
        for journey in JOURNEYS:
            with tempfile.TemporaryDirectory() as folder:
                Path(folder, "balancer.yaml").write_text(TWO_HOSTS)
                subprocess.run([sys.executable, "-W", "ignore", __file__, journey.__name__], cwd=folder, check=True)
        return
    journey = next(journey for journey in JOURNEYS if journey.__name__ == sys.argv[1])
    files = follow(journey())
    moves = sum(before != after for before, after in itertools.pairwise(files))
    print(f"{len(set(files)):3} files {moves:5} moves  {journey.__doc__}")


if __name__ == "__main__":
    main()
