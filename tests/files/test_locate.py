"""Snapshots of folders: which files they have, what ends them early, and what they notice."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from airflow_balancer.files import locate
from airflow_balancer.files.locate import MAX_NESTING, take_snapshot


def found(*roots: Path, below: Path) -> list[str]:
    return [Path(file).relative_to(below).as_posix() for file in take_snapshot(roots).files]


def test_yaml_files_are_found_in_the_order_of_names(write, tmp_path):
    for name in ("b.yaml", "a.yml", "c/a.yaml", "a/z.yaml", "d.txt", ".hidden.yaml"):
        write(name, "")
    for folder in (".git", "__pycache__", "node_modules", "site-packages", "logs"):
        write(f"{folder}/a.yaml", "")
        write(f"a/{folder}/a.yaml", "")
    assert found(tmp_path, below=tmp_path) == ["a.yml", "b.yaml", "a/z.yaml", "c/a.yaml"]


def test_a_root_may_be_a_file_or_missing(write, tmp_path):
    write("a.yaml", "")
    snapshot = take_snapshot([tmp_path / "a.yaml", tmp_path / "missing"])
    assert ([*map(Path, snapshot.files)], snapshot.folders) == ([tmp_path / "a.yaml"], {str(tmp_path / "missing"): ()})


def test_links_are_followed_and_each_folder_is_entered_once(write, tmp_path):
    write("a/one.yaml", "")
    write("elsewhere/two.yaml", "")
    (tmp_path / "a" / "again").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "a" / "broken.yaml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "a" / "folder.yaml").mkdir()
    assert found(tmp_path / "a", below=tmp_path / "a") == ["broken.yaml", "one.yaml", "link/two.yaml"]


@pytest.mark.parametrize(("depth", "files"), [(MAX_NESTING, 1), (MAX_NESTING + 1, 0)])
def test_folders_are_entered_down_to_the_deepest(write, tmp_path, depth, files):
    write("/".join(["d"] * depth) + "/a.yaml", "")
    assert len(found(tmp_path, below=tmp_path)) == files


@pytest.mark.parametrize(
    ("bound", "most", "limit"),
    [("MAX_FILES", 3, "3 YAML files"), ("MAX_FILES", 4, ""), ("MAX_FOLDERS", 4, "4 folders"), ("MAX_FOLDERS", 5, "")],
)
def test_a_bound_that_is_reached_is_named(write, monkeypatch, bound, most, limit):
    root, *_ = {write(f"{name}/a.yaml", "").parents[1] for name in "abc"}
    monkeypatch.setattr(locate, bound, most)
    assert take_snapshot([root]).limit == limit


def test_no_folder_is_entered_over_the_bound(write, tmp_path, monkeypatch):
    for name in "abc":
        write(f"{name}/a.txt", "")
    monkeypatch.setattr(locate, "MAX_FOLDERS", 2)
    assert [*map(Path, take_snapshot([tmp_path]).folders)] == [tmp_path, tmp_path / "a"]


def test_a_scan_without_time_says_so(write, tmp_path):
    write("a.yaml", "")
    write("b.yaml", "")
    snapshot = take_snapshot([tmp_path], seconds=-1)
    assert (len(snapshot.files), snapshot.limit) == (1, "the time for it")


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a.yaml").write_text("b"),
        lambda folder: (folder / "a.yaml").unlink(),
        lambda folder: (folder / "newer.yaml").write_text(""),
        lambda folder: (folder / "below" / "new.yaml").write_text(""),
        lambda folder: (folder / "new.yaml").rename(folder / "a.yaml"),
    ],
    ids=["changed", "removed", "added", "added below", "replaced"],
)
def test_a_change_is_noticed(write, tmp_path, change):
    write("a.yaml", "a")
    write("below/b.yaml", "b")
    (tmp_path / "new.yaml").write_text("a")
    snapshot = take_snapshot([tmp_path])
    assert snapshot.still_true()
    change(tmp_path)
    assert not snapshot.still_true()


def test_a_folder_that_cannot_be_read_is_noticed_when_it_changes(tmp_path, monkeypatch):
    closed = tmp_path / "closed"
    closed.mkdir()
    scan = os.scandir

    def refuse(path: str) -> object:
        if path == str(closed):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    snapshot = take_snapshot([tmp_path])
    assert [*map(Path, snapshot.folders)] == [tmp_path, closed]
    closed.chmod(0o700)
    assert not snapshot.still_true()
