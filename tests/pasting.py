"""Programs into which the fix of an error message is pasted.

A fix is code that replaces a part of the failing statement. ``pasted`` finds the part as a reader would: the
call of the same function, the argument of the same name, the variable that the fix mentions, or the value
that was refused.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Iterator
from typing import Any

WORD = r"[\w.-]+"
COMMANDS = ("chainrule ", "python -m ", "--", "iconv ", "git ", "apt ", "npm ", "mv ", "rm ", "mkdir ", "ls ")
MODULES = {"cr", "np", "numpy"}
VALUES = ("args", "value", "elts", "values")  # fields of the syntax tree that hold values of a call


def is_code(fix: str) -> bool:
    """Whether a fix is Python, arguments of a call, a command, or one word."""
    return bool(_parsed(fix) or _arguments(fix) or re.fullmatch(WORD, fix)) or fix.startswith(COMMANDS)


def pasted(program: str, fix: str, refused: str = "") -> Iterator[str]:
    """The programs that a reader may mean by pasting a fix into a failing program, the most literal first.

    Args:
        program: Python source whose last statement fails.
        fix: the code of the message.
        refused: the name or value that the message refuses.
    """
    tree = ast.parse(program)
    arguments = _arguments(fix)
    code = _parsed(fix)
    if arguments is not None:
        yield from _with_arguments(tree, arguments, refused)
    elif code is None:
        word = ast.Constant(fix)
        yield from _with(
            tree, word, lambda _, old: isinstance(old, ast.Constant) and isinstance(old.value, str)
        )
    elif isinstance(code.body[-1], ast.Expr):
        yield from _with_expression(tree, code.body[-1].value, refused)
    elif isinstance(code.body[-1], ast.AnnAssign):
        yield from _with_field(tree, code.body[-1])
    else:
        target = _target(code.body[-1])
        before = [s for s in tree.body if target is None or _target(s) != target]
        yield _source([*before, *code.body])  # an assignment in the place of the one before
        yield _source([*tree.body[:-1], *code.body, tree.body[-1]])


def _with_expression(tree: ast.Module, value: ast.expr, refused: str) -> Iterator[str]:
    """An expression in the place of the call, variable or value that it corrects."""
    if isinstance(value, ast.Call) and "..." in map(ast.unparse, value.args):
        name = ast.unparse(value.func).rpartition(".")[2]  # "cr.Model(..., engine=1)": one more argument
        yield from _with_arguments(tree, value.keywords, refused, name)
        return
    yield from _with_call(tree, value)
    yield from _with_variable(tree, value)
    yield from _with_value(tree, value)
    yield _source([*tree.body[:-1], ast.Expr(value)])


def _with_field(tree: ast.Module, field: ast.AnnAssign) -> Iterator[str]:
    """An annotated field in the body of the last class, in the place of its attribute and ``__init__``."""
    program = copy.deepcopy(tree)
    own = next(node for node in reversed(program.body) if isinstance(node, ast.ClassDef))
    rest = [s for s in own.body if not (isinstance(s, ast.FunctionDef) and s.name == "__init__")]
    own.body = [field, *(s for s in rest if _target(s) != _target(field))]
    yield _source(program.body)


def _target(statement: ast.stmt) -> str | None:
    """What a statement assigns to."""
    if isinstance(statement, ast.Assign):
        return ast.unparse(statement.targets[0])
    return ast.unparse(statement.target) if isinstance(statement, ast.AnnAssign) else None


def _source(body: list[Any]) -> str:
    return ast.unparse(ast.fix_missing_locations(ast.Module(body, [])))


def _parsed(fix: str) -> ast.Module | None:
    try:
        tree = ast.parse(fix)
    except SyntaxError:
        return None
    last = tree.body[-1] if tree.body else None
    is_word = last is None or (isinstance(last, ast.Expr) and isinstance(last.value, ast.Name))
    return None if is_word else tree


def _arguments(fix: str) -> list[ast.keyword] | None:
    """The arguments of ``name=value, name=value``; ``None`` for anything else."""
    if not re.match(r"\w+=", fix):
        return None
    try:
        call = ast.parse(f"f({fix})").body[0].value  # type: ignore[attr-defined]
    except SyntaxError:
        return None
    return call.keywords if not call.args and all(k.arg for k in call.keywords) else None


def _with_arguments(
    tree: ast.Module, arguments: list[ast.keyword], refused: str = "", function: str = ""
) -> Iterator[str]:
    """The arguments in each call: first in those that have one of the names, then in the last statement."""
    names = {k.arg for k in arguments} | {refused}
    order: list[tuple[int, int, str]] = []
    for i, call in enumerate(_calls(tree)):
        if function and ast.unparse(call.func).rpartition(".")[2] != function:
            continue
        for dropped in range(-1, len(call.args)):  # an argument of this meaning may be positional
            program = copy.deepcopy(tree)
            own = _calls(program)[i]
            has = any(k.arg in names for k in own.keywords)
            own.keywords = [k for k in own.keywords if k.arg not in names] + arguments
            own.args = [a for n, a in enumerate(own.args) if n != dropped]
            is_last = any(own is node for node in ast.walk(program.body[-1]))
            order.append((0 if has else 1 if is_last else 2, dropped, ast.unparse(program)))
    yield from (text for _, _, text in sorted(order, key=lambda item: item[:2]))


def _calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def _with_call(tree: ast.Module, value: ast.expr) -> Iterator[str]:
    """The fix in the place of a call of the same function."""
    if isinstance(value, ast.Call):
        function = ast.unparse(value.func)
        yield from _with(
            tree, value, lambda _, old: isinstance(old, ast.Call) and ast.unparse(old.func) == function
        )


def _with_variable(tree: ast.Module, value: ast.expr) -> Iterator[str]:
    """The fix in the place of a variable that it mentions."""
    words = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)} - MODULES
    yield from _with(
        tree,
        value,
        lambda _, old: isinstance(old, ast.Name) and old.id in words and isinstance(old.ctx, ast.Load),
    )


def _with_value(tree: ast.Module, value: ast.expr) -> Iterator[str]:
    """The fix in the place of each value."""
    yield from _with(tree, value, lambda field, old: isinstance(old, ast.expr) and field in VALUES)


def _with(tree: ast.Module, value: ast.expr, fits: Callable[[str, ast.AST], bool]) -> Iterator[str]:
    """The program with a value in the place of each node that fits, those of the last statement first."""
    places = [
        (i, n)
        for i in reversed(range(len(tree.body)))
        for n, (_, field, _, old) in enumerate(_slots(tree.body[i]))
        if fits(field, old)
    ]
    for i, n in places:
        program = copy.deepcopy(tree)
        holder, field, position, _ = list(_slots(program.body[i]))[n]
        if position is None:
            setattr(holder, field, value)
        else:
            getattr(holder, field)[position] = value
        yield ast.unparse(ast.fix_missing_locations(program))


def _slots(statement: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """Every node below a statement with its holder, and the field and position in which it is held."""
    for holder in ast.walk(statement):
        for field, child in ast.iter_fields(holder):
            if isinstance(child, list):
                yield from ((holder, field, i, c) for i, c in enumerate(child) if isinstance(c, ast.AST))
            elif isinstance(child, ast.AST):
                yield holder, field, None, child
