"""Micro-batches: what waits is computed together, each request gets its own result."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

pytest.importorskip("starlette")

from chainrule.serve.batch_queue import BatchQueue, QueueLimits
from chainrule.web import RequestError


class Doubling:
    """Doubles numbers, and refuses negative ones; notes batches and threads."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.batches: list[int] = []
        self.threads: set[int] = set()

    def __call__(self, contents: Sequence[Any]) -> list[Any]:
        self.batches.append(len(contents))
        self.threads.add(threading.get_ident())
        time.sleep(self.seconds)
        if min(contents) < 0:
            raise ValueError("negative")
        return [2 * content for content in contents]


async def results_of(queue: BatchQueue, contents: Sequence[int]) -> list[Any]:
    return await asyncio.gather(*(queue.submit(c, 1) for c in contents), return_exceptions=True)


@pytest.mark.parametrize("direct", [0.0, 1.0])
def test_each_request_gets_its_result(direct: float) -> None:
    doubling = Doubling()
    queue = BatchQueue(doubling, QueueLimits(batch_rows=8, direct_seconds=direct))
    results = asyncio.run(results_of(queue, range(50)))
    assert results == [2 * i for i in range(50)]
    for i in range(3):  # one after another: computed at once if the first was fast
        assert asyncio.run(queue.submit(i, 1)) == 2 * i
    queue.close()
    assert max(doubling.batches) <= 8
    assert (threading.get_ident() in doubling.threads) == bool(direct)


def test_a_batch_with_an_error_fails_for_its_request_only() -> None:
    queue = BatchQueue(Doubling(), QueueLimits(delay=0.05))
    results = asyncio.run(results_of(queue, [1, -1, 2]))
    queue.close()
    assert results[0::2] == [2, 4]
    assert isinstance(results[1], ValueError)


def test_requests_wait_while_a_batch_is_computed() -> None:
    doubling = Doubling(0.05)
    queue = BatchQueue(doubling, QueueLimits(direct_seconds=0.001))
    assert asyncio.run(results_of(queue, range(30))) == [2 * i for i in range(30)]
    queue.close()
    assert sum(doubling.batches) == 30
    assert len(doubling.batches) <= 3
    assert threading.get_ident() not in doubling.threads


def test_a_full_queue_refuses_with_the_time_to_wait() -> None:
    queue = BatchQueue(Doubling(0.05), QueueLimits(batch_rows=1, queue_rows=3))
    results = asyncio.run(results_of(queue, range(12)))
    queue.close()
    refused = [result for result in results if isinstance(result, RequestError)]
    assert 6 <= len(refused) <= 9
    assert all(error.status == 429 and int(error.headers["retry-after"]) >= 1 for error in refused)


def test_requests_of_one_turn_are_computed_together() -> None:
    doubling = Doubling()
    queue = BatchQueue(doubling, QueueLimits(batch_rows=8, direct_seconds=1.0))

    async def turns() -> None:
        assert await queue.submit(1, 1) == 2  # its time is known from here on
        for _ in range(3):
            assert await results_of(queue, range(20)) == [2 * i for i in range(20)]
        canceled, *others = [asyncio.ensure_future(queue.submit(i, 1)) for i in (7, -1, 9)]
        await asyncio.sleep(0)
        canceled.cancel()
        values = await asyncio.gather(canceled, *others, return_exceptions=True)
        assert isinstance(values[0], asyncio.CancelledError)
        assert isinstance(values[1], ValueError)
        assert values[2] == 18

    asyncio.run(turns())
    assert doubling.batches[-2:] == [1, 1]  # the error by itself, after the batch of both
    assert max(doubling.batches) == 8
    assert threading.get_ident() in doubling.threads
    for i in range(40):  # each in another loop
        assert asyncio.run(queue.submit(i, 1)) == 2 * i
    queue.close()
