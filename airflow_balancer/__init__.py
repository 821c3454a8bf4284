"""Fleets of hosts and ports in YAML, composed by Hydra, balanced for Apache Airflow."""

__version__ = "0.8.0"
