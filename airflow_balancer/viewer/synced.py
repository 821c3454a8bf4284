"""The viewer of the configurations that this Airflow syncs."""

from __future__ import annotations

from ..airflow import versions
from ..airflow.composing import without_code_of
from ..airflow.options import read_options
from ..airflow.sources import named_sources, watched_roots
from ..errors import ConfigurationError
from ..files.locate import find_source
from .catalogue import Catalogue
from .configuration import Places
from .service import Viewer

_HINT = (
    "There is no balancer's YAML in the DAGs folder or in a DAG bundle on this machine. Put one there, such as "
    "balancer.yaml with hosts: [{name: host1, size: 8}], or name yours in [balancer] config_path."
)


def synced_viewer() -> Viewer:
    """Return the viewer of this process."""
    return Viewer(Catalogue(_places, lambda: without_code_of(versions.dag_folders())))


def _places() -> Places:
    options, folders = read_options(versions.option), versions.dag_folders()
    sources, problems = named_sources(options, folders)
    if problems and not sources:
        raise ConfigurationError(problems)
    named = tuple((find_source(source.path.absolute()), source.overrides) for source in sources)
    return Places(watched_roots(options, folders), named, _HINT)
