"""Rows of sounds for a model of spectrograms: a sound file, or a folder of them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from chainrule.data import Table
from chainrule.data.readers.audio import read_sound
from chainrule.data.readers.audio_folder import SUFFIXES, sound_files
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.sequences.sound_input import SoundInput
from chainrule.model import Model

FACT = "sound"  # of ``Model.facts``: how the model reads sounds
FILE = "file"  # column with the names of the files


def takes_sounds(model: Model) -> bool:
    """Whether the model reads sounds."""
    return SoundInput.from_record(model.facts.get(FACT)) is not None


def sound_input(model: Model, data: str) -> SoundInput | None:
    """How the model reads sounds; ``None`` if it does not, or if DATA contains none."""
    is_sound = os.path.isdir(data) or data.lower().endswith(SUFFIXES)
    return SoundInput.from_record(model.facts.get(FACT)) if is_sound else None


def read_sound_rows(reader: SoundInput, data: str, labels: tuple[object, ...]) -> tuple[np.ndarray, Table]:
    """The spectrograms (N, frames, bands, 1) of a file or of all files of a folder, and their names.

    Args:
        reader: of the model.
        data: the file or folder.
        labels: of the model. Where each file is in a folder with the name of a label, the table has these
            names as the column ``y``.

    Raises:
        DataError E301, E350, E370: see ``read_sound``; E370 also for silence. E371: another sample rate.
    """
    root = Path(data)
    files = sound_files(root, labeled=False) if root.is_dir() else [root]
    x = np.stack([reader(read_sound(file), str(file)) for file in files])
    names = [file.relative_to(root).as_posix() if root.is_dir() else file.name for file in files]
    columns = {FILE: pl.Series(names, dtype=pl.String)}
    folders = [file.parent.name for file in files]
    if set(folders) <= {str(label) for label in labels}:
        columns["y"] = pl.Series(folders, dtype=pl.String)
    return x, Table(pl.DataFrame(columns), data)
