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
(sequence.py), series and long texts are cut into windows (window.py), sounds become pictures (sound.py,
spectrogram.py), and files larger than memory are read row by row in the same order (stream.py). What needs
SciPy to be imported is asked for by its file: ``chainrule.data.sound``, ``chainrule.data.augmentation``.
"""

from chainrule.data.arrays import Arrays
from chainrule.data.bundled import TARGETS as NAMED_SETS
from chainrule.data.check import check
from chainrule.data.column import Column, describe
from chainrule.data.finding import Finding
from chainrule.data.images import read_images
from chainrule.data.order import Order
from chainrule.data.preparation import Applied, Cell, Feature, Preparation
from chainrule.data.sequence import Buckets, Padded, pad_sequences
from chainrule.data.source import read_table
from chainrule.data.split import Split, split
from chainrule.data.stream import map_array, read_blocks, sample_rows, stream, unpack
from chainrule.data.table import Table
from chainrule.data.task import Task, choose_task
from chainrule.data.tokenizer import Tokenizer
from chainrule.data.window import Windows, text_windows, windows

__all__ = [
    "NAMED_SETS",
    "Applied",
    "Arrays",
    "Buckets",
    "Cell",
    "Column",
    "Feature",
    "Finding",
    "Order",
    "Padded",
    "Preparation",
    "Split",
    "Table",
    "Task",
    "Tokenizer",
    "Windows",
    "check",
    "choose_task",
    "describe",
    "map_array",
    "pad_sequences",
    "read_blocks",
    "read_images",
    "read_table",
    "sample_rows",
    "split",
    "stream",
    "text_windows",
    "unpack",
    "windows",
]
