"""Fleets of hosts and ports in YAML, composed by Hydra, balanced for Apache Airflow.

Names are imported on first use: importing the package takes milliseconds, and only objects load Airflow.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .airflow.hooks import BalancedSSHHook
    from .airflow.operators import BalancedSSHOperator
    from .airflow.remote_job import BalancedSSHRemoteJobOperator
    from .config import (
        BalancedSSHTask,
        BalancerConfiguration,
        BalancerHostQueryConfiguration,
        BalancerPortQueryConfiguration,
        Host,
        HostQuery,
        PoolManagerConfiguration,
        Port,
        PortQuery,
        load_config,
    )
    from .config.balancer import load
    from .errors import BalancerError, ConfigurationError, HostUnreachable, NoFreePort, NoMatch
    from .fleet.fleet import Fleet
    from .hydra.compose import load_fleet

__version__ = "0.8.0"

__all__ = (
    "BalancedSSHHook",
    "BalancedSSHOperator",
    "BalancedSSHRemoteJobOperator",
    "BalancedSSHTask",
    "BalancerConfiguration",
    "BalancerError",
    "BalancerHostQueryConfiguration",
    "BalancerPortQueryConfiguration",
    "ConfigurationError",
    "Fleet",
    "Host",
    "HostQuery",
    "HostUnreachable",
    "NoFreePort",
    "NoMatch",
    "PoolManagerConfiguration",
    "Port",
    "PortQuery",
    "load",
    "load_config",
    "load_fleet",
)

_MODULES = {
    **dict.fromkeys(("BalancerError", "ConfigurationError", "HostUnreachable", "NoFreePort", "NoMatch"), "errors"),
    "BalancedSSHHook": "airflow.hooks",
    "BalancedSSHOperator": "airflow.operators",
    "BalancedSSHRemoteJobOperator": "airflow.remote_job",
    "load": "config.balancer",
    "load_fleet": "hydra.compose",
    "Fleet": "fleet.fleet",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_MODULES.get(name, 'config')}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
