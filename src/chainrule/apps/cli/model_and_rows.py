"""Load a trained model and the rows for a command.

Models trained on a table read tables, models of texts a table with a column for each input, models of
molecules a table with a column of SMILES, models of sounds a sound file or a folder, detectors and segmenters
an image or a folder, and models that speak a file of text. Other models trained on arrays read an ``.npz``
file whose arrays are named like the inputs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.apps.cli import screen
from chainrule.apps.cli.detections import is_detector
from chainrule.apps.cli.image_rows import ImageRows, are_images, read_image_rows
from chainrule.apps.cli.molecule_rows import molecule_input, read_molecule_rows
from chainrule.apps.cli.prediction_output import SYMBOLS_FACT
from chainrule.apps.cli.question_rows import (
    ANSWER,
    QuestionRows,
    answers_in,
    question_input,
    read_question_rows,
)
from chainrule.apps.cli.segmentation import is_segmenter
from chainrule.apps.cli.sound_rows import FILE, read_sound_rows, sound_input, takes_sounds
from chainrule.apps.cli.spoken_texts import SpokenTexts, is_speaking, speech_folder, spoken_texts
from chainrule.apps.cli.text_rows import TARGET, encode_texts, targets_in, text_inputs
from chainrule.apps.cli.texts import text_of
from chainrule.data import Table
from chainrule.data.readers.npz import read_archive
from chainrule.data.readers.read_options import NO_OPTIONS, ReadOptions
from chainrule.data.readers.sources import read_source
from chainrule.errors import ChainruleError, DataError, UsageError, fact
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.tabular.run_folder import model_file
from chainrule.train.evaluation.known_rows import known_rows

ARRAYS = ".npz"


@frozen(eq=False)
class Rows:
    """Rows for a model.

    Args:
        x: a table, or arrays by input name.
        y: targets, by name if there are several outputs; ``None`` if the file contains none, and for a table,
            which contains the target.
        count: number of rows.
        cells: the table that ``x`` was encoded from: of a model of texts, or the names of sound files.
        images: of a detector or a segmenter.
        speech: of a model that speaks.
        questions: of a network that marks answers.
    """

    x: Any
    y: Any
    count: int
    cells: Table | None = None
    images: ImageRows | None = None
    speech: SpokenTexts | None = None
    questions: QuestionRows | None = None

    @property
    def table(self) -> Table | None:
        """The table whose cells are printed beside predictions; ``None`` for arrays."""
        return self.x if isinstance(self.x, Table) else self.cells

    def take(self, index: np.ndarray) -> Rows:
        """The rows in ``index``, in that order."""
        if isinstance(self.x, Table):
            return Rows(self.x.take(index), None, len(index))
        cells = None if self.cells is None else self.cells.take(index)
        questions = None if self.questions is None else self.questions.take(index)
        speech = None if self.speech is None else self.speech.take(index)
        x, y = _take(self.x, index), _take(self.y, index)
        return Rows(x, y, len(index), cells, speech=speech, questions=questions)

    def row(self, row: int) -> Rows:
        """The row with number ``row``, from 1.

        Raises:
            UsageError E606: there is no such row.
        """
        return self.take(np.array([_row_index(self.count, row)]))


def load(run: str, data: str, reading: ReadOptions = NO_OPTIONS) -> tuple[Model, Rows]:
    """Load the model of a RUN and the rows of a file.

    Args:
        run: the run folder or the model file.
        data: a table, or an ``.npz`` file for a model of arrays, or an image or a folder of images for a
            detector or a segmenter.
        reading: how the table is read.

    Raises:
        FileError: a model file that is missing, damaged, foreign or newer. UsageError E607: no ``.npz`` file
            for a
        model of arrays. DataError E326: missing arrays. Others as ``Preparation.read`` and ``encode_texts``.
    """
    file = model_file(run)
    model = Model.load(file)
    rows = _rows_of(model, run, data, reading)
    if rows is not None:
        return model, rows
    if not data.endswith(ARRAYS):
        raise _not_text(data) if is_speaking(model) else _not_a_table_model(model, run, data)
    return model, _arrays(model, Path(data))


def _rows_of(model: Model, run: str, data: str, reading: ReadOptions) -> Rows | None:
    """The rows of DATA other than an archive of arrays; ``None`` if the model reads no such data."""
    if model.preparation is not None:
        if model.preparation.takes_images and os.path.isfile(data) and not are_images(data):
            raise _no_images(run, data)
        table = model.preparation.read(data, reading)
        return Rows(table, None, table.rows)
    sounds = sound_input(model, data)
    if sounds is not None:
        x, table = read_sound_rows(sounds, data, model.labels)
        return Rows(x, targets_in(table, model), table.rows, table)
    speech = spoken_texts(model, data)
    if speech is not None:
        return Rows(speech.inputs(model), None, len(speech.texts), speech.table(data), speech=speech)
    if are_images(data) and (is_detector(model) or is_segmenter(model)):
        images = read_image_rows(model, data)
        return Rows(images.inputs, None, len(images.names), images=images)
    return None if data.endswith(ARRAYS) else _table_rows(model, data, reading)


def _table_rows(model: Model, data: str, reading: ReadOptions) -> Rows | None:
    """The rows of a table of texts, molecules or questions; ``None`` if the model reads no such table."""
    texts, molecules, reader = text_inputs(model), molecule_input(model), question_input(model)
    if not texts and molecules is None and reader is None:
        return None
    table = read_source(data, reading)
    if reader is not None:
        questions = read_question_rows(reader, table)
        return Rows(questions.inputs, answers_in(table, questions), table.rows, table, questions=questions)
    if molecules is not None:
        x, table = read_molecule_rows(molecules, table)
        return Rows(x, targets_in(table, model), table.rows, table)
    return Rows(encode_texts(texts, table), targets_in(table, model), table.rows, table)


def warn_of_known_rows(model: Model, x: Any, run: str) -> bool:
    """Warn if the model was trained on these rows, because metrics on them are too optimistic.

    Args:
        model, x: the model and the rows.
        run: the run folder as passed by the user.

    Returns:
        whether it was.
    """
    known = known_rows(model.state, x)
    if known is not None:
        counts = {field.name: getattr(known, field.name) for field in fields(known)}
        key = "evaluated_known" if known.test else "evaluated_known_folds"
        screen.line(text_of(key).format(**counts, run=run), "yellow", to_errors=True)
    return known is not None


def _row_index(rows: int, row: int) -> int:
    if not 1 <= row <= rows:
        expected = fact("1 to {last}", last=rows)
        raise UsageError("E606", where="--row", row=row, expected=expected, received=row, fix="--row 1")
    return row - 1


def _take(part: Any, index: np.ndarray) -> Any:
    """Rows of an array, of a dict of arrays, or of ``None``."""
    if isinstance(part, dict):
        return {name: array[index] for name, array in part.items()}
    return None if part is None else part[index]


def _arrays(model: Model, file: Path) -> Rows:
    """The arrays of a file: those named like inputs are inputs, the others targets.

    Raises:
        DataError E326: an input is missing. E317: arrays of different lengths. Others as ``read_archive``.
    """
    if not os.path.isfile(file):
        raise DataError("E301", where=str(file), received=fact("no such file"))
    arrays = {name: np.atleast_1d(array) for name, array in read_archive(file).items()}
    inputs = () if model.network is None else tuple(model.network.inputs)
    missing = [name for name in inputs if name not in arrays]
    if missing:
        received = ", ".join(arrays) or fact("none")
        fix = _save_call(file.name, inputs)
        raise DataError("E326", where=file.name, expected=", ".join(inputs), received=received, fix=fix)
    lengths = {name: len(array) for name, array in arrays.items()}
    first, rows = next(iter(lengths.items()), ("", 0))
    odd = [
        fact('"{name}" has {count}', name=name, count=length)
        for name, length in lengths.items()
        if length != rows
    ]
    if odd:
        expected = fact('{rows} rows, as "{name}" has', rows=rows, name=first)
        raise DataError("E317", where=file.name, expected=expected, received=odd[0], notes=odd[1:20])
    targets = {name: array for name, array in arrays.items() if name not in inputs}
    y = targets.get("y") if len(targets) <= 1 else targets
    return Rows({name: arrays[name] for name in inputs}, y, rows)


def require_targets(rows: Rows, run: str, data: str) -> None:
    """Require targets.

    Raises:
        UsageError E122: rows other than those of a table, without targets. E607: texts to speak.
    """
    if rows.speech is not None:
        expected = fact("an .npz file with inputs and targets: a text has no spectrogram to compare with")
        fix = f"chainrule predict {run} {data} --out {speech_folder(data)}"
        raise UsageError("E607", where=data, expected=expected, received=_kind_of(data), fix=fix)
    if rows.y is None and not isinstance(rows.x, Table):
        expected = fact("a label or a value")
        raise UsageError("E122", where=data, expected=expected, fix=_target_place(rows, data))


def _target_place(rows: Rows, data: str) -> str:
    """Where the targets of such rows are read."""
    if rows.questions is not None:
        return fact('name the column of the answers "{name}"', name=ANSWER)
    if rows.cells is not None and FILE in rows.cells.columns:
        return fact("put each sound into a folder named by its label: FOLDER/LABEL/sound.wav")
    if rows.cells is not None:
        return fact('name the column of the targets "{name}"', name=TARGET)
    file = data if data.endswith(ARRAYS) else "rows.npz"
    return _save_call(file, (*(rows.x if isinstance(rows.x, dict) else ("x",)), "y"))


def _save_call(file: str, names: Sequence[str]) -> str:
    """The call that saves arrays to a file."""
    return f'np.savez("{file}", {", ".join(f"{name}={name}" for name in names)})'


def _not_text(data: str) -> UsageError:
    """The error for another file than one of text passed to a model that speaks."""
    expected = fact("a .txt file: one text in each line")
    return UsageError("E607", where=data, expected=expected, received=_kind_of(data))


def _no_images(run: str, data: str) -> UsageError:
    """The error for a file that is no image passed to a model of images."""
    expected = fact("an image or a folder of images")
    fix = f"chainrule predict {run} FOLDER"
    return UsageError("E607", where=data, expected=expected, received=_kind_of(data), fix=fix)


def _not_a_table_model(model: Model, run: str, data: str) -> ChainruleError:
    """The error for a table or a folder passed to a model of arrays or images, or for a missing file."""
    if Path(data).suffix and not os.path.exists(data):
        return DataError("E301", where=data, received=fact("no such file"))
    if is_detector(model) or is_segmenter(model):
        return _no_images(run, data)
    if takes_sounds(model):
        expected = fact("a sound file or a folder of sounds")
        fix = f"chainrule predict {run} FOLDER"
        return UsageError("E607", where=data, expected=expected, received=_kind_of(data), fix=fix)
    inputs = ("x",) if model.network is None else tuple(model.network.inputs)
    names = ", ".join(inputs)
    expected, fix = fact("an .npz file with {names}", names=names), _save_call("rows.npz", inputs)
    if model.tokenizers:
        expected = fact("the beginning of a text: this model continues texts")
        fix = f'chainrule generate {run} "..."'
    elif isinstance(model.facts.get(SYMBOLS_FACT), str):
        expected = fact("an .npz file with {names}: cepstra, not sounds", names=names)
        fix = f"chainrule predict {run} {os.path.join(run, 'test.npz')}"
    return UsageError("E607", where=data, expected=expected, received=_kind_of(data), fix=fix)


def _kind_of(data: str) -> str:
    """What the user passed."""
    return fact("a folder") if os.path.isdir(data) else Path(data).suffix or fact("a table")
