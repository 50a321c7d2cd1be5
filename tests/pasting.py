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

MODULES = {"cr", "np", "numpy"}
VALUES = ("args", "value", "elts", "values")  # fields of the syntax tree that hold values of a call


def is_code(fix: str) -> bool:
    """Whether a fix is Python: an expression, assignments, or arguments of a call."""
    return _parsed(fix) is not None or _arguments(fix) is not None


def pasted(program: str, fix: str) -> Iterator[str]:
    """The programs that a reader may mean by pasting a fix into a failing program, the most literal first.

    Args:
        program: Python source whose last statement fails.
        fix: the code of the message.
    """
    tree = ast.parse(program)
    arguments = _arguments(fix)
    if arguments is not None:
        yield from _with_arguments(tree, arguments)
    code = _parsed(fix)
    if code is None:
        return
    if not isinstance(code.body[-1], ast.Expr):  # a statement before the failing one
        yield _source([*tree.body[:-1], *code.body, tree.body[-1]])
        return
    value = code.body[-1].value
    yield from _with_call(tree, value)
    yield from _with_variable(tree, value)
    yield from _with_value(tree, value)
    yield _source([*tree.body[:-1], *code.body])


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


def _with_arguments(tree: ast.Module, arguments: list[ast.keyword]) -> Iterator[str]:
    """The arguments in each call: where one of the name is, else added to the outermost call."""
    names = {k.arg for k in arguments}
    count = sum(isinstance(node, ast.Call) for node in ast.walk(tree))
    order: list[tuple[int, int, str]] = []
    for i in range(count):
        for dropped in (0, 1):  # a positional argument of this meaning is replaced too
            program = copy.deepcopy(tree)
            calls = [node for node in ast.walk(program) if isinstance(node, ast.Call)]
            call = calls[i]
            has = any(k.arg in names for k in call.keywords)
            call.keywords = [k for k in call.keywords if k.arg not in names] + arguments
            call.args = call.args[: len(call.args) - dropped]
            in_last = call in list(ast.walk(program.body[-1]))
            order.append((0 if has else 1 if in_last else 2, dropped, ast.unparse(program)))
    yield from (text for _, _, text in sorted(order, key=lambda item: item[:2]))


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
    places = [(i, n) for i in reversed(range(len(tree.body))) for n in range(len(list(_slots(tree.body[i]))))]
    for i, n in places:
        program = copy.deepcopy(tree)
        holder, field, position, old = list(_slots(program.body[i]))[n]
        if not fits(field, old):
            continue
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
