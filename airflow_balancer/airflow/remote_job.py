"""The deferrable SSH operator: a detached job on one of the balancer's hosts, which holds a slot until it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex
from typing import Any, ClassVar, Literal

from airflow.exceptions import AirflowException
from airflow.providers.ssh.hooks.ssh import SSHHook

from ..config import BalancerConfiguration, Host
from ..errors import ConfigurationError, HostUnreachable
from ..fleet.model import called
from ..ssh.task import Attempt
from .failover import in_turn, reason_of
from .hooks import BalancedSSHHook, is_unreachable
from .jobs import Found, JobFiles, found_in, job_name
from .mapped import TaskBalancer, count_by_index
from .operators import check_arguments, count_task
from .versions import retry_elsewhere

try:
    from airflow.providers.ssh.operators.ssh_remote_job import SSHRemoteJobOperator
    from airflow.providers.ssh.utils.remote_job import POSIX_DEFAULT_BASE_DIR, RemoteJobPaths

    from .remote_trigger import BalancedSSHRemoteJobTrigger, access_of
except ModuleNotFoundError as error:
    message = "BalancedSSHRemoteJobOperator needs the SSHRemoteJobOperator of apache-airflow-providers-ssh 7 or newer; upgrade it"
    raise ImportError(message) from error

_OF_THE_HOOK = ("conn_timeout", "banner_timeout", "conn_retry_attempts")
_STORED = "airflow_balancer.remote_job"
"""The key in Airflow 3.3's `task_state_store` that records where a task's job is."""

_UNKNOWN = "whether a job of an earlier attempt has ended there is not known, and a new one starts elsewhere"


class BalancedSSHRemoteJobOperator(SSHRemoteJobOperator):
    """Runs a command as a detached job on the attempt's host, and defers until the job ends.

    It chooses hosts as BalancedSSHOperator does. With `hold_slots`, the job holds one of its host's slots until it
    ends. The operator skips full hosts, and reschedules the task if all are full.

    A job starts only once. An attempt first looks for a job of an earlier attempt. It joins one that still runs, and
    collects the exit code and log of one that has ended. With Airflow 3.3 it asks the host of the last attempt;
    with older versions, all candidates. It restarts a job that was killed, or whose host was restarted. If a host does
    not answer, the operator logs that it does not know whether the job has ended, and starts the job on another
    host; with Airflow 3.3 that retry follows at once.

    The host needs bash, and a POSIX shell as login shell. The triggerer reads passwords only from an Airflow Variable
    or a connection. Two deployments never share jobs.

    Args:
        balancer: The balancer with the hosts; see BalancedSSHOperator for all named arguments.
        query: The arguments of `BalancerConfiguration.select_host`, without the key.
        key: Identifies the task.
        first: The host of the first attempt.
        failover: Whether an attempt goes on to the next host if its host is unreachable.
        pool: The pool that counts the task; default: the first host's.
        **kwargs: The arguments of SSHRemoteJobOperator, except `ssh_conn_id` and `remote_host`.

    Raises:
        NoMatch: No host matches, or all matching hosts are drained.
        ConfigurationError: The query has an unknown key, another argument also names a host, or `remote_os` is Windows.
    """

    template_fields: ClassVar[Sequence[str]] = (*SSHRemoteJobOperator.template_fields, "candidates")
    _host: Host
    """The job's host; set once a host is chosen."""

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        """Return the operator to expand; its indices count in pools as those of a BalancedSSHOperator."""
        made = super().partial(**kwargs)
        count_by_index(made, kwargs)
        return made

    def __init__(
        self,
        *,
        balancer: BalancerConfiguration | TaskBalancer,
        query: Mapping[str, Any] | None = None,
        key: str | None = None,
        first: str | None = None,
        failover: bool = False,
        pool: str | None = None,
        **kwargs: Any,
    ) -> None:
        check_arguments(type(self).__name__, query or {}, kwargs)
        given = {**(kwargs.get("default_args") or {}), **kwargs}
        if given.get("remote_os") == "windows":
            raise ConfigurationError("a BalancedSSHRemoteJobOperator runs no job on Windows: use the provider's SSHRemoteJobOperator there")
        super().__init__(**{**kwargs, "pool": pool, "ssh_conn_id": "", "remote_host": None})
        mapped, balancer = (balancer, balancer.balancer) if isinstance(balancer, TaskBalancer) else ("", balancer)
        self.hook_args = {name: given[name] for name in _OF_THE_HOOK if given.get(name) is not None}
        self.balanced_hook = _JobHook(balancer, **(query or {}), key=key, first=first, failover=failover, **self.hook_args)
        if not given.get("retry_policy"):
            self.retry_policy = retry_elsewhere(HostUnreachable, self._candidates)
        self.candidates = str(mapped)
        count_task(self, self.balanced_hook, pool)

    def execute(self, context: Any) -> None:
        """Join or collect the job of an earlier attempt, or start one, then defer.

        Raises:
            HostUnreachable: The host is unreachable; with `failover`, all hosts are.
        """
        store, self._context = context.get("task_state_store"), context
        stored = store.get(_STORED) if store else None
        self._files = self._files_of(stored["name"] if stored else _new_name(context))
        if earlier := self._earlier(self._to_ask(stored)):
            self._join(*earlier)
        self._link, self.ssh_hook = self._files.link, self.balanced_hook
        self.balanced_hook.context, self.balanced_hook.chosen = context, self._go_to
        super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any], host: str = "", link: str = "") -> None:
        """Log the job's output, and end the task as the job ended.

        Raises:
            HostUnreachable: The host no longer answers.
        """
        self._context = context
        self._files = self._files_of(link.rpartition(".")[0])
        if known := self._host_named(host):
            self._return_to(known, link, event["job_id"])
        else:
            self.log.warning("host %r is not in the configuration any more: the job's folder stays there", host)
        if event["done"] and event["exit_code"] is None:
            raise _unknown_end(host, event)
        try:
            super().execute_complete(context, event)
        finally:
            if event["done"]:
                self._forget(link)

    def defer(self, *, trigger: Any, **options: Any) -> None:
        """Defer with a trigger that connects like the host's hook, and pass on where the job is."""
        trigger = BalancedSSHRemoteJobTrigger.over(trigger, access_of(self.ssh_hook, self._host))
        super().defer(trigger=trigger, kwargs={"host": self._host.name, "link": self._link}, **options)

    def _detect_remote_os(self, ssh_client: Any) -> Literal["posix", "windows"]:  # noqa: ARG002 (the provider's)
        # The provider calls this after setting the job's id, and just before it writes the job's script.
        self.command: str = self._files.starting(self.command, self._job_id)
        return "posix"

    def on_kill(self) -> None:
        """Kill the job; this needs no slot."""
        if hasattr(self, "_host"):
            self.ssh_hook = self._plain_hook(self._host)
        super().on_kill()

    def _candidates(self) -> list[Host]:
        return self.balanced_hook.ranked(self.balanced_hook.key or f"{self.dag_id}.{self.task_id}")

    def _files_of(self, name: str) -> JobFiles:
        return JobFiles(self.remote_base_dir or POSIX_DEFAULT_BASE_DIR, name, max(self._context["ti"].try_number, 1))

    def _go_to(self, host: Host) -> None:
        """Record the host, before a job can start there."""
        if isinstance(host.password, str) or host.ssh_hook_args.get("password"):
            text = "the triggerer, which waits for a job, takes no password from YAML: name an Airflow Variable, or give key_file"
            raise ConfigurationError(f"host {host.name!r}: {text}")
        self._host = host
        if store := self._context.get("task_state_store"):
            store.set(_STORED, {"host": host.name, "name": self._files.name})

    def _return_to(self, host: Host, link: str, job_id: str) -> None:
        """Continue with a job on its host. Commands there claim no slot: the job may hold the last one."""
        self._host, self.ssh_hook = host, self._plain_hook(host)
        self._link, self._job_id, self._detected_os = link, job_id, "posix"
        self._paths = RemoteJobPaths(job_id, "posix", self.remote_base_dir)

    def _host_named(self, name: str) -> Host | None:
        return next((host for host in self.balanced_hook.balancer.all_hosts if host.name == name), None)

    def _plain_hook(self, host: Host) -> SSHHook:
        hook: SSHHook = host.override(hold_slots=False).hook(**self.hook_args)
        return hook

    def _to_ask(self, stored: Mapping[str, str] | None) -> list[Host]:
        """Return the hosts where an earlier attempt may have started a job."""
        if stored is None:
            return [] if "task_state_store" in self._context or self._files.number == 1 else self._candidates()
        if host := self._host_named(stored["host"]):
            return [host]
        self.log.warning("host %r is not in the configuration any more: %s", stored["host"], _UNKNOWN)
        return []

    def _earlier(self, hosts: Sequence[Host]) -> tuple[Host, Found] | None:
        """Return the job of an earlier attempt to join or to collect."""
        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(self._search, map(self._plain_hook, hosts)))
        jobs = []
        for host, answer in zip(hosts, answers, strict=True):
            if isinstance(answer, Exception):
                self.log.warning("%s cannot be reached: %s; %s", called(host), reason_of(answer), _UNKNOWN)
                self.balanced_hook.silent.add(host.name)
            else:
                jobs += [(host, found) for found in answer]
        for host, found in jobs:
            self.log.info("job %s of an earlier attempt, on %s: %s", found.job_id, called(host), found.state)
        return min((job for job in jobs if job[1].state != "gone"), key=lambda job: job[1].state != "running", default=None)

    def _search(self, hook: SSHHook) -> list[Found] | Exception:
        try:
            return found_in(_run(hook, self._files.search()))
        except Exception as error:
            if not is_unreachable(error):
                raise
            return error

    def _join(self, host: Host, found: Found) -> None:
        """Wait for the job of an earlier attempt, and read its log from the start."""
        self._return_to(host, found.link, found.job_id)
        paths = ("job_dir", "log_file", "exit_code_file", "pid_file")
        job = {"job_id": found.job_id, **{name: getattr(self._paths, name) for name in paths}, "remote_os": "posix"}
        if self.do_xcom_push:
            self._context["ti"].xcom_push(key="ssh_remote_job", value=job)
        super().execute_complete(self._context, {**job, "done": False})

    def _forget(self, link: str) -> None:
        """Keep later attempts from collecting the job again."""
        if store := self._context.get("task_state_store"):
            store.delete(_STORED)
            return
        try:
            _run(self.ssh_hook, self._files.forget(link))
        except Exception as error:
            self.log.warning("a later attempt may collect this job once more: %s", reason_of(error))


class _JobHook(BalancedSSHHook):
    """Connects to the host of a new job. Hosts that did not answer about an earlier job come last."""

    chosen: Callable[[Host], None]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.silent: set[str] = set()

    def _ranked_now(self, attempt: Attempt) -> list[Host]:
        turn = in_turn(super()._ranked_now(attempt), attempt.number)
        return in_turn(sorted(turn, key=lambda host: host.name in self.silent), 2 - attempt.number)

    def _connect(self, host: Host, attempt: Attempt, turn: Sequence[Host]) -> SSHHook:
        hook = super()._connect(host, attempt, turn)
        self.chosen(host)
        return hook


def _new_name(context: Any) -> str:
    """Return the prefix of a task's links: random if Airflow can store it, else derived from what identifies the task instance."""
    ti = context["ti"]
    if "task_state_store" in context:
        return job_name(f"{ti.dag_id}.{ti.task_id}", token_hex(16))
    # Another deployment may have the same DAG and run id, but its run started at another time.
    run = (ti.run_id, str(ti.map_index), str(context["dag_run"].start_date))
    return job_name(f"{ti.dag_id}.{ti.task_id}", ti.dag_id, ti.task_id, *run)


def _unknown_end(host: str, event: Mapping[str, Any]) -> Exception:
    job = f"host {host!r}: job {event['job_id']}: {event['message']}"
    if event["status"] == "gone":
        error: Exception = AirflowException(job)
        return error
    return HostUnreachable(f"{job}; whether it has ended is not known, the next attempt asks the host first")


def _run(hook: SSHHook, command: str) -> str:
    with hook.get_conn() as client:
        _, stdout, stderr = client.exec_command(command, timeout=60)
        printed: str = stdout.read().decode(errors="replace")
        said = stderr.read().decode(errors="replace")
        if stdout.channel.recv_exit_status() != 0:
            raise AirflowException(f"{hook.remote_host}: the command exits with {stdout.channel.recv_exit_status()}: {said[-300:]}")
    return printed
