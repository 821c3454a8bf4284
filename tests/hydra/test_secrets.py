"""Which values of the environment count as secrets."""

from __future__ import annotations

from airflow_balancer.hydra.compose import compose_file
from airflow_balancer.hydra.secrets import environment_secrets, resolved_secrets


def test_secrets_of_the_environment_go_by_name_and_login_and_are_no_files(monkeypatch, tmp_path):
    for name, value in {
        "MY_TOKEN": "token-value",
        "URL": "http://user:login-value@host",
        "PLAIN": "plain-value",
        "KEY_SECRET": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    found = environment_secrets()
    assert {"token-value", "login-value"} <= found
    assert not {"plain-value", str(tmp_path)} & found


def test_a_secret_behind_an_interpolation_is_one_as_it_resolves():
    written = {"password": "${a.password}", "username": "${user}", "key": {"secret": "as-written"}}
    assert resolved_secrets(written, {("password",): "resolved-value"}.__getitem__) == {"resolved-value"}


def test_the_name_of_a_host_behind_an_interpolation_is_no_secret(write):
    hosts = "{host1: {}, host2: {queues: [gpu]}}"
    file = write(
        "config.yaml",
        f"balancer: {{hosts: {hosts}}}\ntask: {{token: '${{balancer.name:{{queue: gpu}}}}', password: '${{task.x}}', x: hunter2}}\n",
    )
    assert compose_file(file).secrets & {"hunter2", "host2"} == {"hunter2"}
