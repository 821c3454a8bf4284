"""The fleets of one composed config, by the path of their balancer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ..errors import ConfigurationError
from ..fleet.fleet import Fleet
from ..fleet.model import HostSpec
from ..picking.filters import HostFilter, HostIndex
from ..picking.rendezvous import Candidates
from ..picking.strategies import Strategy, build_strategy
from .origins import dotted, find_balancer, has_interpolation

PENDING = "<not assigned yet>"
"""What a request resolves to until it is assigned."""


class PendingError(Exception):
    """A request is not assigned yet, or depends on one that is not.

    Attributes:
        again: Whether its node has to be resolved again to learn the whole request.
    """

    def __init__(self, *, again: bool = True) -> None:
        super().__init__(PENDING)
        self.again = again


class Fleets:
    """The fleets and their strategies, each built at its first use from the config as it is then."""

    def __init__(self, root: DictConfig, written: Any) -> None:
        self._root = root
        self._written = written
        self._fleets: dict[str, Fleet] = {}
        self._indexes: dict[str, HostIndex[HostSpec]] = {}
        self._strategies: dict[str, Strategy] = {}
        self._building: set[str] = set()

    def locate(self) -> str:
        """Return the path of the config's balancer; see `find_balancer`."""
        return dotted(find_balancer(self._written))

    def __getitem__(self, balancer: str) -> Fleet:
        """Return the fleet at a path of the config.

        Raises:
            ConfigurationError: There is none, it is wrong, or it requests its own hosts or ports.
        """
        if balancer not in self._fleets:
            if balancer in self._building:
                raise ConfigurationError("a balancer's own node cannot ask for its hosts or ports")
            self._building.add(balancer)
            try:
                self._fleets[balancer] = Fleet.from_data(_plain_balancer(self._root, balancer))
            finally:
                self._building.discard(balancer)
        return self._fleets[balancer]

    def keep(self, balancer: str, fleet: Fleet, index: HostIndex[HostSpec]) -> None:
        """Use a fleet that is validated already, unless one is in use."""
        if self._fleets.setdefault(balancer, fleet) is fleet:
            self._indexes[balancer] = index

    def strategy(self, balancer: str) -> Strategy:
        """Return the strategy of the balancer at a path of the config."""
        if balancer not in self._strategies:
            self._strategies[balancer] = build_strategy(self[balancer].settings.strategy)
        return self._strategies[balancer]

    def candidates(self, balancer: str, query: HostFilter) -> Candidates[HostSpec]:
        """Return the hosts of a balancer that match.

        Raises:
            NoMatch: There is none.
        """
        if balancer not in self._indexes:
            self._indexes[balancer] = HostIndex(self[balancer].hosts)
        return self._indexes[balancer].candidates(query)


def _plain_balancer(root: DictConfig, balancer: str) -> Mapping[str, Any]:
    node = OmegaConf.select(root, balancer) if balancer else root
    if not isinstance(node, DictConfig):
        raise ConfigurationError(f"there is no balancer at {balancer!r}")
    plain = OmegaConf.to_container(node, resolve=False)
    if has_interpolation(plain):
        plain = OmegaConf.to_container(node, resolve=True, throw_on_missing=True)
        if PENDING in str(plain):
            raise PendingError
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}
