"""A demo on one machine: SSH servers on loopback addresses, a real Airflow, and a DAG whose tasks say where they ran."""
