"""Threads with little stack: compiled code and the compiler run on a thread with enough of it.

A product of matrices packs its operands on the stack, about 360 KiB, and a compiler recurses over what it
compiles. The main thread has 8 MiB, but others may have little: ``threading.stack_size(256 * 1024)`` in
servers with many threads, 128 KiB on musl, 512 KiB on macOS. Code that exceeds its stack ends the process
with a segmentation fault.

So each thread measures the size of its stack once. Where it is below ``ENOUGH``, calls of compiled code
(``jit.compiler.callable_at``), of the compiler and imports of an engine run on a new thread with a stack of
``STACK`` bytes, while the thread waits. That takes about a tenth of a millisecond. Threads of the engine
itself always start with such a stack.

Rejected: buffers on the heap, which every product of every thread would have to allocate, and which would not
help the compiler; a check of the remaining stack in compiled code, which could only refuse.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, ParamSpec, TypeVar

from chainrule.fork_safety import fork_safe_lock

P = ParamSpec("P")
R = TypeVar("R")

ENOUGH = 1 << 20  # bytes
STACK = 8 << 20  # bytes of address space; memory is taken as it is used
_ATTRIBUTE_BYTES = 256  # more than pthread_attr_t has anywhere
_START_LOCK = fork_safe_lock()


def stack_bytes() -> int | None:
    """Return the size of the stack of the calling thread; ``None`` where the system has no such function.

    Example:
        >>> (stack_bytes() or ENOUGH) >= ENOUGH
        True
    """
    try:
        library = ctypes.CDLL(None)
        library.pthread_self.restype = ctypes.c_void_p
        thread = ctypes.c_void_p(library.pthread_self())
        if sys.platform == "darwin":
            library.pthread_get_stacksize_np.restype = ctypes.c_size_t
            return int(library.pthread_get_stacksize_np(thread))
        attributes = ctypes.create_string_buffer(_ATTRIBUTE_BYTES)
        address, size = ctypes.c_void_p(), ctypes.c_size_t()
        if library.pthread_getattr_np(thread, attributes):
            return None
        failed = library.pthread_attr_getstack(attributes, ctypes.byref(address), ctypes.byref(size))
        library.pthread_attr_destroy(attributes)
        return None if failed else int(size.value)
    except (AttributeError, OSError, TypeError):
        return None


class _Thread(threading.local):
    """The measurements made once for each thread."""

    def __init__(self) -> None:
        size = stack_bytes()
        self.is_small = size is not None and size < ENOUGH


THREAD = _Thread()
"""Of the calling thread: ``THREAD.is_small`` is whether it has too little stack for compiled code."""


def start_with_large_stack(thread: threading.Thread) -> None:
    """Start a thread with a stack of ``STACK`` bytes, whatever ``threading.stack_size`` is set to."""
    with _START_LOCK:
        before = threading.stack_size(STACK)
        try:
            thread.start()
        finally:
            threading.stack_size(before)


def on_large_stack(function: Callable[P, R], *args: P.args, **options: P.kwargs) -> R:
    """Call a function, on another thread where this one has a small stack."""
    if not THREAD.is_small:
        return function(*args, **options)
    results: list[R] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(function(*args, **options))
        except BaseException as error:
            errors.append(error)

    context: Any = copy_context()
    thread = threading.Thread(target=context.run, args=(work,), daemon=True)
    start_with_large_stack(thread)
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
