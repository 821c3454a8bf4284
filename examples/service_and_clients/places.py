"""Where each service listens. The service and its clients call `place_of`, so they use the same key and range."""

from typing import NamedTuple

from airflow_balancer import BalancerConfiguration, Host


class Place(NamedTuple):
    """Where a service listens."""

    host: Host
    port: int


def place_of(service: str, balancer: BalancerConfiguration) -> Place:
    host = balancer.select_host(queue="services", key=service)
    return Place(host, balancer.free_port(host, min=9000, max=9099, key=service).port)
