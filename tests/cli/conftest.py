"""Machines to check, and the command that checks them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.machines import Machine, Machines


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    """Machines whose host keys are known, and a user who has a key and no agent."""
    pytest.importorskip("asyncssh", reason="asyncssh is not installed")
    from tests.cli.machines import Machines

    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    made = Machines(tmp_path / "user")
    # The hosts name the key: it is found nowhere else.
    made.keys.client = made.keys.client.rename(tmp_path / "key")
    yield made
    made.close()


@pytest.fixture
def machine(machines: Machines) -> Machine:
    return machines.make()


@pytest.fixture
def check(cli, write):
    """Check hosts, and return the exit code and the report."""

    def run(hosts, *words, ports=(), **environment):
        write("balancer.yaml", json.dumps({"hosts": hosts, "ports": list(ports)}))
        answer = cli("check", "balancer.yaml", *words, "output=json", **environment)
        assert answer.stderr == ""
        return answer.returncode, json.loads(answer.stdout)

    return run
