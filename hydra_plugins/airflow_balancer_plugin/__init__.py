"""Makes airflow-balancer's configs and resolvers known to every Hydra app.

Hydra scans `hydra_plugins` in apps that may have nothing to do with balancers: nothing here may fail.
"""

import warnings

try:
    from airflow_balancer.resolvers import register_resolvers
    from airflow_balancer.schema import register_configs

    register_configs()
    register_resolvers()
except Exception as error:
    warnings.warn(f"airflow-balancer's Hydra plugin is off: {error!r}", stacklevel=1)
