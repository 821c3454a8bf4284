"""Loading: where a file is looked for, what kinds of files there are, how overrides apply."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from airflow_balancer import BalancerConfiguration, ConfigurationError, load, load_config, load_fleet
from airflow_balancer.fleet.fleet import Fleet

PLAIN = "hosts:\n  - {name: host1, size: 2}\n  - {name: host2}\n"
TREE = {
    "config.yaml": "defaults: [hosts: few, env: dev, _self_]\n",
    "hosts/few.yaml": "# @package balancer.hosts\nhost1: {size: 2}\nhost2:\n",
    "env/dev.yaml": "# @package _global_\n{}\n",
    "env/prod.yaml": "# @package _global_\nbalancer: {default_size: 4, host_overrides: {host1: {size: 6}}}\n",
}
AIRFLOW_CONFIG = {
    "config/config.yaml": (
        "# @package _global_\n_target_: airflow_config.Configuration\ndefaults:\n  - extensions/balancer@extensions.balancer\n"
    ),
    "config/extensions/balancer.yaml": "# @package extensions.balancer\n_target_: airflow_balancer.BalancerConfiguration\n" + PLAIN,
}


def sizes(balancer) -> dict[str, int]:
    return {host.name: host.size for host in balancer.hosts}


def outcome(file, overrides) -> object:
    """The fleet of a file, or what is wrong with it."""
    try:
        return load_fleet(file, overrides)
    except ConfigurationError as error:
        return str(error)


@pytest.fixture
def tree(write):
    for name, content in TREE.items():
        write(f"conf/{name}", content)
    return write("dags/dag.py", "").parent.parent / "conf"


@pytest.fixture
def airflow_tree(write):
    for name, content in AIRFLOW_CONFIG.items():
        write(name, content)
    return write("dag.py", "").parent


class TestKinds:
    def test_a_plain_balancer(self, write):
        assert sizes(load(write("balancer.yaml", PLAIN))) == {"host1": 2, "host2": 8}

    def test_a_tree_by_its_folder(self, tree):
        assert sizes(load(tree)) == {"host1": 2, "host2": 8}

    def test_a_tree_by_its_file(self, tree):
        assert sizes(load(tree / "config.yaml", ["env=prod"])) == {"host1": 6, "host2": 4}

    def test_a_file_of_airflow_configs(self, airflow_tree):
        assert sizes(load(airflow_tree / "config" / "config.yaml")) == {"host1": 2, "host2": 8}

    def test_an_extension_by_its_own_file(self, airflow_tree):
        assert sizes(load(airflow_tree / "config" / "extensions" / "balancer.yaml")) == {"host1": 2, "host2": 8}

    def test_an_extension_finds_the_groups_of_its_tree(self, write):
        write("config/config.yaml", "{}")
        write("config/hosts/few.yaml", "host1: {size: 2}\n")
        assert sizes(load(write("config/extensions/balancer.yaml", "defaults:\n  - /hosts@hosts: few\n"))) == {"host1": 2}

    def test_a_fleet_needs_no_objects(self, tree):
        assert [host.size for host in load_fleet(tree, ["env=prod"]).hosts] == [6, 4]


class TestNothingToCompose:
    """A file that needs no Hydra is read past it."""

    @pytest.mark.parametrize("name", ["host1", "2026-01-01", "1e3", "0x10", "on", "12:30:00", "~", "1_000"])
    def test_values_are_those_that_hydra_composes(self, write, name):
        file = write("balancer.yaml", f"hosts: [{{name: host1, os: {name}, tags: [{name}]}}]")
        assert outcome(file, []) == outcome(file, ["hosts.0.size=8"])

    def test_hydra_is_not_started(self, write, monkeypatch):
        monkeypatch.setattr("hydra.compose", None)
        assert sizes(load_fleet(write("balancer.yaml", PLAIN))) == {"host1": 2, "host2": 8}

    def test_its_fleet_is_validated_once(self, write, monkeypatch):
        balancer = load(write("balancer.yaml", PLAIN))
        monkeypatch.setattr(Fleet, "from_data", None)
        assert [host.size for host in balancer.fleet.hosts] == [2, 8]


class TestPlaces:
    CALL = "from airflow_balancer import load; sizes = {h.name: h.size for h in load('balancer.yaml').hosts}"

    def run(self, path):
        module = {"__file__": str(path), "__name__": "dag"}
        exec(self.CALL, module)
        return module["sizes"]

    def test_beside_the_calling_file(self, write):
        write("balancer.yaml", "hosts: [{name: above}]")
        write("dags/balancer.yaml", "hosts: [{name: beside}]")
        assert self.run(write("dags/dag.py", "")) == {"beside": 8}

    def test_above_the_calling_file(self, write):
        write("balancer.yaml", "hosts: [{name: above}]")
        assert self.run(write("dags/team/dag.py", "")) == {"above": 8}

    def test_in_the_working_directory(self, write, monkeypatch):
        monkeypatch.chdir(write("here/balancer.yaml", "hosts: [{name: here}]").parent)
        assert self.run("/nowhere/dag.py") == {"here": 8}

    def test_beside_a_given_file(self, write):
        path = write("dags/balancer.yaml", "hosts: [{name: beside}]")
        assert sizes(load("balancer.yaml", basepath=path.parent / "dag.py")) == {"beside": 8}

    def test_nowhere_says_where_it_looked(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ConfigurationError) as error:
            load("nope.yaml", basepath=tmp_path / "dag.py")
        assert str(error.value) == f"nope.yaml: there is no such file or folder (looked in {tmp_path} and above, and in {tmp_path})"


class TestOverrides:
    @pytest.mark.parametrize(
        ("overrides", "expected"),
        [
            (["default_size=3"], {"host1": 2, "host2": 3}),
            (["hosts.1.size=5"], {"host1": 2, "host2": 5}),
            (["host_overrides.host1.size=7"], {"host1": 7, "host2": 8}),
            (["~hosts"], {}),
        ],
        ids=["a default", "a host by its place", "a host by its name", "deletion"],
    )
    def test_a_plain_list_is_overridden(self, write, overrides, expected):
        file = write("balancer.yaml", PLAIN if overrides != ["~hosts"] else "_target_: airflow_balancer.BalancerConfiguration\n" + PLAIN)
        assert sizes(load(file, overrides)) == expected

    def test_a_plain_mapping_is_overridden(self, write):
        file = write("balancer.yaml", "hosts: {host1: {size: 2}, host2: }")
        assert sizes(load(file, ["hosts.host2.size=5"])) == {"host1": 2, "host2": 5}

    def test_a_key_that_the_tree_leaves_out_is_set(self, tree):
        assert sizes(load(tree, ["balancer.default_size=3", "balancer.hosts.host1.size=1"])) == {"host1": 1, "host2": 3}

    def test_an_environment_is_one_short_override(self, tree):
        assert sizes(load(tree, ["env=prod"])) == {"host1": 6, "host2": 4}

    def test_a_group_is_chosen_and_not_overwritten(self, tree, write):
        write("conf/hosts/one.yaml", "# @package balancer.hosts\nhost9: {size: 1}\n")
        assert sizes(load(tree, ["hosts=one"])) == {"host9": 1}


class TestPublishedCalls:
    """The calls of airflow-balancer 0.7.12."""

    def test_load_config_by_folder_and_name(self, airflow_tree):
        assert sizes(load_config("config", "config", basepath=str(airflow_tree))) == {"host1": 2, "host2": 8}

    def test_load_config_with_overrides(self, airflow_tree):
        balancer = load_config("config", "config", overrides=["extensions.balancer.hosts.0.size=5"], basepath=str(airflow_tree))
        assert sizes(balancer) == {"host1": 5, "host2": 8}

    def test_load_by_folder_and_name_of_a_balancer(self, airflow_tree):
        assert sizes(BalancerConfiguration.load(airflow_tree / "config/extensions", "balancer")) == {"host1": 2, "host2": 8}

    def test_load_by_folder_and_name_of_a_plain_balancer(self, write):
        assert sizes(BalancerConfiguration.load(write("config/fleet.yaml", PLAIN).parent, "fleet")) == {"host1": 2, "host2": 8}

    def test_load_of_a_folder_with_another_name_is_no_tree_of_airflow_config(self, tree):
        assert sizes(BalancerConfiguration.load(tree)) == {"host1": 2, "host2": 8}

    def test_load_by_path_and_no_folder(self, airflow_tree):
        path = airflow_tree / "config/extensions/balancer.yaml"
        assert sizes(BalancerConfiguration.load(config_name=path, config_dir="")) == {"host1": 2, "host2": 8}

    @pytest.mark.parametrize("kind", [str, lambda path: path], ids=["text", "path"])
    def test_load_path(self, airflow_tree, kind):
        path = airflow_tree / "config/extensions/balancer.yaml"
        assert sizes(BalancerConfiguration.load_path(kind(path), overrides=["extensions.balancer.default_size=3"])) == {
            "host1": 2,
            "host2": 3,
        }

    def test_no_default_is_loaded_in_place_of_what_is_missing(self, airflow_tree):
        with pytest.raises(ConfigurationError, match=r"other\.yaml: there is no such file"):
            load_config("config", "other", basepath=str(airflow_tree))


class TestOwnClasses:
    @pytest.mark.parametrize("name", ["MyHost", "Host"])
    def test_a_host_of_ones_own_class_is_instantiated(self, write, monkeypatch, name):
        module = f"of_{name.lower()}"
        write(f"{module}.py", f"import airflow_balancer\nclass {name}(airflow_balancer.Host):\n    pass\n")
        file = write("balancer.yaml", f"hosts: [{{_target_: {module}.{name}, name: host1}}]")
        monkeypatch.syspath_prepend(str(file.parent))
        assert (type(load(file).hosts[0]).__module__, type(load(file).hosts[0]).__name__) == (module, name)

    def test_a_fleet_instantiates_nothing(self, write):
        path = write("touched", "").parent / "made"
        file = write("balancer.yaml", f"hosts: [{{name: host1, os: {{_target_: builtins.open, file: {path}, mode: w}}}}]")
        with pytest.raises(ConfigurationError):
            load_fleet(file)
        assert not path.exists()

    def test_a_fleet_does_not_even_call_the_strategy_of_another_balancer(self, write):
        path = write("touched", "").parent / "made"
        evil = f"evil: {{hosts: [{{name: a}}], strategy: {{_target_: builtins.open, file: {path}, mode: w}}}}\n"
        file = write("config.yaml", evil + "balancer: {hosts: [{name: b, os: '${balancer.name:{balancer:evil}}'}]}\n")
        with pytest.raises(ConfigurationError):
            load_fleet(file)
        assert not path.exists()


class TestInsideAHydraApp:
    def test_loading_leaves_the_app_as_it_was(self, python, write):
        write("balancer.yaml", PLAIN)
        code = (
            "import hydra, sys\n"
            "from hydra.core.global_hydra import GlobalHydra\n"
            "from airflow_balancer import load_fleet\n"
            "@hydra.main(version_base=None, config_path=None)\n"
            "def app(cfg):\n"
            "    before = GlobalHydra.instance().hydra\n"
            "    print(len(load_fleet('balancer.yaml', ['default_size=3']).hosts), GlobalHydra.instance().hydra is before is not None)\n"
            "sys.argv = ['app', 'hydra.run.dir=.', 'hydra.output_subdir=null']\n"
            "app()\n"
        )
        assert python(code).stdout == "2 True\n"

    def test_failing_leaves_the_app_as_it_was(self, write):
        from hydra import compose, initialize_config_dir

        file = write("config.yaml", "a: 1")
        with initialize_config_dir(config_dir=str(file.parent), version_base=None):
            with pytest.raises(ConfigurationError):
                load_fleet(file, ["a=2"])
            assert OmegaConf.to_container(compose("config")) == {"a": 1}


def test_a_secret_behind_an_interpolation_is_resolved(write, monkeypatch):
    monkeypatch.setenv("THE_PASSWORD", "hunter2")
    file = write("balancer.yaml", "default_password: ${oc.env:THE_PASSWORD}\nhosts: [{name: host1}]\n")
    assert load(file).hosts[0].password == "hunter2"


def test_two_balancers_of_one_file_never_give_one_port_twice(write):
    write("balancer.yaml", "hosts: [{name: a}]")
    code = "from airflow_balancer import load\nports = [load('balancer.yaml').free_port('a', 9000, 9009).port for _ in range(10)]"
    for number in range(20):
        module = {"__name__": "dag", "__file__": str(write(f"dag_{number}.py", code))}
        exec(code, module)
        assert sorted(module["ports"]) == list(range(9000, 9010))


def test_a_key_gets_one_port_from_every_balancer_of_a_yaml(write):
    write("balancer.yaml", "hosts: [{name: a}]")
    ports = "[load('balancer.yaml').free_port('a', 9000, 9001, key=key).port for key in ('k', 'l', 'k')]"
    module = {"__name__": "dag", "__file__": str(write("dag.py", code := f"from airflow_balancer import load\nports = {ports}"))}
    exec(code, module)
    assert module["ports"] in ([9000, 9001, 9000], [9001, 9000, 9001])


def test_an_override_that_is_nested_too_deep_is_said_to_be(write):
    file = write("balancer.yaml", "hosts: [{name: a}]")
    with pytest.raises(ConfigurationError, match=f"^{file}: a value, or an override, is nested too deep to be read$"):
        load_fleet(file, ["x=" + "[" * 3000 + "]" * 3000])


@pytest.mark.parametrize(
    "text", ["hosts: [{name: a, os: {_target_: x.y, _recursive_: {}}}]", "hosts: []\nstrategy: {_target_: x.Y, _recursive_: {}}"]
)
def test_a_flag_of_hydra_that_is_no_boolean_is_an_error(write, text):
    with pytest.raises(ConfigurationError, match="_recursive_ flag must be a bool"):
        load(write("balancer.yaml", text))
