"""A DAG that knows nothing of balancers."""

from datetime import UTC, datetime

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import PythonOperator

with DAG("plain", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False):
    EmptyOperator(task_id="before") >> PythonOperator(task_id="after", python_callable=print)
