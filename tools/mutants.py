"""Find the mutants of a source: each is one change that a test should notice."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

REPOSITORY = Path(__file__).resolve().parent.parent
CORE = (
    "errors.py", "caching.py", "files", "fleet", "picking", "ports", "lock", "hydra", "ssh", "config", "cli",
    "airflow/connections.py", "airflow/pools.py", "airflow/sources.py",
)  # fmt: skip
SWAPS = {
    "==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">",
    "in": "not in", "not in": "in", "is": "is not", "is not": "is", "and": "or", "or": "and",
}  # fmt: skip
OPERATORS = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not", ast.And: "and", ast.Or: "or",
}  # fmt: skip
UNREAD = {
    ast.FunctionDef: {"decorator_list", "returns"}, ast.AsyncFunctionDef: {"decorator_list", "returns"}, ast.arg: {"annotation"},
    ast.ClassDef: {"bases", "keywords", "decorator_list"}, ast.Assign: {"targets"}, ast.AnnAssign: {"target", "annotation"},
    ast.JoinedStr: {"values"},
}  # fmt: skip
"""The parts of a node that are not mutated: annotations, targets, and f-strings, of whose parts Python 3.11 does not know the place."""


class Mutant(NamedTuple):
    """One change of a file: its place, the lines before and after, and the whole source that it makes."""

    path: str
    number: int
    before: str
    after: str
    source: str

    @property
    def key(self) -> tuple[str, ...]:
        """What the list of equivalent mutants names it by: the number of a line moves with every edit."""
        return self.path, f"- {self.before}", f"+ {self.after}".rstrip()


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    yield node
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and name not in UNREAD.get(type(node), ()):
                yield from _walk(child)


def _changes(node: Any, source: str, span: Callable[[Any], tuple[int, int]]) -> Iterator[tuple[int, int, str]]:  # noqa: PLR0912
    """Yield the start, the end and the new text of each change of a node itself."""

    def swap(left: ast.expr, operator: ast.AST, right: ast.expr) -> Iterator[tuple[int, int, str]]:
        old = OPERATORS[type(operator)]
        if (start := source.find(old, span(left)[1], span(right)[0])) >= 0:
            yield start, start + len(old), SWAPS[old]

    match node:
        case ast.Compare():
            for left, operator, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
                yield from swap(left, operator, right)
        case ast.BoolOp():
            yield from swap(node.values[0], node.op, node.values[1])
        case ast.UnaryOp(op=ast.Not()):
            yield *span(node), source[slice(*span(node.operand))]
        case ast.Constant(value=int() as value):
            yield *span(node), str(not value if isinstance(value, bool) else value + 1)
        case ast.arguments():
            for default in (*node.defaults, *node.kw_defaults):
                if isinstance(default, ast.Constant) and isinstance(default.value, str):
                    yield *span(default), repr(f"{default.value}x")
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            for decorator in node.decorator_list:
                if ast.unparse(decorator) not in {"overload", "override", "abstractmethod"}:
                    yield span(decorator)[0] - 1, span(decorator)[1], ""
        case ast.Break() | ast.Continue() | ast.Raise() | ast.Delete() | ast.AugAssign() | ast.Return(value=None):
            yield *span(node), "pass"
        case ast.Expr(value=ast.Call() | ast.Await()) | ast.Assign(targets=[ast.Attribute() | ast.Subscript(), *_]):
            yield *span(node), "pass"


def find_mutants(path: str, source: str) -> Iterator[Mutant]:
    """Yield every mutant of a source."""
    lines = source.splitlines(keepends=True)
    starts = [0, *accumulate(map(len, lines))]

    def at(line: int, column: int) -> int:
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    def span(node: Any) -> tuple[int, int]:
        return at(node.lineno, node.col_offset), at(node.end_lineno, node.end_col_offset)

    for node in _walk(ast.parse(source)):
        for start, end, new in _changes(node, source, span):
            first, last = source.rfind("\n", 0, start) + 1, source.find("\n", end)
            before, after = source[first:last], source[first:start] + new + source[end:last]
            mutated = source[:start] + new + source[end:]
            yield Mutant(path, source.count("\n", 0, start) + 1, " ".join(before.split()), " ".join(after.split()), mutated)


def core_files() -> Iterator[Path]:
    """Yield the files whose mutants are drawn, sorted."""
    for root in sorted(REPOSITORY / "airflow_balancer" / name for name in CORE):
        yield from [root] if root.is_file() else sorted(root.rglob("*.py"))
