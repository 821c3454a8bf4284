"""Tests against a real Airflow whose tasks run over SSH, with the harness of the demo."""
