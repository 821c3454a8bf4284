"""The Airflow side: pools, connections, listener, policy and operators.

- `pools`, `connections`, `teams` and `failover` are pure: what Airflow needs, and which host an attempt goes to.
- `target` opens the Airflow to read or change: `api` through its API server, `database` and `metadata` in its metadata database.
- `sources` finds configurations, `composing` composes them, and `sync` brings Airflow up to date.
- `hooks`, `operators` and `remote_job` run in tasks.
- `versions` holds the differences between Airflow 2 and 3.

Outside this room, only `ssh`, `plugin` and the viewer's adapters import Airflow.
"""
