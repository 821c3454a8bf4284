"""The names that may be imported."""

from __future__ import annotations

import ast
from pathlib import Path

from . import source
from .docstrings import markdown
from .markdown import page, sentence, table

MODULES = {
    "airflow_balancer": "Names are imported when they are first used. `BalancedSSHHook`, `BalancedSSHOperator` and "
    "`BalancedSSHRemoteJobOperator` need Airflow, the errors, `Fleet` and `load_fleet` need neither it nor airflow-pydantic.",
    "airflow_balancer.config": "The same objects, under the name that airflow-config imports.",
    "airflow_balancer.strategies": "Strategies that YAML names by `_target_`, and the protocol of your own.",
    "airflow_balancer.testing": "What tests of DAGs need.",
}


_PATTERNS = "`Patterns` is a shell pattern, a list of them of which one must match, or `None`."
_FIELDS = {"Host": "hosts", "Port": "ports", "BalancerConfiguration": "balancer"}
"""Classes whose fields are keys of the YAML, and the section there."""


def exported(module: str) -> tuple[str, ...]:
    """Return the names in a module's `__all__`."""
    for node in source.tree(_path(module)).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: tuple[str, ...] = ast.literal_eval(node.value)
            return names
    raise LookupError(module)


def _path(module: str) -> Path:
    return source.PACKAGE.parent.joinpath(*module.split("."))


def python_page() -> str:
    """Return the page of all exported names, from their docstrings."""
    parts, told = list[str](), dict[source.Definition, str]()
    for module, text in MODULES.items():
        parts += [f"## {module}", text]
        again = []
        for name in exported(module):
            found = source.find(_path(module), name)
            first = told.setdefault(found.node, name)
            if first == name and (module == "airflow_balancer" or name not in exported("airflow_balancer")):
                parts += [f"### {name}", _described(found)]
            else:
                again.append(f"`{name}`" if first == name else f"`{name}` (`{first}`)")
        parts += [f"Also: {', '.join(again)}."] if again else []
    return page("Python", "You can look up each name that this package exports here.", _PATTERNS, *parts)


def _described(found: source.Found) -> str:
    parts = [f"`{source.signature(found)}`", markdown(ast.get_docstring(found.node) or "")]
    if not isinstance(found.node, ast.ClassDef):
        return "\n\n".join(parts)
    if found.node.name in _FIELDS:
        parts.append(f"Its fields are [keys of the YAML](yaml.md#{_FIELDS[found.node.name]}).")
    elif fields := source.attributes(found):
        parts.append(table(("field", "meaning"), [(f"`{name}`", sentence(text)) for name, text in fields]))
    for method in source.methods(found):
        call = source.signature(source.Found(method, found.module))
        parts += [f"#### {found.node.name}.{method.name}", f"`{call}`", markdown(ast.get_docstring(method) or "")]
    return "\n\n".join(parts)
