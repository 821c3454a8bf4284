"""`airflow-balancer check`: it connects as SSHHook does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from getpass import getuser
from pathlib import Path

import asyncssh
import pytest

from tests.cli.machines import ADDRESS, PASSWORD, findings
from tests.conftest import HAS_AIRFLOW

pytestmark = pytest.mark.thorough


class TestHostKey:
    """As SSHHook takes it: known, or accepted on demand; a host that shows another one gets no login."""

    CHANGED = ("differs", "its host key is not the one in ~/.ssh/known_hosts")
    UNKNOWN = ("differs", "its host key is not in ~/.ssh/known_hosts")

    @staticmethod
    def change(machines, machine):
        """Make another key known in place of the machine's; return that one."""
        known = machines.keys.directory / "known_hosts"
        key = " ".join(known.read_text().split()[1:3])
        machines.forget()
        machines.keys.new_host_key(ADDRESS, machine.port)
        return key

    def test_an_unknown_one_is_refused(self, check, machines, machine):
        machines.forget()
        code, report = check({"ws1": machine.host()})
        assert (code, findings(report)) == (3, [self.UNKNOWN])
        assert (report["hosts"][0]["host_key"], report["hosts"][0]["login"]) == ("unknown", "")

    def test_an_unknown_one_is_accepted_on_demand(self, check, machines, machine):
        machines.forget()
        code, report = check({"ws1": machine.host(ssh_hook_args={"no_host_key_check": True})})
        assert (code, report["hosts"][0]["host_key"], report["hosts"][0]["login"]) == (0, "unknown", "ok")

    @pytest.mark.parametrize("arguments", [{}, {"no_host_key_check": True}], ids=["checked", "not checked"])
    def test_a_changed_one_is_refused(self, check, machines, machine, arguments):
        self.change(machines, machine)
        code, report = check({"ws1": machine.host(ssh_hook_args=arguments)})
        assert (code, findings(report)) == (3, [self.CHANGED])
        assert (report["hosts"][0]["host_key"], report["hosts"][0]["login"]) == ("changed", "")

    def test_a_changed_one_is_accepted_on_demand(self, check, machines, machine):
        self.change(machines, machine)
        code, report = check({"ws1": machine.host(ssh_hook_args={"allow_host_key_change": True})})
        assert (code, report["hosts"][0]["host_key"], report["hosts"][0]["login"]) == (0, "changed", "ok")

    def test_one_that_the_configuration_gives_is_known(self, check, machines, machine):
        key = self.change(machines, machine)
        machines.forget()
        code, report = check({"ws1": machine.host(ssh_hook_args={"host_key": key})})
        assert (code, report["hosts"][0]["host_key"]) == (0, "known")

    def test_one_that_differs_from_the_configuration_is_refused(self, check, machines, machine):
        machines.forget()
        _, report = check({"ws1": machine.host(ssh_hook_args={"host_key": "ssh-ed25519 AAAA"})})
        assert findings(report) == [("differs", "its host key is not the one in host_key")]

    def test_the_one_of_several_that_is_known_is_asked_for(self, check, machines, machine):
        (machines.keys.directory / "known_hosts").write_text(f"[{ADDRESS}]:{machine.port} {machine.other_key}\n")
        code, report = check({"ws1": machine.host()})
        assert (code, report["hosts"][0]["host_key"]) == (0, "known")

    def test_a_hashed_name_is_known(self, check, machines, machine):
        known = machines.keys.directory / "known_hosts"
        subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(known)], check=True, capture_output=True)
        assert "127.0.0.1" not in known.read_text()
        assert check({"ws1": machine.host()})[0] == 0

    def test_no_password_goes_to_a_host_that_shows_another_one(self, check, machines, machine, monkeypatch):
        tried = []
        monkeypatch.setattr("tests.cli.machines._Server.begin_auth", lambda self, username: tried.append(username) or True)
        self.change(machines, machine)
        check({"ws1": machine.host(password=PASSWORD)})
        assert tried == []


OTHER = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
KNOWN_HOSTS = {
    "nothing": "",
    "the key": "{name} {key}",
    "the key, after tabs": "{name}\t{key}",
    "the key among garbage": "x\n\n# y\n{name} ssh-rsa\n{name} ssh-ed25519 %%\n{name} {key}",
    "the key without a port": "127.0.0.1 {key}",
    "the key for a pattern": "[127.0.0.*]:{port} {key}",
    "the key among names": "ws9,{name} {key}",
    "a marker before the key": "@cert-authority x {key}\n{name} {key}",
    "two spaces before the key": "x  {key}\n{name} {key}",
    "another key": "{name} ssh-ed25519 " + OTHER,
    "another key before it": "{name} ssh-ed25519 " + OTHER + "\n{name} {key}",
    "another key after it": "{name} {key}\n{name} ssh-ed25519 " + OTHER,
    "a key of another type": "{name} ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7o"
    "pKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg=",
}


def connects(host):
    """Whether SSHHook connects to a host, or what it fails with."""
    from airflow_balancer import Host

    host["ssh_hook_args"] |= {"conn_retry_attempts": 1}
    try:
        Host(name="ws1", size=1, **host).hook().get_conn().close()
    except Exception as error:
        return f"{type(error).__name__} {error}"
    return True


@pytest.mark.skipif(not HAS_AIRFLOW, reason="Airflow is not installed")
@pytest.mark.slow
class TestAsSSHHook:
    """It differs exactly where SSHHook does not connect."""

    @pytest.mark.parametrize("no_host_key_check", [False, True], ids=["checked", "not checked"])
    @pytest.mark.parametrize("known_hosts", KNOWN_HOSTS.values(), ids=KNOWN_HOSTS)
    def test_it_knows_the_same_host_keys(self, check, machines, machine, known_hosts, no_host_key_check):
        known = machines.keys.directory / "known_hosts"
        name, _, key = known.read_text().strip().partition(" ")
        text = known_hosts.format(name=name, port=machine.port, key=" ".join(key.split()[:2]))
        known.write_text(f"{text}\n")
        host = machine.host(ssh_hook_args={"no_host_key_check": no_host_key_check})
        _, report = check({"ws1": host})
        assert known.read_text() == f"{text}\n"
        assert report["differs"] == ((found := connects(host)) is not True), (found, findings(report))

    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"key_file": None},
            {"key_file": "/nowhere"},
            {"key_file": "~/key"},
            {"key_file": None, "password": PASSWORD},
            {"password": f" {PASSWORD}\n"},
            {"key_file": None, "password": "wrong"},
            {"password": "wrong"},
            {"key_file": "/nowhere", "password": PASSWORD},
            {"key_file": "/nowhere", "ssh_hook_args": {"key_file": "/nowhere"}},
            {"key_file": None, "ssh_hook_args": {"key_file": "/nowhere"}},
        ],
        ids=lambda changes: ", ".join(f"{key} {value}" for key, value in changes.items()) or "key file",
    )
    @pytest.mark.parametrize("at_home", [False, True], ids=["no key at home", "a key at home"])
    def test_it_logs_in_with_the_same(self, check, machines, machine, changes, at_home):
        shutil.copy(machines.keys.client, Path.home() / "key")
        if at_home:
            shutil.copy(machines.keys.client, machines.keys.directory / "id_ed25519")
        host = machine.host(**changes)
        _, report = check({"ws1": host})
        assert report["differs"] == ((found := connects(host)) is not True), (found, findings(report))


class TestLogin:
    """As SSHHook logs in."""

    def test_a_wrong_key_is_refused(self, check, machine, tmp_path):
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / "other")
        code, report = check({"ws1": machine.host(key_file=str(tmp_path / "other"))})
        assert (code, findings(report)) == (3, [("differs", f"refuses the login of {getuser()!r} by key file")])
        assert (report["hosts"][0]["host_key"], report["hosts"][0]["login"]) == ("known", "refused")

    def test_it_is_the_login_of_the_hosts_user(self, check, machine, tmp_path):
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / "other")
        _, report = check({"ws1": machine.host(username="batch", key_file=str(tmp_path / "other"))})
        assert findings(report) == [("differs", "refuses the login of 'batch' by key file")]

    def test_a_key_in_the_home_is_found(self, check, machines, machine):
        shutil.copy(machines.keys.client, machines.keys.directory / "id_ed25519")
        assert check({"ws1": machine.host(key_file=None)})[0] == 0

    def test_a_key_in_the_home_is_tried_after_the_hosts_own(self, check, machines, machine, tmp_path):
        shutil.copy(machines.keys.client, machines.keys.directory / "id_ed25519")
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / "other")
        assert check({"ws1": machine.host(key_file=str(tmp_path / "other"))})[0] == 0

    def test_an_agents_key_is_taken(self, check, machines, machine, tmp_path):
        socket_file = f"/tmp/agent-{os.getpid()}"  # short enough for a socket's path, wherever the tests' folder is
        agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket_file], stdout=subprocess.DEVNULL)
        try:
            add = ["ssh-add", "-q", str(machines.keys.client)]
            environ = {**os.environ, "SSH_AUTH_SOCK": socket_file}
            deadline = time.monotonic() + 30
            while subprocess.run(add, env=environ, capture_output=True, check=False).returncode and time.monotonic() < deadline:
                time.sleep(0.05)
            assert check({"ws1": machine.host(key_file=None)}, SSH_AUTH_SOCK=socket_file)[0] == 0
        finally:
            agent.terminate()
            agent.wait()

    def test_a_key_that_cannot_be_read_is_named(self, check, machine):
        code, report = check({"ws1": machine.host(key_file="/nowhere")})
        text = "key file '/nowhere' cannot be read: No such file or directory"
        assert (code, findings(report)) == (3, [("differs", f"refuses the login of {getuser()!r} by key file"), ("differs", text)])

    def test_a_password_is_taken(self, check, machine):
        assert check({"ws1": machine.host(key_file=None, password=PASSWORD)})[0] == 0

    @pytest.mark.parametrize("value", [PASSWORD, json.dumps({"password": PASSWORD})], ids=["plain", "json"])
    def test_a_variable_is_read_from_the_environment(self, check, machine, value):
        assert check({"ws1": machine.host(password={"key": "ws1_password"})}, AIRFLOW_VAR_WS1_PASSWORD=value)[0] == 0

    def test_a_variable_that_is_not_there_is_named(self, check, machine):
        code, report = check({"ws1": machine.host(password={"key": "ws1_password"})})
        lacks = "its password is Airflow Variable 'ws1_password'; it is read from AIRFLOW_VAR_WS1_PASSWORD, which is not set"
        assert (code, findings(report)) == (
            3,
            [("differs", f"refuses the login of {getuser()!r} by variable ws1_password"), ("differs", lacks)],
        )

    @pytest.mark.parametrize("where", ["arguments", "ssh config"])
    def test_a_proxy_command_is_gone_through(self, check, machines, machine, tmp_path, where):
        relay = tmp_path / "relay"
        relay.write_text(
            f"#!{sys.executable}\n"
            "import os, socket, sys, threading\n"
            f"server = socket.create_connection(({ADDRESS!r}, {machine.port}))\n"
            "def up():\n"
            "    while data := os.read(0, 9999): server.sendall(data)\n"
            "threading.Thread(target=up, daemon=True).start()\n"
            "while data := server.recv(9999): os.write(1, data)\n"
        )
        relay.chmod(0o755)
        if where == "ssh config":
            (machines.keys.directory / "config").write_text(f"Host elsewhere.example\n  ProxyCommand {relay} %h\n")
        arguments = {"host_proxy_cmd": f"{relay} x"} if where == "arguments" else {}
        host = machine.host(address="elsewhere.example", ssh_hook_args={**arguments, "no_host_key_check": True})
        assert check({"ws1": host})[0] == 0

    def test_ssh_config_leads_nowhere_else(self, check, machines, machine):
        (machines.keys.directory / "config").write_text("Host *\n  User nobody\n  HostName nowhere.invalid\n  Port 1\n")
        assert check({"ws1": machine.host()})[0] == 0
