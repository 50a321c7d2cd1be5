"""Find tests that check nothing when a collection is empty.

A check is an ``assert``, a block of ``pytest.raises``, or a call of ``np.testing``, of Hypothesis's
``assume`` (which rejects an example) or of a function that checks. A test is *vacuous* if all of its checks
are in ``for`` loops over collections that may be empty, or in functions that it may not call. A generator
within ``assert all(...)`` is a loop as well. A check in one branch of an ``if`` counts: the condition selects
the cases to which a property applies.

The analysis reads the source of a module. A collection has elements for certain if it is a literal with
elements, a ``range`` of constants, a constant of an imported module that has elements, an argument of the
test whose parameters all have elements, a value of a literal ``dict`` of collections, the result of a
function of the module that returns one, or if it is built from such collections (``sorted``, ``zip``,
``items``, comprehensions without a condition). An ``assert`` on the collection before the loop repairs a
test.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from pages.source_text import nodes_of

PRESERVING = {
    "dict",
    "enumerate",
    "frozenset",
    "iter",
    "list",
    "map",
    "reversed",
    "set",
    "sorted",
    "tuple",
    "zip",
}
METHODS = {"copy", "items", "keys", "product", "values"}
CHECKING = ("agree", "assert_", "assume", "check", "close", "compare", "golden", "refuse")
Names = Mapping[str, list[ast.expr]]


def vacuous_tests(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and name of every test of a module that may check nothing.

    Example:
        >>> list(vacuous_tests(ast.parse("def test_a(x):\\n    for i in x:\\n        assert i\\n")))
        [(1, 'test_a')]
        >>> list(vacuous_tests(ast.parse("def test_a(x):\\n    for i in 1, 2:\\n        assert i in x\\n")))
        []
    """
    functions = Functions(module)
    for node in nodes_of(module):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            analysis = Analysis({**functions.constants, **parameters(node), **assigned(node)}, functions)
            if analysis.may_check(node) and not analysis.is_certain(node.body):
                yield node.lineno, node.name


class Functions:
    """The functions of a module that are no tests, with the constants of the module.

    Args:
        module: its syntax tree.
    """

    def __init__(self, module: ast.Module) -> None:
        self.constants = {**imported(module), **assigned(module)}
        defined = [node for node in module.body if isinstance(node, ast.FunctionDef)]
        self.functions = {node.name: node for node in defined if not node.name.startswith("test_")}
        self.helpers: set[str] = set()
        for _ in range(3):  # helpers that call helpers
            self.helpers |= {
                name for name in self.functions if self.analysis(name).is_certain(self.functions[name].body)
            }

    def analysis(self, name: str) -> Analysis:
        """The analysis of a function."""
        return Analysis({**self.constants, **assigned(self.functions[name])}, self)

    def returns_elements(self, name: str) -> bool:
        """Whether a function returns a collection that has elements for certain."""
        returned = [
            node.value for node in statements_of(self.functions[name]) if isinstance(node, ast.Return)
        ]
        analysis = self.analysis(name)
        return bool(returned) and all(
            value is not None and analysis.has_elements(value) for value in returned
        )


class Analysis:
    """The certainty of the checks of one test.

    Args:
        names: the expressions that are assigned to each name.
        module: the functions of the module, and those that check.
    """

    def __init__(self, names: Names, module: Functions) -> None:
        self.names = names
        self.module = module

    def may_check(self, test: ast.AST) -> bool:
        """Whether there is a check anywhere in a test."""
        return any(isinstance(node, ast.Assert) or self.is_call_of_check(node) for node in ast.walk(test))

    def is_certain(self, statements: Iterable[ast.stmt]) -> bool:
        """Whether one of some statements checks for certain."""
        return any(map(self.checks, statements))

    def checks(self, statement: ast.stmt) -> bool:
        """Whether a statement checks for certain."""
        match statement:
            case ast.Assert(test=test):
                return not isinstance(test, ast.Call) or self.is_certain_all(test)
            case ast.Expr(value=value):
                return self.is_call_of_check(value)
            case ast.With(items=items, body=body):
                return any(self.is_call_of_check(item.context_expr) for item in items) or self.is_certain(
                    body
                )
            case ast.For(iter=collection, body=body):
                return self.has_elements(collection) and self.is_certain(body)
            case ast.If(body=body, orelse=otherwise):
                return self.is_certain(body) or self.is_certain(otherwise)
            case ast.Match(cases=cases):
                return any(self.is_certain(case.body) for case in cases)
            case ast.Try(body=body, finalbody=final):
                return self.is_certain(body) or self.is_certain(final)
            case ast.While(body=body):
                return self.is_certain(body)
        return False

    def is_certain_all(self, call: ast.Call) -> bool:
        """Whether a call, if it is ``all`` of a generator, has elements to check."""
        if getattr(call.func, "id", "") != "all" or not isinstance(call.args[0], ast.GeneratorExp):
            return True
        return self.has_elements(call.args[0])

    def is_call_of_check(self, node: ast.AST) -> bool:
        """Whether a node calls a function that checks."""
        if not isinstance(node, ast.Call):
            return False
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        is_pytest = ast.unparse(node.func) in ("pytest.raises", "pytest.warns", "pytest.fail")
        return is_pytest or name in self.module.helpers or name.startswith(CHECKING)

    def has_elements(self, node: ast.expr) -> bool:
        """Whether a collection has elements for certain."""
        match node:
            case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
                return any(not isinstance(e, ast.Starred) or self.has_elements(e.value) for e in elements)
            case ast.Dict(keys=keys, values=values):
                return any(k is not None or self.has_elements(v) for k, v in zip(keys, values, strict=True))
            case ast.Constant(value=str(text)):
                return text != ""
            case ast.Name(id=name):
                values = self.names.get(name, [])
                return bool(values) and all(map(self.has_elements, values))
            case ast.BinOp(left=left, op=ast.Add() | ast.BitOr(), right=right):
                return self.has_elements(left) or self.has_elements(right)
            case ast.BinOp(left=left, op=ast.Mult()):
                return self.has_elements(left)
            case ast.Subscript(value=ast.Name(id=name)):
                tables = [value for value in self.names.get(name, []) if isinstance(value, ast.Dict)]
                return bool(tables) and all(map(self.has_elements, tables[0].values))
            case ast.IfExp(body=body, orelse=otherwise):
                return self.has_elements(body) and self.has_elements(otherwise)
            case ast.Call():
                return self.returns_elements(node)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                return all(not g.ifs and self.has_elements(g.iter) for g in node.generators)
        return False

    def returns_elements(self, call: ast.Call) -> bool:
        """Whether a call returns a collection that has elements for certain."""
        name = getattr(call.func, "id", "")
        strict = any(k.arg == "strict" and getattr(k.value, "value", False) for k in call.keywords)
        if name == "range":
            bounds = [self.integer(argument) for argument in call.args]
            return None not in bounds and len(range(*filter(lambda i: i is not None, bounds))) > 0
        if name == "zip":
            return (any if strict else all)(map(self.has_elements, call.args))
        if name == "map":
            return all(map(self.has_elements, call.args[1:]))
        if name == "product":
            return all(map(self.has_elements, call.args))
        if name in PRESERVING:
            return bool(call.args) and self.has_elements(call.args[0])
        if name in self.module.functions:
            return self.module.returns_elements(name)
        if isinstance(call.func, ast.Attribute) and call.func.attr in METHODS:
            return all(map(self.has_elements, call.args or [call.func.value]))
        return False

    def integer(self, node: ast.expr) -> int | None:
        """The value of an integer; ``None`` if it is unknown."""
        values = self.names.get(node.id, []) if isinstance(node, ast.Name) else [node]
        with suppress(ValueError, TypeError):
            return min((int(ast.literal_eval(value)) for value in values), default=None)
        return None


def assigned(scope: ast.AST) -> dict[str, list[ast.expr]]:
    """The expressions that are assigned to each name of a scope, without those of functions in it."""
    names: dict[str, list[ast.expr]] = {}
    for node in statements_of(scope):
        for name, value in assignments(node):
            names.setdefault(name, []).append(value)
    return names


def assignments(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The names that a statement assigns, with their expressions; ``None`` if they are unknown."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from pairs(target, value)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield from pairs(target, value)
        case ast.For(target=target):
            yield from pairs(target, ast.Constant(None))


def statements_of(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a module or function in order, without those of functions and classes in it."""
    for node in ast.iter_child_nodes(scope):
        yield node
        if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            yield from statements_of(node)


def pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """The names in the target of an assignment, with their expressions."""
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple | ast.List):
        values = getattr(value, "elts", [])
        known = values if len(values) == len(target.elts) else [ast.Constant(None)] * len(target.elts)
        for part, part_value in zip(target.elts, known, strict=True):
            yield from pairs(part, part_value)


def imported(module: ast.Module) -> dict[str, list[ast.expr]]:
    """The constants with elements that a module imports, each as an expression with elements."""
    sources = [node for node in module.body if isinstance(node, ast.ImportFrom)]
    constants = (
        (node.module or "", alias) for node in sources for alias in node.names if alias.name.isupper()
    )
    return {
        alias.asname or alias.name: [ast.Constant("elements")]
        for source, alias in constants
        if size_of(source, alias.name)
    }


def size_of(module: str, name: str) -> int:
    """The number of elements of a constant; 0 if it is no collection."""
    with suppress(ImportError, AttributeError, TypeError):
        return len(getattr(importlib.import_module(module), name))
    return 0


def parameters(test: ast.FunctionDef) -> dict[str, list[ast.expr]]:
    """The values of a test's arguments: those of ``parametrize`` and ``loop_over``, and of strategies with a
    minimum size."""
    names: dict[str, list[ast.expr]] = {}
    for decorator in test.decorator_list:
        if not isinstance(decorator, ast.Call):
            continue
        if ast.unparse(decorator.func).endswith(("parametrize", "loop_over")):
            names.update(parametrized(decorator))
        elif ast.unparse(decorator.func) == "given":
            labels = reversed([argument.arg for argument in test.args.args])
            strategies = [*zip(labels, reversed(decorator.args), strict=False)]
            strategies += [(k.arg or "", k.value) for k in decorator.keywords]
            sized = (name for name, value in strategies if re.search(r"min_size=[1-9]", ast.unparse(value)))
            names.update({name: [ast.Constant("elements")] for name in sized})
    return names


def parametrized(decorator: ast.Call) -> dict[str, list[ast.expr]]:
    """The values of each argument of ``parametrize``; none if they are not literal."""
    arguments, table = ast.literal_eval(decorator.args[0]), getattr(decorator.args[1], "elts", [])
    if isinstance(arguments, str):
        return {arguments: table}
    rows = [getattr(row, "elts", []) for row in table]
    is_table = all(len(row) == len(arguments) for row in rows)
    return {name: [row[i] for row in rows] if is_table else [] for i, name in enumerate(arguments)}
