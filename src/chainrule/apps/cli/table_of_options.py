"""The table of a training from the options of the command line."""

from __future__ import annotations

import os
from dataclasses import replace

from chainrule.apps.cli.options import ENSEMBLE, Options, quoted
from chainrule.apps.cli.private_options import refuse_private
from chainrule.data import Division, PreparedData, Table, read_images
from chainrule.data.readers.datasets import IMAGE_SETS, TARGETS
from chainrule.data.readers.sources import read_source
from chainrule.data.tables.split import FRACTIONS
from chainrule.errors import DataError, fact, nearest


def prepare_data(options: Options) -> PreparedData:
    """Read and prepare the data of a training.

    Raises:
        DataError: as the functions of ``chainrule.data``. TrainingError E591: a private training.
    """
    refuse_private(options)
    table = drop_columns(_read(options.data, options), options.drop)
    return PreparedData.of(
        table, options.target or None, task=options.task or None, kinds=options.kinds, seed=options.seed,
        division=Division.parse(options.split or "random"), ids=options.id, weight=options.weight,
        test=_read(options.test, options) if options.test else None,
        fractions=_fractions(options, table),
    )  # fmt: skip


def is_image_source(data: str) -> bool:
    """Whether the data are images: a folder, or a named data set that is not read as a table of pixels."""
    return os.path.isdir(data) or (data in IMAGE_SETS and data not in TARGETS)


def is_ensemble(options: Options, has_images: bool) -> bool:
    """Whether an ensemble over folds is trained."""
    return options.net == ENSEMBLE and not options.quick and not has_images


def _fractions(options: Options, table: Table) -> tuple[float, float, float]:
    """The fractions of training, validation and test rows.

    An ensemble divides its training rows into folds; without a requested split, cross-validation
    scores it, and no rows are set aside.
    """
    if not is_ensemble(options, bool(table.images)):
        return FRACTIONS
    return (0.8, 0.0, 0.2) if options.split else (1.0, 0.0, 0.0)


def _read(path: str, options: Options) -> Table:
    """Read a table, or a folder of images with the size of the options."""
    if not os.path.isdir(path):
        return read_source(path, options.reading)
    options.reading.require_only((), path, fact("a folder of images"))
    return read_images(path, options.size or None, damaged=options.damaged)


def drop_columns(table: Table, columns: tuple[str, ...]) -> Table:
    """The table without some columns.

    Raises:
        DataError E313: an unknown column; the error suggests the closest name.
    """
    unknown = [name for name in columns if name not in (*table.columns, *table.unusable)]
    if unknown:
        raise DataError(
            "E313",
            where="--drop",
            name='", "'.join(unknown),
            expected=", ".join(table.columns[:12]),
            fix=f"--drop {quoted(close)}" if (close := nearest(unknown[0], table.columns)) else "",
        )
    unusable = {name: content for name, content in table.unusable.items() if name not in columns}
    frame = table.frame.drop([name for name in columns if name in table.columns])
    return replace(table, frame=frame, unusable=unusable)
