"""A folder of sounds as pictures with classes: one file, one log-mel spectrogram, one row.

    words/yes/001.wav          x (N, T, bands, 1)    y
    words/yes/002.flac   ->    a picture each        yes
    words/no/a.wav                                   no

Nets take arrays of one shape, and recordings are of any length: each is cut at its end, or followed by
silence. Files are sorted by path, so the rows are the same on every machine, and decoded on several threads.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from chainrule.data.readers.audio import Sound, decode_inside, of_rate
from chainrule.data.sequences.spectrogram import LogMel
from chainrule.errors import DataError, UsageError
from chainrule.records import frozen

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64")
THREADS = 4


@frozen(eq=False)
class Sounds:
    """Recordings as pictures.

    Args:
        x: (N, T, bands, 1) float32, time down and pitch across.
        y: (N,) the classes, names of folders.
        files: where each row came from, relative to the folder.
        left_out: files that cannot be decoded, each with what is wrong with it.
    """

    x: np.ndarray
    y: np.ndarray
    files: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def read_sounds(
    folder: str | os.PathLike[str],
    spectrogram: LogMel | None = None,
    seconds: float | None = None,
    *,
    resample: bool = False,
    damaged: str = "refuse",
) -> Sounds:
    """Read a folder of sounds, one folder for each class in it, as pictures.

    Args:
        folder: holds a folder for each class, with the sounds in it at any depth.
        spectrogram: what makes the pictures, and which rate the sounds have; ``LogMel()`` by default.
        seconds: how long every sound is made, by cutting its end or by silence behind it; by default as long
            as the longest.
        resample: bring files of another rate to the one that is wanted, instead of refusing them.
        damaged: what to do with a file that cannot be decoded: ``"refuse"``, or ``"skip"``, which leaves it
        out
            and says so in ``left_out``.

    Raises:
        DataError E301: no such folder; E350: soundfile is not installed; E370: no sounds in folders of
        classes; files that cannot be decoded, all of them; E371: another rate than is wanted; E372:
        ``seconds`` shorter than a frame. UsageError E102: a setting out of its range.

    Example:
        >>> import soundfile
        >>> for name, tone in (("low", 200), ("high", 800)):
        ...     Path("tones", name).mkdir(parents=True)
        ...     soundfile.write(f"tones/{name}/1.wav", np.sin(tone * np.arange(8000) / 1273), 8000)
        >>> sounds = read_sounds("tones", LogMel(8000, n_mels=20), seconds=0.5)
        >>> sounds.x.shape, sounds.y.tolist()
        ((2, 23, 20, 1), ['high', 'low'])
    """
    spectrogram = LogMel() if spectrogram is None else spectrogram
    root = Path(folder)
    _check(seconds, damaged)
    files = _files(root)
    with ThreadPoolExecutor(THREADS) as pool:
        heard = list(pool.map(lambda file: _heard(file, root, spectrogram.sample_rate, resample), files))
    faults = {file: sound for file, sound in zip(files, heard, strict=True) if isinstance(sound, DataError)}
    names = tuple(f"{file.relative_to(root).as_posix()}: {fault.received}" for file, fault in faults.items())
    if faults and (damaged == "refuse" or len(faults) == len(files)):
        raise DataError(
            "E370", where=str(next(iter(faults))), expected="a sound file",
            received=str(next(iter(faults.values())).received), notes=list(names[1:20]),
            fix='read_sounds(..., damaged="skip")',
        )  # fmt: skip
    kept = [(file, sound) for file, sound in zip(files, heard, strict=True) if isinstance(sound, Sound)]
    length = _length([sound for _, sound in kept], spectrogram, seconds)
    x = np.stack([spectrogram(_fitted(sound.mono, length)) for _, sound in kept])  # (N, T, bands)
    paths = [file.relative_to(root) for file, _ in kept]
    y = np.array([path.parts[0] for path in paths])
    return Sounds(x[..., None], y, tuple(path.as_posix() for path in paths), names)


def _check(seconds: float | None, damaged: str) -> None:
    if damaged not in ("refuse", "skip"):
        raise UsageError(
            "E101", where="read_sounds, damaged", name=str(damaged)[:80], expected="refuse or skip",
            received=repr(damaged)[:80], fix='damaged="skip"',
        )  # fmt: skip
    if seconds is not None and not (isinstance(seconds, int | float) and 0 < seconds < 1e6):
        raise UsageError(
            "E102", where="read_sounds", name="seconds", expected="above 0", received=repr(seconds)[:80],
            fix="seconds=1.0",
        )  # fmt: skip


def _files(root: Path) -> list[Path]:
    """The sounds of all classes, sorted by path; what begins with a dot is not there."""
    if not os.path.isdir(root):
        received = "a file" if os.path.exists(root) else "no such folder"
        raise DataError("E301", where=str(root), expected="a folder", received=received)
    inside = sorted(file.relative_to(root) for file in root.rglob("*") if file.is_file())
    seen = [path for path in inside if not any(part.startswith(".") for part in path.parts)]
    sounds = [path for path in seen if path.name.lower().endswith(SUFFIXES)]
    loose = [path.name for path in sounds if len(path.parts) == 1]
    if not sounds or loose:
        others = Counter(path.suffix or path.name for path in seen)
        told = ", ".join(f"{count} {suffix}" for suffix, count in others.most_common(5)) or "no files"
        received = f"{len(loose)} sounds in no folder of a class: {loose[0]}" if loose else told
        raise DataError("E370", where=str(root), expected=f"{root.name}/CLASS/sound.wav", received=received)
    return [root / path for path in sounds]


def _heard(file: Path, root: Path, rate: int, resample: bool) -> Sound | DataError:
    """A sound, or what is wrong with a file that cannot be decoded; all else is refused here.

    Raises:
        DataError E350, E371: see ``read_sound``.
    """
    try:
        return of_rate(decode_inside(file, root), rate, resample, str(file))
    except DataError as fault:
        if fault.code != "E370":
            raise
        return fault


def _length(sounds: Sequence[Sound], spectrogram: LogMel, seconds: float | None) -> int:
    """How many samples every sound gets.

    Raises:
        DataError E372: too few for a frame.
    """
    if seconds is None:
        return max(spectrogram.win_length, *(len(sound.samples) for sound in sounds))
    length = round(seconds * spectrogram.sample_rate)
    if length < spectrogram.win_length:
        least = spectrogram.win_length / spectrogram.sample_rate
        raise DataError(
            "E372", where="read_sounds", expected=f"at least {spectrogram.win_length} samples, one frame",
            received=f"{length} samples in {seconds:g} seconds", fix=f"seconds={least:g}",
        )  # fmt: skip
    return length


def _fitted(wave: np.ndarray, length: int) -> np.ndarray:
    """A wave of this length: its beginning, or all of it and silence."""
    return np.pad(wave[:length], (0, max(0, length - len(wave))))
