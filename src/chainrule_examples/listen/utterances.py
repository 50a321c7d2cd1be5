"""AN4: 1,078 utterances of spelled words, numbers and commands, as 13 cepstral coefficients for each 10 ms.

The files of features begin with the number of values, and contain them as 32-bit numbers, big-endian. The
test speakers occur in no other part; eight training speakers are for validation.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

import chainrule as cr
from chainrule.data import with_deltas
from chainrule.data.datasets import Archive, open_dataset
from chainrule.errors import DataError, fact
from chainrule.messages import Texts

SYMBOLS = "-abcdefghijklmnopqrstuvwxyz "  # of the labels; the first is the blank of CTC
COEFFICIENTS, LENGTH, MAX_LABELS = 13, 640, 60  # of a frame; frames and labels of an utterance
HELD_OUT = 8  # training speakers for validation
STRIDE = 4  # frames of the input for one of the output
LINE = re.compile(r"(?:<s>)?(.*?)(?:</s>)?\s*\(([^()]+)\)")
OPTIONS: Texts = {
    "digits": "recognize single digits instead",
    "data": "archive or folder of the recordings",
    "long": "larger network and longer training",
    "seeds": "number of trainings; 0: 1, or 3 for digits",
    "epochs": "number of epochs; 0: chosen for the network",
    "out": "folder for the model, the scores and the transcripts",
}
TEXTS: Texts = {
    "data": "{0:,} training, {1:,} validation, {2:,} test utterances of {3}, {4} and {5} people",
    "done": "seed {seed}: {size:,} parameters; validation WER {greedy:.1%}, with a word bigram {beam:.1%}",
    "note": (
        "The vocabulary is small: letters, numbers and thirty commands, read in quiet offices in 1990."
        "\nConversations have error rates many times as high."
    ),
}


class Utterances(NamedTuple):
    """Utterances with their transcripts.

    Args:
        x: (N, LENGTH, 26) normalized coefficients and their deltas, followed by zeros.
        frames: (N,) frames of the output of the network.
        texts: the transcripts.
        speakers: (N,) names.
    """

    x: np.ndarray
    frames: np.ndarray
    texts: list[str]
    speakers: np.ndarray

    @property
    def y(self) -> np.ndarray:
        """Targets of ``CTC(time_major=True)``: the frames, then the labels, (N, 1 + MAX_LABELS)."""
        y = np.zeros((len(self.texts), 1 + MAX_LABELS), np.int64)
        y[:, 0] = self.frames
        for row, text in zip(y, self.texts, strict=True):
            row[1 : 1 + len(text)] = [SYMBOLS.index(character) for character in text]
        return y

    def where(self, rows: np.ndarray) -> Utterances:
        """The rows for which ``rows`` is true."""
        texts = [text for text, chosen in zip(self.texts, rows.tolist(), strict=True) if chosen]
        return Utterances(self.x[rows], self.frames[rows], texts, self.speakers[rows])


def read_parts(data: str) -> tuple[Utterances, Utterances, Utterances]:
    """Training, validation and test utterances, with disjoint speakers.

    Args:
        data: archive or folder; empty: a copy is looked for or downloaded.

    Raises:
        DataError: as ``open_dataset`` and ``Archive.text``; E316 a damaged file; E331 too few speakers.
    """
    archive = open_dataset("speech", data)
    known, test = _read(archive, "train"), _read(archive, "test")
    names = np.unique(known.speakers)
    if len(names) < 2:
        expected = fact("at least {count} speakers", count=2)
        raise DataError("E331", where=str(archive.path), expected=expected, received=len(names))
    held_out = np.random.default_rng(0).permutation(names)[: min(HELD_OUT, len(names) // 2)]
    is_validation = np.isin(known.speakers, held_out)
    return known.where(~is_validation), known.where(is_validation), test


def _read(archive: Archive, part: str) -> Utterances:
    """The utterances of ``"train"`` or ``"test"``."""
    ids = archive.text(f"an4/etc/an4_{part}.fileids").split()
    name = f"an4/etc/an4_{part}.transcription"
    lines = (LINE.fullmatch(line.strip()) for line in archive.text(name).splitlines())
    texts = {line[2]: " ".join(line[1].lower().split()) for line in lines if line}
    for place in ids:
        text = texts.get(place.rpartition("/")[2], "")
        if not 0 < len(text) <= MAX_LABELS or not set(text) <= set(SYMBOLS[1:]):
            expected = fact("1 to {limit} letters and spaces", limit=MAX_LABELS)
            received = text[:80] or fact("no line for {name}", name=place)
            raise DataError("E316", where=f"{archive.path}/{name}", expected=expected, received=received)
    cepstra = [_cepstra(archive, f"an4/feat/{place}.mfc") for place in ids]
    frames = np.array([-(-len(c) // STRIDE) for c in cepstra])
    x = cr.pad_sequences([with_deltas(c) for c in cepstra], LENGTH).values
    speakers = np.array([place.split("/")[-2] for place in ids])
    return Utterances(x, frames, [texts[place.rpartition("/")[2]] for place in ids], speakers)


def _cepstra(archive: Archive, name: str) -> np.ndarray:
    """The coefficients of a file, (T, 13).

    Raises:
        DataError E316: its length is not what it states, or values are not finite.
    """
    content = archive.read(name)
    values = np.frombuffer(content[4 : 4 + (len(content) - 4) // 4 * 4], ">f4").astype(np.float32)
    stated = int.from_bytes(content[:4], "big")
    limit = LENGTH * COEFFICIENTS
    is_valid = stated == len(values) and 0 < stated <= limit and stated % COEFFICIENTS == 0
    if not is_valid or not np.isfinite(values).all():
        expected = fact("a multiple of {n} finite values, at most {limit:,}", n=COEFFICIENTS, limit=limit)
        received = fact("{stated:,} values stated, {count:,} present", stated=stated, count=len(values))
        raise DataError("E316", where=f"{archive.path}/{name}", expected=expected, received=received)
    return values.reshape(-1, COEFFICIENTS)  # -> (T, 13)
