"""Where the configurations are found, and when a change of them is seen."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from airflow_balancer.airflow.options import SectionOptions, read_options
from airflow_balancer.airflow.sources import Source, find_sources, named_sources, watched_roots
from airflow_balancer.errors import ConfigurationError
from airflow_balancer.files import locate
from airflow_balancer.files.locate import take_snapshot

BALANCER = "_target_: airflow_balancer.BalancerConfiguration\nhosts:\n  - name: host1\n"
PLAIN = "default_size: 4\nhosts: {host1: {}}\n"
PRIMARY = "# @package _global_\n_target_: airflow_config.Configuration\ndefaults:\n  - extensions/balancer@extensions.balancer\n"
EXTENSION = "# @package extensions.balancer\n" + BALANCER
INLINE = "_target_: airflow_config.Configuration\nextensions:\n  balancer:\n    hosts: [{name: host1}]\n"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


def write(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def found(folder: Path) -> list[str]:
    sources, problems = find_sources(take_snapshot([folder]))
    assert problems == []
    return [source.path.relative_to(folder).as_posix() for source in sources]


def problems(folder: Path) -> list[str]:
    return [str(problem).removeprefix(f"{folder}/") for problem in find_sources(take_snapshot([folder]))[1]]


class TestFound:
    @pytest.mark.parametrize(
        "content",
        [BALANCER, PLAIN, INLINE, "balancer: {hosts: [{name: a}]}\n", "defaults: [_self_]\nhosts: [{name: a}]\n"],
        ids=["target", "keys", "inline", "node", "defaults"],
    )
    def test_a_balancer_is_found(self, tmp_path: Path, content: str) -> None:
        write(tmp_path, {"deep/er/fleet.yml": content})
        assert found(tmp_path) == ["deep/er/fleet.yml"]

    @pytest.mark.parametrize(
        "content",
        [
            "- hosts: all\n  tasks: []\n",
            "hosts: all\nbecome: true\n",
            "services: {web: {}}\n",
            "",
            "[1, 2]",
            "hosts: all\n",
            "balancer: 3\n",
        ],
    )
    def test_other_yaml_is_none(self, tmp_path: Path, content: str) -> None:
        write(tmp_path, {"other.yaml": content})
        assert found(tmp_path) == []

    def test_an_airflow_config_tree_is_one_configuration(self, tmp_path: Path) -> None:
        write(tmp_path, {"config/config.yaml": PRIMARY, "config/extensions/balancer.yaml": EXTENSION})
        assert found(tmp_path) == ["config/config.yaml"]

    def test_the_groups_of_a_hydra_tree_are_its_parts(self, tmp_path: Path) -> None:
        tree = {"conf/config.yaml": "defaults: [{balancer: dev}, base, _self_]\n", "conf/base.yaml": PLAIN}
        write(tmp_path, tree | {"conf/balancer/dev.yaml": PLAIN, "conf/balancer/prod.yaml": PLAIN, "conf/other/x.yaml": PLAIN})
        assert found(tmp_path) == ["conf/config.yaml"]

    def test_a_part_that_has_defaults_of_its_own_is_one_too(self, tmp_path: Path) -> None:
        tree = {"conf/config.yaml": "defaults: [{fleet: dev}, _self_]\n", "conf/fleet/base.yaml": PLAIN}
        write(tmp_path, tree | {f"conf/fleet/{name}.yaml": f"defaults: [base, _self_]\n{PLAIN}" for name in ("dev", "prod")})
        assert found(tmp_path) == ["conf/config.yaml"]

    def test_a_tree_in_the_dags_folder_itself_owns_only_the_groups_that_it_names(self, tmp_path: Path) -> None:
        write(tmp_path, {"config.yaml": PRIMARY, "extensions/balancer.yaml": EXTENSION, "team/fleet.yaml": BALANCER})
        assert found(tmp_path) == ["config.yaml", "team/fleet.yaml"]

    def test_the_place_of_a_config_in_its_own_defaults_list_is_no_file(self, tmp_path: Path) -> None:
        write(tmp_path, {"config.yaml": f"defaults: [_self_]\n{BALANCER}", "_self_.yaml": PLAIN})
        assert found(tmp_path) == ["_self_.yaml", "config.yaml"]

    def test_a_tree_without_a_balancer_is_none(self, tmp_path: Path) -> None:
        write(tmp_path, {"conf/config.yaml": "defaults: [{db: mysql}]\n", "conf/db/mysql.yaml": "host: x\n"})
        assert found(tmp_path) == []

    def test_hidden_folders_and_loops_of_links_are_skipped(self, tmp_path: Path) -> None:
        write(tmp_path, {"a/fleet.yaml": BALANCER, ".git/fleet.yaml": BALANCER, "__pycache__/fleet.yaml": BALANCER})
        (tmp_path / "a" / "loop").symlink_to(tmp_path)
        assert found(tmp_path) == ["a/fleet.yaml"]

    def test_a_folder_behind_a_link_is_entered(self, tmp_path: Path) -> None:
        write(tmp_path, {".versions/1/fleet.yaml": BALANCER})
        (tmp_path / "current").symlink_to(tmp_path / ".versions" / "1")
        assert found(tmp_path) == ["current/fleet.yaml"]


class TestNotRead:
    def test_a_broken_file_is_a_problem_with_its_line(self, tmp_path: Path) -> None:
        write(tmp_path, {"broken.yaml": "balancer:\n  hosts: [\n", "good.yaml": BALANCER, "others.yaml": "{{ jinja }}: hosts: ["})
        assert problems(tmp_path) == ["broken.yaml: is not valid YAML, line 3: did not find expected node content"]

    def test_aliases_that_stand_for_billions_are_not_read(self, tmp_path: Path) -> None:
        write(tmp_path, {"bomb.yaml": BOMB + "balancer: {hosts: *i}\n"})
        assert problems(tmp_path) == ["bomb.yaml: repeats more than 10000 values by its aliases; not composed"]

    def test_an_alias_of_itself_is_not_read(self, tmp_path: Path) -> None:
        write(tmp_path, {"bomb.yaml": "balancer: &a {hosts: [*a]}\n"})
        text = "is not valid YAML, line 1: alias 'a' has no anchor before it, or is inside of it"
        assert problems(tmp_path) == [f"bomb.yaml: {text}"]

    def test_nesting_that_overflows_the_stack_is_not_read(self, tmp_path: Path) -> None:
        write(tmp_path, {"deep.yaml": "balancer: " + "[" * 500_000})
        assert problems(tmp_path) == ["deep.yaml: is nested deeper than 100 levels; not composed"]

    def test_a_tree_with_such_a_part_is_not_composed(self, tmp_path: Path) -> None:
        write(tmp_path, {"config/config.yaml": PRIMARY, "config/extensions/balancer.yaml": "x: " + "[" * 500})
        source, part = "config/config.yaml", tmp_path / "config/extensions/balancer.yaml"
        assert problems(tmp_path)[-1] == f"{source}: is not composed, because {part} is nested deeper than 100 levels"
        assert find_sources(take_snapshot([tmp_path]))[0] == []

    def test_a_tree_with_such_a_file_beside_it_is_composed(self, tmp_path: Path) -> None:
        write(tmp_path, {"config/config.yaml": PRIMARY, "config/extensions/balancer.yaml": EXTENSION, "other.yaml": "x: " + "[" * 500})
        assert [source.path for source in find_sources(take_snapshot([tmp_path]))[0]] == [tmp_path / "config/config.yaml"]

    def test_the_time_for_reading_is_bounded(self, tmp_path: Path) -> None:
        write(tmp_path, {"fleet.yaml": BALANCER})
        sources, said = find_sources(take_snapshot([tmp_path]), seconds=-1)
        assert (sources, len(said)) == ([], 1)

    def test_a_search_path_is_not_composed(self, tmp_path: Path) -> None:
        write(tmp_path, {"config.yaml": "hydra: {searchpath: [pkg://evil]}\n" + INLINE})
        text = "sets hydra.searchpath, which may load Python code; not composed here, name it in [balancer] config_path"
        assert problems(tmp_path) == [f"config.yaml: {text}"]

    @pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
    def test_an_unreadable_file_is_a_problem(self, tmp_path: Path) -> None:
        write(tmp_path, {"fleet.yaml": BALANCER})
        (tmp_path / "fleet.yaml").chmod(0)
        assert problems(tmp_path) == ["fleet.yaml: cannot be read: Permission denied; make it readable, or remove it"]

    def test_a_link_that_leads_nowhere_is_a_problem(self, tmp_path: Path) -> None:
        (tmp_path / "fleet.yaml").symlink_to("gone.yaml")
        assert problems(tmp_path) == ["fleet.yaml: cannot be read: No such file or directory; make it readable, or remove it"]

    def test_links_that_lead_to_themselves_leave_the_others_found(self, tmp_path: Path) -> None:
        write(tmp_path, {"good.yaml": BALANCER})
        for name in ("folder", "fleet.yaml"):
            (tmp_path / name).symlink_to(name)
        assert problems(tmp_path) == ["fleet.yaml: cannot be read: Too many levels of symbolic links; make it readable, or remove it"]
        assert [source.path.name for source in find_sources(take_snapshot([tmp_path]))[0]] == ["good.yaml"]

    def test_a_file_that_is_removed_meanwhile_is_none(self, tmp_path: Path) -> None:
        write(tmp_path, {"fleet.yaml": BALANCER})
        snapshot = take_snapshot([tmp_path])
        (tmp_path / "fleet.yaml").unlink()
        assert find_sources(snapshot) == ([], [])

    @pytest.mark.parametrize(("size", "names"), [(4 * 2**20, ["large.yaml"]), (4 * 2**20 + 1, [])], ids=["4 MiB", "more"])
    def test_the_largest_file_that_is_read_has_four_mebibytes(self, tmp_path: Path, size: int, names: list[str]) -> None:
        write(tmp_path, {"large.yaml": BALANCER.ljust(size, "#")})
        assert found(tmp_path) == names

    def test_the_number_of_files_is_bounded(self, tmp_path: Path) -> None:
        write(tmp_path, {f"{n:04}.yaml": "" for n in range(locate.MAX_FILES + 10)})
        snapshot = take_snapshot([tmp_path])
        assert (len(snapshot.files), snapshot.limit) == (locate.MAX_FILES, "2000 YAML files")

    def test_the_depth_of_folders_is_bounded(self, tmp_path: Path) -> None:
        deepest = tmp_path.joinpath(*["d"] * locate.MAX_NESTING)
        write(deepest, {"in.yaml": BALANCER})
        deepest.joinpath("d").mkdir()
        write(deepest / "d", {"out.yaml": BALANCER})
        assert list(take_snapshot([tmp_path]).files) == [str(deepest / "in.yaml")]

    def test_the_time_is_bounded(self, tmp_path: Path) -> None:
        write(tmp_path, {"a.yaml": "", "b.yaml": ""})
        snapshot = take_snapshot([tmp_path], seconds=-1)
        assert (len(snapshot.files), snapshot.limit) == (1, "the time for it")


class TestSnapshot:
    def test_it_stays_true_while_nothing_changes(self, tmp_path: Path) -> None:
        write(tmp_path, {"a/fleet.yaml": BALANCER})
        assert take_snapshot([tmp_path]).still_true()

    def test_an_edited_file_is_seen(self, tmp_path: Path) -> None:
        write(tmp_path, {"a/fleet.yaml": BALANCER})
        snapshot = take_snapshot([tmp_path])
        write(tmp_path, {"a/fleet.yaml": PLAIN})
        assert not snapshot.still_true()

    def test_a_new_file_is_seen(self, tmp_path: Path) -> None:
        write(tmp_path, {"a/fleet.yaml": BALANCER})
        snapshot = take_snapshot([tmp_path])
        os.utime(tmp_path / "a", ns=(0, 0))
        snapshot = take_snapshot([tmp_path])
        write(tmp_path, {"a/other.yaml": BALANCER})
        assert not snapshot.still_true()

    def test_a_folder_that_comes_is_seen(self, tmp_path: Path) -> None:
        snapshot = take_snapshot([tmp_path / "dags"])
        (tmp_path / "dags").mkdir()
        assert not snapshot.still_true()


class TestNamed:
    def test_without_config_path_nothing_is_named(self, tmp_path: Path) -> None:
        assert named_sources(SectionOptions(), [tmp_path]) == ([], [])

    def test_config_path_is_relative_to_the_dags_folder(self, tmp_path: Path) -> None:
        write(tmp_path, {"fleet.yaml": BALANCER})
        settings = SectionOptions(config_path="fleet.yaml", overrides=("default_size=2",))
        assert named_sources(settings, [tmp_path]) == ([Source(tmp_path / "fleet.yaml", ("default_size=2",))], [])
        assert watched_roots(settings, [tmp_path]) == (tmp_path,)

    def test_config_name_is_a_file_of_the_tree(self, tmp_path: Path) -> None:
        write(tmp_path, {"conf/prod.yaml": PRIMARY})
        settings = SectionOptions(config_path=str(tmp_path / "conf"), config_name="prod")
        assert named_sources(settings, [Path("/elsewhere")]) == ([Source(tmp_path / "conf" / "prod.yaml")], [])

    def test_each_line_is_a_configuration_with_its_overrides_behind_those_of_all(self, tmp_path: Path) -> None:
        write(tmp_path, {"conf/config.yaml": PRIMARY, "my teams/gpu.yaml": BALANCER})
        text = "\n  conf env=prod '+hosts.0.tags=[a, b]'\n  'my teams/gpu.yaml' ~ports\n"
        settings = SectionOptions(config_path=text, overrides=("default_size=2",))
        conf = Source(tmp_path / "conf", ("default_size=2", "env=prod", "+hosts.0.tags=[a, b]"))
        assert named_sources(settings, [tmp_path]) == ([conf, Source(tmp_path / "my teams" / "gpu.yaml", ("default_size=2", "~ports"))], [])
        assert watched_roots(settings, [tmp_path]) == (tmp_path / "conf", tmp_path / "my teams")

    def test_a_missing_file_is_a_problem_that_names_it_and_the_others_are_found(self, tmp_path: Path) -> None:
        write(tmp_path, {"fleet.yaml": BALANCER})
        settings = SectionOptions(config_path="gone.yaml\nfleet.yaml")
        sources, said = named_sources(settings, [tmp_path])
        assert sources == [Source(tmp_path / "fleet.yaml")]
        text = f"[balancer] config_path names no file or directory with 'gone.yaml' (looked for {tmp_path}/gone.yaml)"
        assert [str(problem) for problem in said] == [text]

    def test_a_missing_file_is_seen_when_it_comes(self, tmp_path: Path) -> None:
        snapshot = take_snapshot(watched_roots(SectionOptions(config_path="gone.yaml"), [tmp_path]))
        write(tmp_path, {"gone.yaml": BALANCER})
        assert not snapshot.still_true()

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"config_path": "my conf"}, "config_path: 'conf' in the line 'my conf' is no override, such as env=prod; put a path with a"),
            ({"config_path": "it's"}, "config_path: behind the path must be Hydra overrides separated by spaces: No closing quotation"),
            ({"overrides": "env=prod"}, "overrides is set without config_path; name there the configurations to compose with them"),
        ],
    )
    def test_what_cannot_be_read_is_an_error_that_says_what_to_do(self, options: dict[str, str], message: str) -> None:
        with pytest.raises(ConfigurationError, match=re.escape(message)):
            _ = read_options(options.get).named
