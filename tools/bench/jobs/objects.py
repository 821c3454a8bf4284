"""Data and files to objects."""

from __future__ import annotations

from ..fleets import balancer_data
from ..worker import Setting, timed

__all__ = ("airflow_config", "from_data", "inventory", "plain_from_data", "plain_yaml", "tree")


def from_data(setting: Setting) -> list[float]:
    """Seconds to validate a balancer's node into objects."""
    from airflow_balancer import BalancerConfiguration

    return timed(setting, BalancerConfiguration.model_validate, lambda: balancer_data(setting.hosts, setting.ports))


def plain_from_data(setting: Setting) -> list[float]:
    """Seconds to validate the same into bare models."""
    import airflow_balancer.config  # noqa: F401 what else is loaded is the same on both sides

    from ..plain import PlainFleet

    return timed(setting, PlainFleet.model_validate, lambda: balancer_data(setting.hosts, setting.ports))


def plain_yaml(setting: Setting) -> list[float]:
    """Seconds from a file with everything in it to objects."""
    return _from_file(setting, "plain/fleet.yaml")


def inventory(setting: Setting) -> list[float]:
    """Seconds from a file that names inventories to objects; they are read anew."""
    from airflow_balancer import BalancerConfiguration

    files = [setting.folder / "inventory" / f"{name}.yaml" for name in ("hosts", "ports")]

    def changed() -> None:
        for file in files:
            file.touch()

    source = setting.folder / "inventory" / "fleet.yaml"
    return timed(setting, lambda _: BalancerConfiguration.load_path(source), changed)


def tree(setting: Setting) -> list[float]:
    """Seconds from a Hydra tree to objects."""
    return _from_file(setting, "tree/main.yaml")


def airflow_config(setting: Setting) -> list[float]:
    """Seconds from an airflow-config tree to objects."""
    from airflow_balancer import BalancerConfiguration

    folder = str(setting.folder / "airflow" / "config")
    return timed(setting, lambda _: BalancerConfiguration.load(folder, "config"))


def _from_file(setting: Setting, name: str) -> list[float]:
    from airflow_balancer import BalancerConfiguration

    return timed(setting, lambda _: BalancerConfiguration.load_path(setting.folder / name))
