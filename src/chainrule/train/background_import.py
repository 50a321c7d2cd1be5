"""Modules that are imported in a thread, and the calls of threadpoolctl that must not run meanwhile.

threadpoolctl finds shared libraries with ``dl_iterate_phdr``, which holds the lock of the dynamic linker
while it calls a Python function. A thread that imports an extension module holds the GIL while it waits for
that lock: if both happen at the same time, neither continues. All calls of threadpoolctl are therefore here:
the libraries that are looked up while a network is trained are found before a thread is started, and all
other calls wait until it has ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from functools import cache
from importlib import import_module
from threading import Thread, main_thread
from typing import Any

from threadpoolctl import ThreadpoolController, threadpool_limits

from chainrule.engines.large_stack import start_with_large_stack

_threads: list[Thread] = []  # those that may be importing


def import_in_background(modules: Sequence[str]) -> None:
    """Import modules in a thread while compiled code trains a network.

    The import of scikit-learn takes longer than the training of a small network. If the process ends, the
    thread stops after the present module; a thread that is killed inside the initialization of one could
    abort the process. An error is raised where the module is needed.
    """

    def load() -> None:
        with suppress(Exception):
            for name in modules:
                if main_thread().is_alive():
                    import_module(name)

    _loaded_libraries()
    thread = Thread(target=load)
    _threads.append(thread)
    start_with_large_stack(thread)


def finish_imports() -> None:
    """Wait until all modules are imported.

    Required before a call of a library that uses threadpoolctl itself, as scikit-learn does.
    """
    while _threads:
        _threads[-1].join()
        _threads.pop()


def single_blas_thread() -> AbstractContextManager[Any]:
    """Return a context in which matrix products use one thread."""
    return _loaded_libraries().limit(limits=1, user_api="blas")


def single_openmp_thread() -> AbstractContextManager[Any]:
    """Return a context in which code that is parallel by OpenMP uses one thread."""
    finish_imports()
    return threadpool_limits(1, user_api="openmp")


@cache
def _loaded_libraries() -> ThreadpoolController:
    return ThreadpoolController()
