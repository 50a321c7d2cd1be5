"""Sounds for a model of spectrograms: a sound file, or a folder of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from chainrule.data import Finding, Table
from chainrule.data.readers.audio import Sound, read_sound, with_rate
from chainrule.data.readers.audio_folder import SUFFIXES, sound_files
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.read_options import ReadOptions
from chainrule.data.sequences.spectrogram_and_griffin_lim import SoundInput
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

    def open(self, model: Model, data: str, reading: ReadOptions) -> Table | None:
        """Return the names of a file or of all files of a folder.

        Where each file is in a folder with the name of a label, these names are the targets.
        """
        table = sound_table(data)
        if table is None:
            return None
        folders = [file.parent.name for file in files_in(table)]
        if not set(folders) <= {str(label) for label in model.labels}:
            return table
        return replace(table, frame=table.frame.with_columns(pl.Series(TARGET, folders, dtype=pl.String)))

    def encode(self, model: Model, table: Table) -> InputRows:
        """Return the spectrograms (N, frames, bands, 1); sounds of another sample rate are resampled.

        Raises:
            DataError E301, E350, E370: see ``read_sound``; E370 also for silence.
        """
        files, rate = files_in(table), self.reader.spectrogram.sample_rate
        sounds = [read_sound(file) for file in files]
        x = [
            self.reader(with_rate(sound, rate, True, str(file)), str(file))
            for file, sound in zip(files, sounds, strict=True)
        ]
        notices = resampling(sounds, rate)
        return InputRows(self, np.stack(x), targets_in(table, model), table.rows, table, notices=notices)

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


def sound_table(data: str) -> Table | None:
    """Return the names of a sound file or of all those of a folder; ``None`` for other data."""
    if not os.path.isdir(data) and not data.lower().endswith(SUFFIXES):
        return None
    root = Path(data)
    files = sound_files(root, labeled=False) if root.is_dir() else [root]
    names = [file.relative_to(root).as_posix() if root.is_dir() else file.name for file in files]
    return Table(pl.DataFrame({FILE: pl.Series(names, dtype=pl.String)}), data)


def files_in(table: Table) -> list[Path]:
    """Return the files of a table of ``sound_table``."""
    root = Path(table.source)
    return [root / name if root.is_dir() else root for name in table.frame[FILE]]


def resampling(sounds: Sequence[Sound], rate: int) -> tuple[Finding, ...]:
    """Return the notice on sounds of other sample rates than ``rate``; none if there are none."""
    others = [sound.sample_rate for sound in sounds if sound.sample_rate != rate]
    if not others:
        return ()
    return (Finding("sounds_resampled", "info", {"count": len(others), "other": others[0], "rate": rate}),)
