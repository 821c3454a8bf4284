"""The tests are a package, so that the folder `tests/airflow` is never taken for Airflow."""
