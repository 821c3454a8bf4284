"""Airflow's side: pools and connections, the plugin and its listener; the only room that imports Airflow.

`plan`, `pools` and `connections` are pure. `target` finds the Airflow that is meant: `api` reads and applies plans
through its API server, `database` and `metadata` in its metadata database. `sources` finds the configurations, `sync`
keeps Airflow in step with them, `versions` knows how Airflow 2 and 3 differ.
`hooks` and `operators` run in tasks; which host an attempt goes to is in `failover`, which is pure, too.
"""
