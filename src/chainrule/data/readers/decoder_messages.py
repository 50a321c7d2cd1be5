"""Native decoders print remarks about damaged files to standard error; here none of them is printed.

The reason of a failure is in the exception that follows. Filters of warnings and the stream of C are those of
the process, and files are decoded on several threads: each is changed when the first thread begins to decode
and restored when the last one ends.
"""

from __future__ import annotations

import ctypes
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache

from chainrule.fork_safety import fork_safe_lock

_lock = fork_safe_lock()
_restoring: dict[Callable[[], Callable[[], None]], tuple[int, Callable[[], None]]] = {}


@contextmanager
def _from_first_to_last(change: Callable[[], Callable[[], None]]) -> Iterator[None]:
    """Change the process unless another thread has already done so; ``change`` returns what restores it."""
    with _lock:
        count, restore = _restoring[change] if change in _restoring else (0, change())
        _restoring[change] = (count + 1, restore)
    try:
        yield
    finally:
        with _lock:
            count, restore = _restoring.pop(change)
            if count > 1:
                _restoring[change] = (count - 1, restore)
            else:
                restore()


@contextmanager
def quiet_images() -> Iterator[None]:
    """Print nothing of Pillow: on large images, for which there is a limit, and on damaged ones."""
    _silence_logs()
    with _from_first_to_last(_filter_warnings):
        yield


@cache
def _silence_logs() -> None:
    """Remove the handlers of errors of libtiff, which has one for the process, and that of Pillow's log."""
    from PIL import _imaging  # noqa: PLC0415 an optional library

    logging.getLogger("PIL").addHandler(logging.NullHandler())
    library = ctypes.CDLL(_imaging.__file__)  # its symbols include those of the libraries that it uses
    for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
        with suppress(AttributeError):  # a Pillow without libtiff
            getattr(library, name)(None)


def _filter_warnings() -> Callable[[], None]:
    warnings.filterwarnings("ignore", module=r"PIL\.")
    own = warnings.filters[0]

    def restore() -> None:
        with suppress(ValueError):  # the program may have replaced the filters
            warnings.filters.remove(own)  # pyright: ignore[reportAttributeAccessIssue]

    return restore


@contextmanager
def quiet_sounds() -> Iterator[None]:
    """Print nothing of mpg123, with which libsndfile decodes MP3; it has no handler of messages."""
    with _from_first_to_last(_replace_stream):
        yield


def _replace_stream() -> Callable[[], None]:
    """Let C's standard error stream write nowhere; Python's is not concerned."""
    with suppress(ValueError, AttributeError, OSError):  # another C library than that of GNU
        stream = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "stderr")
        if nowhere := _nowhere():
            before, stream.value = stream.value, nowhere
            return lambda: setattr(stream, "value", before)
    return lambda: None


@cache
def _nowhere() -> int | None:
    """Return a stream of C whose output is discarded."""
    c_open = ctypes.CDLL(None).fopen
    c_open.restype = ctypes.c_void_p
    return c_open(os.devnull.encode(), b"w")
