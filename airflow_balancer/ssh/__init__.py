"""A host's SSH hook, whose commands hold slots on the host; of these modules only the hook's loads Airflow."""
