"""Questions to many hosts at once, under one deadline; no host is known here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import TypeVar

AT_ONCE = 32
"""How many hosts are asked at once; each further one is asked when one of these has answered."""

T = TypeVar("T")


def ask_all(questions: Mapping[str, Callable[[], T]], seconds: float) -> dict[str, T | Exception]:
    """Return the answer to each question, or why there is none; what has no answer in time is left behind.

    Args:
        questions: What to call, in this order, in threads that end with the process.
        seconds: How long all of it may take.
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
    except Exception as error:  # a host may answer anything
        return error
