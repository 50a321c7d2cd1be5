"""Sounds for a model of spectrograms: a sound file, or a folder of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Self

import numpy as np

from chainrule.data import Table
from chainrule.data.readers.audio import read_sound
from chainrule.data.readers.audio_folder import SUFFIXES, sound_files
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.read_options import ReadOptions
from chainrule.data.sequences.spectrogram import SoundInput
from chainrule.errors import fact
from chainrule.escaping import quoted
from chainrule.inputs.kind import TARGET, InputKind, InputRows
from chainrule.inputs.texts import targets_in
from chainrule.model import Model
from chainrule.records import frozen

FILE = "file"  # column with the names of the files


@frozen
class SoundKind(InputKind):
    """Sounds that are classified by their spectrogram.

    Args:
        reader: how a sound becomes a spectrogram.
    """

    name = "sounds"
    reader: SoundInput

    @classmethod
    def of(cls, model: Model) -> Self | None:
        """Return the kind of a model that stores how it reads sounds."""
        reader = SoundInput.from_record(model.facts.get("sound"))
        return None if reader is None else cls(reader)

    def read(self, model: Model, data: str, reading: ReadOptions) -> InputRows | None:
        """Read the spectrograms (N, frames, bands, 1) of a file or of all files of a folder, and their names.

        Where each file is in a folder with the name of a label, these names are the targets.

        Raises:
            DataError E301, E350, E370: see ``read_sound``; E370 also for silence. E371: another sample rate.
        """
        if not os.path.isdir(data) and not data.lower().endswith(SUFFIXES):
            return None
        root = Path(data)
        files = sound_files(root, labeled=False) if root.is_dir() else [root]
        x = np.stack([self.reader(read_sound(file), str(file)) for file in files])
        names = [file.relative_to(root).as_posix() if root.is_dir() else file.name for file in files]
        columns = {FILE: pl.Series(names, dtype=pl.String)}
        folders = [file.parent.name for file in files]
        if set(folders) <= {str(label) for label in model.labels}:
            columns[TARGET] = pl.Series(folders, dtype=pl.String)
        table = Table(pl.DataFrame(columns), data)
        return InputRows(self, x, targets_in(table, model), table.rows, table)

    def expected(self, model: Model, run: str) -> tuple[str, str]:
        """Return what the model reads."""
        return fact("a sound file or a folder of sounds"), f"chainrule predict {quoted(run)} FOLDER"

    def target_place(self, rows: InputRows, data: str) -> str:
        """Return where labels of sounds are read."""
        return fact("put each sound into a folder named by its label: FOLDER/LABEL/sound.wav")

    @property
    def facts(self) -> dict[str, Any]:
        """How a sound becomes a spectrogram."""
        return {"sound": self.reader.to_record()}
