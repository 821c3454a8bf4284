"""Asks many hosts at once, under one deadline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import TypeVar

AT_ONCE = 32
"""The most hosts to ask at once."""

T = TypeVar("T")


def ask_all(questions: Mapping[str, Callable[[], T]], seconds: float) -> dict[str, T | Exception]:
    """Return the answer to each question, or the error, which is a TimeoutError after the deadline.

    Args:
        questions: The functions to call, in this order, in daemon threads.
        seconds: The deadline for all of them together.
    """
    ends, waiting, answered = monotonic() + seconds, SimpleQueue[str](), SimpleQueue[tuple[str, T | Exception]]()
    answers: dict[str, T | Exception] = dict.fromkeys(questions, TimeoutError(f"no answer within {seconds:g} s"))
    for name in questions:
        waiting.put(name)

    def ask() -> None:
        try:
            while monotonic() < ends:
                name = waiting.get_nowait()
                answered.put((name, _answer(questions[name])))
        except Empty:
            return

    for _ in range(min(len(questions), AT_ONCE)):
        Thread(target=ask, name="airflow-balancer: asks a host", daemon=True).start()
    for _ in questions:
        try:
            name, answer = answered.get(timeout=max(ends - monotonic(), 0))
        except Empty:
            break
        answers[name] = answer
    return answers


def _answer(question: Callable[[], T]) -> T | Exception:
    try:
        return question()
    except Exception as error:  # any failure is that host's answer
        return error
