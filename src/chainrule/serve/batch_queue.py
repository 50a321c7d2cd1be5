"""Micro-batches: a thread with a bounded queue, which computes what waits together.

While a batch is computed, requests wait; the next batch has all of them, up to a number of rows. A server
without load therefore computes a request at once, and under load the batches grow by themselves. ``delay``
makes a batch wait for more rows, but no longer than that.

A batch of a few rows of a small network takes less time than its way to another thread and back. If the time
is known to be short, nothing waits and the thread is idle, a request is computed at once, in the thread of
the loop. Where turns of the loop have several such requests, those of a turn are computed together at its
end; every ``PROBE``-th request counts those of its turn.

A queue that is full refuses requests (429), with the seconds after which it will have been computed.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from chainrule.errors import fact
from chainrule.records import frozen
from chainrule.web.responses import RequestError

LONGEST_RETRY = 60  # seconds
SMOOTHING = 0.1  # weight of the latest batch in the time that the next one is expected to take
PROBE = 8  # requests
GROWTH = 1.02  # of that time by one batch that took longer: most often another program had the processor


@frozen(eq=False)
class QueueLimits:
    """The bounds of a queue.

    Args:
        batch_rows: rows that are computed together.
        queue_rows: rows that wait; a request with more is accepted only if nothing else waits.
        delay: seconds that a batch waits for more rows.
        direct_seconds: the longest time of a request that is computed in the thread of its loop.
    """

    batch_rows: int = 256
    queue_rows: int = 4096
    delay: float = 0.0
    direct_seconds: float = 0.0


@frozen(eq=False)
class Job:
    """A request that waits.

    Args:
        content: what is computed.
        rows: their number.
        future: receives the result.
        loop: of the future.
    """

    content: Any
    rows: int
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop


class BatchQueue:
    """A thread that computes jobs in batches.

    Args:
        compute: returns for each content of a batch its result, or an exception.
        limits: of the queue.
        observe: receives the number of rows of each batch.
    """

    def __init__(
        self,
        compute: Callable[[Sequence[Any]], Sequence[Any]],
        limits: QueueLimits,
        observe: Callable[[int], None] = lambda rows: None,
    ) -> None:
        self.compute, self.limits, self.observe = compute, limits, observe
        self.jobs: deque[Job] = deque()
        self.rows = 0  # that wait
        self.seconds_per_row = 1e-4
        self.seconds: dict[int, float] = {}  # that a batch takes if nothing interrupts it, by its rows
        self.is_busy = False
        self.turn: list[Job] = []  # computed together at the end of this turn of the loop
        self.direct_requests = 0  # computed at once since the latest turn that was counted
        self.gathered_turns = 0  # that are computed together before requests are computed at once again
        self.condition = threading.Condition()
        self.is_closed = False
        self.thread = threading.Thread(target=self._run, name="chainrule-batches", daemon=True)
        self.thread.start()

    async def submit(self, content: Any, rows: int) -> Any:
        """Return the result for a content.

        Args:
            rows: how much it counts.

        Raises:
            RequestError 429: too many rows wait.
        """
        loop = asyncio.get_running_loop()
        is_direct = self._is_direct(rows)
        if is_direct and not self.gathered_turns:
            self.direct_requests += 1
            if self.direct_requests == PROBE:
                loop.call_soon(self._count_turn)
            (result,) = self._computed([content], rows)
            if isinstance(result, Exception):
                raise result
            return result
        job = Job(content, rows, loop.create_future(), loop)
        if is_direct:
            if not self.turn or self.turn[0].loop is not loop:
                self.turn = []
                loop.call_soon(self._compute_turn)
            self.turn.append(job)
            return await job.future
        with self.condition:
            if self.rows and self.rows + rows > self.limits.queue_rows:
                raise self._overload()
            self.jobs.append(job)
            self.rows += rows
            self.condition.notify()
        return await job.future

    def _is_direct(self, rows: int) -> bool:
        """Return whether a request is computed at once.

        Only the thread of the loop adds jobs, so that none is added meanwhile.
        """
        longest = self.limits.direct_seconds
        if not longest or self.limits.delay or self.seconds.get(rows, math.inf) > longest:
            return False
        with self.condition:
            return not self.jobs and not self.is_busy

    def _count_turn(self) -> None:
        """Gather the requests of the next turns if this one had others behind the one that counts."""
        self.gathered_turns = PROBE if self.direct_requests > PROBE else 0
        self.direct_requests = 0

    def _compute_turn(self) -> None:
        """Compute the requests of a turn together; each would be computed at once by itself."""
        turn, self.turn = deque(self.turn), []
        self.gathered_turns = PROBE if len(turn) > 1 else self.gathered_turns - 1
        while turn:
            batch = self._batch_of(turn)
            results = self._computed([job.content for job in batch], sum(job.rows for job in batch))
            _deliver([(job.future, result) for job, result in zip(batch, results, strict=True)])

    def _computed(self, contents: Sequence[Any], rows: int) -> Sequence[Any]:
        """Return the results of a batch, and measure it."""
        start = time.perf_counter()
        results = self._results(contents)
        used = time.perf_counter() - start
        if rows <= self.limits.batch_rows:
            usual = self.seconds.get(rows, used)
            self.seconds[rows] = GROWTH * usual if used > usual else usual + SMOOTHING * (used - usual)
        self.seconds_per_row += SMOOTHING * (used / max(rows, 1) - self.seconds_per_row)
        self.observe(rows)
        return results

    def close(self) -> None:
        """End the thread after the jobs that wait."""
        with self.condition:
            self.is_closed = True
            self.condition.notify()

    def _overload(self) -> RequestError:
        seconds = min(LONGEST_RETRY, max(1, math.ceil(self.rows * self.seconds_per_row)))
        words = fact("too many requests wait; try again in {seconds} s", seconds=seconds)
        return RequestError(429, words, {"retry-after": str(seconds)})

    def _run(self) -> None:
        while True:
            batch = self._next_batch()
            if not batch:
                return
            results = self._computed([job.content for job in batch], sum(job.rows for job in batch))
            self.is_busy = False
            for loop in {job.loop for job in batch}:
                pairs = [(j.future, r) for j, r in zip(batch, results, strict=True) if j.loop is loop]
                if not loop.is_closed():
                    loop.call_soon_threadsafe(_deliver, pairs)

    def _results(self, contents: Sequence[Any]) -> Sequence[Any]:
        """Return the result or the exception of each content."""
        try:
            return self.compute(contents)
        except Exception as error:
            if len(contents) == 1:
                return [error]
            return [result for content in contents for result in self._results([content])]

    def _next_batch(self) -> list[Job]:
        """Return the jobs of the next batch; empty at the end."""
        while True:
            with self.condition:
                while not self.jobs and not self.is_closed:
                    self.condition.wait()
                if self.limits.delay:
                    self._wait_for_more()
                batch = self._take_batch()
                self.is_busy = bool(batch)
                if batch or (self.is_closed and not self.jobs):
                    return batch

    def _take_batch(self) -> list[Job]:
        """Take the jobs of a batch from the queue, except those that were canceled."""
        batch = self._batch_of(self.jobs)
        self.rows = sum(job.rows for job in self.jobs)
        return batch

    def _batch_of(self, jobs: deque[Job]) -> list[Job]:
        """Take the jobs of a batch from others, except those that were canceled."""
        batch: list[Job] = []
        rows = 0
        while jobs and (not batch or rows + jobs[0].rows <= self.limits.batch_rows):
            job = jobs.popleft()
            if not job.future.cancelled():
                batch.append(job)
                rows += job.rows
        return batch

    def _wait_for_more(self) -> None:
        end = time.monotonic() + self.limits.delay
        while self.rows < self.limits.batch_rows and (left := end - time.monotonic()) > 0:
            self.condition.wait(left)


def _deliver(pairs: Sequence[tuple[asyncio.Future[Any], Any]]) -> None:
    """Set results in the thread of their futures."""
    for future, result in pairs:
        if future.cancelled():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
