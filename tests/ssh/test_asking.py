"""Many hosts are asked at once, and none of them delays the answers of the others beyond the deadline."""

from __future__ import annotations

from functools import partial
from queue import Empty, SimpleQueue
from threading import Barrier, Event
from threading import enumerate as enumerate_threads
from time import monotonic

from airflow_balancer.ssh import asking
from airflow_balancer.ssh.asking import AT_ONCE, ask_all


def test_the_answers_are_those_of_the_questions_and_an_error_is_an_answer():
    failed = OSError("no route")

    def fail():
        raise failed

    assert ask_all({"a": lambda: 1, "b": fail}, 60) == {"a": 1, "b": failed}
    assert ask_all({}, 60) == {}


def test_hosts_are_asked_at_once():
    everyone = Barrier(AT_ONCE)
    answers = ask_all({str(n): partial(everyone.wait, 20) for n in range(AT_ONCE)}, 60)
    assert sorted(answers.values()) == [*range(AT_ONCE)]


def test_more_hosts_than_are_asked_at_once_get_their_turn():
    assert ask_all({str(n): partial(int, n) for n in range(3 * AT_ONCE)}, 60) == {str(n): n for n in range(3 * AT_ONCE)}


def test_a_silent_host_costs_the_deadline_and_no_answer_of_another():
    silence, start = Event(), monotonic()
    answers = ask_all({"silent": silence.wait, "a": lambda: 1}, 0.3)
    took = monotonic() - start
    silence.set()
    assert (answers["a"], repr(answers["silent"])) == (1, "TimeoutError('no answer within 0.3 s')")
    assert 0.3 <= took < 5


def test_after_the_deadline_no_answer_is_waited_for(monkeypatch):
    class Silent(SimpleQueue):
        def get(self, *, timeout):
            waited.append(timeout)
            raise Empty

    waited = []
    monkeypatch.setattr(asking, "SimpleQueue", Silent)
    assert isinstance(ask_all({"a": lambda: 1}, -1)["a"], TimeoutError)
    assert waited == [0]


def test_after_the_deadline_no_further_host_is_asked():
    silence, asked = Event(), []
    questions = {str(n): silence.wait for n in range(AT_ONCE)} | {"late": partial(asked.append, "late")}
    assert isinstance(ask_all(questions, 0.1)["late"], TimeoutError)
    silence.set()
    for thread in enumerate_threads():
        if thread.name == "airflow-balancer: asks a host":
            thread.join(20)
    assert asked == []
