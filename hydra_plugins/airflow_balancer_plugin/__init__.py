"""Registers airflow-balancer's configs and resolvers in every Hydra app.

Hydra imports `hydra_plugins` in apps without a balancer, too, so nothing here may fail.
"""

import logging

try:
    from airflow_balancer.hydra.resolvers import register_resolvers
    from airflow_balancer.hydra.schema import register_configs

    register_configs()
    register_resolvers()
except Exception as error:
    # Logged, because a warning would end an app in which warnings are errors.
    logging.getLogger(__name__).warning("airflow-balancer's configs and resolvers are not there: %r", error)
