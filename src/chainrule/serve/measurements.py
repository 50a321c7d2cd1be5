"""What a server measures: counters for ``/metrics``, and the latest rows, for ``/drift``.

Several workers write their counters into files of one folder, so that each of them can return the sums. The
latest rows are those of one worker.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector

from chainrule.data.readers.lazy_polars import pl
from chainrule.serve.models import ServedModel
from chainrule.settings import Language

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
WINDOW = 5000  # latest rows that are compared with the training rows
OTHER = "other"  # route and method of requests to paths that do not exist
FEWEST = 20  # rows from which a comparison has a meaning
Add: TypeAlias = "Callable[[float], Any]"


class Measurements:
    """The counters of a server.

    Args:
        folder: of the files of several workers; ``None`` for one process.
    """

    def __init__(self, folder: str | None = None) -> None:
        self.folder = folder
        if folder is not None:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # read when a file is opened
            values.ValueClass = values.MultiProcessValue()
        else:  # also where the environment names a folder of another program
            values.ValueClass = values.MutexValue
        self.registry = CollectorRegistry(auto_describe=False)
        labels = ("route", "method", "status")
        self.requests = Counter("chainrule_requests_total", "Requests", labels, registry=self.registry)
        self.seconds = Histogram(
            "chainrule_request_seconds",
            "Seconds from the head of a request to the end of its response",
            ("route",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.rows = Counter(
            "chainrule_rows_total", "Predicted rows", ("model", "version"), registry=self.registry
        )
        self.batches = Histogram(
            "chainrule_batch_rows",
            "Rows that were computed together",
            ("model", "version"),
            buckets=ROWS,
            registry=self.registry,
        )
        self._counted: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._deferred: deque[tuple[Add, float]] = deque()
        self.shifted = Gauge(
            "chainrule_drift_shifted_columns",
            "Columns of the latest rows that differ from the training rows",
            ("model", "version"),
            registry=self.registry,
            multiprocess_mode="max",
        )

    def deferred(self, add: Add) -> Add:
        """Return a function that adds to a counter when requests are counted, which costs less together.

        With several workers it adds at once, since each of them returns the sums of all.

        Args:
            add: ``inc`` or ``observe`` of the counter.
        """
        return add if self.folder is not None else lambda number: self._deferred.append((add, number))

    def observe(self, route: str | None, method: str, status: int, seconds: float) -> None:
        """Count a request; ``route`` is ``None`` for a path that does not exist."""
        key = (OTHER, OTHER, status) if route is None else (route, method, status)
        counted = self._counted.get(key)
        if counted is None:
            counted = self._counted[key] = self.requests.labels(*key), self.seconds.labels(key[0])
        requests, histogram = counted
        requests.inc()
        histogram.observe(seconds)
        self._add_deferred()

    def _add_deferred(self) -> None:
        while self._deferred:
            add, number = self._deferred.popleft()
            add(number)

    def text(self) -> bytes:
        """Return the counters in the text format of Prometheus."""
        self._add_deferred()
        if self.folder is None:
            return generate_latest(self.registry)
        sums = CollectorRegistry()
        MultiProcessCollector(sums, self.folder)
        return generate_latest(sums)


class RecentRows:
    """The latest rows that a model of a table predicted.

    Args:
        served: the model.
    """

    def __init__(self, served: ServedModel) -> None:
        preparation = served.model.preparation
        self.served = served
        self.is_kept = served.form.name == "table" and preparation is not None and bool(preparation.profiles)
        self.frames: deque[pl.DataFrame] = deque()
        self.count = 0
        self.added = 0  # rows, in all
        self.compared = 0  # rows that were there at the last comparison

    def add(self, frame: pl.DataFrame) -> None:
        """Add the rows of a request; the oldest are dropped."""
        if not self.is_kept:
            return
        self.frames.append(frame.tail(WINDOW))
        self.count += min(frame.height, WINDOW)
        self.added += frame.height
        while self.count - self.frames[0].height >= WINDOW:
            self.count -= self.frames.popleft().height

    def drift(self, lang: Language) -> dict[str, Any] | None:
        """Return how the rows differ from the training rows; ``None`` if they are too few or not kept."""
        self.compared = self.added
        if not self.is_kept or self.count < FEWEST:
            return None
        frame = pl.concat(list(self.frames), how="vertical_relaxed").tail(WINDOW)
        return self.served.model.drift(frame, lang=lang).to_record()
