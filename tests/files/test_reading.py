"""What a reading may open."""

from __future__ import annotations

import pytest

from airflow_balancer.errors import ConfigurationError
from airflow_balancer.files.reading import current_reading, reading


def test_only_files_inside_of_its_roots_are_admitted(tmp_path):
    inside, outside = tmp_path / "roots" / "a.yaml", tmp_path / "a.yaml"
    with reading(roots=(tmp_path / "roots",)):
        current_reading().admit(inside, "the inventory 'a.yaml'")
        with pytest.raises(ConfigurationError, match=r"^the inventory 'a\.yaml' is outside of the configuration's folders$"):
            current_reading().admit(outside, "the inventory 'a.yaml'")
    current_reading().admit(outside, "the inventory 'a.yaml'")
