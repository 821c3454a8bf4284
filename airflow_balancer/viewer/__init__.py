"""The viewer: a page that shows the fleets, and the JSON API below it; it reads, and never writes.

`app.py` serves it through FastAPI, alone or within Airflow 3; the Flask view of Airflow 2 calls the same `Viewer`.
"""
