"""Generates the DAG (for Airflow) that `config/dags/nightly.yaml` describes; the same tree has the balancer."""

from airflow_config import load_config

config = load_config("config", "config")
config.generate_in_mem()
