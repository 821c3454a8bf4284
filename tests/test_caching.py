"""Values that are computed once."""

from __future__ import annotations

from threading import Event, Thread

from airflow_balancer.caching import cached


class Counting:
    """Counts how often its value is computed."""

    count = 0

    @cached
    def value(self) -> int:
        """The number of computations."""
        self.count += 1
        return self.count


def test_a_value_is_computed_once_for_each_object():
    first, second = Counting(), Counting()
    assert (first.value, first.value, second.value) == (1, 1, 1)
    assert vars(first) == {"count": 1, "value": 1}


def test_the_descriptor_has_the_documentation_of_its_function():
    assert Counting.value.__doc__ == "The number of computations."


def test_an_object_does_not_wait_while_another_one_computes():
    entered, done = Event(), Event()

    class Slow:
        def __init__(self, seconds: float) -> None:
            self.seconds = seconds

        @cached
        def is_done_in_time(self) -> bool:
            entered.set()
            return done.wait(self.seconds)

    slow = Slow(10)
    thread = Thread(target=lambda: slow.is_done_in_time)
    thread.start()
    entered.wait(10)
    assert not Slow(0).is_done_in_time
    done.set()
    thread.join()
    assert slow.is_done_in_time
