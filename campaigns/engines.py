"""Predictions in partitions by Dask, Ray and Spark: their bits, and the time of a partition.

``model.predict_batches`` is passed as it is to each engine. A table of numbers, gaps, a category and dates is
divided into 1, 7 and 1,000 partitions; the predictions must have the same bits as those of the whole table.
Measured are the seconds of a partition of one row in this process (``fixed cost``; those of processors hold
on a machine that other programs use, too), and for each engine the seconds of all partitions. For Spark, the
seconds of the same partitions with a function that returns them unchanged are printed too: they are what its
tasks cost. An engine that is not installed is left out.

    python -m campaigns.engines --rows 20000
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import os
import random
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

import chainrule as cr

COUNTS = (1, 7, 1000)
FIXED_COST = 0.005  # seconds of a partition that are wanted
SHARES = "probability of yes"
Results = pl.DataFrame


def example(rows: int) -> tuple[cr.Model, pl.DataFrame]:
    """Return a trained model and the rows that it predicts, with an index to find them again."""
    rng = np.random.default_rng(0)
    day = datetime.date(2024, 1, 1)
    frame = pl.DataFrame(
        {
            "row": np.arange(rows),
            "size": rng.normal(size=rows),
            "age": [None if i % 7 == 0 else i % 90 for i in range(rows)],
            "city": random.Random(0).choices(["Bern", "Oslo", "Rome", None], k=rows),
            "day": [None if i % 11 == 0 else day + datetime.timedelta(i % 900) for i in range(rows)],
        }
    )
    labels = np.where(frame["size"].to_numpy() + rng.normal(size=rows) > 0, "yes", "no").tolist()
    model = cr.Model(cr.Sequential(cr.Dense(32, "relu"), cr.Dense(2)), "cross_entropy")
    model.fit(frame.drop("row").with_columns(sick=pl.Series(labels)), "sick", epochs=1, verbose=False)
    return model, frame


def by_dask(predict: Callable[..., Any], frame: pl.DataFrame, count: int) -> Results:
    """Return the predictions of partitions that Dask computes in threads."""
    table = import_module("dask.dataframe").from_pandas(frame.to_pandas(), npartitions=count)
    return pl.DataFrame(table.map_partitions(predict).compute(scheduler="threads"))


def by_ray(predict: Callable[..., Any], frame: pl.DataFrame, count: int) -> Results:
    """Return the predictions of blocks that the processes of Ray compute."""
    ray = import_module("ray.data") and import_module("ray")
    ray.init(ignore_reinit_error=True, num_cpus=2, include_dashboard=False, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    data = ray.data.from_arrow(frame.to_arrow()).repartition(count)
    result = data.map_batches(predict, batch_format="pyarrow", batch_size=None)
    return pl.concat([pl.DataFrame(ray.get(table)) for table in result.to_arrow_refs()])


def _unchanged(batches: Any) -> Any:
    yield from batches


def by_spark(predict: Callable[..., Any], frame: pl.DataFrame, count: int) -> Results:
    """Return the predictions of partitions that the Python workers of Spark compute."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else the first python3 of the PATH
    builder = import_module("pyspark.sql").SparkSession.builder.master("local[2]")
    for name in ("spark.ui.enabled", "spark.ui.showConsoleProgress"):
        builder = builder.config(name, "false")
    session = builder.config("spark.sql.execution.arrow.pyspark.enabled", "true").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    table = session.createDataFrame(frame.to_pandas()).repartition(count)
    start = time.perf_counter()
    table.mapInArrow(_unchanged, table.schema).toPandas()
    print(f"pyspark: {count:5} partitions, unchanged, {time.perf_counter() - start:.1f} s")
    columns = [f"`{field.name}` {field.dataType.simpleString()}" for field in table.schema.fields]
    columns += ["prediction string", "`probability of no` float", f"`{SHARES}` float"]
    return pl.DataFrame(table.mapInArrow(predict, ", ".join(columns)).toPandas())


ENGINES = {"dask": by_dask, "ray": by_ray, "pyspark": by_spark}


def fixed_cost(model: cr.Model, frame: pl.DataFrame) -> tuple[float, float]:
    """Return the seconds of a partition of one row, and those of processors: each the median of 200."""
    batches = [pa.RecordBatch.from_pandas(frame[i : i + 1].to_pandas()) for i in range(1, 202)]
    seconds = []
    for batch in batches:
        start = time.perf_counter(), time.process_time()
        list(model.predict_batches([batch]))
        seconds.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    wall, processors = np.median(seconds[1:], axis=0).tolist()
    return wall, processors


def main() -> int:
    """Print what was measured; returns 1 if bits differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--engine", choices=[*ENGINES, "none"], help="only this one")
    options = parser.parse_args()
    model, frame = example(options.rows)
    reference = model.predict_frame(frame, proba=True)
    wall, processors = (1000 * seconds for seconds in fixed_cost(model, frame))
    target = f"wanted: {1000 * FIXED_COST:.0f}"
    print(f"fixed cost of a partition: {wall:.1f} ms, of processors {processors:.1f} ms ({target})")
    has_failed = False
    for name, engine in ENGINES.items():
        if options.engine not in (None, name):
            continue
        if importlib.util.find_spec(name) is None:
            print(f"{name}: not installed")
            continue
        for count in COUNTS:
            start = time.perf_counter()
            result = engine(partial(model.predict_batches, proba=True), frame, count).sort("row")
            seconds = time.perf_counter() - start
            names = ["row", "prediction", SHARES]
            is_same = result.select(names).rows() == reference.select(names).rows()
            has_failed |= not is_same
            bits = "same bits" if is_same else "OTHER BITS"
            print(f"{name}: {count:5} partitions, {bits}, {seconds:.1f} s")
    return int(has_failed)


if __name__ == "__main__":
    sys.exit(main())
