"""YAML files, and the errors that name them."""

from __future__ import annotations

import os

import pytest

from airflow_balancer.errors import ConfigurationError
from airflow_balancer.files.document import TooMuchError
from airflow_balancer.files.yaml import read_content, read_layer, read_root, yaml_line

WRONG = {
    "text": (b"a", "holds a str at the top; it must be a mapping"),
    "list": (b"- a", "holds a list at the top; it must be a mapping"),
    "not UTF-8": (b"a: \xff", "not UTF-8, at byte 3; save it as UTF-8"),
    "tab": (b"a:\n\tb: 1", "line 2: found character that cannot start any token; indent with spaces, not with a tab"),
    "control character": (
        b"a: \x07",
        'unacceptable character #x0007: control characters are not allowed in "<unicode string>", position 3',
    ),
    "alias": (b"a: *secret", "line 1: alias has no anchor before it, or is inside of it"),
}


@pytest.mark.parametrize(("content", "text"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_names_the_file(write, content, text):
    path = write("a.yaml", content)
    with pytest.raises(ConfigurationError) as error:
        read_layer(path)
    assert str(error.value) == f"{path}: {text}"
    with pytest.raises(ConfigurationError) as error:
        read_root(path)
    assert str(error.value).startswith(f"{path}: {text}")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError) as error:
        read_layer(tmp_path / "a.yaml")
    assert str(error.value) == f"{tmp_path}/a.yaml: there is no such file"


def test_a_name_that_no_file_can_have_is_an_error(tmp_path):
    with pytest.raises(ConfigurationError) as error:
        read_root(tmp_path / "a\0b.yaml")
    assert str(error.value) == rf"{tmp_path}/a\x00b.yaml: a file's name has no null byte"


def test_a_file_that_the_system_does_not_open_is_named_with_the_reason(tmp_path):
    (path := tmp_path / "a.yaml").symlink_to("a.yaml")
    with pytest.raises(ConfigurationError) as error:
        read_layer(path)
    assert str(error.value) == f"{path}: cannot be read: Too many levels of symbolic links"


def test_an_empty_layer_is_an_empty_mapping_and_an_empty_root_an_error(write):
    path = write("a.yaml", "# @package _global_\n")
    assert read_layer(path) == ({}, "# @package _global_\n")
    with pytest.raises(ConfigurationError) as error:
        read_root(path)
    assert str(error.value) == f"{path}: the file is empty; a balancer needs at least 'hosts:'"


def test_a_layer_is_its_mapping_and_its_first_lines(write):
    content = "a: 1\n" + "#" * 600
    assert read_layer(write("a.yaml", content)) == ({"a": 1}, content[:512])


def test_a_file_of_the_largest_size_is_read_and_a_larger_one_refused(write):
    path = write("a.yaml", "x" * 2**20)
    assert read_content(path, 2**20) == b"x" * 2**20
    with pytest.raises(TooMuchError, match=r"^is larger than 1 MiB$"):
        read_content(write("a.yaml", "x" * (2**20 + 1)), 2**20)


def test_the_largest_size_is_sixteen_mebibytes_unless_another_is_given(write):
    path = write("a.yaml", "")
    os.truncate(path, 2**24)
    assert len(read_content(path)) == 2**24
    os.truncate(path, 2**24 + 1)
    with pytest.raises(TooMuchError, match=r"^is larger than 16 MiB$"):
        read_content(path)


def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TooMuchError, match=r"^is no regular file$"):
        read_content(tmp_path / "pipe")


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ({"a": 1, "b": "x"}, "{a: 1, b: x}"),
        ({"a": "1e3", "b": "no"}, "{a: '1e3', b: 'no'}"),
        ({"a": "größe"}, "{a: größe}"),
        ({"a": "x\u2028y"}, '{a: "x\\Ly"}'),
    ],
)
def test_data_is_one_line(data, line):
    assert yaml_line(data) == line
