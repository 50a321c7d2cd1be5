"""Errors for calls of functions and methods that do not match the signature.

Python's own message, "got an unexpected keyword argument 'validation_split'", does not help a user of Keras.
``explain_call`` wraps a function: a call that does not bind raises E131 with the closest call that does::

    UsageError E131 in fit: the arguments do not match the signature of fit
      expected  fit(x, y=None, *, epochs=100, batch_size=32, validation=None, ...)
      received  fit(x, y, validation_split=0.2)
                validation_split: here validation
      fix       model.fit(x, y, validation=0.2)

The check runs after a call has failed, so a successful call costs only one more Python frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from inspect import Parameter, Signature, signature
from types import FunctionType
from typing import Any, ParamSpec, TypeVar

from chainrule.errors.call_errors import call_remarks, own_arguments
from chainrule.errors.call_text import WIDTH, value_text
from chainrule.errors.exceptions import CallError

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=type)
_NAMED = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_EXAMPLES: Mapping[str, str] = {"loss": '"cross_entropy"', "validation": "(x_val, y_val)"}


def explain_call(function: Callable[P, R], called: str, skip: int = 0) -> Callable[P, R]:
    """Wrap a function so that invalid arguments raise E131 instead of Python's ``TypeError``.

    Args:
        called: the callee as source text, such as ``"model.fit"``.
        skip: number of leading parameters that callers do not pass: 1 for ``self``.

    Example:
        >>> def halve(x, *, times=1):
        ...     return x / 2**times
        >>> try:
        ...     explain_call(halve, "halve")(3.0, tmes=2)
        ... except CallError as error:
        ...     error.fix
        'halve(3.0, times=2)'
    """

    @wraps(function)
    def call(*args: P.args, **named: P.kwargs) -> R:
        try:
            return function(*args, **named)
        except TypeError:
            refusal = _refusal(function, called, args[skip:], named, skip)
            if refusal is None:  # the arguments match; the error is raised inside
                raise
        raise refusal

    return call


def explain_function_calls(function: Callable[P, R]) -> Callable[P, R]:
    """Return a decorator that applies ``explain_call`` to a public function ``cr.NAME``."""
    return explain_call(function, f"cr.{function.__name__}")


def explain_method_calls(receiver: str, name: str) -> Callable[[C], C]:
    """Return a class decorator that applies ``explain_call`` to every public method and ``__init__``.

    Args:
        receiver: name of an object of the class in suggested calls, such as ``"model"``.
        name: public name of the class, such as ``"Model"``.
    """

    def decorate(cls: C) -> C:
        for own, method in list(vars(cls).items()):
            if isinstance(method, FunctionType) and (own == "__init__" or not own.startswith("_")):
                called = f"cr.{name}" if own == "__init__" else f"{receiver}.{own}"
                setattr(cls, own, explain_call(method, called, 1))
        return cls

    return decorate


def _refusal(
    function: Callable[..., Any], called: str, args: Sequence[Any], named: Mapping[str, Any], skip: int
) -> CallError | None:
    """Return the error for arguments that do not match the signature; ``None`` if they match."""
    parameters = list(signature(function).parameters.values())[skip:]
    bare = Signature(parameters)
    if _binds(bare, args, named):
        return None
    name = called.rpartition(".")[2]
    known = [p.name for p in parameters if p.kind in _NAMED]
    settings, renamed, dropped = own_arguments(name, named, known, {})
    for p in parameters[len(args) :]:
        if p.kind in _NAMED and p.default is p.empty and p.name not in settings:
            settings = {p.name: _Named(_EXAMPLES.get(p.name, p.name)), **settings}
    fits = _binds(bare, args, settings)
    order = [p.name for p in parameters if p.kind in _NAMED]
    expected = _signature_text(name, parameters)
    received = _text(name, order, args, named)
    fix = _text(called, order, args, settings) if fits else f"help({called})"
    notes = call_remarks(name, renamed, dropped)
    return CallError(
        "E131", where=name, name=name, expected=expected, received=received, fix=fix, notes=notes
    )


def _binds(bare: Signature, args: Sequence[Any], named: Mapping[str, Any]) -> bool:
    try:
        bare.bind(*args, **named)
    except TypeError:
        return False
    return True


class _Named:
    """The name of a variable in a suggested call."""

    def __init__(self, name: str) -> None:
        self.name = name


def _text(called: str, order: Sequence[str], args: Sequence[Any], named: Mapping[str, Any]) -> str:
    """Return the source text of a call; large values are replaced by the name of their parameter."""
    words = [argument_text(order[i] if i < len(order) else "...", value) for i, value in enumerate(args)]
    rest = dict(named)
    for name in order[len(args) :]:
        if not isinstance(rest.get(name), _Named):
            break
        words.append(rest.pop(name).name)
    words += [f"{name}={argument_text(name, value)}" for name, value in rest.items()]
    return f"{called}({', '.join(words)})"


def argument_text(name: str, value: Any) -> str:
    """Return the source text of an argument; a large value is replaced by the name of the argument."""
    if isinstance(value, _Named):
        return value.name
    text = value_text(value)
    return _EXAMPLES.get(name, name) if "..." in text else text


def _signature_text(name: str, parameters: Sequence[Parameter]) -> str:
    """Return the signature without types."""
    words: list[str] = []
    for p in parameters:
        if p.kind is p.KEYWORD_ONLY and "*" not in words:
            words.append("*")
        default = "" if p.default is p.empty else f"={value_text(p.default)}"
        words.append({p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "") + p.name + default)
        if sum(map(len, words)) > WIDTH:
            words.append("...")
            break
    return f"{name}({', '.join(words)})"
