"""Each task instance is counted in the pool of the host that it goes to, and the serialized DAG says enough for that in a few words."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest

pytest.importorskip("airflow.models", reason="Airflow is not installed")

import pluggy
from airflow import policies, settings
from airflow.providers.ssh.operators.ssh import SSHOperator

from airflow_balancer import BalancedSSHHook, BalancedSSHOperator, BalancerConfiguration, ConfigurationError, NoMatch
from airflow_balancer.airflow import policy
from airflow_balancer.airflow.failover import in_turn
from airflow_balancer.picking.strategies import Ranking
from airflow_balancer.ssh.task import attempt_of
from tests.airflow.databases import environment
from tests.airflow.test_operators import Serialization, dag, serialized

try:
    from airflow.sdk import task
except ImportError:
    from airflow.decorators import task

HOSTS = [{"name": f"host{number}", "size": number, "queues": ["workers"]} for number in (1, 2, 3)]
OTHER = {"name": "other", "queues": ["others"]}
RUNS = Path(__file__).with_name("policy_runs.py")
DAG_FILE = """
from datetime import datetime

from airflow.providers.ssh.operators.ssh import SSHOperator

from airflow_balancer import BalancedSSHHook, BalancedSSHOperator, BalancerConfiguration

try:
    from airflow.sdk import DAG, task, task_group
except ImportError:
    from airflow import DAG
    from airflow.decorators import task, task_group

balancer = BalancerConfiguration(hosts=[{"name": f"host{number}", "size": number} for number in (1, 2, 3)])

with DAG("etl", start_date=datetime(2026, 1, 1), schedule=None):

    @task
    def items():
        return [1, 2, 3]

    @task_group
    def group(command):
        BalancedSSHOperator(task_id="inner", balancer=balancer, command=command)

    BalancedSSHOperator(task_id="unmapped", balancer=balancer, command="a")
    BalancedSSHOperator.partial(task_id="literal", balancer=balancer).expand(command=["a", "b", "c"])
    BalancedSSHOperator.partial(task_id="xcom", balancer=balancer).expand(command=items())
    BalancedSSHOperator.partial(task_id="given", balancer=balancer, pool="given").expand(command=["a", "b"])
    SSHOperator.partial(task_id="hook", ssh_hook=BalancedSSHHook(balancer)).expand(command=["a", "b", "c"])
    SSHOperator.partial(task_id="plain").expand(command=["a", "b"])
    group.expand(command=["a", "b", "c"])
"""
USERS_POLICY = "def task_instance_mutation_hook(task_instance):\n    task_instance.pool = 'users'\n"


def balancer(**changes):
    return BalancerConfiguration(hosts=HOSTS, **changes)


def back(tasks):
    """The only task of a DAG as a scheduler has it: serialized and read again."""
    return next(iter(Serialization.from_dict(json.loads(json.dumps(Serialization.to_dict(tasks)))).tasks))


def mapped(given, cls=BalancedSSHOperator, **arguments):
    with dag() as parsed:
        cls.partial(task_id="t", **given, **arguments).expand(command=["a"] * 3)
    return back(parsed)


def instance(task, index=-1, *, tries=0, state=None, **changes):
    changes = {"pool": task.pool, **changes}
    return SimpleNamespace(task=task, dag_id="etl", task_id="t", map_index=index, try_number=tries, state=state, **changes)


def goes_to(hook, index, number):
    """The pool of the host that the hook connects to in such an attempt."""
    ti = SimpleNamespace(dag_id="etl", task_id="t", map_index=index, try_number=number)
    attempt = attempt_of({"ti": ti, "task": SimpleNamespace(pool="", pool_slots=1)}, hook.key)
    return in_turn(hook.ranked(attempt.key, attempt.index), attempt.number)[0].pool.pool


class TestOneAnswer:
    @pytest.mark.parametrize("strategy", ["bounded", "rendezvous", "least_loaded"])
    @pytest.mark.parametrize("arguments", [{}, {"first": "host1"}, {"key": "nightly"}, {"query": {"name": ["host2", "host3"]}}])
    def test_the_pool_is_that_of_the_host_that_the_attempt_goes_to(self, strategy, arguments):
        own = BalancerConfiguration(hosts=[{**host, "pool": f"of-{host['name']}"} for host in HOSTS], strategy=strategy)
        hook = BalancedSSHHook(own, **arguments.get("query", {}), **{k: v for k, v in arguments.items() if k != "query"})
        with dag() as parsed:
            BalancedSSHOperator(task_id="t", balancer=own, command="a", **arguments)
        for task, indices in ((mapped({"balancer": own}, **arguments), range(30)), (back(parsed), range(-1, 30))):
            for index in indices:
                for tries in range(5):
                    assert policy.pool_of(instance(task, index, tries=tries)) == goes_to(hook, index, tries + 1)

    def test_a_hook_in_a_plain_operator_says_the_same(self):
        task = mapped({"ssh_hook": BalancedSSHHook(balancer(), queue="workers")}, SSHOperator)
        pools = [policy.pool_of(instance(task, index)) for index in range(30)]
        assert pools == [goes_to(BalancedSSHHook(balancer(), queue="workers"), index, 1) for index in range(30)]

    def test_the_object_that_was_just_read_says_the_same_as_the_serialized_one(self):
        with dag():
            read = BalancedSSHOperator.partial(task_id="t", balancer=balancer()).expand(command=["a"])
        again = mapped({"balancer": balancer()})
        assert [policy.pool_of(instance(read, n)) for n in range(9)] == [policy.pool_of(instance(again, n)) for n in range(9)]

    def test_where_candidates_do_not_fit_the_first_indices_have_their_pools_and_the_others_that_of_the_task(self):
        names = [f"ws-{random.Random(number).randbytes(4).hex()}" for number in range(1000)]
        own = BalancerConfiguration(hosts=[{"name": name} for name in names])
        task = mapped({"balancer": own})
        pools = [policy.pool_of(instance(task, index)) for index in range(200)]
        known = pools.index(None)
        assert known > 100
        assert pools[:known] == [goes_to(BalancedSSHHook(own), index, 1) for index in range(known)]
        assert (set(pools[known:]), task.pool) == ({None}, own.rank_hosts(key="etl.t")[0].name)

    @pytest.mark.parametrize("state", ["scheduled", "queued", "running", "deferred", "up_for_reschedule"])
    def test_an_attempt_that_has_begun_is_the_one_of_its_number(self, state):
        task, hook = mapped({"balancer": balancer()}), BalancedSSHHook(balancer())
        assert policy.pool_of(instance(task, 1, tries=2, state=state)) == goes_to(hook, 1, 2)
        assert policy.pool_of(instance(task, 1, tries=2, state="up_for_retry")) == goes_to(hook, 1, 3)


class TestPoolThatStays:
    def test_a_pool_of_the_operator(self):
        assert policy.pool_of(instance(mapped({"balancer": balancer()}, pool="given"), 0)) is None

    def test_a_pool_of_the_default_arguments(self):
        with dag(default_args={"pool": "given"}) as parsed:
            BalancedSSHOperator.partial(task_id="t", balancer=balancer()).expand(command=["a"])
        assert (back(parsed).pool, policy.pool_of(instance(back(parsed), 0))) == ("given", None)

    def test_default_pool_where_it_is_given(self):
        task = mapped({"balancer": balancer()}, pool="default_pool")
        assert (task.pool, policy.pool_of(instance(task, 0))) == ("default_pool", None)

    def test_one_that_another_policy_gave_the_task(self):
        task = mapped({"balancer": balancer()})
        task.partial_kwargs["pool"] = "others"
        assert policy.pool_of(instance(task, 0)) is None

    def test_one_that_another_policy_gave_the_instance(self):
        assert policy.pool_of(instance(mapped({"balancer": balancer()}), 0, pool="others")) is None

    def test_that_of_another_host_changes_with_the_attempt(self):
        task = mapped({"balancer": balancer()})
        assert {policy.pool_of(instance(task, 0, pool=host["name"])) for host in HOSTS} == {goes_to(BalancedSSHHook(balancer()), 0, 1)}

    @pytest.mark.parametrize("expanded", ["query", "key", "first"])
    def test_that_of_a_task_whose_candidates_differ_by_index(self, expanded):
        values = {"query": [{"queue": "workers"}], "key": ["a"], "first": ["host1"]}
        with dag() as parsed:
            BalancedSSHOperator.partial(task_id="t", balancer=balancer(), command="a").expand(**{expanded: values[expanded]})
        assert policy.pool_of(instance(back(parsed), 0)) is None

    def test_that_of_an_airflow_that_counts_attempts_otherwise(self):
        assert policy.pool_of(instance(mapped({"balancer": balancer()}), 0, _try_number=0)) is None

    def test_that_of_random_picks(self):
        assert policy.pool_of(instance(mapped({"balancer": balancer(strategy="random")}), 0)) is None


class TestWithoutAPool:
    def test_a_mapped_operator_is_counted_as_an_unmapped_one_is_until_it_is_expanded(self):
        assert mapped({"balancer": balancer()}).pool == balancer().select_host(key="etl.t").name

    def test_or_in_the_pool_of_its_queue(self):
        assert mapped({"balancer": balancer(queue_pools=True)}, query={"queue": "workers"}).pool == "queue-workers"

    @pytest.mark.parametrize("queue", ["work*", ["workers"]])
    def test_or_as_unmapped_where_it_has_several(self, queue):
        assert mapped({"balancer": balancer(queue_pools=True)}, query={"queue": queue}).pool in {"host1", "host2", "host3"}

    def test_a_balancer_that_is_mapped_needs_one(self):
        with pytest.raises(ConfigurationError, match=r"task 't': a mapped operator without balancer= in partial\(\) needs pool= there"):
            mapped({})

    def test_a_query_without_a_match_is_an_error_of_the_dag_file(self):
        with pytest.raises(NoMatch):
            mapped({"balancer": balancer()}, query={"queue": "wokers"})


class TestHarmless:
    @pytest.mark.parametrize(
        "ti",
        [SimpleNamespace(), SimpleNamespace(task=None, map_index=0), object()],
        ids=["nothing", "no task", "an object"],
    )
    def test_what_has_no_task_stays(self, ti):
        policy.task_instance_mutation_hook(ti)

    @pytest.mark.parametrize(
        "text", ["balanced ", "balanced pool=host1 hosts=x", "balanced pool=host1 strategy=X hosts=8:a", "balanced =&"]
    )
    def test_a_string_that_is_broken_changes_nothing(self, text):
        ti = instance(SimpleNamespace(partial_kwargs={"balancer": text}, pool="host1"), 0)
        policy.task_instance_mutation_hook(ti)
        assert ti.pool == "host1"

    def test_tasks_of_others_stay(self):
        task = mapped({}, SSHOperator)
        ti = instance(task, 0)
        policy.task_instance_mutation_hook(ti)
        assert ti.pool == task.pool == "default_pool"

    def test_the_policy_of_the_user_has_the_last_word(self):
        ti = instance(mapped({"balancer": balancer()}), 0)
        given = next(host["name"] for host in HOSTS if host["name"] != policy.pool_of(ti))
        users = policies.hookimpl(lambda task_instance: setattr(task_instance, "pool", given))
        manager = pluggy.PluginManager("airflow.policy")
        manager.add_hookspecs(policies)
        manager.register(policy)
        manager.register(SimpleNamespace(task_instance_mutation_hook=users))
        spec = manager.hook.task_instance_mutation_hook.spec.argnames
        manager.hook.task_instance_mutation_hook(**dict.fromkeys(spec) | {"task_instance": ti})
        assert ti.pool == given

    def test_it_is_loaded_by_airflow_and_called_for_literal_expansions(self):
        assert settings.task_instance_mutation_hook.is_noop is False

    def test_loading_it_loads_next_to_nothing(self):
        code = "import sys, pluggy; known = {*sys.modules}; import airflow_balancer.airflow.policy; print(*{*sys.modules} - known)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        loaded = {name.partition(".")[0] for name in done.stdout.split()} - sys.stdlib_module_names
        assert loaded == {"airflow_balancer"}

    def test_a_thousand_hosts_cost_no_time(self):
        own = BalancerConfiguration(hosts=[{"name": f"host{number}", "size": 1 + number % 7} for number in range(1000)])
        task = mapped({"balancer": own})
        policy.pool_of(instance(task, 0))
        start = time.perf_counter()
        for index in range(100):
            policy.pool_of(instance(task, index))
        assert (time.perf_counter() - start) / 100 < 0.01


class TestSerialized:
    FLEET: ClassVar = [
        {"name": f"ws{number}.example.com", "size": 8, "queues": ["workers"], "password": "s3cret"} for number in range(1000)
    ]

    @staticmethod
    def parsed(hosts, kind):
        own = BalancerConfiguration(hosts=hosts)
        query = {"queue": "workers"}
        with dag() as made:
            if kind == "unmapped":
                BalancedSSHOperator(task_id="t", balancer=own, query=query, command="a")
            elif kind == "mapped":
                BalancedSSHOperator.partial(task_id="t", balancer=own, query=query).expand(command=["a"])
            elif kind == "hook":
                SSHOperator.partial(task_id="t", ssh_hook=BalancedSSHHook(own, **query)).expand(command=["a"])
            else:
                values = {"balancer": own, "hook": BalancedSSHHook(own, **query), "ranking": Ranking(own.fleet, "k", own.hosts[0].name)}
                call = task(task_id="t")(lambda **_: None)
                call(value=values[kind], nested=[values[kind]])
        return serialized(made)

    KINDS: ClassVar = ["unmapped", "mapped", "hook"]

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_thousand_candidates_take_less_than_two_kilobytes(self, kind):
        with dag() as plain:
            if kind == "unmapped":
                SSHOperator(task_id="t", command="a")
            else:
                SSHOperator.partial(task_id="t").expand(command=["a"])
        size = len(self.parsed(self.FLEET, kind)) - len(serialized(plain))
        assert 0 < size < 2048

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize(
        "edited",
        [
            [*HOSTS, OTHER],
            [*HOSTS, {**OTHER, "size": 99}],
            [{**host, "address": "10.0.0.1", "password": "new"} for host in HOSTS],
            HOSTS[::-1],
        ],
        ids=["another host", "its size", "another address", "another order"],
    )
    def test_an_edit_that_does_not_touch_the_candidates_changes_nothing(self, kind, edited):
        assert self.parsed(edited, kind) == self.parsed(HOSTS, kind)

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize(
        "change",
        [{"size": 9}, {"drain": True}, {"pool": {"pool": "x", "slots": 2}}, {"name": "host9"}],
        ids=["size", "drain", "pool", "name"],
    )
    def test_an_edit_of_a_candidate_is_seen(self, kind, change):
        first, *others = HOSTS
        assert self.parsed([{**first, **change}, *others], kind) != self.parsed(HOSTS, kind)

    @pytest.mark.parametrize("kind", [*KINDS, "balancer", "ranking"])
    def test_no_address_of_an_object_and_no_secret_gets_in(self, kind):
        text = self.parsed(self.FLEET[:20], kind)
        assert " at 0x" not in text
        assert "s3cret" not in text
        assert len(text) < 4096

    def test_a_balancer_in_an_argument_says_nothing_of_the_fleet(self):
        assert self.parsed(HOSTS, "balancer") == self.parsed([*HOSTS, OTHER], "balancer")


@pytest.mark.slow
class TestRuns:
    @staticmethod
    def pools(home, url):
        (home / "dags").mkdir(exist_ok=True)
        (home / "dags" / "etl.py").write_text(DAG_FILE)
        command = [sys.executable, "-W", "ignore", RUNS]
        done = subprocess.run(command, env=environment(home, url), cwd=home, capture_output=True, text=True, timeout=200, check=False)
        assert done.returncode == 0, done.stderr[-4000:]
        return json.loads(done.stdout.splitlines()[-1])

    def test_airflow_stores_the_pool_of_each_instance_when_it_is_made_expanded_and_cleared(self, database, tmp_path):
        made, expanded, cleared = self.pools(tmp_path, database)
        hook = BalancedSSHHook(BalancerConfiguration(hosts=[{"name": f"host{number}", "size": number} for number in (1, 2, 3)]))

        def expected(name, number):
            task, index = name.removesuffix("]").split("[")
            if task in ("etl.given", "etl.plain"):
                return {"etl.given": "given", "etl.plain": "default_pool"}[task]
            return in_turn(hook.ranked(task, int(index)), number)[0].name

        assert made == {name: expected(name, 1) for name in made}
        assert len(made) == 15
        assert expanded == {name: expected(name, 1) for name in expanded}
        assert expanded.keys() - made.keys() == {f"etl.xcom[{index}]" for index in range(3)}
        assert cleared == {name: expected(name, 2) for name in expanded}

    def test_the_users_own_policy_has_the_last_word(self, sqlite_database, tmp_path):
        (tmp_path / "config").mkdir()
        (tmp_path / "config" / "airflow_local_settings.py").write_text(USERS_POLICY)
        assert {pool for phase in self.pools(tmp_path, sqlite_database) for pool in phase.values()} == {"users"}
