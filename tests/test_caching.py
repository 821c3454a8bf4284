"""Values that are computed once."""

from __future__ import annotations

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
