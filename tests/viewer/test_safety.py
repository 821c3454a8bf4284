"""What a configuration, or a request, cannot make the viewer do."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

pytestmark = pytest.mark.thorough

EVIL = (
    "builtins.open",
    "os.system",
    "subprocess.run",
    "builtins.eval",
    "airflow_balancer.hydra.compose.load",
    "airflow_config.load_config",
)
SECRET = "hunter2-hunter2"
PATHS = (
    "fleet",
    "pools",
    "health",
    "assignments",
    "moved",
    "picks",
    "whatif",
    "query",
    "compare",
)


def everything(viewer, name: str) -> str:
    """Return the text of every answer on a configuration."""
    return viewer.get("configurations").text + viewer.get("overview").text + "".join(viewer.of(path, name).text for path in PATHS)


class TestTargets:
    @pytest.mark.parametrize("target", EVIL)
    @pytest.mark.parametrize(
        "yaml",
        [
            "_target_: {target}\nhosts: [{{name: host1}}]\n",
            "balancer: {{_target_: {target}, hosts: [{{name: host1}}], file: {file}}}\n",
            "hosts: [{{name: host1, _target_: {target}, _args_: [{file}, w]}}]\n",
            "hosts: [{{name: host1, ssh_hook_args: {{ciphers: [{{_target_: {target}, _args_: [{file}, w]}}]}}}}]\n",
            "hosts: [{{name: host1}}]\nstrategy: {{_target_: {target}, _args_: [{file}, w]}}\n",
            "hosts: [{{name: host1}}]\npool_manager: {{_target_: {target}, file: {file}, mode: w}}\n",
        ],
        ids=["root", "node", "host", "nested in a list", "strategy", "pool manager"],
    )
    def test_a_foreign_target_in_the_balancer_is_refused(self, api, write, tmp_path, target: str, yaml: str) -> None:
        write("a.yaml", yaml.format(target=target, file=tmp_path / "made"))
        viewer = api("a.yaml")
        for path in PATHS:
            answer = viewer.of(path, "a.yaml")
            assert (path, answer.status_code) == (path, 400)
            assert f"names '{target}'" in answer.text or "there is no balancer" in answer.text
        assert not (tmp_path / "made").exists()

    def test_a_target_elsewhere_in_the_config_is_never_called(self, api, write, tmp_path) -> None:
        made = tmp_path / "made"
        task = f"{{_target_: builtins.open, file: {made}, mode: w, on: '${{balancer.name:}}'}}"
        write("a.yaml", f"balancer: {{hosts: [{{name: host1}}]}}\ntask: {task}\n")
        assert api().of("fleet", "a.yaml").status_code == 200
        assert not made.exists()

    @pytest.mark.parametrize("place", ["inside", "outside"])
    def test_the_strategy_of_another_balancer_is_not_called(self, api, write, tmp_path, place: str) -> None:
        made = tmp_path / "made"
        ask = "${balancer.name:{balancer:evil}}"
        touch = f"{{_target_: pathlib.Path.touch, self: {{_target_: pathlib.Path, _args_: [{made}]}}}}"
        evil = f"evil: {{hosts: [{{name: x}}], strategy: {touch}}}\n"
        name = ask if place == "inside" else "host1"
        write("a.yaml", f"balancer: {{hosts: [{{name: '{name}'}}]}}\nask: '{ask}'\n{evil}")
        text = everything(api("a.yaml"), "a.yaml")
        assert "of another package, and not called here" in text
        assert not made.exists()

    def test_the_models_of_the_known_packages_are_opened(self, api, write) -> None:
        hosts = "[{_target_: airflow_pydantic.Host, name: host1}]"
        write("a.yaml", f"_target_: airflow_balancer.BalancerConfiguration\nhosts: {hosts}\n")
        answer = api().of("fleet", "a.yaml")
        assert answer.status_code == 200, answer.text


class TestPlaces:
    @pytest.mark.parametrize(
        "identity",
        ["../secret.yaml", "/etc/passwd", "file:///etc/passwd", "a.yaml", "a.yaml\0", "%2e%2e%2fsecret.yaml", "..\\secret.yaml", "", "\0"],
    )
    def test_a_path_opens_nothing(self, api, write, identity: str) -> None:
        write("a.yaml", "hosts: [{name: host1}]\n")
        write("secret.yaml", "hosts: [{name: secret}]\n")
        viewer = api("a.yaml")
        for path in PATHS:
            assert viewer.get(path, configuration=identity).status_code == 404
        assert viewer.of("fleet", "a.yaml", environment=identity or "x").status_code == 404

    @pytest.mark.parametrize(
        "path",
        ["/../app.py", "/%2e%2e/app.py", "/static/../../app.py", "//etc/passwd", "/..%2f..%2fpyproject.toml", "/index.html%00", "/js/%00"],
    )
    def test_only_the_files_of_the_page_are_served(self, tree, path: str) -> None:
        answer = tree.client.get(path)
        assert answer.status_code == 404
        assert "FastAPI" not in answer.text

    def test_a_link_out_of_the_folder_is_refused(self, tmp_path: Path, write) -> None:
        from tests.viewer.conftest import Api

        outside = write("outside/secret.yaml", "hosts: [{name: secret}]\n")
        (tmp_path / "root").mkdir()
        (tmp_path / "root/link.yaml").symlink_to(outside)
        answer = Api(tmp_path / "root").get("configurations").json()
        assert answer["configurations"] == []
        assert answer["problems"] == ["link.yaml: is a symbolic link to a file outside of the configured folders; not opened"]

    @pytest.mark.parametrize(
        "yaml",
        [
            "defaults: [linked, _self_]\nhosts: [{name: host1}]\n",
            "defaults: [../outside/secret, _self_]\nhosts: [{name: host1}]\n",
            "hosts: ${balancer.inventory:../outside/secret.yaml}\n",
            "hosts: ${balancer.inventory:linked.yaml}\n",
            "hosts: ${balancer.inventory:PATH}\n",
            "at: PATH\nhosts: '${balancer.inventory:${at}}'\n",
            "hosts: [{name: host1}]\nlock: PATH\n",
            "hosts: [{name: host1}]\nlock: linked.yaml\n",
            "hosts: [{name: host1}]\nask: '${balancer.free_port:{host:a,balancer:other}}'\nother: {hosts: [{name: a}], lock: PATH}\n",
        ],
        ids=[
            "link",
            "above",
            "inventory above",
            "inventory by link",
            "inventory by path",
            "inventory by another key",
            "lock file by path",
            "lock file by link",
            "lock file of another balancer",
        ],
    )
    def test_a_part_outside_of_the_folder_is_refused(self, tmp_path: Path, write, yaml: str) -> None:
        from tests.viewer.conftest import Api

        outside = write("outside/secret.yaml", "hosts: [{name: the-secret}]\n")
        write("root/a.yaml", yaml.replace("PATH", str(outside)))
        (tmp_path / "root/linked.yaml").symlink_to(outside)
        text = everything(Api(tmp_path / "root", "a.yaml"), "a.yaml")
        assert "the-secret" not in text
        assert "outside of the" in text

    def test_a_searchpath_is_not_followed(self, api, write) -> None:
        write("a.yaml", "hydra: {searchpath: ['pkg://antigravity']}\nbalancer: {hosts: [{name: host1}]}\n")
        answer = api().get("configurations").json()
        assert answer["configurations"] == []
        assert "sets hydra.searchpath" in answer["problems"][0]


class TestSecrets:
    @pytest.mark.parametrize(
        "yaml",
        [
            "hosts: [{name: host1, password: SECRET}]\n",
            "hosts: [{name: host1, ssh_hook_args: {private_key_passphrase: SECRET, host_proxy_cmd: 'with SECRET in it'}}]\n",
            "default_password: SECRET\nhosts: [{name: host1}]\n",
            "pw: SECRET\nbalancer: {hosts: [{name: host1, password: '${pw}', tags: ['${pw}']}]}\n",
            "balancer: {default_password: SECRET, hosts: [{name: host1}]}\nask: login ${balancer.default_password} ${balancer.name:}\n",
            "balancer: {hosts: [{name: host1}]}\nother: {token: '${given}'}\ngiven: SECRET\nask: login ${given} ${balancer.name:}\n",
            "hosts: [{name: host1, os: '${oc.env:THE_PASSWORD}'}]\n",
            "hosts: [{name: host1, os: 'x-${oc.env:DATABASE_CONN}'}]\n",
            "hosts: [{name: host1, password: '${oc.env:PLAIN}', tags: ['${oc.env:PLAIN}']}]\n",
            "hosts: [{name: host1, tags: ['${oc.env:PLAIN_URL}']}]\n",
            "env: oc.env\nhosts: [{name: host1, tags: ['${${env}:THE_PASSWORD}']}]\n",
            "hosts: [{name: host1, size: '${oc.env:THE_PASSWORD}'}]\n",
            "hosts: [{name: '${oc.env:THE_PASSWORD}', queues: ['${oc.env:THE_PASSWORD}']}]\n",
            "balancer: {hosts: [{name: host1}]}\nask: login ${oc.env:THE_PASSWORD} ${balancer.name:}\n",
            "balancer: {hosts: [{name: host1, queues: [SECRET]}]}\nask: '${balancer.name:{queue:none}}'\nmy: {secret: SECRET}\n",
            "hosts: [{name: host1, password: SECRET, size: SECRET}]\n",
            "hosts: [{name: host1, password: SECRET}, {name: host1, pasword: SECRET}]\n",
            "hosts: [{name: host1, password: {a: SECRET}}]\n",
            "hosts: [{name: host1, password: [SECRET]}]\n",
            "default_password: SECRET\nhosts: [{name: host1}\n",
            "default_password: SECRET\nhosts: ${missing}\n",
            "hosts: [{name: host1, os: '${oc.env:MISSING,${oc.env:THE_PASSWORD}}'}]\n",
        ],
    )
    def test_a_secret_is_in_no_answer_and_in_no_log(self, api, write, monkeypatch, caplog, yaml: str) -> None:
        for name in ("THE_PASSWORD", "DATABASE_CONN", "PLAIN"):
            monkeypatch.setenv(name, SECRET)
        monkeypatch.setenv("PLAIN_URL", f"postgresql://me:{SECRET}@db/x")
        write("a.yaml", yaml.replace("SECRET", SECRET))
        with caplog.at_level(logging.DEBUG):
            viewer = api("a.yaml")
            listing = viewer.get("configurations")
            texts = listing.text
            for shown in listing.json()["configurations"]:
                texts += everything(viewer, shown["name"])
                texts += viewer.of("query", shown["name"], queue="none").text
        assert SECRET not in texts
        assert SECRET not in caplog.text

    def test_an_override_is_masked(self, api, write) -> None:
        write("a.yaml", "hosts: [{name: host1}]\n")
        assert SECRET not in everything(api("a.yaml", (f"default_password={SECRET}",)), "a.yaml")

    def test_a_number_that_is_a_password_is_masked(self, api, write) -> None:
        write(
            "a.yaml",
            "balancer: {default_password: '1234567', hosts: [{name: host1}]}\nask: ${balancer.name:} ${n.token}\nn: {token: 7654321}\n",
        )
        text = everything(api("a.yaml"), "a.yaml")
        assert "1234567" not in text
        assert "7654321" not in text

    def test_a_failure_shows_and_logs_no_text_of_the_error(self, api, write, monkeypatch, caplog) -> None:
        write("a.yaml", "hosts: [{name: host1}]\n")
        viewer = api()

        def fail(*_: object) -> None:
            raise KeyError(SECRET)

        monkeypatch.setattr("airflow_balancer.viewer.answers._shown", fail)
        answer = viewer.of("fleet", "a.yaml")
        message = "the viewer failed; the server's log says where"
        assert (answer.status_code, answer.json()) == (500, {"error": {"message": message, "problems": [message]}})
        assert "KeyError" in caplog.text
        assert SECRET not in caplog.text


class TestResolvers:
    def test_a_resolver_of_others_is_not_called(self, api, write) -> None:
        from omegaconf import OmegaConf

        called = []
        OmegaConf.register_new_resolver("test_viewer.call", called.append, replace=True)
        write("a.yaml", "hosts: [{name: host1, os: '${test_viewer.call:now}'}]\n")
        answer = api().of("fleet", "a.yaml")
        assert answer.status_code == 400
        assert "the resolver 'test_viewer.call' is of another package, and not called here" in answer.text
        assert called == []
        assert OmegaConf.create({"a": "${test_viewer.call:elsewhere}"}).a is None
        assert called == ["elsewhere"]

    @pytest.mark.parametrize(
        "yaml",
        [
            "defaults: [part: '${test_viewer.call:now}', _self_]\nhosts: [{name: host1}]\n",
            "defaults: [part: '${oc.decode:''\\${test_viewer.call:now}''}', _self_]\nhosts: [{name: host1}]\n",
            "defaults: [base, _self_]\nbalancer: {hosts: [{name: host1}]}\n",
            "defaults: [_self_]\nhydra: {job: {env_copy: '${test_viewer.call:now}'}}\nbalancer: {hosts: [{name: host1}]}\n",
            "defaults: [_self_]\nhydra: '${test_viewer.call:now}'\nbalancer: {hosts: [{name: host1}]}\n",
            "hosts: '${oc.create:[{name: ''\\${test_viewer.call:now}''}]}'\n",
            "hosts: [{name: host1, os: '${oc.decode:''\\${test_viewer.call:now}''}'}]\n",
            "hosts: [{name: host1, os: '${${name}:now}'}]\nname: test_viewer.call\n",
            "balancer: {hosts: '${balancer.inventory:hosts.yaml}'}\nask: '${balancer.host:{name:host*}}'\n",
        ],
        ids=["defaults", "decoded in defaults", "merged", "hydra", "searchpath", "created", "decoded", "named by another key", "inventory"],
    )
    def test_a_resolver_of_others_is_not_called_on_any_way(self, api, write, yaml: str) -> None:
        from omegaconf import OmegaConf

        called: list[str] = []
        OmegaConf.register_new_resolver("test_viewer.call", called.append, replace=True)
        write("base.yaml", "balancer: ${test_viewer.call:now}\n")
        write("hosts.yaml", "- {name: host1, os: '${test_viewer.call:now}', tags: ['${test_viewer.call:now}']}\n")
        write("a.yaml", yaml)
        everything(api("a.yaml"), "a.yaml")
        assert called == []

    def test_the_resolvers_of_the_process_stay_as_they_are(self, api, write) -> None:
        from omegaconf.basecontainer import BaseContainer

        write("a.yaml", "balancer: {hosts: [{name: host1, os: '${oc.env:HOME}'}]}\n")
        names = BaseContainer._resolvers.keys() - {"hydra", "now", "python_version"}  # which each Hydra app registers again
        before = {name: BaseContainer._resolvers[name] for name in names}
        assert "host1" in everything(api("a.yaml"), "a.yaml")
        assert {name: BaseContainer._resolvers[name] for name in names} == before


class TestText:
    NAMES = ("<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "${oc.env:HOME}", "é ß 日", "'\"`")

    def test_names_are_plain_json(self, api, write) -> None:
        hosts = [
            {"name": f"h{number}", "tags": [name], "queues": [name], "os": name}
            for number, name in enumerate(self.NAMES)
            if "$" not in name
        ]
        hosts.append({"name": self.NAMES[0]})
        write("a.yaml", json.dumps({"hosts": hosts}))
        answer = api().of("fleet", "a.yaml")
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert self.NAMES[0] in {host["name"] for host in answer.json()["hosts"]}
        assert self.NAMES[1] in {tag for host in answer.json()["hosts"] for tag in host["tags"]}

    def test_every_answer_has_the_headers(self, tree) -> None:
        for path in ("/", "/api/configurations", "/api/fleet", "/nothing", "/api/openapi.json"):
            headers = tree.client.get(path).headers
            policy = headers["content-security-policy"]
            assert "script-src 'self';" in policy, path
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "SAMEORIGIN")


def test_a_lone_surrogate_is_an_error(api, write) -> None:
    write("a.yaml", "defaults: [part, _self_]\nhosts: [{name: host1}]\n")
    write("part.yaml", 'primary_queue: "\\uD800"\n')
    answer = api("a.yaml").of("fleet", "a.yaml")
    assert answer.status_code == 400
    assert "part.yaml: line 1: found invalid Unicode character escape code" in answer.text


def test_deep_and_large_yaml_is_an_error(api, write) -> None:
    write("deep.yaml", "hosts: " + "[" * 3000 + "]" * 3000)
    write(
        "laughs.yaml",
        "hosts: &a [x, x]\n" + "".join(f"b{n}: &b{n} [{', '.join(['*a' if n == 0 else f'*b{n - 1}'] * 10)}]\n" for n in range(9)),
    )
    viewer = api()
    assert viewer.get("configurations").json()["configurations"] == []
    assert len(viewer.get("configurations").json()["problems"]) == 2
