"""Trying a query."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from airflow_balancer import load
from airflow_balancer.hydra.compose import compose_file
from airflow_balancer.hydra.resolvers import register_resolvers
from airflow_balancer.picking.filters import HostFilter
from airflow_balancer.viewer.catalogue import Catalogue
from airflow_balancer.viewer.configuration import Places
from airflow_balancer.viewer.query import resolver_expression
from tests.airflow.pools_server import serving_pools

FLEET = """
hosts:
  - {name: host1, size: 2, queues: [workers], tags: [gpu]}
  - {name: host2, size: 4, queues: [workers]}
  - {name: host3, size: 8, queues: [primary]}
"""


def test_the_candidates_are_in_the_order_of_their_scores_and_the_first_is_picked(api, write) -> None:
    write("a.yaml", FLEET)
    answer = api().of("query", "a.yaml", queue="workers", key="me").json()
    scores = [candidate["score"] for candidate in answer["candidates"]]
    assert (answer["picked"], scores) == (answer["candidates"][0]["name"], sorted(scores, reverse=True))
    assert {candidate["name"] for candidate in answer["candidates"]} == {"host1", "host2"}


def test_a_drained_host_is_no_candidate(api, write) -> None:
    write("a.yaml", "hosts: [{name: host1, drain: leaked hunter2, password: hunter2}, {name: host2}, {name: host3, drain: true}]\n")
    answer = api().of("query", "a.yaml").json()
    assert [candidate["name"] for candidate in answer["candidates"]] == ["host2"]
    assert [host["drain"] for host in api().of("fleet", "a.yaml").json()["hosts"]] == ["leaked **********", False, True]


def test_a_random_pick_has_no_scores(api, write) -> None:
    write("a.yaml", FLEET)
    answer = api().of("query", "a.yaml", strategy="random", name="host1").json()
    assert (answer["picked"], answer["candidates"]) == ("host1", [{"name": "host1", "size": 2, "score": None, "taken": None}])


def test_python_and_yaml_pick_the_same(api, write, tmp_path, monkeypatch) -> None:
    write("a.yaml", FLEET)
    more = {"min_size": 2, "exclude": ["host1", "host9"], "prefer": "no such tag"}
    answer = api().of("query", "a.yaml", queue=["work*", "primary"], key="it's me", **more).json()
    monkeypatch.chdir(tmp_path)
    register_resolvers()
    assert eval(answer["python"], {"load": load}).name == answer["picked"]
    root = OmegaConf.create({"balancer": OmegaConf.load(tmp_path / "a.yaml"), "pick": answer["resolver"]})
    assert root.pick.name == answer["picked"]


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "host*",
        "with space",
        "it's",
        'double "quoted"',
        "{a: b}",
        "a,b",
        "a:b",
        "null",
        "12",
        "[x]",
        "back\\slash",
        "end\\",
        "\\'",
        "=",
        "ü",
    ],
)
def test_any_text_is_written_as_omegaconf_reads_it(text: str) -> None:
    expression = resolver_expression({"tag": text, "name": [text, "b"]}).replace("balancer.host", "oc.create")
    assert OmegaConf.create({"got": expression}).got == {"tag": text, "name": [text, "b"]}


def test_sizes_and_exclusions_leave_hosts_out_and_preferences_come_first(api, write) -> None:
    write("a.yaml", FLEET)

    def candidates(**query) -> list[str]:
        return sorted(candidate["name"] for candidate in api().of("query", "a.yaml", **query).json()["candidates"])

    assert candidates(min_size=4) == ["host2", "host3"]
    assert candidates(exclude="host[12]") == ["host3"]
    assert candidates(prefer=["gpu", "host3"]) == ["host1", "host3"]
    assert candidates(min_size=4, prefer="gpu") == ["host2", "host3"]
    assert candidates(min_size=0) == ["host1", "host2", "host3"]


def test_a_list_means_any_tag_and_all_tags_every_one(api, write) -> None:
    write("a.yaml", "hosts: [{name: host1, tags: [gpu, ssd]}, {name: host2, tags: [gpu]}, {name: host3, tags: [ssd]}]\n")
    answers = {key: api().of("query", "a.yaml", **{key: ["gpu", "ssd"]}).json() for key in ("tag", "all_tags")}
    assert {key: sorted(host["name"] for host in answer["candidates"]) for key, answer in answers.items()} == {
        "tag": ["host1", "host2", "host3"],
        "all_tags": ["host1"],
    }
    assert answers["all_tags"]["python"] == 'load("a.yaml").select_host(all_tags=["gpu", "ssd"])'
    assert answers["all_tags"]["resolver"] == "${balancer.host:{all_tags:[gpu,ssd]}}"


def test_an_answer_and_an_error_have_what_each_condition_leaves_out(api, write) -> None:
    write("a.yaml", FLEET)
    assert api().of("query", "a.yaml", queue="workers", prefer="gpu").json()["left_out"] == {"queue": 1, "prefer": 1}
    error = api().of("query", "a.yaml", queue="workers", min_size=5).json()["error"]
    assert error["left_out"] == {"queue": 1, "min_size": 2}
    assert "(3 hosts left out: 1 by queue, 2 by min_size; without queue: host3; without min_size: host1, host2; names" in error["message"]


def test_python_and_yaml_have_every_key_of_the_query(api, write) -> None:
    write("a.yaml", FLEET)
    answer = api().of("query", "a.yaml", min_size=2, exclude=["a", "b"], prefer="gpu", key="k").json()
    assert answer["python"] == 'load("a.yaml").select_host(min_size=2, exclude=["a", "b"], prefer="gpu", key="k")'
    assert answer["resolver"] == "${balancer.host:{min_size:2,exclude:[a,b],prefer:gpu,key:k}}"


@pytest.mark.parametrize("strategy", ["rendezvous", "bounded", "least_loaded"])
def test_python_carries_the_strategy_and_no_key_that_all_would_share(api, write, tmp_path, monkeypatch, strategy: str) -> None:
    write("config.yaml", TREE.format(strategy="random"))
    answer = api("config.yaml").of("query", "config.yaml", strategy=strategy).json()
    assert answer["python"] == f'load("config.yaml", ["balancer.strategy={strategy}"]).select_host()'
    assert answer["resolver"] == "${balancer.host:{}}"
    monkeypatch.chdir(tmp_path)
    register_resolvers()
    assert eval(answer["python"], {"load": load}).name in ("a", "b", "c")


def test_python_composes_what_is_shown(api, write, tmp_path, monkeypatch) -> None:
    write("config.yaml", "defaults: [_self_, {hosts/env: dev}]\nbalancer: {hosts: [{name: a}]}\n")
    write("hosts/env/dev.yaml", "# @package balancer\n{}\n")
    write("hosts/env/prod.yaml", "# @package balancer\nhosts: [{name: b}]\n")
    answer = api("config.yaml", ("balancer.default_size=2",)).of("query", "config.yaml", environment="prod").json()
    assert answer["python"] == 'load("config.yaml", ["balancer.default_size=2", "hosts/env=prod"]).select_host()'
    monkeypatch.chdir(tmp_path)
    assert eval(answer["python"], {"load": load}).name == answer["picked"] == "b"


def test_python_names_the_file_of_a_configuration_that_is_shown_twice(write, tmp_path) -> None:
    path = write("a b.yaml", FLEET)
    places = Places((tmp_path,), ((path, ("default_size=2",)), (path, ("default_size=3",))))
    first, second = sorted(Catalogue(lambda: places).look().configurations.values(), key=lambda found: found.name)
    assert (first.name, second.name) == ("a b.yaml default_size=2", "a b.yaml default_size=3")
    assert (first.file, second.file) == ("a b.yaml", "a b.yaml")


def test_python_carries_the_strategy_of_a_plain_file_and_of_the_packages_own_tree(api, write, tree, tmp_path, monkeypatch) -> None:
    write("a.yaml", FLEET)
    plain = api().of("query", "a.yaml", strategy="rendezvous", key="k").json()
    monkeypatch.chdir(tmp_path)
    assert eval(plain["python"], {"load": load}).name == plain["picked"]
    own = tree.of("query", "config.yaml", environment="prod", strategy="rendezvous", key="k").json()
    monkeypatch.chdir(Path(__file__).parents[2] / "conf")
    assert eval(own["python"], {"load": load}).name == own["picked"]


@pytest.mark.parametrize("size", ["-1", "many", "1.5", str(2**31)])
def test_a_size_out_of_range_is_refused(api, write, size) -> None:
    write("a.yaml", FLEET)
    assert api().of("query", "a.yaml", min_size=size).status_code == 422


def test_the_page_is_told_the_strategies(api, write) -> None:
    write("a.yaml", FLEET)
    offered = api().get("configurations").json()["strategies"]
    assert offered == ["rendezvous", "bounded", "least_loaded", "random"]
    assert {api().of("query", "a.yaml", strategy=name).status_code for name in offered} == {200}


class TestLeastLoaded:
    @pytest.fixture(autouse=True)
    def _no_airflow(self, monkeypatch) -> None:
        monkeypatch.setattr("airflow_balancer.airflow.versions.has_airflow", lambda: False)

    def test_the_candidates_are_in_the_order_of_their_load(self, api, write, monkeypatch) -> None:
        write("a.yaml", FLEET)
        monkeypatch.setattr("airflow_balancer.airflow.occupancy.SECONDS", 30)
        with serving_pools(host1=1, host2=1, host3=6) as url:
            monkeypatch.setenv("AIRFLOW__BALANCER__API_URL", url)
            answer = api().of("query", "a.yaml", strategy="least_loaded").json()
        assert answer["load"] == {"source": f"the API server at {url}", "why": ""}
        found = [(candidate["name"], candidate["taken"]) for candidate in answer["candidates"]]
        assert (answer["picked"], found) == ("host2", [("host2", 1), ("host1", 1), ("host3", 6)])

    def test_without_a_load_rendezvous_picks_and_it_is_said_why(self, api, write) -> None:
        write("a.yaml", FLEET.replace("hosts:", "strategy: least_loaded\nhosts:"))
        answer, rendezvous = (api().of("query", "a.yaml", **query).json() for query in ({}, {"strategy": "rendezvous"}))
        assert (answer["picked"], answer["candidates"]) == (rendezvous["picked"], rendezvous["candidates"])
        assert (answer["load"]["source"], rendezvous["load"]) == ("", None)
        assert answer["load"]["why"].startswith("there is no Airflow here; give the address of its API server")

    def test_other_strategies_ask_nobody(self, api, write, monkeypatch) -> None:
        write("a.yaml", FLEET)
        monkeypatch.setattr("airflow_balancer.airflow.occupancy.read_occupancy", lambda **_: pytest.fail("asked"))
        for strategy in ("rendezvous", "bounded", "random"):
            assert api().of("query", "a.yaml", strategy=strategy).json()["load"] is None


def test_an_unknown_strategy_is_said(api, write) -> None:
    write("a.yaml", FLEET)
    answer = api().of("query", "a.yaml", strategy="rendezvou")
    assert answer.status_code == 400
    assert "unknown strategy 'rendezvou'; did you mean 'rendezvous'?" in answer.json()["error"]["message"]


def test_a_strategy_is_never_a_class_of_others(api, write) -> None:
    write("a.yaml", FLEET)
    assert api().of("query", "a.yaml", strategy="os.system").status_code == 400


TREE = """
defaults: [_self_]
balancer:
  strategy: {strategy}
  hosts: {{a: {{size: 2}}, b: {{size: 2}}, c: {{size: 2}}}}
tasks: {{t0: "${{balancer.name:{{}}}}", t1: "${{balancer.name:{{}}}}"}}
more: {{t2: "${{balancer.name:{{}}}}"}}
"""
FULL = "{_target_: airflow_balancer.strategies.Bounded, c: 1}"
KEYS = ("tasks", "more", "another", "third", "command line")


def picks(api, write, written: str, **query: str) -> list[str]:
    """Write the tree with a strategy, and return the hosts that the page picks for KEYS."""
    write("config.yaml", TREE.format(strategy=written))
    page = api("config.yaml")
    return [page.of("query", "config.yaml", key=key, **query).json()["picked"] for key in KEYS]


@pytest.mark.parametrize("strategy", [FULL, "bounded", "rendezvous"])
def test_the_page_picks_what_the_command_line_picks_beside_all_requests(api, write, tmp_path, strategy) -> None:
    picked = picks(api, write, strategy)
    composed = compose_file(tmp_path / "config.yaml")
    assert picked == [composed.pick(key, HostFilter()).name for key in KEYS]
    assert picked[:2] == [composed.root.tasks.t0, composed.root.more.t2]


def test_another_strategy_on_the_page_serves_the_same_requests(api, write) -> None:
    assert picks(api, write, FULL, strategy="rendezvous") == picks(api, write, "rendezvous")
    assert picks(api, write, "rendezvous", strategy="bounded") == picks(api, write, "bounded")
