"""airflow-supervisor takes the host and the port that the balancer picks."""

from __future__ import annotations

from airflow.providers.ssh.operators.ssh import SSHOperator

PLACE = "host1.example.org"


def test_all_tasks_are_counted_in_the_hosts_pool_and_go_to_the_host(parse):
    tasks = parse("supervisor/feed.py")["dag"].tasks
    assert {task.pool for task in tasks} == {PLACE}
    over_ssh = [task for task in tasks if isinstance(task, SSHOperator)]
    assert {(task.ssh_hook.remote_host, task.remote_host) for task in over_ssh} == {(PLACE, PLACE)}
    assert {task.task_id for task in over_ssh} >= {"feed-configure-supervisor", "feed-start-supervisor", "feed-stop-supervisor"}


def test_supervisord_listens_at_the_free_port_and_airflow_asks_it_there(parse):
    names = parse("supervisor/feed.py")
    configuration = names["supervisor"]._cfg
    assert (names["port"].port, configuration.inet_http_server.port) == (9023, "*:9023")
    assert str(configuration.supervisorctl.serverurl) == f"http://{PLACE}:9023/"
