"""Airflow's side, on its real metadata databases."""
