"""The plugin is scanned by every Hydra app on a machine: it must serve ours and leave the others alone."""

from __future__ import annotations

APP = """
import sys, hydra
{before}
@hydra.main(version_base=None, config_path=None)
def app(cfg):
    print(sorted(cfg))
sys.argv = ["app.py", "+a=1", "hydra.run.dir=.", "hydra.output_subdir=null"]
app()
{after}
"""


def test_an_app_that_has_nothing_to_do_with_us_runs(python):
    assert python(APP.format(before="", after="")).stdout == "['a']\n"


def test_a_failure_of_ours_leaves_the_app_running(python):
    before = "import warnings; warnings.simplefilter('error', UserWarning); sys.modules['airflow_balancer.hydra.schema'] = None"
    result = python(APP.format(before=before, after=""))
    assert (result.stdout, result.returncode) == ("['a']\n", 0)


def test_being_imported_before_the_scan_is_harmless(python):
    before = "import hydra_plugins.airflow_balancer_plugin"
    after = "from omegaconf import OmegaConf; print(OmegaConf.has_resolver('balancer.free_port'))"
    assert python(APP.format(before=before, after=after)).stdout == "['a']\nTrue\n"


def test_a_users_own_groups_are_not_taken(python, write):
    write("conf/config.yaml", "defaults:\n  - strategy: mine\n  - hosts: mine\n")
    write("conf/strategy/mine.yaml", "a: 1\n")
    write("conf/hosts/mine.yaml", "b: 2\n")
    code = (
        "import hydra, os\n"
        "with hydra.initialize_config_dir(config_dir=os.path.abspath('conf'), version_base=None):\n"
        "    print(hydra.compose('config'))\n"
    )
    assert python(code).stdout == "{'strategy': {'a': 1}, 'hosts': {'b': 2}}\n"
