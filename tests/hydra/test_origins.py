"""The origin of a value: the last layer or override that sets it."""

from __future__ import annotations

from pathlib import Path

from airflow_balancer.hydra.origins import Layer, Origins


def test_a_file_in_two_packages_is_the_origin_in_both(tmp_path: Path) -> None:
    file = tmp_path / "host.yaml"
    file.write_text("size: 4\n")
    origins = Origins((tmp_path,), lambda: [Layer("host", "first"), Layer("host", "second")], ())
    assert origins.below((), {"first": {"size": 4}, "second": {"size": 4}}) == [
        (("first", "size"), 4, str(file)),
        (("second", "size"), 4, str(file)),
    ]


def test_each_file_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "host.yaml"
    file.write_text("size: 4\n")
    origins = Origins((tmp_path,), lambda: [Layer("host", "")], ())
    assert origins.of(("size",)) == str(file)
    file.unlink()
    assert origins.of(("size",)) == str(file)


def test_an_empty_file_is_the_origin_of_nothing(tmp_path: Path) -> None:
    file = tmp_path / "root.yaml"
    file.write_text("first: {size: 4}\n")
    (tmp_path / "empty.yaml").write_text("")
    origins = Origins((tmp_path,), lambda: [Layer("root", ""), Layer("empty", "first")], ())
    assert origins.below(("first",), {"size": 4, "drain": False}) == [(("first", "size"), 4, str(file)), (("first", "drain"), False, "")]


def test_an_override_inside_a_value_that_nothing_else_sets_is_its_origin(tmp_path: Path) -> None:
    file = tmp_path / "root.yaml"
    file.write_text("changes: {a: {size: 4}}\n")
    origins = Origins((tmp_path,), lambda: [Layer("root", "")], ("changes.a.size=2", "+changes.b.size=3", "other.b.size=1"))
    told = "override '+changes.b.size=3'"
    assert [origins.of(path) for path in (("changes", "a"), ("changes", "b"), ("changes", "c"))] == [str(file), told, str(file)]


def test_what_is_in_a_value_that_no_file_has_is_of_the_override_that_gives_it(tmp_path: Path) -> None:
    origins = Origins((tmp_path,), list, ("+ports=[{port: 80}]",))
    assert origins.below(("ports",), [{"port": 80}]) == [(("ports", 0, "port"), 80, "override '+ports=[{port: 80}]'")]
