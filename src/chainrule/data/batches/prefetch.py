"""Work done ahead: what will be needed next is made on threads while the present piece is being used.

Reading, decoding and augmenting take time that a training need not wait for. The order of the results is that
of their numbers, and each is a function of its number alone; so neither the number of threads nor their luck
can be seen in them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from chainrule.errors import UsageError

T = TypeVar("T")


def ahead(make: Callable[[int], T], count: int, workers: int = 2) -> Iterator[T]:
    """``make(0)``, ``make(1)``, ..., ``make(count - 1)`` in order, at most ``workers`` of them in advance.

    Args:
        make: what makes a piece of its number; called on several threads at once.
        count: how many pieces.
        workers: how many threads.

    Fails:
        UsageError E102: no workers. What ``make`` raises is raised here, at its piece's turn.

    Example:
        >>> list(ahead(lambda number: number**2, 4))
        [0, 1, 4, 9]
    """
    if type(workers) is not int or workers < 1:
        raise UsageError("E102", where="ahead", name="workers", expected="at least 1", received=workers)
    return _in_order(make, count, workers)


def _in_order(make: Callable[[int], T], count: int, workers: int) -> Iterator[T]:
    pool, waiting = ThreadPoolExecutor(workers), deque[Future[T]]()
    try:
        for number in range(count):
            waiting.append(pool.submit(make, number))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)  # whoever stops early waits for no more than what is being made
