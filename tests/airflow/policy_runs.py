"""A process of an Airflow of its own, as a scheduler is: runs each DAG of the folder, and prints the pool of each task instance.

`policy_runs.py` prints a mapping from `<dag_id>.<task_id>[<index>]` to the pools after the run is made, after upstream tasks
have ended (three items each), and after all instances were cleared having failed once.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime, timezone
from typing import Any

from airflow import settings
from airflow.models.taskinstance import TaskInstance, clear_task_instances
from airflow.models.taskmap import TaskMap
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunType

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 (Airflow 2 runs on older Pythons)


def load() -> list[Any]:
    """Parse the DAGs folder into the metadata database, and return the DAGs as a scheduler reads them there."""
    try:
        from airflow.dag_processing.bundles.manager import DagBundlesManager
    except ImportError:
        return _load_2()
    from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
    from airflow.models.serialized_dag import SerializedDagModel

    manager = DagBundlesManager()
    manager.sync_bundles_to_db()
    (bundle,) = manager.get_all_dag_bundles()
    bag = BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
    assert not bag.import_errors, bag.import_errors
    sync_bag_to_db(bag, bundle.name, None)
    with settings.Session() as session:
        return [SerializedDagModel.get(dag_id, session=session).dag for dag_id in sorted(bag.dags)]


def _load_2() -> list[Any]:
    from airflow.models.dagbag import DagBag
    from airflow.models.serialized_dag import SerializedDagModel

    bag = DagBag(include_examples=False)
    assert not bag.import_errors, bag.import_errors
    bag.sync_to_db()
    return [SerializedDagModel.get(dag_id).dag for dag_id in sorted(bag.dags)]


def make_run(dag: Any, session: Any) -> Any:
    """Make a run of the DAG, as the scheduler or the API server does."""
    times = {"run_id": "run", "state": DagRunState.RUNNING, "data_interval": (NOW, NOW), "session": session}
    try:
        from airflow.utils.types import DagRunTriggeredByType
    except ImportError:
        return dag.create_dagrun(run_type=DagRunType.MANUAL, execution_date=NOW, **times)
    by = DagRunTriggeredByType.TEST
    return dag.create_dagrun(run_type=DagRunType.MANUAL, logical_date=NOW, run_after=NOW, triggered_by=by, **times)


def instances(run: Any, session: Any) -> list[Any]:
    found = session.query(TaskInstance).filter(TaskInstance.run_id == run.run_id, TaskInstance.dag_id == run.dag_id)
    return sorted(found, key=lambda ti: (ti.task_id, ti.map_index))


def pools(run: Any, session: Any) -> dict[str, str]:
    session.expire_all()
    return {f"{ti.dag_id}.{ti.task_id}[{ti.map_index}]": ti.pool for ti in instances(run, session) if ti.task_id != "items"}


def follow(dag: Any) -> list[dict[str, str]]:
    with settings.Session() as session:
        run = make_run(dag, session)
        run.dag = dag
        made = [pools(run, session)]
        for ti in instances(run, session):
            if ti.task_id == "items":
                ti.state = "success"
                session.add(TaskMap(ti.dag_id, ti.task_id, ti.run_id, -1, 3, None))
        session.flush()
        run.task_instance_scheduling_decisions(session=session)
        session.flush()
        made.append(pools(run, session))
        for ti in instances(run, session):
            ti.state, ti.try_number = "failed", 1
        session.flush()
        clear_task_instances(instances(run, session), session)
        session.flush()
        made.append(pools(run, session))
        session.rollback()
        return made


def main() -> None:
    made = [follow(dag) for dag in load()]
    sys.stdout.write("\n" + json.dumps([dict(pair for run in phase for pair in run.items()) for phase in zip(*made, strict=True)]) + "\n")


if __name__ == "__main__":
    main()
