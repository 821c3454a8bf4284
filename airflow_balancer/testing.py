"""What tests of DAGs need: pools and Variables without a metadata database."""

from airflow_pydantic.testing import pools, variables

__all__ = ("pools", "variables")
