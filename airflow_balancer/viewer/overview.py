"""All configurations at once: how large each is, or what is wrong with it."""

from __future__ import annotations

from ..errors import ConfigurationError
from .catalogue import Catalogue, UnknownError
from .models.fleet import OverviewAnswer, OverviewRow
from .models.requests import NoQuery


def overview(catalogue: Catalogue, _: NoQuery) -> OverviewAnswer:
    """Return each configuration in its default environment."""
    found = sorted(catalogue.look().configurations.values(), key=lambda configuration: configuration.name)
    return OverviewAnswer(configurations=[_row(catalogue, configuration.id, configuration.name) for configuration in found])


def _row(catalogue: Catalogue, identity: str, name: str) -> OverviewRow:
    try:
        fleet = catalogue.open(identity).fleet
    except (ConfigurationError, UnknownError) as error:
        return OverviewRow(id=identity, name=name, problem=str(error))
    drained = sum(bool(host.drain) for host in fleet.hosts)
    return OverviewRow(id=identity, name=name, hosts=len(fleet.hosts), drained=drained, slots=sum(host.size for host in fleet.hosts))
