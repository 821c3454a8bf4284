"""The balancer's objects: airflow-pydantic's models, held to this package's rules."""

from .balancer import BalancerConfiguration, load_config
from .host import Host
from .pool_manager import PoolManagerConfiguration, configured_pools
from .port import Port
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
