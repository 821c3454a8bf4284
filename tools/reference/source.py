"""Public names and their docstrings, read from the source: nothing is imported, so no Airflow is needed."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parents[2] / "airflow_balancer"
INTERNAL = {
    *("at", "defer", "execute_complete", "instantiate", "of_fleet", "of_spec", "on_kill", "render"),
    *("rewritten", "secrets", "settle", "strings", "with_origin"),
}
"""Methods without an underscore that only this package, Airflow or airflow-config calls."""
Definition = ast.ClassDef | ast.FunctionDef


class Found(NamedTuple):
    """A definition, and the module that has it."""

    node: Definition
    module: Path


@cache
def tree(module: Path) -> ast.Module:
    """Return the syntax tree of a module, by its path without `.py`."""
    file = module / "__init__.py" if module.is_dir() else module.with_suffix(".py")
    return ast.parse(file.read_text())


def find(module: Path, name: str) -> Found:
    """Follow a name through imports and assignments to its class or function.

    Raises:
        LookupError: The module has no such name.
    """
    for node in tree(module).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return Found(node, module)
    for other in ast.walk(tree(module)):
        if isinstance(other, ast.ImportFrom) and other.level and any((alias.asname or alias.name) == name for alias in other.names):
            original = next(alias.name for alias in other.names if (alias.asname or alias.name) == name)
            return find(_imported(module, other), original)
        if isinstance(other, ast.Assign) and [ast.unparse(target) for target in other.targets] == [name]:
            return _assigned(module, other.value)
    raise LookupError(f"{module}: {name}")


def _imported(module: Path, node: ast.ImportFrom) -> Path:
    folder = module if module.is_dir() else module.parent
    for _ in range(node.level - 1):
        folder = folder.parent
    return folder.joinpath(*(node.module or "").split(".")) if node.module else folder


def _assigned(module: Path, value: ast.expr) -> Found:
    if isinstance(value, ast.Attribute):  # a method of a class
        owner = find(module, ast.unparse(value.value))
        return Found(next(node for node in methods(owner) if node.name == value.attr), owner.module)
    return find(module, ast.unparse(value))


def methods(found: Found) -> list[ast.FunctionDef]:
    """Return the public methods and properties of a class, those of its base classes in this package included."""
    own = [node for node in found.node.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
    assert isinstance(found.node, ast.ClassDef)
    names = {node.name for node in own}
    for base in found.node.bases:
        try:
            inherited = find(found.module, ast.unparse(base))
        except LookupError:
            continue  # of another package
        if isinstance(inherited.node, ast.ClassDef):
            own += [node for node in methods(inherited) if node.name not in names]
    return [node for node in own if ast.get_docstring(node) and node.name not in INTERNAL]


def attributes(found: Found) -> list[tuple[str, str]]:
    """Return the annotated public fields of a class that are described: name and description."""
    described = []
    for node in found.node.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Call):
            text = next((keyword.value for keyword in node.value.keywords if keyword.arg == "description"), None)
            if isinstance(text, ast.Constant):
                described.append((ast.unparse(node.target), str(text.value)))
    return described


def signature(found: Found) -> str:
    """Return a call with the arguments of a function, or of a class's `__init__` where it has one."""
    node = found.node
    if isinstance(node, ast.ClassDef):
        made = next((item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"), None)
        return f"{node.name}{_arguments(made)}" if made else node.name
    return f"{node.name}{_arguments(node)}"


def _is_public(argument: ast.arg) -> bool:
    return argument.arg not in ("self", "cls") and not argument.arg.startswith("_")


def _arguments(function: ast.FunctionDef) -> str:
    """Return the arguments without those that are private, annotated and with their defaults."""
    returns = ast.unparse(function.returns) if function.returns else "None"
    if any(ast.unparse(decorator) in ("property", "cached") for decorator in function.decorator_list):
        return f": {returns}"
    given = ast.parse(f"def f({ast.unparse(function.args)}): pass").body[0]
    assert isinstance(given, ast.FunctionDef)
    arguments = given.args
    required = len(arguments.args) - len(arguments.defaults)
    kept = [at for at, argument in enumerate(arguments.args) if _is_public(argument)]
    arguments.defaults = [arguments.defaults[at - required] for at in kept if at >= required]
    arguments.args = [arguments.args[at] for at in kept]
    by_name = [pair for pair in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if _is_public(pair[0])]
    arguments.kwonlyargs, arguments.kw_defaults = [pair[0] for pair in by_name], [pair[1] for pair in by_name]
    call = f"({ast.unparse(arguments)})"
    return call if function.name == "__init__" else f"{call} -> {returns}"
