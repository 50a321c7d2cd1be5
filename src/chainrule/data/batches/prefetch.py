"""Prefetching: items that are needed next are computed on threads while the current one is used.

Reading, decoding and augmentation then overlap with training steps. Items are returned in the order of their
index, and each is a function of its index alone, so results do not depend on the number or timing of threads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from chainrule.errors import fact
from chainrule.validation import out_of_range

T = TypeVar("T")


def prefetch(make: Callable[[int], T], count: int, workers: int = 2) -> Iterator[T]:
    """Yield ``make(0)``, ``make(1)``, ..., ``make(count - 1)`` in order, computing ``workers`` items ahead.

    Args:
        make: computes an item from its index; called on several threads at once.

    Raises:
        UsageError E102: ``workers`` is below 1. Exceptions of ``make`` are raised when its item is due.

    Example:
        >>> list(prefetch(lambda number: number**2, 4))
        [0, 1, 4, 9]
    """
    if type(workers) is not int or workers < 1:
        raise out_of_range(workers, "workers", "prefetch", fact("at least 1"))
    return _in_order(make, count, workers)


def _in_order(make: Callable[[int], T], count: int, workers: int) -> Iterator[T]:
    pool, pending = ThreadPoolExecutor(workers), deque[Future[T]]()
    try:
        for number in range(count):
            pending.append(pool.submit(make, number))
            if len(pending) > workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)  # a caller that stops early waits only for running items
