"""The viewer's API over files that a test writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from airflow_balancer.viewer.catalogue import Catalogue
from airflow_balancer.viewer.configuration import Places
from airflow_balancer.viewer.service import Viewer

REPOSITORY = Path(__file__).parents[2]


class Api:
    """The API over all configurations below a folder, or over one."""

    def __init__(self, root: Path, named: str = "", overrides: tuple[str, ...] = ()) -> None:
        pytest.importorskip("fastapi", reason="FastAPI is not installed: pip install 'airflow-balancer[viewer]'")
        pytest.importorskip("httpx", reason="httpx is not installed")
        from fastapi.testclient import TestClient

        from airflow_balancer.viewer.app import create_app

        places = Places((root,), ((root / named, overrides),) if named else (), "make one")
        self.app = create_app(Viewer(Catalogue(lambda: places)))
        self.client = TestClient(self.app, raise_server_exceptions=True)
        self._ids: dict[str, str] = {}

    def get(self, path: str, /, **query: Any) -> Any:
        """Return the response to a request below api/."""
        return self.client.get(f"/api/{path}", params=query)

    def ids(self) -> dict[str, str]:
        """Return the ids of the configurations by their names."""
        return {shown["name"]: shown["id"] for shown in self.get("configurations").json()["configurations"]}

    def of(self, path: str, name: str, /, **query: Any) -> Any:
        """Return the response for the configuration of a name."""
        if name not in self._ids:
            self._ids = self.ids()
        return self.get(path, configuration=self._ids[name], **query)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Callable[..., Api]]:
    """Make an API over the test's folder."""
    # Within the client's context all requests share one event loop; without it, each starts a thread and a loop.
    with ExitStack() as clients:

        def make(named: str = "", overrides: tuple[str, ...] = ()) -> Api:
            made = Api(tmp_path, named, overrides)
            clients.enter_context(made.client)
            return made

        yield make


@pytest.fixture(scope="session")
def tree() -> Iterator[Api]:
    """The API over the repository's own conf/."""
    api = Api(REPOSITORY / "conf", "config.yaml")
    with api.client:
        yield api
