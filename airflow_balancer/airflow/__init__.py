"""Airflow's side: pools and connections, the plugin and its listener; the only room that imports Airflow.

`plan`, `pools` and `connections` are pure; `metadata` and `api` read and apply a plan, each in its way;
`sources` finds the configurations, `sync` ties them together, `versions` knows how Airflow 2 and 3 differ.
`hooks` and `operators` run in tasks; which host an attempt goes to is in `failover`, which is pure, too.
"""
