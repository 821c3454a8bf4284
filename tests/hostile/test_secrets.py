"""Marked secrets in every place where one can be, through every output: none is found again."""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import pytest
from airflow_pydantic import SSHTask

from airflow_balancer import Host, load, load_fleet
from airflow_balancer.airflow.api import RestApi
from airflow_balancer.airflow.composing import load_sources
from airflow_balancer.airflow.sources import Source
from airflow_balancer.airflow.sync import Sync
from airflow_balancer.errors import UnavailableError
from airflow_balancer.hydra.compose import compose_file
from tests.hostile.rig import sample
from tests.viewer.conftest import Api

pytestmark = pytest.mark.thorough

START, END = "Zq7", "Kx9"
NUMBER = 748159263
SECRETS = {
    "word": f"{START}word{END}",
    "number": NUMBER,
    "lines": f"{START}one\n{START}two\n{END}",
    "quotes": f"{START}a'b\"c`d{END}",
    "braces": f"{START}{{a}}[b]{END}",
    "percent and equals": f"{START}%41=b&c{END}",
    "unicode": f"{START}ü→日{END}",
    "escapes": f"{START}\tb\\c{END}",
    "spaces": f"{START} b: c, d #e {END}",
}
"""Secrets that begin and end with a mark of their own, so that a part of one is found, too."""
MARKS = (START.lower(), END.lower(), str(NUMBER))


def found(text: str) -> bool:
    """Return whether a text holds a part of a secret."""
    return any(mark in text.lower() for mark in MARKS)


class Place(NamedTuple):
    """A place where a secret can be.

    Attributes:
        text: The YAML; `SECRET` stands for the secret as a quoted scalar, `BARE` for its characters, `URL` for them in a URL.
        overrides: The overrides.
        files: Further files by name.
        env: Whether the secret is in the environment variables `THE_PASSWORD`, `DATABASE_URL` (in a URL).
        apart: Where its key is, for values that have it again elsewhere: in another `host`, or outside the balancer's `node`.
            What a host or a balancer says of itself is then left out: it knows its own secrets alone.
    """

    text: str
    overrides: tuple[str, ...] = ()
    files: dict[str, str] = {}  # noqa: RUF012 (never changed)
    env: bool = False
    apart: str = ""


COUNTED = {"wrong size", "wrong size elsewhere", "wrong inventory", "override of a wrong host", "layer of a wrong one"}
"""The places in which a number is the size of a host, and right."""
AGAIN = "tags: [SECRET], queues: [SECRET], os: SECRET, key_file: SECRET, username: SECRET"
"""Where the same value may be once more."""
ASK = "ask: 'on ${balancer.name:} by ${balancer.default_password}'\n"
PLACES = {
    "host": Place("hosts: [{name: host1, password: SECRET}]\n"),
    "host by name": Place("hosts: {host1: {password: SECRET}}\n"),
    "default": Place("default_password: SECRET\nhosts: [{name: host1}, {name: host2}]\n"),
    "again": Place("hosts: [{name: host1, password: SECRET, AGAIN}]\n"),
    "again at another host": Place("hosts: [{name: host1, password: SECRET}, {name: host2, AGAIN}]\n", apart="host"),
    "in a longer value": Place('hosts: [{name: host1, password: SECRET, tags: ["a-BARE-b"], pool: {pool: p, description: "for BARE"}}]\n'),
    "reason of a drain": Place('hosts: [{name: host1, password: SECRET, drain: "as BARE leaked"}]\n'),
    "description of a pool": Place('hosts: [{name: host1, password: SECRET}]\npools: {a: {slots: 1, description: "for BARE"}}\n'),
    "passphrase": Place("hosts: [{name: host1, ssh_hook_args: {private_key_passphrase: SECRET, host_proxy_cmd: SECRET}, AGAIN}]\n"),
    "private key": Place("hosts: [{name: host1, ssh_hook_args: {ciphers: [{private_key: SECRET}]}, AGAIN}]\n"),
    "overridden host": Place("hosts: [{name: host1}]\nhost_overrides: {host1: {password: SECRET, AGAIN}}\n"),
    "list of tokens": Place(
        "balancer: {hosts: [{name: host1, AGAIN}]}\nother: {tokens: [SECRET, {a: SECRET}]}\nask: ${balancer.name:}\n", apart="node"
    ),
    "pool manager": Place("hosts: [{name: host1, AGAIN}]\npool_manager: {api_password: SECRET}\n", apart="node"),
    "variable with a value": Place("hosts: [{name: host1, password: {key: a, val: SECRET}, AGAIN}]\n", apart="node"),
    "task's text": Place(f"balancer: {{default_password: SECRET, hosts: [{{name: host1}}]}}\n{ASK}"),
    "by reference": Place("pw: SECRET\nbalancer: {hosts: [{name: host1, password: '${pw}', tags: ['${pw}', 'x${pw}']}]}\n"),
    "by reference elsewhere": Place(
        "given: SECRET\nbalancer: {hosts: [{name: host1}]}\nother: {token: '${given}'}\nask: 'login ${given} ${balancer.name:}'\n",
        apart="node",
    ),
    "environment": Place("hosts: [{name: host1, os: '${oc.env:THE_PASSWORD}', tags: ['x-${oc.env:DATABASE_URL}']}]\n", env=True),
    "url": Place("balancer: {hosts: [{name: host1, tags: ['postgresql://me:URL@db/x']}]}\nask: '${balancer.name:} http://me:URL@h'\n"),
    "option in a text": Place("balancer: {hosts: [{name: host1}]}\nask: 'login --password=URL ${balancer.name:}'\n"),
    "query": Place("balancer: {default_password: SECRET, hosts: [{name: host1, AGAIN}]}\nask: '${balancer.name:{key: BARE}}'\n"),
    "unmatched query": Place("balancer: {default_password: SECRET, hosts: [{name: host1, AGAIN}]}\nask: '${balancer.name:{tag:none}}'\n"),
    "inventory": Place(
        "balancer: {hosts: '${balancer.inventory:hosts.yaml}'}\nask: ${balancer.name:}\n",
        files={"hosts.yaml": "- {name: host1, password: SECRET, AGAIN}\n"},
    ),
    "wrong inventory": Place(
        "balancer: {hosts: '${balancer.inventory:hosts.yaml}'}\n", files={"hosts.yaml": "- {name: host1, password: SECRET, size: SECRET}\n"}
    ),
    "layer": Place(
        "defaults: [part, _self_]\nbalancer: {hosts: [{name: host1, AGAIN}]}\n", files={"part.yaml": "my: {token: SECRET}\n"}, apart="node"
    ),
    "layer of a wrong one": Place(
        "defaults: [part, _self_]\nbalancer: {hosts: [{name: host1, size: SECRET}]}\n",
        files={"part.yaml": "my: {token: SECRET}\n"},
        apart="node",
    ),
    "override": Place("hosts: [{name: host1}]\n", ("default_password=SECRET",)),
    "override of an argument": Place("balancer: {hosts: [{name: host1}]}\n", ("+balancer.hosts.0.ssh_hook_args.private_key=SECRET",)),
    "override of hosts": Place("hosts: []\n", ("hosts=[{name: host1, password: SECRET}]",)),
    "override of a mapping": Place("hosts: [{name: host1}]\n", ("default_password={a: SECRET}",)),
    "override of a wrong host": Place("hosts: []\n", ("hosts=[{name: host1, password: SECRET, size: SECRET}]",)),
    "override that is none": Place("hosts: [{name: host1}]\n", ("default_password=BARE{x",)),
    "override that is none, nested": Place("hosts: [{name: host1}]\n", ("hosts=[{name: a, password: BARE{x}",)),
    "override of two": Place("hosts: [{name: host1}]\n", ("default_password=SECRET,SECRET",)),
    "override of nothing": Place("balancer: {hosts: [{name: host1}]}\n", ("my.token=SECRET", "mine=SECRET")),
    "override with a URL": Place("hosts: [{name: host1}]\n", ("+url=http://me:URL@h",)),
    "wrong arguments": Place('hosts: [{name: host1, ssh_hook_args: "passphrase=BARE"}]\n'),
    "list of lists": Place("hosts: [[{password: SECRET}]]\n"),
    "text for a host": Place('hosts: ["password=BARE"]\n'),
    "text for hosts": Place('hosts: "http://me:URL@h"\n'),
    "mapping for a name": Place("hosts: [{name: {password: SECRET}}]\n"),
    "mapping for a name twice": Place("hosts: [{name: {password: SECRET}}, {name: {password: SECRET}}]\n"),
    "name by name": Place("hosts: {host1: {name: {password: SECRET}}}\n"),
    "wrong size": Place("hosts: [{name: host1, password: SECRET, size: SECRET}]\n"),
    "wrong size elsewhere": Place("default_password: SECRET\nhosts: [{name: host1, size: SECRET}]\n"),
    "cut value": Place(
        "default_password: SECRET\nhosts: [{name: host1, size: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaBARE'}]\n"
    ),
    "unknown key": Place("hosts: [{name: host1, password: SECRET, BARE: 1}]\n"),
    "unknown key with a value": Place("hosts: [{name: host1, pasword: SECRET, password: SECRET}]\n"),
    "wrong address": Place("hosts: [{name: host1, address: 'me:URL@h'}]\n"),
    "list for an address": Place("hosts: [{name: host1, address: [{password: SECRET}]}]\n"),
    "two addresses": Place("hosts: [{name: host1, password: SECRET, address: BARE, ssh_hook_args: {remote_host: h}}]\n"),
    "wrong remote host": Place("hosts: [{name: host1, ssh_hook_args: {remote_host: {password: SECRET}}}]\n"),
    "mapping for a password": Place("hosts: [{name: host1, password: {a: SECRET}}]\n"),
    "list for a password": Place("default_password: [SECRET]\nhosts: [{name: host1}]\n"),
    "wrong port": Place("hosts: [{name: host1}]\nports: [{host: host1, port: {password: SECRET}}]\n"),
    "wrong host of a port": Place("hosts: [{name: host1}]\nports: [{host: {password: SECRET}, port: 1}]\n"),
    "two hosts of a port": Place("default_password: SECRET\nhosts: [{name: host1}]\nports: [{host: SECRET, host_name: host1, port: 1}]\n"),
    "unknown host of a port": Place("default_password: SECRET\nhosts: [{name: host1}]\nports: [{host: 'BARE', port: 1}]\n"),
    "text for ports": Place('hosts: [{name: host1}]\nports: "token=BARE"\n'),
    "list for host overrides": Place("hosts: [{name: host1}]\nhost_overrides: [{password: SECRET}]\n"),
    "list for a host override": Place("hosts: [{name: host1}]\nhost_overrides: {host1: [{password: SECRET}]}\n"),
    "wrong strategy": Place("hosts: [{name: host1}]\nstrategy: {token: SECRET}\n"),
    "option of a strategy": Place(
        "hosts: [{name: host1}]\nstrategy: {_target_: airflow_balancer.strategies.Bounded, c: {token: SECRET}}\n"
    ),
    "secret strategy": Place("default_password: SECRET\nhosts: [{name: host1}]\nstrategy: SECRET\n"),
    "foreign target": Place("default_password: SECRET\nhosts: [{name: host1, ssh_hook_args: {disabled_algorithms: {_target_: SECRET}}}]\n"),
    "failing target": Place("hosts: [{name: host1}]\nstrategy: {_target_: builtins.int, token: SECRET}\n"),
    "wrong pool": Place("hosts: [{name: host1, pool: {password: SECRET}}]\n"),
    "two pools": Place("default_password: SECRET\nhosts: [{name: a, size: 1, pool: 'BARE'}, {name: b, size: 2, pool: 'BARE'}]\n"),
    "wrong lock": Place("hosts: [{name: host1}]\nlock: {token: SECRET}\n"),
    "wrong lock file": Place("hosts: [{name: host1}]\nlock: l.yaml\n", files={"l.yaml": "ports: [[{token: SECRET}]]\n"}),
    "balancer that is none": Place("balancer: [{password: SECRET}]\n"),
    "balancer that is a text": Place('balancer: "password=BARE"\n'),
    "broken YAML": Place("default_password: SECRET\nhosts: [{name: host1}\n"),
    "alias": Place(f"default_password: *{START}x{END}\nhosts: [{{name: host1}}]\n"),
    "tag": Place(f"default_password: !{START}x{END}\nhosts: [{{name: host1}}]\n"),
    "missing reference": Place("default_password: SECRET\nhosts: ${missing}\n"),
    "broken interpolation": Place(f"default_password: 'a${{{START}{END}'\nhosts: [{{name: host1}}]\n"),
    "reference by a secret": Place(f"default_password: 'a${{{START}{END}}}b'\nhosts: [{{name: host1}}]\n"),
    "resolver by a secret": Place(f"default_password: 'a${{{START}:{END}}}b'\nhosts: [{{name: host1}}]\n"),
}


def write_place(place: Place, secret: Any, folder: Path) -> tuple[Path, tuple[str, ...]]:
    """Write a place's files with a secret in them, and return the main one and the overrides."""
    bare = str(secret).encode("unicode_escape").decode().replace('"', '\\"').replace("'", "''" if "'" not in place.text else "'")

    def filled(text: str) -> str:
        text = text.replace("AGAIN", AGAIN).replace("SECRET", json.dumps(secret, ensure_ascii=True))
        return text.replace("BARE", bare).replace("URL", quote(str(secret), safe=""))

    for name, text in {"a.yaml": place.text, **place.files}.items():
        (folder / name).write_text(filled(text))
    return folder / "a.yaml", tuple(map(filled, place.overrides))


Text = Callable[[], object]


def command_lines(file: str, overrides: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the command lines that print something of a configuration."""
    yield ("show", file, *overrides)
    yield ("config", file, "output=json", *overrides)
    yield ("--cfg", "job", file, *overrides)
    yield ("plan", file, "against=default_size=3", *overrides)
    yield ("select", file, "query.tag=none", *overrides)
    yield ("show", file, "--multirun", "default_size=1,2", *overrides)


def said(call: Text) -> str:
    """Return what a call returns, or its error with the traceback."""
    try:
        return str(call())
    except Exception as error:
        return f"{error!r} {getattr(error, 'problems', '')} {''.join(traceback.format_exception(error))}"


def composed_texts(file: Path, overrides: tuple[str, ...]) -> dict[str, Text]:
    """Return what a composed config looks like, and its errors."""

    def composed() -> Any:
        made = compose_file(file, overrides)
        return made.fleet, len(made.assigned), made

    return {"a composed config": composed, "its requests": lambda: compose_file(file, overrides).requests() and ""}


def object_texts(file: Path, overrides: tuple[str, ...]) -> dict[str, Text]:
    """Return what objects look like, and what they say that nothing matches."""

    def fleet() -> Any:
        made = load_fleet(file, overrides)
        return [repr(made), str(made), repr(made.settings), str(made.settings), made.settings.model_dump_json()]

    def balancer() -> Any:
        made = load(file, overrides)
        return [repr(made), str(made), made.model_dump_json(), made.model_dump(mode="json")]

    return {
        "a fleet": fleet,
        "a balancer": balancer,
        "a balancer's query": lambda: load(file, overrides).select_host(tag="none"),
    }


def host_texts(file: Path, overrides: tuple[str, ...]) -> dict[str, Text]:
    """Return what single hosts look like, which know their own secrets alone."""

    def shapes(hosts: Any) -> Any:
        return [shape for host in hosts for shape in (repr(host), str(host), host.model_dump_json(), host.model_dump(mode="json"))]

    return {
        "a fleet's hosts": lambda: shapes(load_fleet(file, overrides).hosts),
        "a balancer's hosts": lambda: shapes(load(file, overrides).hosts),
    }


def page_texts(file: Path, overrides: tuple[str, ...]) -> dict[str, str]:
    """Return the answers of the page's API."""
    viewer = Api(file.parent, file.name, overrides)
    listing = viewer.get("configurations")
    texts = {"page: configurations": listing.text}
    for identity in [shown["id"] for shown in listing.json()["configurations"]]:
        for path in ("fleet", "pools", "occupancy", "assignments", "query", "compare"):
            texts[f"page: {path}"] = viewer.get(path, configuration=identity).text
        texts["page: unmatched query"] = viewer.get("query", configuration=identity, queue="none").text
        texts["page: another strategy"] = viewer.get("query", configuration=identity, strategy="rendezvous").text
    return texts


def sync_texts(file: Path, overrides: tuple[str, ...], caplog: pytest.LogCaptureFixture) -> dict[str, str]:
    """Return what a scheduler logs."""
    _, problems = load_sources([Source(file, overrides)], load_fleet)
    Sync(load_fleet)._complain(problems)
    return {"sync: problems": f"{problems!r} {[*map(str, problems)]}", "log": caplog.text}


@pytest.fixture
def outputs(cli, tmp_path, monkeypatch, caplog) -> Callable[..., dict[str, str]]:
    """Return everything that is said of a place with a secret, by what says it."""

    def all_of(place: Place, secret: Any) -> dict[str, str]:
        caplog.set_level(logging.DEBUG)
        if place.env:
            monkeypatch.setenv("THE_PASSWORD", str(secret))
            monkeypatch.setenv("DATABASE_URL", f"postgresql://me:{quote(str(secret), safe='')}@db")
        file, overrides = write_place(place, secret, tmp_path)
        texts = {}
        for words in command_lines(file.name, overrides):
            answer = cli(*words)
            texts[" ".join(word for word in words if word not in overrides)] = answer.stdout + answer.stderr
        calls = composed_texts(file, overrides) | ({} if place.apart == "node" else object_texts(file, overrides))
        calls |= {} if place.apart else host_texts(file, overrides)
        texts |= {name: said(call) for name, call in calls.items()}
        return texts | page_texts(file, overrides) | sync_texts(file, overrides, caplog)

    return all_of


def leaks(texts: dict[str, str]) -> list[str]:
    """Return what says a part of a secret."""
    return [name for name, text in texts.items() if found(text)]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if at % 4 else name for at, name in enumerate(sample(PLACES, 2))]
)
def test_a_secret_is_in_no_output(outputs, name: str) -> None:
    assert leaks(outputs(PLACES[name], SECRETS["word"])) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in SECRETS if kind != "word"])
@pytest.mark.parametrize("name", [name for name, place in PLACES.items() if not re.search("BARE'|BARE:|: BARE", place.text)][::4])
def test_a_secret_that_looks_like_none_is_in_no_composed_config_and_no_error(tmp_path, name: str, kind: str) -> None:
    file, overrides = write_place(PLACES[name], SECRETS[kind], tmp_path)
    if not (kind == "number" and name in COUNTED) and not PLACES[name].env:
        assert leaks({name: said(call) for name, call in composed_texts(file, overrides).items()}) == []


def test_what_airflow_pydantic_renders_of_a_host_has_no_secret() -> None:
    task = SSHTask(task_id="a", command="true", ssh_hook=Host(name="host1", username="me", password=SECRETS["word"]))
    code = "\n".join(map(str, task.render()))
    assert (found(code), "password='**********'" in code) == (False, True)


def test_a_hook_has_the_password_that_its_repr_masks() -> None:
    password = Host(name="host1", username="me", password=SECRETS["word"]).hook().password
    assert (password, repr(password)) == (SECRETS["word"], "'**********'")


def test_an_api_server_that_repeats_what_was_sent_gives_no_secret_away() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(422, json={"detail": [{"input": request.content.decode()}]})

    api = RestApi(f"http://me:{START}{END}@h", username="me", password=SECRETS["quotes"], transport=httpx.MockTransport(answer))
    with pytest.raises(UnavailableError) as error:
        api.read_pools()
    assert not found(f"{error.value} {api!r}")


@pytest.mark.parametrize("url", [f"http://u:{START}:{END}@h:x", f"http://u:{START}{END}@127.0.0.1:9"])
def test_an_address_with_a_login_gives_no_secret_away(cli, write, url: str) -> None:
    write("a.yaml", "hosts: [{name: host1}]\n")
    for words in (("select", "strategy=least_loaded"), ("pools",), ("show",)):
        answer = cli(words[0], "a.yaml", f"api_url={url}", *words[1:])
        assert not found(answer.stdout + answer.stderr)


def test_the_working_directory_is_no_secret(cli, write, monkeypatch) -> None:
    file = write("balancer.yaml", "hosts: [{name: a, sise: 1}]")
    monkeypatch.setenv("PWD", str(file.parent))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "balancer")
    assert cli("validate", "balancer.yaml").stderr.startswith(f"airflow-balancer: {file}: host 'a': unknown key 'sise'")
