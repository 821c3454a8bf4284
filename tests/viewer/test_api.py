"""What the API answers."""

from __future__ import annotations

import json

import yaml

from airflow_balancer.fleet.strategy import STRATEGIES

FLEET = """
hosts:
  - {name: host1, size: 2, os: ubuntu, queues: [workers], tags: [gpu]}
  - {name: 10.0.0.2, size: 4, queues: [workers]}
ports:
  - {host: host1, port: 8080, name: web}
"""


def test_the_configurations_are_listed_with_their_environments(tree) -> None:
    (shown,) = tree.get("configurations").json()["configurations"]
    assert {key: value for key, value in shown.items() if key != "id"} == {
        "name": "config.yaml",
        "environments": ["dev", "prod", "staging"],
        "environment": "dev",
    }


def test_an_override_of_the_environment_is_the_default_one(api, write) -> None:
    write("config.yaml", "defaults: [{env: dev}, _self_]\nhosts: [{name: host1}]\n")
    write("env/dev.yaml", "default_size: 1\n")
    write("env/prod.yaml", "# @package _global_\ndefault_size: 9\n")
    viewer = api("config.yaml", ("env=prod",))
    assert viewer.get("configurations").json()["configurations"][0]["environment"] == "prod"
    assert viewer.of("fleet", "config.yaml").json()["hosts"][0]["size"] == 9


def test_where_there_is_no_configuration_a_hint_says_what_to_do(api) -> None:
    answer = api().get("configurations").json()
    assert answer == {"configurations": [], "strategies": list(STRATEGIES), "problems": [], "hint": "make one"}


def test_every_configuration_below_the_folder_is_listed(api, write) -> None:
    write("a.yaml", FLEET)
    write("team/b.yaml", FLEET)
    write("other.yaml", "hello: world\n")
    assert sorted(api().ids()) == ["a.yaml", "team/b.yaml"]


def test_a_fleet_is_summed_up_and_listed(api, write) -> None:
    write("a.yaml", FLEET)
    answer = api().of("fleet", "a.yaml").json()
    assert answer["summary"] == {"hosts": 2, "slots": 6, "ports": 1, "pools": 3, "queues": 1, "problems": 0, "addresses": 0}
    assert answer["hosts"][1] == {
        "name": "host1",
        "os": "ubuntu",
        "queues": ["workers"],
        "tags": ["gpu"],
        "size": 2,
        "username": "airflow",
        "drain": False,
        "hold_slots": False,
        "credential": "default",
        "pool": "host1",
        "address": "host1.local",
    }
    assert answer["ports"] == [{"host": "host1", "port": 8080, "name": "web", "pool": "web", "tags": []}]
    assert yaml.safe_load(answer["yaml"]) == yaml.safe_load(FLEET)


def test_the_pools_that_belong_to_no_host_or_port_are_listed(api, write) -> None:
    write("a.yaml", "hosts: [{name: host1}]\npools: {tokens: {slots: 2, description: hunter2 is it}}\ndefault_password: hunter2\n")
    answer = api().of("fleet", "a.yaml").json()
    assert answer["pools"] == [{"name": "tokens", "slots": 2, "description": "********** is it", "include_deferred": True}]
    assert answer["summary"]["pools"] == 2


def test_a_host_has_the_address_that_its_hook_connects_to(api, write) -> None:
    write("a.yaml", "hosts: [{name: ws1, address: '::1'}, {name: ws2, ssh_hook_args: {remote_host: 10.0.0.5}}, {name: ws3}]\n")
    answer = api().of("fleet", "a.yaml").json()
    assert [(host["name"], host["address"]) for host in answer["hosts"]] == [("ws1", "::1"), ("ws2", "10.0.0.5"), ("ws3", "ws3.local")]
    assert answer["summary"]["addresses"] == 2


def test_another_address_is_a_difference_of_two_environments(api, write) -> None:
    write("config.yaml", "defaults: [{env: dev}, _self_]\nbalancer: {hosts: {ws1: {}}}\n")
    write("env/dev.yaml", "# @package _global_\n")
    write("env/prod.yaml", "# @package _global_\nbalancer: {host_overrides: {ws1: {address: 10.0.0.5}}}\n")
    [row] = api("config.yaml").of("compare", "config.yaml", left="dev", right="prod").json()["hosts"]
    assert (row["change"], row["differences"], row["right"]["address"]) == ("changed", ["address"], "10.0.0.5")


def test_values_come_from_a_file_an_override_or_the_defaults(api, write) -> None:
    write("config.yaml", "defaults: [{env: dev}, _self_]\nbalancer: {hosts: [{name: host1}], primary_queue: first}\n")
    write("env/dev.yaml", "# @package _global_\nbalancer: {default_size: 3}\n")
    answer = api("config.yaml", ("balancer.default_queue=other",)).of("fleet", "config.yaml").json()
    assert answer["origins"] == [
        {"path": "balancer.default_size", "value": "3", "origin": "env/dev.yaml"},
        {"path": "balancer.hosts[0].name", "value": "host1", "origin": "config.yaml"},
        {"path": "balancer.primary_queue", "value": "first", "origin": "config.yaml"},
        {"path": "balancer.default_queue", "value": "other", "origin": "override 'balancer.default_queue=other'"},
    ]
    settings = {setting["key"]: setting["origin"] for setting in answer["settings"]}
    assert (settings["default_size"], settings["default_username"]) == ("env/dev.yaml", "default")


def test_a_value_of_a_structured_config_is_a_default(tree) -> None:
    origins = {row["path"]: row["origin"] for row in tree.of("fleet", "config.yaml").json()["origins"]}
    assert origins["extensions.balancer.override_pool_size"] == "default"
    assert origins["extensions.balancer.default_size"] == "env/dev.yaml"


def test_every_pick_of_the_config_is_listed(tree) -> None:
    picks = {row["requester"]: row["gets"] for row in tree.of("fleet", "config.yaml").json()["picks"]}
    assert picks["dags.etl.tasks.publish.command"] == "publish --to http://host1:8080"
    assert picks["dags.etl.tasks.extract.pool"] == picks["dags.etl.tasks.extract.ssh_hook"]


def test_a_pick_that_cannot_be_made_is_a_problem_of_its_own(api, write) -> None:
    write("a.yaml", "balancer: {hosts: [{name: host1}]}\none: ${balancer.name:{queue:none}}\ntwo: ${balancer.name:host1}\n")
    answer = api().of("fleet", "a.yaml").json()
    assert answer["summary"]["problems"] == 1
    assert [(row["requester"], row["gets"].partition(": no host matches queue='none'")[0]) for row in answer["picks"]] == [
        ("one", "a.yaml: one: ${balancer.name:{queue:none}}"),
        ("two", "host1"),
    ]


def test_two_environments_are_compared_host_by_host(tree) -> None:
    answer = tree.of("compare", "config.yaml", left="dev", right="staging").json()
    assert (answer["left"], answer["right"]) == ("dev", "staging")
    assert {row["name"]: (row["change"], row["differences"]) for row in answer["hosts"]} == {
        "host1": ("same", []),
        "host2": ("changed", ["size"]),
        "host3": ("changed", ["size"]),
    }
    assert {row["key"] for row in answer["settings"] if row["left"] != row["right"]} == {"default_size"}


def test_the_picks_that_another_environment_moves_are_listed(api, write) -> None:
    write("config.yaml", "defaults: [{env: dev}, _self_]\nbalancer: {hosts: {a: {}, b: {}}}\nask: '${balancer.name:}'\n")
    write("env/dev.yaml", "# @package _global_\nbalancer: {host_overrides: {b: {drain: true}}}\n")
    write("env/prod.yaml", "# @package _global_\nbalancer: {host_overrides: {a: {drain: true}}}\n")
    [row] = api("config.yaml").of("compare", "config.yaml", left="dev", right="prod").json()["picks"]
    assert (row["before"], row["after"], row["why"]) == ("a", "b", "a is drained")


def test_hosts_that_come_and_go_are_added_and_removed(api, write) -> None:
    write("config.yaml", "defaults: [{env: a}, _self_]\n")
    write("env/a.yaml", "# @package _global_\nhosts: [{name: left}, {name: both}]\n")
    write("env/b.yaml", "# @package _global_\nhosts: [{name: right}, {name: both}]\n")
    answer = api("config.yaml").of("compare", "config.yaml", left="a", right="b").json()
    assert [(row["name"], row["change"]) for row in answer["hosts"]] == [("both", "same"), ("left", "removed"), ("right", "added")]


def test_an_overview_has_the_size_of_each_configuration_or_what_is_wrong_with_it(api, write) -> None:
    write("a.yaml", FLEET)
    write("b.yaml", "hosts: [{name: host1, size: -1}]\n")
    one, other = api().get("overview").json()["configurations"]
    assert (one["name"], one["hosts"], one["drained"], one["slots"], one["problem"]) == ("a.yaml", 2, 0, 6, "")
    assert other["problem"] == "b.yaml: host 'host1': key 'size' must be a whole number from 1 to 2147483647, not -1"


def test_a_browser_of_a_stranger_is_led_to_the_login_and_a_program_is_refused(tree) -> None:
    from fastapi import FastAPI, HTTPException
    from fastapi.testclient import TestClient

    from airflow_balancer.viewer.app import create_app
    from airflow_balancer.viewer.catalogue import Catalogue
    from airflow_balancer.viewer.configuration import Places
    from airflow_balancer.viewer.service import Viewer

    def refuse() -> None:
        raise HTTPException(401, "Not authenticated")

    app = FastAPI()
    viewer = Viewer(Catalogue(lambda: Places(())))
    app.mount("/airflow-balancer", create_app(viewer, [refuse], login=lambda request: f"/login?next={request.scope['root_path']}/"))
    client = TestClient(app, follow_redirects=False)
    browser = client.get("/airflow-balancer/", headers={"Accept": "text/html,*/*"})
    assert (browser.status_code, browser.headers["Location"], browser.text) == (302, "/login?next=/airflow-balancer/", "")
    assert client.get("/airflow-balancer/api/configurations", headers={"Accept": "application/json"}).status_code == 401


class TestErrors:
    def test_a_wrong_configuration_is_said_as_the_command_line_says_it(self, api, write, cli) -> None:
        path = write("a.yaml", "hosts: [{name: host1, size: -3}, {name: host2, sise: 1}]\n")
        answer = api().of("fleet", "a.yaml")
        told = cli(str(path)).stderr.replace("airflow-balancer: ", "").replace(f"{path.parent}/", "").splitlines()
        assert (answer.status_code, answer.json()) == (400, {"error": {"message": "\n".join(told), "problems": told}})

    def test_a_query_that_nothing_matches_is_said_with_what_there_is(self, api, write) -> None:
        write("a.yaml", FLEET)
        answer = api().of("query", "a.yaml", queue="worker")
        assert answer.status_code == 400
        assert answer.json()["error"]["message"].startswith("no host matches queue='worker'; did you mean 'workers'?")

    def test_what_is_unknown_is_not_found(self, tree) -> None:
        assert tree.get("fleet", configuration="nothing").status_code == 404
        answer = tree.of("fleet", "config.yaml", environment="prd")
        message = "there is no environment 'prd' (environments: dev, prod, staging)"
        assert (answer.status_code, answer.json()) == (404, {"error": {"message": message, "problems": [message]}})

    def test_a_wrong_query_has_the_same_shape(self, tree) -> None:
        answer = tree.get("fleet")
        message = "configuration: Field required"
        assert (answer.status_code, answer.json()) == (422, {"error": {"message": message, "problems": [message]}})

    def test_nothing_writes(self, tree) -> None:
        for method in ("post", "put", "patch", "delete"):
            assert getattr(tree.client, method)("/api/fleet").status_code == 405


class TestConditionalAnswers:
    def test_an_unchanged_answer_is_not_sent_again(self, tree) -> None:
        for path in (
            "configurations",
            "overview",
            "fleet",
            "pools",
            "occupancy",
            "health",
            "assignments",
            "moved",
            "picks",
            "query",
            "whatif",
            "compare",
        ):
            query = {} if path in ("configurations", "overview", "occupancy") else {"configuration": tree.ids()["config.yaml"]}
            first = tree.get(path, **query)
            again = tree.client.get(f"/api/{path}", params=query, headers={"If-None-Match": first.headers["ETag"]})
            assert (path, first.status_code, again.status_code, again.content) == (path, 200, 304, b"")

    def test_unchanged_yaml_is_not_parsed_again(self, api, write, monkeypatch) -> None:
        write("a.yaml", FLEET)
        viewer = api()
        before = viewer.of("fleet", "a.yaml")
        parsed = []
        monkeypatch.setattr("airflow_balancer.files.yaml.read_yaml", parsed.append)
        monkeypatch.setattr("airflow_balancer.airflow.sources.read_outline", parsed.append)
        assert viewer.of("fleet", "a.yaml").content == before.content
        assert parsed == []

    def test_a_change_in_a_file_of_the_tree_is_seen(self, api, write) -> None:
        write("config.yaml", "hosts: ${balancer.inventory:inventory.txt}\n")
        write("inventory.txt", "[{name: host1}]\n")
        viewer = api("config.yaml")
        assert [host["name"] for host in viewer.of("fleet", "config.yaml").json()["hosts"]] == ["host1"]
        write("inventory.txt", "[{name: another}]\n")
        assert [host["name"] for host in viewer.of("fleet", "config.yaml").json()["hosts"]] == ["another"]

    def test_a_change_in_the_lock_file_is_seen(self, api, write) -> None:
        ask = "${balancer.free_port:{host:host1,min:1,max:9}}"
        write("config.yaml", f"balancer: {{hosts: [{{name: host1}}], lock: balancer.lock.yaml}}\nasks: {{a: '{ask}'}}\n")
        viewer = api("config.yaml")
        for port in (3, 7):
            write("balancer.lock.yaml", f"ports: [{{host: host1, port: {port}, requester: asks.a, min: 1, max: 9}}]\n")
            fleet = viewer.of("fleet", "config.yaml").json()
            assert [pick["gets"] for pick in fleet["picks"]] == [str(port)]
            assert fleet["locked"] == [{"host": "host1", "port": port, "requester": "asks.a"}]
            assert ("lock", "balancer.lock.yaml") in [(shown["key"], shown["value"]) for shown in fleet["settings"]]

    def test_a_mended_file_is_opened(self, api, write) -> None:
        write("a.yaml", "hosts: [{name: host1, size: -1}]\n")
        viewer = api()
        assert viewer.of("fleet", "a.yaml").status_code == 400
        write("a.yaml", "hosts: [{name: host1, size: 10}]\n")
        assert viewer.of("fleet", "a.yaml").json()["summary"]["slots"] == 10


def test_the_document_of_the_api_is_complete(tree) -> None:
    document = tree.client.get("/api/openapi.json").json()
    assert sorted(document["paths"]) == [
        f"/api/{name}"
        for name in (
            "assignments",
            "compare",
            "configurations",
            "fleet",
            "health",
            "moved",
            "occupancy",
            "overview",
            "picks",
            "pools",
            "query",
            "whatif",
        )
    ]
    for path, item in document["paths"].items():
        content = item["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert content["$ref"].endswith("Answer"), path
    assert "{}" not in json.dumps(document["paths"])


def test_a_large_fleet_has_one_origin_for_each_entry(api, write) -> None:
    hosts = [{"name": f"host{number}", "size": 1, "queues": ["a"]} for number in range(1000)]
    write("a.yaml", yaml.safe_dump({"hosts": hosts, "default_size": 2}))
    origins = api().of("fleet", "a.yaml").json()["origins"]
    assert len(origins) == 1001
    assert {"path": "hosts[0]", "value": '{"name": "host0", "queues": ["a"], "size": 1}', "origin": "a.yaml"} in origins
