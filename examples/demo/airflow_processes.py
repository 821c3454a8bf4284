"""A running Airflow on loopback, whose servers start and end together."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from .airflow_client import AirflowClient, TaskState
from .airflow_home import IS_AIRFLOW_2, AirflowHome
from .errors import DemoError, end_of
from .processes import Process, run, wait_until

__all__ = ("Airflow",)


class Airflow:
    """Airflow over a migrated home: API server, DAG processor (Airflow 3) and schedulers.

    Args:
        home: The directory with its settings and DAGs.
        schedulers: Number of schedulers; more than one needs PostgreSQL.
    """

    def __init__(self, home: AirflowHome, *, schedulers: int = 1) -> None:
        self.home = home
        self.client = AirflowClient(home)
        self.processes: list[Process] = []
        self._schedulers = [f"scheduler-{number}" for number in range(1, schedulers + 1)]
        self._stack = ExitStack()

    def __enter__(self) -> Airflow:
        with ExitStack() as stack:
            stack.enter_context(self.client)
            self._start(stack)
            wait_until(self.client.is_up, "an answer of the API server", processes=self.processes)
            self.client.login()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def kill(self) -> None:
        """Kill all servers at once, if their home is thrown away."""
        for process in self.processes:
            process.stop(grace=0)

    def wait_for_dag(self, dag_id: str) -> None:
        """Wait until a DAG is parsed.

        Raises:
            DemoError: With the traceback of the DAG file, or the end of the logs.
        """

        def parsed() -> bool:
            if errors := self.client.import_errors():
                raise DemoError("\n".join(errors))
            return self.client.has_dag(dag_id)

        wait_until(parsed, f"the parsing of DAG {dag_id}", processes=self.processes)

    def run_dag(self, dag_id: str, *, seen: Callable[[list[TaskState]], None] | None = None, timeout: float = 300) -> str:
        """Run a DAG to its end and return the run's id.

        Args:
            dag_id: A parsed DAG.
            seen: Called with the tasks once a second.
            timeout: In seconds.

        Raises:
            DemoError: A task failed, with the end of its log; or a server ended, or the time is over.
        """
        run_id = self.client.trigger(dag_id)
        self.wait_for_run(dag_id, run_id, seen=seen, timeout=timeout)
        return run_id

    def wait_for_run(
        self, dag_id: str, run_id: str, *, seen: Callable[[list[TaskState]], None] | None = None, timeout: float = 300
    ) -> None:
        """Wait for the end of a run, with the arguments and errors of `run_dag`."""

        def ended() -> bool:
            if seen:
                seen(self.client.tasks(dag_id, run_id))
            return self.client.run_state(dag_id, run_id) in {"success", "failed"}

        wait_until(ended, f"the end of {dag_id} {run_id}", processes=self.processes, timeout=timeout)
        failed = [task for task in self.client.tasks(dag_id, run_id) if task.state != "success"]
        if failed:
            first = min(failed, key=lambda task: (task.state != "failed", str(task.ended)))
            message = f"{first.task_id} is {first.state}\n{end_of(self.home.task_log(dag_id, run_id, first.task_id))}"
            raise DemoError(message)

    def restart(self, name: str, **env: str) -> None:
        """Restart a server with further environment variables."""
        process = next(process for process in self.processes if process.name == name)
        process.stop()
        process.env = {**self.home.env, **env}
        process.start()

    def _start(self, stack: ExitStack) -> None:
        if IS_AIRFLOW_2 and len(self._schedulers) > 1:
            # Each scheduler of Airflow 2 parses the DAG files, and two of them insert a new DAG at once.
            run(self.home.command("dags", "reserialize"), env=self.home.env, log=self.home.logs / "reserialize.log")
        port = self.home.url.rpartition(":")[2]
        if IS_AIRFLOW_2:
            commands = {"webserver": ["webserver", "--hostname", "127.0.0.1", "--port", port, "--workers", "1"]}
        else:
            commands = {"api-server": ["api-server", "--host", "127.0.0.1", "--port", port, "--workers", "1"]}
            commands["dag-processor"] = ["dag-processor"]
        commands |= {name: ["scheduler", "--skip-serve-logs"] for name in self._schedulers}
        for name, arguments in commands.items():
            log = self.home.logs / f"{name}.log"
            pid_file = ["--pid", str(self.home.root / f"{name}.pid")]
            process = Process(name, self.home.command(*arguments, *pid_file), env=self.home.env, log=log)
            self.processes.append(stack.enter_context(process))
