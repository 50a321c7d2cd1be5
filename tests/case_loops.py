"""Check many small cases in one test: a test for each would cost more than its check does.

``loop_over`` replaces ``pytest.mark.parametrize`` for tests that take less than a few milliseconds and leave
nothing behind. As there, every case is checked even if others fail, and the error names those that fail.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import pytest

Test = Callable[..., None]


def loop_over(
    names: str | tuple[str, ...], values: Iterable[Any], ids: Iterable[str] | Callable[[Any], object] = str
) -> Callable[[Test], Test]:
    """Return a decorator that calls a test once for each value, as one test.

    Args:
        names: the argument that receives the value, or the arguments that receive the parts of each value.
        values: of the cases; at least one.
        ids: names of the cases in errors, or a function of a value; by default the value as text.

    Raises:
        BaseExceptionGroup: the errors of all cases that fail, each with the name of its case.

    Example:
        >>> @loop_over("number", [1, 2, 3])
        ... def test(number):
        ...     assert number != 2
        >>> test()
        Traceback (most recent call last):
            ...
        ExceptionGroup: 1 of 3 cases fail (1 sub-exception)
    """
    arguments, values = (names,) if isinstance(names, str) else names, list(values)
    labels = [ids(value) for value in values] if callable(ids) else list(ids)
    cases = list(zip(labels, values, strict=True))
    assert cases, "no case to check"

    def decorate(test: Test) -> Test:
        @functools.wraps(test)
        def check_cases(**fixtures: object) -> None:
            faults: list[BaseException] = []
            for label, value in cases:
                parts = (value,) if isinstance(names, str) else value
                try:
                    test(**fixtures, **dict(zip(arguments, parts, strict=True)))
                except (Exception, pytest.fail.Exception) as fault:
                    fault.add_note(f"case {str(label)[:200]}")
                    faults.append(fault)
            if faults:
                raise BaseExceptionGroup(f"{len(faults)} of {len(cases)} cases fail", faults)

        signature = inspect.signature(test)
        own = [p for name, p in signature.parameters.items() if name not in arguments]
        assert len(own) + len(arguments) == len(signature.parameters), "the test lacks an argument"
        check_cases.__signature__ = signature.replace(parameters=own)  # pyright: ignore
        return check_cases

    return decorate
