"""Reaches the metadata database, for reading, where this process has one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

__all__ = ("UnavailableError", "has_airflow", "metadata_connection")


class UnavailableError(Exception):
    """Live data cannot be read here; the text says why."""


def has_airflow() -> bool:
    """Return whether Airflow is installed here."""
    # Not `airflow` alone: any folder of that name on the path would do.
    return find_spec("airflow") is not None and find_spec("airflow.models") is not None


@contextmanager
def metadata_connection() -> Iterator[Connection]:
    """Give a connection to the metadata database; whatever is done in it is rolled back.

    Raises:
        UnavailableError: There is none, or it refuses.
    """
    if not has_airflow():
        raise UnavailableError("Airflow is not installed here; its metadata is shown where the page is opened within Airflow")
    from sqlalchemy.exc import SQLAlchemyError

    from ..airflow import versions

    try:
        engine = versions.engine()
        _check_file(engine)
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        # Not the statement: its parameters may hold secrets.
        text = str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()[0]
        raise UnavailableError(f"the metadata database refuses: {text}") from None
    except RuntimeError as error:
        raise UnavailableError(str(error)) from None


def _check_file(engine: Engine) -> None:
    """Raise where SQLite would make an empty database on being opened."""
    url = engine.url
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).is_file():
        raise UnavailableError("Airflow's metadata database is not made yet: airflow db migrate")
