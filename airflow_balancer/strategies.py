"""The strategies that a balancer's YAML may name by `_target_`, such as `airflow_balancer.strategies.Bounded`."""

from .picking.rendezvous import Bounded
from .picking.strategies import LeastLoaded, Random, Rendezvous, Strategy

__all__ = ("Bounded", "LeastLoaded", "Random", "Rendezvous", "Strategy")
