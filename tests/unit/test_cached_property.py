"""Attributes that are computed once, without a lock."""

from __future__ import annotations

import ast
import threading
from dataclasses import dataclass

from chainrule.memoization import cached_property
from source_files import PACKAGE, SOURCE, nodes, text


class Counted:
    def __init__(self) -> None:
        self.calls = 0

    @cached_property
    def value(self) -> object:
        """A new object."""
        self.calls += 1
        return object()


def test_a_value_is_computed_once_for_each_object() -> None:
    one, other = Counted(), Counted()
    assert one.value is one.value
    assert one.value is not other.value
    assert (one.calls, other.calls) == (1, 1)
    assert Counted.value.__doc__ == "A new object."


def test_an_exception_is_not_kept() -> None:
    class Fails:
        fails = True

        @cached_property
        def value(self) -> int:
            if self.fails:
                raise ValueError("no value")
            return 3

    one = Fails()
    try:
        one.value  # noqa: B018
    except ValueError:
        one.fails = False
    assert one.value == 3


def test_another_object_does_not_wait_for_a_running_computation() -> None:
    started, finish = threading.Event(), threading.Event()

    @dataclass
    class Slow:
        waits: bool

        @cached_property
        def value(self) -> str:
            if self.waits:
                started.set()
                finish.wait(60)
            return "computed"

    slow = Slow(True)
    thread = threading.Thread(target=lambda: slow.value)
    thread.start()
    assert started.wait(60)
    assert Slow(False).value == "computed"
    finish.set()
    thread.join()
    assert slow.value == "computed"


def test_all_threads_receive_the_same_value() -> None:
    one, values = Counted(), list[object]()
    threads = [threading.Thread(target=lambda: values.append(one.value)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(values) == 8
    assert set(values) == {one.value}


def test_the_package_uses_no_cached_property_with_a_lock() -> None:
    """Examples use public names and the standard library."""
    imported = {
        (file.name, alias.name)
        for file in PACKAGE
        if file.is_relative_to(SOURCE) and "functools" in text(file)
        for node in nodes(file)
        if isinstance(node, ast.ImportFrom) and node.module == "functools"
        for alias in node.names
    }
    assert imported
    assert [name for name, imports in imported if imports == "cached_property"] == []
