"""The viewer: a page that shows the fleets, and the JSON API below it. It only reads.

`app.py` serves it through FastAPI, alone or within Airflow 3. Airflow 2's Flask view calls the same `Viewer`.
"""

URL_PREFIX = "/airflow-balancer"
"""The address of the page below Airflow's own."""
