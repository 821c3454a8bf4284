"""Times commands in fresh processes beside the least that does the same, both sides in turn; prints medians and ratios.

python tools/compare_start.py [RUNS]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

_TREE = Path(__file__).parent.parent / "conf"
_COMMAND = (sys.executable, "-c", "from airflow_balancer.cli import main; main()")
_BARE_APP = f"""
import hydra

@hydra.main(version_base=None, config_path={str(_TREE)!r}, config_name="config")
def app(config):
    print(config.extensions.balancer.default_size)

app()
"""
_HOSTS, _PORTS_EACH = 1_000, 4


def _write_fleet(file: Path) -> Path:
    hosts = [f"  - {{name: host{index}, size: 8, os: ubuntu, queues: [queue{index % 10}]}}" for index in range(_HOSTS)]
    ports = [f"  - {{host: host{index}, port: {8000 + port}}}" for index in range(_HOSTS) for port in range(_PORTS_EACH)]
    file.write_text("\n".join(["hosts:", *hosts, "ports:", *ports, ""]))
    return file


def _seconds(command: Sequence[str], cwd: Path) -> float:
    start = perf_counter()
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - start


def _compare(name: str, ours: Sequence[str], bare: Sequence[str], *, ceiling: float, runs: int, cwd: Path) -> None:
    samples = [(_seconds(ours, cwd), _seconds(bare, cwd)) for _ in range(runs + 1)][1:]
    our, least = (median(side) for side in zip(*samples, strict=True))
    print(f"{name}: {our:.3f} s beside {least:.3f} s, {our / least:.2f} times (at most {ceiling})")


def main(runs: int = 10) -> None:
    """Compare `select` with a bare Hydra app over the example tree, and `validate` with `load_fleet` of a large plain file."""
    with tempfile.TemporaryDirectory() as folder:
        cwd = Path(folder)
        (cwd / "bare.py").write_text(_BARE_APP)
        fleet = str(_write_fleet(cwd / "big.yaml"))
        select = (*_COMMAND, "select", "--config-dir", str(_TREE), "query.queue=workers")
        load = (sys.executable, "-c", f"from airflow_balancer import load_fleet; load_fleet({fleet!r})")
        bare = (sys.executable, "bare.py", "hydra.output_subdir=null")
        _compare("select over conf/ beside a bare Hydra app", select, bare, ceiling=1.3, runs=runs, cwd=cwd)
        validate = (*_COMMAND, "validate", fleet)
        _compare("validate of 1,000 hosts and 4,000 ports beside load_fleet", validate, load, ceiling=1.5, runs=runs, cwd=cwd)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
