"""From files, tables and arrays to numbers a network can learn from, and back to words.

In: a CSV, TSV, Parquet, Arrow or ``.npz`` file, a folder of images, texts, sounds, a polars or pandas frame,
arrays, or the name of a bundled set. Out: tables with a fingerprint, columns understood, a task, a
preparation that travels with the model, a split, an order of batches, and findings about the data. This room
never knows what a network is, never looks at test rows while it learns the preparation, and never changes a
table it was given.

    table = read_table("credit.csv")                              # source.py, delimited.py, number.py
    columns = describe(table, "good")                             # column.py
    task = choose_task(table, "good", columns=columns)            # task.py
    table = table.take(task.rows)                                 # the rows that have a target
    parts = split(table.frame["good"], seed=0, stratify=task.is_classification)       # split.py
    training = table.take(parts.train)
    preparation = Preparation.fit(training, columns, task.target, task)  # preparation.py, encoding.py
    x, y = preparation.inputs(training), preparation.targets(training)
    order = Order(len(x), batch_size=32, seed=0)                  # order.py

Other kinds of input: a folder of images is a table (images.py) and is changed at random while a network
learns (augmentation/); texts become tokens (tokenizer.py), sequences are padded and put with their like
(sequence.py), catalogues of translations become pairs of sentences (catalogue.py, pairs.py), series and long
texts are cut into windows (window.py), sounds become pictures (sound.py, spectrogram.py, sounds.py), and
files larger than memory are read row by row in the same order (streaming.py). What needs SciPy to be imported
is asked for by its file: ``chainrule.data.readers.audio``, ``chainrule.data.augmentation``.
"""

from __future__ import annotations

from typing import Any

from chainrule.data.tables.split import split as split
from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "batches.arrays": "Arrays",
        "augmentation.parse": "augmentation_from_text",
        "tables.checks": "check",
        "tables.columns": "Column describe",
        "tables.findings": "Finding",
        "readers.image_folder": "read_images",
        "batches.row_order": "Order",
        "tables.preparation": "Applied Cell Feature Preparation",
        "sequences.padding": "Buckets Padded pad_sequences",
        "readers.sources": "read_table",
        "tables.split": "Split",
        "readers.streaming": "map_array read_blocks sample_rows stream unpack",
        "tables.table": "Table",
        "tables.task": "Task choose_task",
        "sequences.tokenizer": "Tokenizer tokenizers_of",
        "sequences.windows": "Windows text_rows text_windows windows",
    },
)


def __getattr__(name: str) -> Any:
    return _LAZY.load(name)


def __dir__() -> list[str]:
    return sorted({*_LAZY.names, "split"})
