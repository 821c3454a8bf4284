"""The mutation test of the core: which changes it makes, and how it judges them."""

from __future__ import annotations

import pytest

from tests.conftest import REPOSITORY
from tools.mutate import core_files, equivalent_mutants, find_mutants

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


@pytest.mark.parametrize(
    ("asserted", "lives"), [("larger(2, 1)", True), ("larger(2, 1) and not larger(1, 1)", False)], ids=["alive", "killed"]
)
def test_a_mutant_lives_as_long_as_no_test_fails(python, write, asserted, lives):
    folder = write("package.py", "def larger(a, b):\n    return a > b\n").parent
    write("test_package.py", f"from package import larger\n\n\ndef test_larger():\n    assert {asserted}\n")
    code = (
        "from pathlib import Path\nfrom tools.mutate import find_mutants, judge\n"
        "[mutant] = find_mutants('package.py', Path('package.py').read_text())\n"
        f"[(_, lives)] = judge({{mutant: ['test_package.py']}}, [Path({str(folder)!r})])\nprint(lives)"
    )
    done = python(code, PYTHONPATH=REPOSITORY)
    assert (done.stdout, done.stderr) == (f"{lives}\n", "")
    assert (folder / "package.py").read_text() == "def larger(a, b):\n    return a > b\n"


def test_each_mutant_that_is_listed_as_equivalent_is_one_and_has_a_reason():
    for (path, *change), why in equivalent_mutants().items():
        mutants = {mutant.key for mutant in find_mutants(path, (REPOSITORY / path).read_text())}
        assert (path, *change) in mutants
        assert why.endswith(".")
