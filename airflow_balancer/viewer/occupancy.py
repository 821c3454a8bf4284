"""The slots of Airflow's pools, by what is in them."""

from __future__ import annotations

from ..airflow.occupancy import read_occupancy
from ..errors import BalancerError
from .catalogue import Catalogue
from .models import NoQuery, OccupancyAnswer, OccupancyRow

__all__ = ("occupancy",)


def occupancy(_: Catalogue, __: NoQuery) -> OccupancyAnswer:
    """Return the occupancy of all pools; if it cannot be read, why."""
    try:
        read = read_occupancy()
    except BalancerError as error:
        return OccupancyAnswer(available=False, why=str(error))
    shown = ("total", "running", "queued", "deferred", "scheduled", "open")
    pools = {name: OccupancyRow(**{key: getattr(pool, key) for key in shown}) for name, pool in read.pools.items()}
    return OccupancyAnswer(available=True, pools=pools)
