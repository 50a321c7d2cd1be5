"""The recordings of one voice with their phonemes and the duration of each, and their division by text.

No one has marked where phonemes begin. espeak-ng reports it of its own speech, which is aligned with the
recording of the same text by dynamic time warping: the path transfers the marks. espeak-ng is thus a
teacher of timing only: nothing of its sound is learned.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from chainrule import resampled
from chainrule.data import decode_wave
from chainrule.data.datasets import Archive, open_dataset
from chainrule.data.sequences.phonemes import PAUSE, pronounce
from chainrule.errors import DataError, fact
from chainrule.generation import SpeechOutput, padded_rows
from chainrule_examples.speak.distortion import SPECTROGRAM, mel_cepstra, warp_time

RATE = SPECTROGRAM.sample_rate
LANGUAGE = "en-us"
TEACHER = f"{LANGUAGE}+f4"  # the female variant of espeak-ng with the smallest distance after alignment
MARGIN = RATE // 10  # samples of silence around the teacher's speech
LONGEST = 30  # seconds
TEXTS = "*core-sounds-en.txt*"
MAX_TEXT = 1_000_000  # bytes of the file of texts
PARTS = {"test": 15, "validation": 10}  # percent of the texts
_REMARK = re.compile(r"[\[(<][^\])>]*[\])>]|\.\.\.")  # (2 seconds of silence), [a tone], <a tone>


class Clip(NamedTuple):
    """A recording.

    Args:
        name: of the file.
        text: what is said.
        symbols: its phonemes, beginning and ending with silence.
        durations: (n,) of each, in frames of the recording.
        log_mel: (T, bands) of the recording.
        teacher: (U, bands) of espeak-ng.
    """

    name: str
    text: str
    symbols: tuple[str, ...]
    durations: np.ndarray
    log_mel: np.ndarray
    teacher: np.ndarray


def read_clips(data: str) -> dict[str, list[Clip]]:
    """The training, validation and test recordings.

    Args:
        data: archives or folder; empty: a copy is looked for or downloaded.

    Raises:
        DataError: as ``open_dataset``, ``decode_wave`` and ``pronounce``; E316 no texts of recordings.
    """
    archive = open_dataset("voice", data)
    names = {name.rpartition(".")[0]: name for name in archive.names("*.wav")}
    parts: dict[str, list[Clip]] = {"training": [], "validation": [], "test": []}
    for key, text in read_texts(archive).items():
        name = next((names[path] for path in names if path == key or path.endswith(f"/{key}")), None)
        if name is None:
            continue
        samples = decode_wave(archive.read(name), f"{archive.path}/{name}", RATE)
        if SPECTROGRAM.win_length <= len(samples) <= LONGEST * RATE:
            parts[part_of(text)].append(aligned_clip(key, text, samples))
    if not all(parts.values()):
        expected = fact("recordings named in the file of texts, in each of three parts")
        received = ", ".join(f"{part} {len(clips)}" for part, clips in parts.items())
        raise DataError("E316", where=str(archive.path), expected=expected, received=received)
    return parts


def read_texts(archive: Archive) -> dict[str, str]:
    """The texts by the name of the recording, without remarks; those of tones and silence are left out.

    Raises:
        DataError E316: no file of texts, or a damaged one. E307: it is not UTF-8.
    """
    names = archive.names(TEXTS)
    if not names:
        expected, received = fact("the files {patterns}", patterns=TEXTS), fact("none of them")
        fix = "chainrule data get voice"
        raise DataError("E316", where=str(archive.path), expected=expected, received=received, fix=fix)
    where = f"{archive.path}/{names[0]}"
    try:
        content = archive.read(names[0])
        if content[:2] == b"\x1f\x8b":
            content = zlib.decompressobj(31).decompress(content, MAX_TEXT)
        lines = content[:MAX_TEXT].decode("utf-8").splitlines()
    except (zlib.error, UnicodeDecodeError) as error:
        raise DataError("E316", where=where, received=str(error)[:80]) from error
    pairs = (line.split(": ", 1) for line in lines if ": " in line and not line.startswith(";"))
    texts = {key.strip(): " ".join(_REMARK.sub(" ", text).split()) for key, text in pairs}
    return {key: text for key, text in texts.items() if normalized(text)}


def normalized(text: str) -> str:
    """The words of a text in lower case, without punctuation: texts that sound alike are equal."""
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


def part_of(text: str) -> str:
    """The part of a text, by its checksum: equal texts are in one part, whatever else is in the set."""
    percent = int(hashlib.sha256(normalized(text).encode()).hexdigest(), 16) % 100
    for part, share in PARTS.items():
        if percent < share:
            return part
        percent -= share
    return "training"


def aligned_clip(name: str, text: str, samples: np.ndarray) -> Clip:
    """A recording with the durations of its phonemes."""
    spoken = pronounce(text, TEACHER, name)
    sound = np.pad(resampled(spoken.sound.mono, spoken.sound.sample_rate, RATE), MARGIN)
    teacher, log_mel = SPECTROGRAM(sound), SPECTROGRAM(samples)
    symbols, starts = (PAUSE, *spoken.symbols), np.array([0.0, *(spoken.starts * RATE + MARGIN)])
    if symbols[-1] != PAUSE:
        symbols, starts = (*symbols, PAUSE), np.append(starts, len(sound) - MARGIN)
    centers = (starts - SPECTROGRAM.win_length / 2) / SPECTROGRAM.hop_length
    frames = np.clip(np.ceil(centers), 0, len(teacher) - 1).astype(int)  # where each begins, of the teacher
    path = warp_time(_standardized(teacher), _standardized(log_mel))
    first = np.searchsorted(path.i, np.arange(len(teacher)))  # the first pair of each frame of the teacher
    edges = np.append(path.j[first[frames]], len(log_mel))
    edges[0] = 0
    return Clip(name, text, symbols, np.diff(edges), log_mel, teacher)


def _standardized(log_mel: np.ndarray) -> np.ndarray:
    """Loudness and cepstra with mean 0 and standard deviation 1, which removes most of the voice."""
    features = np.concatenate([log_mel.mean(axis=1, keepdims=True), mel_cepstra(log_mel)], axis=1)
    return (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-3)


def training_rows(
    clips: Sequence[Clip], output: SpeechOutput, size: tuple[int, int]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Inputs and targets of the network: the recordings one after the other, cut into rows.

    Args:
        clips: recordings.
        output: the numbers of the phonemes.
        size: number of phonemes and of frames of a row.
    """
    phonemes = np.concatenate([output.numbers(clip.symbols, clip.name) for clip in clips])
    durations = np.concatenate([clip.durations for clip in clips]).clip(max=size[1])
    log_mel = np.concatenate([clip.log_mel for clip in clips])
    rows = output.rows_of(phonemes, durations, size)
    ends = np.cumsum([durations[row].sum() for row in rows])[:-1]
    frames = np.stack([np.pad(part, ((0, size[1] - len(part)), (0, 0))) for part in np.split(log_mel, ends)])
    x = padded_rows(phonemes, durations, rows, size[0])
    return x, {"spectrogram": frames, "log_durations": np.log1p(x["durations"])}
