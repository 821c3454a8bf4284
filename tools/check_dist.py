"""Install the built distributions as a user does, and run the README's first example with each.

`python tools/check_dist.py dist`: the wheel in `dist/` came from the sdist there, and must equal the one that the checkout
builds. It is installed by plain pip into an empty virtualenv, and with each extra by uv into others, at the pinned versions.
Every step that fails ends with an error; nothing of the checkout is imported.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from pathlib import Path
from zipfile import ZipFile

REPOSITORY = Path(__file__).resolve().parent.parent
UV = Path(sysconfig.get_path("scripts")) / "uv"
# One extra, or several that are used together, and the pins that they are installed with.
EXTRAS = {"api": "3", "viewer": "3", "airflow3": "3", "airflow3,viewer": "3", "airflow": "2"}
EXAMPLE = re.compile(
    r"`dags/balancer\.yaml`:\n\n```yaml\n(?P<yaml>.*?)^```.*?^\$ airflow-balancer dags/balancer\.yaml\n(?P<table>.*?)^\$",
    re.DOTALL | re.MULTILINE,
)


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command without the checkout on its path; return what it printed."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(command, cwd=cwd, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def check_sdist(dist: Path) -> Path:
    """Return the wheel, after comparing it with the one that is built without the sdist between."""
    (wheel,) = dist.glob("*.whl")
    with tempfile.TemporaryDirectory() as folder:
        run(UV, "build", "--quiet", "--wheel", "--build-constraints", "constraints-build.txt", "--out-dir", folder, cwd=REPOSITORY)
        direct = Path(folder) / wheel.name
        with ZipFile(wheel) as one, ZipFile(direct) as other:
            differ = {name for zips in ((one, other), (other, one)) for name in _only_in(*zips)}
    if differ:
        raise SystemExit(f"the sdist builds another wheel than the checkout: {sorted(differ)}")
    return wheel


def _only_in(one: ZipFile, other: ZipFile) -> list[str]:
    names = set(other.namelist())
    return [name for name in one.namelist() if name not in names or one.read(name) != other.read(name)]


def check_first_example(programs: Path, folder: Path) -> None:
    """Run the README's first YAML through the command line; the answer is the README's."""
    example = EXAMPLE.search((REPOSITORY / "README.md").read_text())
    assert example is not None, "README.md has no first example"
    (folder / "balancer.yaml").write_text(example["yaml"])
    printed = run(programs / "airflow-balancer", "show", "balancer.yaml", cwd=folder)
    shown, wanted = ([line.rstrip() for line in text.strip().splitlines()] for text in (printed, example["table"]))
    if shown != wanted:
        raise SystemExit(f"README.md shows another answer than:\n{printed}")


def check_installed(wheel: Path, extra: str) -> None:
    """Install the wheel into an empty virtualenv in an empty folder, and use it there."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "venv", with_pip=True)
        programs = folder / "venv" / "bin"
        if extra:
            pins = REPOSITORY / f"constraints-airflow{EXTRAS[extra]}.txt"
            build_pins = REPOSITORY / "constraints-build.txt"
            requirement = f"airflow-balancer[{extra}] @ {wheel.resolve().as_uri()}"
            options = ("--python", programs / "python", "--constraints", pins, "--build-constraints", build_pins)
            run(UV, "pip", "install", "--quiet", *options, requirement, cwd=folder)
        else:
            run(programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel.resolve(), cwd=folder)
        print(run(programs / "python", "-m", "pip", "check", cwd=folder).strip(), end="; ")
        (folder / "empty").mkdir()
        check_first_example(programs, folder / "empty")
    print(f"{wheel.name}[{extra}]: README's first example is right, {time.monotonic() - start:.0f} s")


def main() -> None:
    """Check all distributions of a folder."""
    wheel = check_sdist(Path(sys.argv[1]))
    print(f"{wheel.name}: the sdist and the checkout build the same")
    for extra in ("", *EXTRAS):
        check_installed(wheel, extra)


if __name__ == "__main__":
    main()
