"""A configuration is read in a folder of any name."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from .inputs import PLAIN, TREE
from .rig import PATHS, Input, Reader, sample

pytestmark = pytest.mark.thorough

NAMES = (
    "josé",
    "Dropbox (Work)",
    "a b",
    " a",
    "a ",
    "a=b",
    "a,b",
    "it's",
    'say "x"',
    "$x",
    "${x}",
    "${oc.env:HOME}",
    "[x]",
    "{x}",
    "{x",
    "#x",
    "%x",
    "%20",
    "a\nb",
    "a\tb",
    "-x",
    "--x",
    "~x",
    "+x",
    "@x",
    "a@b",
    "a:b",
    "file:",
    "pkg:x",
    "a;b",
    "a&b",
    "a|b",
    "*",
    "a?b",
    "\\",
    "a\\b",
    "a\\'b",
    "`x`",
    "!x",
    "日本",
    "🙂",
    "e\u0301",
    "\udcff",
    "x.yaml",
    "null",
    "true",
    "1",
    "n" * 200,
    "..x",
    "(",
    ")",
    "'",
    '"',
    "a\u2028b",
    "\x07",
)
_PATHS = tuple(path for path in PATHS if path != "other commands")
HOSTS = {"host1": 2, "host2": 8}
KINDS = {
    "a file": Input(PLAIN.files, overrides=("hosts.0.size=2",)),
    "a tree": TREE,
    "a file below a tree": Input(
        {**TREE.files, "one/one.yaml": "defaults: [/hosts@balancer.hosts: all, /env: prod, _self_]\nbalancer: {default_size: 8}\n"},
        "one/one.yaml",
    ),
    "an airflow-config tree": Input(
        {
            "config/config.yaml": "# @package _global_\n_target_: airflow_config.Configuration\n"
            "defaults: [extensions@extensions.balancer: fleet, _self_]\n",
            "config/extensions/fleet.yaml": "_target_: airflow_balancer.BalancerConfiguration\n"
            "hosts: [{name: host1, size: 2}, {name: host2}]\n",
        },
        "config/config.yaml",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_may_have_any_name(reader: Reader, kind: str) -> None:
    assert _wrong(reader, kind, sample(NAMES, 2)) == {}


@pytest.mark.slow
def test_a_folder_may_have_a_usual_name(reader: Reader) -> None:
    assert _wrong(reader, "a file below a tree", ("Dropbox (José), a=b, it's [${x}]",)) == {}


def _wrong(reader: Reader, kind: str, names: Iterable[str]) -> dict[str, object]:
    wrong: dict[str, object] = {}
    for name in names:
        given = KINDS[kind]
        moved = Input({f"{name}/{file}": content for file, content in given.files.items()}, f"{name}/{given.main}", given.overrides)
        texts = {outcome.path: outcome.text or outcome.hosts for outcome in reader.read(moved, _PATHS)}
        if others := {path: found for path, found in texts.items() if found != HOSTS}:
            wrong[name] = others
    return wrong
