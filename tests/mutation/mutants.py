"""Small changes of Python source: for each, the new text of one expression or statement."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.MatMult: ast.Mult,
}  # fmt: skip

UNAVAILABLE = ("core/race/contestants/frameworks/",)
"""PyTorch, JAX and MLX, of which none need be installed."""
COMPILED = ("core/engines/numba/", "core/race/contestants/explicit/loop_kernels.py",
            "core/race/contestants/tape/tape_kernels.py")  # fmt: skip
"""Numba's kernels: each change compiles them again. kinds.py has changes of them."""
DRIVERS = ("engine.py", "kernel_cache.py", "compile.py", "workspace.py", "plan.py")
"""What stands beside the kernels and is plain Python."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A changed file: where, what stood there and what stands there now."""

    path: str
    line: int
    before: str
    after: str
    content: bytes

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {_short(self.before)} -> {_short(self.after)}"


def _short(text: str) -> str:
    return " ".join(text.split())[:90]


def eligible(root: Path) -> list[str]:
    """The Python files of `core` that are tried, as paths from the root."""
    paths = sorted(path.relative_to(root).as_posix() for path in (root / "core").rglob("*.py"))
    return [path for path in paths if not path.startswith(UNAVAILABLE) and not _is_kernel(path)]


def _is_kernel(path: str) -> bool:
    return path.startswith(COMPILED) and not path.endswith(DRIVERS)


def mutants(path: str, source: bytes) -> Iterator[Mutant]:
    """Every change of a file, each alone."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node, after in _Changes().of(ast.parse(source)):
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        content = source[:begin] + after.encode() + source[end:]
        yield Mutant(path, node.lineno, source[begin:end].decode(), after, content)


Place = ast.expr | ast.stmt
Change = tuple[Place, str]


class _Changes(ast.NodeVisitor):
    """Goes through a module; annotations, documentation, f-strings and decorators stay."""

    def of(self, tree: ast.Module) -> list[Change]:
        self._found: list[Change] = []
        self.visit(tree)
        return self._found

    def _add(self, node: Place, after: ast.expr | str) -> None:
        self._found.append((node, after if isinstance(after, str) else f"({ast.unparse(after)})"))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for part in (*node.args.defaults, *filter(None, node.args.kw_defaults), *node.body):
            self.visit(part)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in node.body:
            self.visit(part)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Python 3.11 does not tell where the parts of an f-string are."""

    def visit_If(self, node: ast.If) -> None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return
        self._add(node.test, ast.UnaryOp(ast.Not(), node.test))
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._add(node, ast.IfExp(node.test, node.orelse, node.body))
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        if other := COMPARISONS.get(type(node.ops[0])):
            self._add(node, ast.Compare(node.left, [other(), *node.ops[1:]], node.comparators))
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        self._add(node, ast.BoolOp(other, node.values))
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not | ast.USub):
            self._add(node, node.operand)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if other := OPERATORS.get(type(node.op)):
            self._add(node, ast.BinOp(node.left, other(), node.right))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._add(node, ast.Constant(not node.value))
        elif isinstance(node.value, int | float):
            self._add(node, ast.Constant(node.value + 1))

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None and not _is_none(node.value):
            self._add(node, "return None")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self._add(node, "pass")
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if isinstance(node.targets[0], ast.Attribute | ast.Subscript):
            self._add(node, "pass")
        self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._add(node, "pass")
        self.visit(node.value)

    def visit_Raise(self, node: ast.Raise) -> None:
        self._add(node, "pass")
        self.generic_visit(node)

    def visit_Break(self, node: ast.Break) -> None:
        self._add(node, "continue")

    def visit_Continue(self, node: ast.Continue) -> None:
        self._add(node, "break")


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
