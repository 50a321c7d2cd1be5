"""Read a folder of sounds as labeled log-mel spectrograms: one file, one row.

    words/yes/001.wav          x (N, T, bands, 1)        y
    words/yes/002.flac   ->    one spectrogram per row   yes
    words/no/a.wav                                       no

Networks need arrays of one shape: each recording is cut at its end or padded with silence. Files are sorted
by path, so the rows are the same on every machine, and decoded on several threads.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from chainrule.data.readers.audio import Sound, decode_inside, with_rate
from chainrule.data.readers.data_folder import folder_files
from chainrule.data.sequences.spectrogram_and_griffin_lim import LogMel
from chainrule.errors import DataError, fact
from chainrule.records import frozen
from chainrule.validation import choice, out_of_range

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64")
THREADS = 4


@frozen(eq=False)
class Sounds:
    """Labeled spectrograms.

    Args:
        x: (N, T, bands, 1) float32 spectrograms; the axes are time and frequency.
        y: (N,) classes, the names of the folders.
        files: the file of each row, relative to the folder.
        skipped: files that cannot be decoded, each with the reason.
    """

    x: np.ndarray
    y: np.ndarray
    files: tuple[str, ...]
    skipped: tuple[str, ...] = ()


def read_sounds(
    folder: str | os.PathLike[str],
    spectrogram: LogMel | None = None,
    seconds: float | None = None,
    *,
    resample: bool = False,
    damaged: str = "refuse",
) -> Sounds:
    """Read a folder of sounds with one subfolder per class as spectrograms.

    Args:
        folder: contains one folder per class, with the sounds in it at any depth.
        spectrogram: computes the spectrograms and sets the sample rate; ``LogMel()`` by default.
        seconds: length of every sound after cutting or padding with silence; by default that of the longest.
        resample: resample files with another rate instead of refusing them.
        damaged: ``"refuse"`` raises an error if a file cannot be decoded; ``"skip"`` lists such files in
            ``skipped``.

    Raises:
        DataError E301: no such folder; E350: soundfile is not installed; E370: no sounds in class folders, or
        files that cannot be decoded, all of them; E371: another sample rate; E372: ``seconds`` shorter than a
        frame. UsageError E102: an argument out of range.

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
    files = sound_files(root)
    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(lambda file: _read(file, root, spectrogram.sample_rate, resample), files))
    faults = {file: sound for file, sound in zip(files, results, strict=True) if isinstance(sound, DataError)}
    names = tuple(f"{file.relative_to(root).as_posix()}: {fault.received}" for file, fault in faults.items())
    if faults and (damaged == "refuse" or len(faults) == len(files)):
        raise DataError(
            "E370",
            where=str(next(iter(faults))),
            expected=fact("a sound file"),
            received=str(next(iter(faults.values())).received),
            notes=list(names[1:20]),
            fix='read_sounds(..., damaged="skip")',
        )
    sounds = [(file, sound) for file, sound in zip(files, results, strict=True) if isinstance(sound, Sound)]
    length = _length([sound for _, sound in sounds], spectrogram, seconds)
    x = np.stack([spectrogram(_fit_length(sound.mono, length)) for _, sound in sounds])  # (N, T, bands)
    paths = [file.relative_to(root) for file, _ in sounds]
    y = np.array([path.parts[0] for path in paths])
    return Sounds(x[..., None], y, tuple(path.as_posix() for path in paths), names)


def _check(seconds: float | None, damaged: str) -> None:
    choice(damaged, ("refuse", "skip"), "damaged", "read_sounds", example="skip")
    if seconds is not None and not (isinstance(seconds, int | float) and 0 < seconds < 1e6):
        raise out_of_range(seconds, "seconds", "read_sounds", "above 0", 1.0)


def sound_files(root: Path, labeled: bool = True) -> list[Path]:
    """Return the sounds in a folder, sorted by path (E301), without hidden ones; E370: none.

    ``labeled`` requires that each sound is in the folder of a class.
    """
    visible = sorted(path.relative_to(root) for path in folder_files(root, SUFFIXES, "E370"))
    sounds = [path for path in visible if path.name.lower().endswith(SUFFIXES)]
    loose = [path.name for path in sounds if len(path.parts) == 1]
    if not sounds or (loose and labeled):
        others = Counter(path.suffix or path.name for path in visible)
        counts = ", ".join(f"{count} {suffix}" for suffix, count in others.most_common(5)) or fact("no files")
        received = (
            fact("{count} sounds in no folder of a class: {name}", count=len(loose), name=loose[0])
            if loose
            else counts
        )
        raise DataError("E370", where=str(root), expected=f"{root.name}/CLASS/sound.wav", received=received)
    return [root / path for path in sounds]


def _read(file: Path, root: Path, rate: int, resample: bool) -> Sound | DataError:
    """Read a sound; returns the error if the file cannot be decoded, and raises any other error."""
    try:
        return with_rate(decode_inside(file, root), rate, resample, str(file))
    except DataError as fault:
        if fault.code != "E370":
            raise
        return fault


def _length(sounds: Sequence[Sound], spectrogram: LogMel, seconds: float | None) -> int:
    """Return the number of samples of every sound; raises E372 for fewer than a frame."""
    if seconds is None:
        return max(spectrogram.win_length, *(len(sound.samples) for sound in sounds))
    length = round(seconds * spectrogram.sample_rate)
    if length < spectrogram.win_length:
        min_seconds = spectrogram.win_length / spectrogram.sample_rate
        expected = fact("at least {count} samples, one frame", count=spectrogram.win_length)
        received = fact("{count} samples in {seconds:g} seconds", count=length, seconds=seconds)
        fix = f"seconds={min_seconds:g}"
        raise DataError("E372", where="read_sounds", expected=expected, received=received, fix=fix)
    return length


def _fit_length(wave: np.ndarray, length: int) -> np.ndarray:
    """Cut a wave to ``length`` samples, or pad it with silence."""
    return np.pad(wave[:length], (0, max(0, length - len(wave))))
