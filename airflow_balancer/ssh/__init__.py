"""A host's SSH hook, and the slots that its commands hold on the host. Only `hook` imports Airflow at module level."""
