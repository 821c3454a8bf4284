"""The mutation test of the core: which changes it makes, and how it judges them."""

from __future__ import annotations

import pytest

from tests.conftest import REPOSITORY
from tools import mutate
from tools.mutants import Mutant, core_files, find_mutants

SOURCE = '''
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from x import y


@decorated
def f(a: "int" = 1, *, b: str = "é", c=None) -> "bool":
    """Text."""
    if not a == 1 or b not in c:
        raise ValueError(f"{a + 1}")
    for it in c:
        it.x = True
        print(it)
        break
    return a < 2
'''


def test_each_part_of_a_source_is_changed_once():
    assert [(mutant.number, mutant.before, mutant.after) for mutant in find_mutants("x.py", SOURCE)] == [
        (8, "@decorated", ""),
        (9, 'def f(a: "int" = 1, *, b: str = "é", c=None) -> "bool":', 'def f(a: "int" = 1, *, b: str = \'éx\', c=None) -> "bool":'),
        (9, 'def f(a: "int" = 1, *, b: str = "é", c=None) -> "bool":', 'def f(a: "int" = 2, *, b: str = "é", c=None) -> "bool":'),
        (11, "if not a == 1 or b not in c:", "if not a == 1 and b not in c:"),
        (11, "if not a == 1 or b not in c:", "if a == 1 or b not in c:"),
        (11, "if not a == 1 or b not in c:", "if not a != 1 or b not in c:"),
        (11, "if not a == 1 or b not in c:", "if not a == 2 or b not in c:"),
        (11, "if not a == 1 or b not in c:", "if not a == 1 or b in c:"),
        (12, 'raise ValueError(f"{a + 1}")', "pass"),
        (14, "it.x = True", "pass"),
        (14, "it.x = True", "it.x = False"),
        (15, "print(it)", "pass"),
        (16, "break", "pass"),
        (17, "return a < 2", "return a <= 2"),
        (17, "return a < 2", "return a < 3"),
    ]


def test_mutants_of_the_core_compile():
    for file in core_files():
        for mutant in list(find_mutants(file.name, file.read_text()))[::25]:
            compile(mutant.source, mutant.path, "exec")


def test_the_tests_of_a_mutants_line_come_first_then_those_of_its_module_and_room():
    tests = mutate.Tests(
        {
            "airflow_balancer/fleet/drain.py": {
                "1": [""],
                "3": ["tests/cli/test_a.py::far", *(f"tests/fleet/test_b.py::near[{n}]" for n in "12")],
            }
        },
        {
            "tests/cli/test_a.py::other": 1,
            "tests/fleet/test_drain.py::off_line": 5,
            "tests/cli/test_a.py::far": 1,
            "tests/fleet/test_b.py::near[1]": 3,
            "tests/fleet/test_b.py::near[2]": 2,
            "tests/fleet/test_b.py::off_line": 4,
        },
    )
    mutant = Mutant("airflow_balancer/fleet/drain.py", 2, "", "", "")
    assert [name.partition("test_")[2] for name in tests.of(mutant, 16)] == [
        "b.py::near[2]",
        "b.py::near[1]",
        "a.py::far",
        "drain.py::off_line",
        "b.py::off_line",
    ]


@pytest.mark.parametrize(
    ("body", "killer"),
    [
        ("assert larger(2, 1)", ""),
        ("assert larger(2, 1) and not larger(1, 1)", "test_package.py::test_larger"),
        ("while larger(1, 1):\n        pass", "test_package.py::test_larger hangs"),
    ],
    ids=["alive", "killed", "hanging"],
)
@pytest.mark.slow
def test_a_mutant_lives_as_long_as_no_test_fails_or_hangs(python, write, body, killer):
    folder = write("package.py", "def larger(a, b):\n    return a > b\n").parent
    write("test_package.py", f"from package import larger\n\n\ndef test_larger():\n    {body}\n")
    code = (
        "from pathlib import Path\nfrom tools import mutate\nfrom tools.mutants import find_mutants\nmutate.PATIENCE = 3\n"
        "[mutant] = find_mutants('package.py', Path('package.py').read_text())\n"
        f"[(_, killer)] = mutate.judge({{mutant: ['test_package.py']}}, [Path({str(folder)!r})])\nprint(killer)"
    )
    done = python(code, PYTHONPATH=REPOSITORY)
    assert (done.stdout, done.stderr) == (f"{killer}\n", "")
    assert (folder / "package.py").read_text() == "def larger(a, b):\n    return a > b\n"


def test_each_mutant_that_is_listed_as_equivalent_is_one_and_has_a_reason():
    for (path, *change), why in mutate.equivalent_mutants().items():
        mutants = {mutant.key for mutant in find_mutants(path, (REPOSITORY / path).read_text())}
        assert (path, *change) in mutants
        assert why.endswith(".")
