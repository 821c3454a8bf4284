"""A claimed slot: how many there are, who holds them, and that a command runs in one as it would without."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import threading
import time

import pytest

from airflow_balancer.ssh.slots import Answer
from tests.ssh.slot_host import SHELLS, TOOLS, SlotHost, most_at_once, program, tool_path, until

LOGGED = 'echo start >>"$HOME/log"; sleep {seconds}; echo end >>"$HOME/log"'
COMMANDS = {
    "streams": "echo out; echo err >&2; exit 3",
    "status 75": "exit 75",
    "status 137": "sh -c 'exit 137'",
    "not found": "no-such-program --flag",
    "quotes": r"""printf '[%s]' 'a!b' "c d" \"e\" 'f\g' $'h' '%b' '\0101' '`i`' '$j' 'ā é 😀'""",
    "killed": "sh -c 'kill -9 $$'; true",
    "several lines": "echo one\necho two\n\n",
    "a terminal": "test -t 0; echo $status$?",
    "environment": "env | sort",
    "stdin": "cat",
    "nothing": "",
}


@pytest.fixture
def host(tmp_path):
    (tmp_path / "home").mkdir()
    return SlotHost(tmp_path / "home" / "slots", tmp_path / "home")


def free(host):
    """How many slots can be claimed at once."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        for count in range(host.size + 1):
            try:
                stack.enter_context(host.held())
            except AssertionError:
                return count
    return host.size + 1


def without_slot(ran):
    """What a command did, without what must differ: the slot's number, process ids, and that zsh says where a command was read."""
    stdout = re.sub(rb"(?m)^(BALANCER_SLOT=0|_=.*)\n", b"", ran.stdout)
    return ran._replace(stdout=stdout, stderr=re.sub(rb" \d+ Killed", b" Killed", ran.stderr.replace(b"(eval):", b"zsh:")))


SIGNALS = (2, 9, 11, 13, 15)


class TestTheCommand:
    @pytest.mark.parametrize("shell", SHELLS)
    @pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
    def test_it_runs_as_without_a_slot(self, host, shell, command):
        host = host.with_(shell=shell)
        answer, ran = host.run_claimed(command)
        assert (answer, without_slot(ran)) == (Answer("claimed", "0"), without_slot(host.run(command)))

    @pytest.mark.parametrize("number", SIGNALS)
    @pytest.mark.parametrize("command", ["kill -{0} $$", "exec sh -c 'kill -{0} $$'"], ids=["the shell", "in its place"])
    @pytest.mark.parametrize("shell", ["sh", "bash", "zsh"])
    def test_it_dies_of_the_signal_that_kills_it(self, host, shell, command, number):
        assert host.with_(shell=shell).run_claimed(command.format(number))[1].status == -number

    @pytest.mark.parametrize("number", SIGNALS)
    @pytest.mark.parametrize("shell", ["bash", "zsh"])
    def test_a_program_that_a_signal_kills_is_seen_as_its_shell_sees_it(self, host, shell, number):
        assert host.with_(shell=shell).run_claimed(f"sh -c 'kill -{number} $$'; exit")[1].status == 128 + number
        assert host.with_(shell=shell).run_claimed(f"sh -c 'kill -{number} $$'")[1].status == 128 + number

    @pytest.mark.parametrize("shell", SHELLS)
    def test_what_the_shell_cannot_parse_is_not_run_and_says_why(self, host, shell):
        host = host.with_(shell=shell)
        answer, ran = host.run_claimed("echo 'unterminated")
        without = host.run("echo 'unterminated")
        assert (answer.kind, ran.status, ran.stdout) == ("claimed", without.status, b"")
        assert without.stderr.split(b"nterminated")[0][-3:] in ran.stderr

    @pytest.mark.parametrize("tool", TOOLS)
    @pytest.mark.parametrize("sh", [("dash",), ("bash", "--posix"), ("busybox", "sh")], ids=lambda sh: sh[0])
    def test_any_sh_runs_the_script_with_any_lock_tool(self, host, tmp_path, sh, tool):
        host = host.with_(sh=(program(sh[0]), *sh[1:]), path=tool_path(tmp_path / "bin", tool), shell="bash", size=1)
        with host.held():
            answer, ran = host.run_claimed("echo ran")
            assert (answer.kind, ran.status, ran.stdout) == ("full", 75, b"")
        assert host.run_claimed("echo ran; exit 3")[1] == (3, b"ran\n", b"")

    def test_what_the_login_shells_files_print_comes_once(self, host):
        (host.home / ".zshenv").write_text("echo hello; echo warning >&2; greeting=hi")
        host = host.with_(shell="zsh")
        assert host.run_claimed("echo $greeting")[1] == host.run("echo $greeting") == (0, b"hello\nhi\n", b"warning\n")

    @pytest.mark.parametrize("shell", ["sh", "bash"])
    def test_it_runs_where_the_server_does_not_tell_the_login_shell(self, host, shell):
        assert host.with_(shell=shell, tells_shell=False).run_claimed("echo ran; exit 3")[1] == (3, b"ran\n", b"")

    def test_it_knows_its_slot(self, host):
        with host.held():
            assert host.run_claimed("echo $BALANCER_SLOT")[1].stdout == b"1\n"

    def test_a_status_over_128_is_passed_on_where_there_is_no_gnu_timeout(self, host, tmp_path):
        path = tool_path(tmp_path / "bin", "flock")
        (tmp_path / "bin" / "timeout").unlink()
        ran = [host.with_(path=path).run_claimed(command)[1].status for command in ("exit 137", "sh -c 'kill -9 $$'", "exit 3")]
        assert ran == [137, 137, 3]


class TestTheCount:
    def test_more_than_all_slots_are_refused_with_who_holds_them(self, host):
        with host.held(), host.held():
            answer, ran = host.run_claimed("echo ran")
        line = r"slot {}: \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ \d+ the tests"
        assert (answer.kind, ran) == ("full", (75, b"", b""))
        assert re.fullmatch(f"{line.format(0)}; {line.format(1)}", answer.text)

    @pytest.mark.parametrize("tools", [("flock",), TOOLS], ids=["flock", "all tools at once"])
    def test_no_more_than_the_size_run_at_once(self, host, tmp_path, tools):
        paths = [tool_path(tmp_path / tool, tool) for tool in tools]
        hosts = [host.with_(size=3, path=paths[number % len(paths)]) for number in range(12)]

        def run_once_free(host):
            while host.run_claimed(LOGGED.format(seconds=0.2))[0].kind == "full":
                time.sleep(0.05)

        threads = [threading.Thread(target=run_once_free, args=(host,)) for host in hosts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (most_at_once(host.home / "log"), free(hosts[0])) == (3, 3)

    @pytest.mark.slow
    def test_two_hundred_claims_at_once_on_eight_slots(self, host, tmp_path):
        hosts = [host.with_(size=8, path=tool_path(tmp_path / tool, tool)) for tool in TOOLS]
        started = [hosts[n % len(hosts)].start(hosts[0].claim(LOGGED.format(seconds=3)), stderr=subprocess.DEVNULL) for n in range(200)]
        statuses = [process.wait() for process in started]
        for process in started:
            process.stdout.close()
        assert set(statuses) == {0, 75}
        assert (most_at_once(host.home / "log"), free(hosts[0])) == (8, 8)

    def test_a_free_slot_that_is_locked_for_a_moment_to_count_it_is_claimed(self, host, tmp_path):
        path = tool_path(tmp_path / "bin", "")
        flock = tmp_path / "bin" / "flock"
        flock.write_text(f'#!/bin/sh\n[ -e {flock}.once ] || {{ : >{flock}.once; exit 1; }}\nexec {program("flock")} "$@"\n')
        flock.chmod(0o755)
        assert host.with_(size=1, path=path).run_claimed("true")[0] == Answer("claimed", "0")

    def test_a_smaller_size_counts_what_still_runs_in_the_slots_beyond(self, host):
        large, small = host.with_(size=4), host.with_(size=3)
        with large.held() as first, large.held(), large.held(), large.held():
            assert small.run_claimed("true")[0].kind == "full"
            os.killpg(first.pid, signal.SIGKILL)
            first.wait()
            assert small.run_claimed("true")[0].kind == "full"
            # The kernel lets go when the last of its processes is gone, a moment after the signal.
            until(lambda: large.run_claimed("true")[0] == Answer("claimed", "0"), "the slot of the killed command is free")
        with large.held() as first, large.held() as second, large.held(), large.held():
            for process in (first, second):
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            until(lambda: small.run_claimed("true")[0] == Answer("claimed", "0"), "a slot below the smaller size is free")
        assert free(small) == 3

    def test_a_larger_size_has_more_slots_at_once(self, host):
        with host.held(), host.held():
            assert host.with_(size=3).run_claimed("true")[0] == Answer("claimed", "2")


class TestTheHolder:
    def test_a_command_that_outlives_its_shells_keeps_its_slot(self, host):
        host = host.with_(size=1)
        host.run_claimed("sleep 60 >/dev/null 2>&1 & echo $! >pid")
        assert host.run_claimed("true")[0].kind == "full"
        os.kill(int((host.home / "pid").read_text()), signal.SIGKILL)
        until(lambda: host.run_claimed("true")[0].kind == "claimed", "the slot is free")

    @pytest.mark.parametrize("shell", SHELLS)
    def test_a_command_that_closes_its_descriptors_keeps_its_slot(self, host, shell):
        host = host.with_(size=1, shell=shell)
        closing = f"{program('python3')} -c 'import os, time; os.closerange(3, 256); print(1, flush=True); time.sleep(60)'"
        with host.start(host.claim(closing)) as process:
            until(lambda: b"1" in process.stdout.readline(), "the command runs")
            assert host.run_claimed("true")[0].kind == "full"
            os.killpg(process.pid, signal.SIGKILL)
        until(lambda: host.run_claimed("true")[0].kind == "claimed", "the slot is free")

    def test_sudo_keeps_its_slot(self, host):
        program("sudo")
        host = host.with_(size=1, shell="bash")
        with host.start(host.claim("sudo --non-interactive sh -c 'echo ran; exec sleep 60'")) as process:
            until(lambda: b"ran" in process.stdout.readline(), "sudo runs the command; these tests need root or NOPASSWD")
            assert host.run_claimed("true")[0].kind == "full"
            os.killpg(process.pid, signal.SIGTERM)
        until(lambda: host.run_claimed("true")[0].kind == "claimed", "the slot is free")

    @pytest.mark.slow
    def test_what_is_killed_at_any_moment_leaks_no_slot_and_frees_none_that_is_in_use(self, host, tmp_path):
        host = host.with_(size=3, path=tool_path(tmp_path / "bin", "flock"))
        chance, pids, over, done = random.Random(7), host.home / "pids", [], threading.Event()
        pids.touch()

        def alive():
            return [pid for pid in map(int, pids.read_text().split()) if _runs(pid)]

        def watch():
            while not done.is_set():
                if len(running := alive()) > 3:
                    over.append(running)
                time.sleep(0.002)

        watching = threading.Thread(target=watch)
        watching.start()
        for number in range(100):
            process = host.start(host.claim("echo $$ >>pids; exec sleep 0.3"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            threading.Timer(chance.uniform(0, 0.15), _kill_one, (process, number, alive)).start()
            threading.Thread(target=process.wait).start()
            time.sleep(0.03)
        until(lambda: not alive(), "all commands have ended")
        done.set()
        watching.join()
        assert (over, len(pids.read_text().split()) >= 10) == ([], True)
        until(lambda: free(host) == 3, "all slots are free")


def _runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _kill_one(process, number, alive):
    """Kill the process that sshd knows, its session, or one of the commands."""
    try:
        if number % 3 == 0:
            process.kill()
        elif number % 3 == 1:
            os.killpg(process.pid, signal.SIGKILL)
        elif running := alive():
            os.kill(running[0], signal.SIGKILL)
    except ProcessLookupError:
        pass


class TestTheFolder:
    def test_it_is_made_for_the_ssh_user_alone(self, host):
        host.run_claimed("true")
        assert (host.folder.stat().st_mode & 0o777, sorted(os.listdir(host.folder))) == (0o700, ["0"])

    def test_a_tilde_is_the_users_home_on_the_host(self, host):
        from airflow_balancer.ssh.slots import claim_command

        host.run(claim_command("true", size=1, slot_dir="~/.airflow-balancer/slots", holder="x", token="t"))
        assert os.listdir(host.home / ".airflow-balancer" / "slots") == ["0"]

    def test_a_file_drain_refuses_claims_until_it_is_removed(self, host):
        with host.held():
            (host.folder / "drain").write_text("new disk\n")
            assert host.run_claimed("echo ran") == (Answer("drained", "new disk"), (75, b"", b""))
            (host.folder / "drain").unlink()
            assert host.run_claimed("true")[0].kind == "claimed"

    def test_a_file_drain_that_appears_while_a_slot_is_locked_refuses_the_claim(self, host, tmp_path):
        host = host.with_(path=tool_path(tmp_path / "bin", ""), size=1)
        flock = tmp_path / "bin" / "flock"
        flock.write_text(f'#!/bin/sh\necho new disk >"{host.folder}/drain"\nexec {program("flock")} "$@"\n')
        flock.chmod(0o755)
        assert host.run_claimed("echo ran") == (Answer("drained", "new disk"), (75, b"", b""))

    @pytest.mark.parametrize("make", ["ln -s ../target slots/0", "mkfifo slots/0", "mkdir slots/0"], ids=["link", "pipe", "folder"])
    def test_a_slot_that_is_no_regular_file_is_refused_and_not_touched(self, host, make):
        host.run(f"mkdir slots; echo kept >target; {make}")
        answer, ran = host.run_claimed("echo ran")
        assert (answer, ran.stdout) == (Answer("error", f"{host.folder}/0 is not a regular file; remove it"), b"")
        assert (host.home / "target").read_text() == "kept\n"

    def test_a_folder_in_which_everybody_may_replace_files_is_refused(self, host):
        host.folder.mkdir()
        host.folder.chmod(0o777)
        assert host.run_claimed("true")[0] == Answer(
            "error", f"everybody may write in {host.folder}, and replace what others put there; chmod o-w or +t"
        )
        host.folder.chmod(0o1777)
        assert host.run_claimed("true")[0].kind == "claimed"

    def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(self, host):
        host.folder.write_text("")
        assert host.run_claimed("true")[0] == Answer("error", f"{host.folder} cannot be made; make it, or give another slot_dir")

    def test_a_host_without_a_lock_tool_says_what_to_install(self, host, tmp_path):
        answer, ran = host.with_(path=tool_path(tmp_path / "bin", "")).run_claimed("echo ran")
        assert (answer.kind, ran.status, ran.stdout) == ("error", 75, b"")
        assert answer.text.startswith("neither flock (package util-linux), perl nor python3 is in the PATH")

    def test_an_account_without_a_shell_says_what_it_printed(self, host):
        host = host.with_(shell="nologin")
        answer, _ = host.run_claimed("echo ran")
        assert answer.kind == "error"
        assert answer.text.startswith("the login shell of the SSH user did not run the claim")
