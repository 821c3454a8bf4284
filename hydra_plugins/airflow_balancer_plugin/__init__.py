"""Makes airflow-balancer's configs and resolvers known to every Hydra app.

Hydra scans `hydra_plugins` in apps that may have nothing to do with balancers: nothing here may fail.
"""

import logging

try:
    from airflow_balancer.hydra.resolvers import register_resolvers
    from airflow_balancer.hydra.schema import register_configs

    register_configs()
    register_resolvers()
except Exception as error:
    # Not a warning: where warnings are errors, it would end the app.
    logging.getLogger(__name__).warning("airflow-balancer's configs and resolvers are not there: %r", error)
