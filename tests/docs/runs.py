"""Runs the blocks of a page, in order, in a folder of its own."""

from __future__ import annotations

import configparser
import difflib
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_balancer import load_fleet
from airflow_balancer.airflow.options import OPTIONS
from tests.docs.pages import Block, blocks, folders_with, for_this_airflow

_PRINTED = re.compile(r"^ *(?:print\(.*)?\)  # (.*)$", re.MULTILINE)
_FOR_A_SHELL = re.compile(r"[|&;<>`]|\$[({A-Z?]")
_PARSERS: dict[str, Callable[[str], Any]] = {"json": json.loads, "text": str, "toml": tomllib.loads, "yaml": yaml.safe_load}


class PageRun:
    """One run of a page. `names` has the globals of each Python file that has run, by its name on the page.

    A block that is run alone runs those before it on its page.
    """

    def __init__(self, page: Path, folder: Path) -> None:
        self.folder, self.home, self.cwd = folder / "page", folder / "home", folder / "page"
        self.names: dict[str, dict[str, Any]] = {}
        self._namespace = {"__file__": str(self.folder / "page.py"), "__name__": "page"}
        self._blocks, self._code = blocks(page), 0
        self.folder.mkdir()
        self.home.mkdir()
        for name, source in folders_with(page).items():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, self.folder / name, dirs_exist_ok=True, ignore=ignored)

    def run(self, block: Block, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(self.home))
        while block in self._blocks:
            first = self._blocks.pop(0)
            if not first.missing:
                self._run(first, cli)

    def _run(self, block: Block, cli: Callable[..., Any]) -> None:
        if block.file:
            path = self.folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(for_this_airflow(block.text))
        if block.kind == "python":
            self._python(block)
        elif block.kind == "console":
            for command, output in _commands(block.text):
                with self._forgetting():
                    _compare(command, output, self._answer(command, cli))
        elif block.kind == "ini":
            _check_ini(block.text)
        elif block.kind in _PARSERS:
            self._check_file(block, _PARSERS[block.kind](block.text))

    def _check_file(self, block: Block, data: Any) -> None:
        """Load a balancer's YAML, unless a command of the page says what is wrong in it."""
        is_balancer = block.kind == "yaml" and isinstance(data, dict) and "hosts" in data and not block.text.startswith("# @package")
        if is_balancer and not any(later.kind == "console" and block.file in later.text for later in self._blocks):
            assert load_fleet(self.folder / block.file).hosts

    def _python(self, block: Block) -> None:
        printed: list[str] = []
        names = {"print": lambda *values: printed.append(" ".join(map(str, values)))}
        with self._importing(block.file), chdir(self.folder):
            if block.file:
                self.names[block.file] = runpy.run_path(str(self.folder / block.file), names)
            else:
                self._namespace |= names
                exec(compile(for_this_airflow(block.text), self._namespace["__file__"], "exec"), self._namespace)
            _run_tests(self.names.get(block.file, {}))
        _compare(f"python {block.file or block.line}", _PRINTED.findall(block.text), printed)

    @contextmanager
    def _importing(self, file: str) -> Iterator[None]:
        """Import from the file's folder and from the DAGs folder, as Airflow does, and from nowhere else on this page afterwards."""
        with self._forgetting():
            sys.path[:0] = [str((self.folder / file).parent), str(self.folder / "dags")]
            yield

    @contextmanager
    def _forgetting(self) -> Iterator[None]:
        """Forget the page's own modules at the end, and Python's path."""
        before = list(sys.path)
        try:
            yield
        finally:
            sys.path[:] = before
            for name, module in list(sys.modules.items()):
                if str(getattr(module, "__file__", None)).startswith(f"{self.folder}/"):
                    del sys.modules[name]

    def _answer(self, command: str, cli: Callable[..., Any]) -> list[str]:
        program, *words = shlex.split(command)
        if command == "echo $?":
            return [str(self._code)]
        if program == "cd":
            self.cwd /= words[0]
            return [] if self.cwd.is_dir() else [f"cd: {words[0]}: no such folder"]
        in_process = program == "airflow-balancer" and not _FOR_A_SHELL.search(re.sub(r"'[^']*'", "", command))
        answer = cli(*words, cwd=self.cwd) if in_process else self._in_shell(command)
        self._code = answer.returncode
        text = (answer.stdout + (answer.stderr or "")).replace(f"{self.folder}/", "").replace(str(self.home), "~")
        assert text.strip() or self._code == 0, f"{command}: exit code {self._code}, and nothing is said"
        return [line.rstrip() for line in text.strip("\n").splitlines()]

    def _in_shell(self, command: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {**os.environ, "PATH": path, "PYTHONPATH": "", "PYTHONWARNINGS": "ignore"}
        out = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.run(["bash", "-c", command], cwd=self.cwd, env=environment, text=True, timeout=120, check=False, **out)


def _compare(command: str, shown: Sequence[str], printed: Sequence[str]) -> None:
    """Compare lines, of which `...` stands for any."""
    pattern = "".join("(?:.*\n)*?" if line == "..." else re.escape(f"{line}\n") for line in shown)
    if not re.fullmatch(pattern, "".join(f"{line}\n" for line in printed)):
        differing = "\n".join(difflib.unified_diff(shown, printed, "page", "printed", lineterm="", n=1))
        pytest.fail(f"$ {command}\n{differing}", pytrace=False)


def _commands(text: str) -> Iterator[tuple[str, list[str]]]:
    assert text.startswith("$ "), "a console begins with a command"
    for part in text.removeprefix("$ ").split("\n$ "):
        command, _, output = part.partition("\n")
        yield command, [line.rstrip() for line in output.strip("\n").splitlines()]


def _check_ini(text: str) -> None:
    parser = configparser.ConfigParser()
    parser.read_string(text)
    assert parser.sections()
    if "balancer" in parser:
        assert set(parser["balancer"]) <= set(OPTIONS)


def _run_tests(names: dict[str, Any]) -> None:
    for name, value in names.items():
        if name.startswith("test_"):
            value()
