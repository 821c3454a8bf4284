"""A DAG whose tasks stay in one host's pool for as long as the file `hold` stands beside this one."""

import time
from datetime import UTC, datetime
from pathlib import Path

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG
from airflow.providers.standard.operators.python import PythonOperator

HOLD = Path(__file__).with_name("hold")
MOST = 120
"""Seconds."""


def stay():
    """Wait until the file is gone."""
    ends = time.monotonic() + MOST
    while HOLD.exists() and time.monotonic() < ends:
        time.sleep(0.1)


with DAG("holding", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False):
    for number in range(2):
        PythonOperator(task_id=f"task_{number}", pool="127.0.0.2", python_callable=stay)
