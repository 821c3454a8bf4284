"""The balancer's objects: airflow-pydantic's models, validated by this package's rules."""

from .balancer import BalancerConfiguration, PoolManagerConfiguration, configured_pools, load_config
from .models import Host, Port
from .query import BalancerHostQueryConfiguration, BalancerPortQueryConfiguration, HostQuery, PortQuery
from .task import BalancedSSHTask

__all__ = (
    "BalancedSSHTask",
    "BalancerConfiguration",
    "BalancerHostQueryConfiguration",
    "BalancerPortQueryConfiguration",
    "Host",
    "HostQuery",
    "PoolManagerConfiguration",
    "Port",
    "PortQuery",
    "configured_pools",
    "load_config",
)
