"""Data: from files, tables and arrays to inputs of a network, and from predictions back to labels.

Input: a text table, workbook, JSON, Parquet, Arrow, ``.npz`` or database file, also compressed, a folder of
images, texts, audio, a polars or pandas frame, arrays, or the name of a bundled data set. Output: tables with
a fingerprint, column kinds, a task, a preparation that is stored with the model, a split, an order of
batches, and findings about the data. This package does not depend on networks, never uses test rows when
fitting the preparation, and never changes a table passed to it.

    prepared = PreparedData.of(read_table("credit.csv"), "good")  # tables/prepared_data.py, in one call:

    table = read_table("credit.csv")                              # readers/sources.py, readers/csv_files.py
    columns = describe(table, "good")                             # tables/columns.py
    task = choose_task(table, "good", columns=columns)            # tables/task.py
    table = table.take(task.rows)                                 # the rows that have a target
    parts = split(table.frame["good"], seed=0, stratify=task.is_classification)
    training = table.take(parts.train)
    preparation = Preparation.fit(training, columns, task.target, task)  # tables/fitted_preparation.py
    x, y = preparation.inputs(training), preparation.targets(training)
    order = Order(len(x), batch_size=32, seed=0)                  # batches/row_order.py

Other kinds of input: a folder of images is a table (readers/images.py), whose images are augmented
during training (augmentation/); texts become tokens (sequences/tokenizer.py), sequences are padded and
bucketed by length (sequences/padding_and_length_buckets.py), time series and long texts are cut into windows
(sequences/windows.py), daily prices become trading days (sequences/trading_days.py), audio becomes
spectrograms or cepstra (readers/audio.py, sequences/spectrogram_and_griffin_lim.py, sequences/cepstra.py),
boxes of objects become targets of a grid (boxes.py), and files larger than memory are streamed in blocks
(readers/parquet_rows.py) or row by row (readers/streaming.py). Modules that require SciPy are imported by
their path: ``chainrule.data.readers.audio``, ``chainrule.data.augmentation``.
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "batches.arrays": "Arrays",
        "augmentation.pipeline": "augmentation_from_text",
        "tables.checks": "check",
        "tables.columns": "Column describe require_columns",
        "tables.time_and_group_split": "Division divide",
        "tables.random_split": "Split split",
        "tables.findings": "Finding",
        "tables.folds": "folds row_digests unit_digests",
        "readers.images": "read_images image_table labeled_images decode_image",
        "batches.row_order": "Order",
        "tables.fitted_preparation": "Applied Cell Feature Preparation",
        "tables.prepared_data": "PreparedData PreparedRows",
        "tables.public_columns": "PublicColumns",
        "tables.preparation_without_rows": "public_preparation unused_columns",
        "sequences.padding_and_length_buckets": "Buckets Padded pad_sequences",
        "readers.frames": "as_columns is_by_column",
        "readers.sources": "read_table",
        "readers.parquet_rows": "ParquetRows",
        "readers.streaming": "map_array read_blocks sample_rows stream unpack",
        "tables.table": "Table",
        "tables.task": "Task choose_task",
        "sequences.tokenizer": "BEGIN END PAD Tokenizer UNKNOWN tokenizers_of",
        "sequences.trading_days": "TradingDays trading_days",
        "sequences.windows": "Windows text_rows text_windows windows",
        "boxes": (
            "Annotation Detections box_area box_iou decode_centers encode_centers flip_boxes "
            "non_maximum_suppression read_voc"
        ),
        "masks": "class_mask median_frequency_weights overlay resize_masks",
        "molecules": "MoleculeInput",
        "readers.audio": "decode_wave encode_wave",
        "sequences.cepstra": "SpeechInput with_deltas",
        "sequences.question_input": "QuestionInput",
        "sequences.spectrogram_and_griffin_lim": "SoundInput",
    },
)
__getattr__, __dir__ = _LAZY.hooks
