"""CHANGELOG.md has the form of Keep a Changelog 1.1.0, and its newest version is the package's."""

from __future__ import annotations

import re

from airflow_balancer import __version__
from tests.conftest import REPOSITORY

TEXT = (REPOSITORY / "CHANGELOG.md").read_text()
KINDS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
VERSIONS = re.findall(r"^## (.*)$", TEXT, re.MULTILINE)
ENTRIES = re.findall(r"^- (.*)$", TEXT, re.MULTILINE)
_VERSION = re.compile(r"\[(\d+)\.(\d+)\.(\d+)\] - (?:Unreleased|\d{4}-\d\d-\d\d)")
_MOST_WORDS = 40


def _numbers() -> list[tuple[int, ...]]:
    return [tuple(map(int, found.groups())) for version in VERSIONS if (found := _VERSION.fullmatch(version))]


def test_each_version_has_a_date_or_is_unreleased() -> None:
    assert [version for version in VERSIONS if not _VERSION.fullmatch(version)] == []


def test_versions_are_sorted_and_the_newest_is_the_packages() -> None:
    assert _numbers() == sorted(_numbers(), reverse=True)
    assert ".".join(map(str, _numbers()[0])) == __version__


def test_only_the_newest_version_may_be_unreleased() -> None:
    assert [version for version in VERSIONS[1:] if version.endswith("Unreleased")] == []


def test_each_version_links_to_what_it_changed() -> None:
    links = re.findall(r"^\[(.*)\]: https://\S+/compare/v[\d.]+\.\.\.(HEAD|v[\d.]+)$", TEXT, re.MULTILINE)
    assert [name for name, _ in links] == [".".join(map(str, numbers)) for numbers in _numbers()]


def test_kinds_of_changes_are_those_of_keep_a_changelog_in_their_order() -> None:
    for version in re.split(r"^## .*$", TEXT, flags=re.MULTILINE)[1:]:
        kinds = re.findall(r"^### (.*)$", version, re.MULTILINE)
        assert kinds == [kind for kind in KINDS if kind in kinds]


def test_no_heading_is_empty() -> None:
    assert re.findall(r"^(####? .*)\n+(?=#{2,3} |\Z)|^(#### .*)\n+(?=#)", TEXT, re.MULTILINE) == []


def test_each_entry_is_a_line_that_is_read_once() -> None:
    assert [entry for entry in ENTRIES if not entry.endswith(".") or len(entry.split()) > _MOST_WORDS] == []
    assert len(ENTRIES) == len(set(ENTRIES))
