"""Encode the columns of a table, so that its rows can be written where they are needed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.data.tables.columns import Faults
from chainrule.data.tables.encoded_rows import EncodedRows, Writer, of_each
from chainrule.data.tables.encoders import Category, Encoding
from chainrule.data.tables.encoders.number import encode_together
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.table import Table


def encode_rows(table: Table, encodings: Sequence[Encoding], faults: Faults) -> EncodedRows:
    """Return the rows of a table; invalid cells are added to the faults."""
    together = encode_together(table, encodings)
    ends = np.cumsum([len(encoding.features) for encoding in encodings]).tolist()

    def encode(i: int) -> tuple[Writer, list[Finding], Faults]:
        encoding, own = encodings[i], Faults(faults.kinds)
        if i in together:
            return _writer_of(together[i][:, None]), [], own
        if isinstance(encoding, Category):
            return *encoding.encoder(table), own
        x, findings = encoding.encode(table, own)
        return _writer_of(x.astype(np.float32, copy=False)), findings, own

    notices, writers = [*table.notices], []
    for i, (writer, findings, own) in enumerate(of_each(encode, range(len(encodings)), table.rows)):
        notices += findings
        faults.masks += own.masks
        faults.cells += own.cells
        writers.append((ends[i - 1] if i else 0, ends[i], writer))
    return EncodedRows(table.rows, ends[-1], tuple(writers), tuple(notices))


def _writer_of(features: np.ndarray) -> Writer:
    """Return a function that copies encoded features, (N, f)."""

    def write(x: np.ndarray, rows: slice) -> None:
        x[...] = features[rows]

    return write
