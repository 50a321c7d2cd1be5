"""``chainrule example listen --digits``: recognize digits by convolutions over log-mel spectrograms.

The test recordings are of speakers who also recorded training digits. ``--long`` also leaves out each speaker
once, which is how well a stranger is understood.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from scipy.fft import dct

import chainrule as cr
from chainrule import LogMel
from chainrule.data import SoundInput, decode_wave
from chainrule.data.datasets import open_dataset
from chainrule.errors import DataError, fact
from chainrule.inputs import SoundKind
from chainrule.messages import Text, Texts, in_language
from chainrule.metrics import mean_score
from chainrule.page import markup_table, result_page
from chainrule.tabular import logistic
from chainrule_examples.listen.nearest_sounds import majority, warped_distances
from chainrule_examples.score_table import Score, credit_line, print_scores, save_run
from chainrule_examples.tuning import best_settings

RATE = 8000
READER = SoundInput(LogMel(RATE, win_length=256, hop_length=80, n_mels=32, f_min=60.0, floor=1e-5), 0.8)
NAME = re.compile(r"recordings/(\d)_([a-z]+)_(\d+)\.wav")


class Digits(NamedTuple):
    """Spectrograms with digits.

    Args:
        x: (N, frames, bands, 1) spectrograms.
        y: (N,) digits, as texts.
        speakers: (N,) names.
        numbers: (N,) numbers of the recordings of a speaker and digit.
        names: (N,) names in the archive.
    """

    x: np.ndarray
    y: np.ndarray
    speakers: np.ndarray
    numbers: np.ndarray
    names: np.ndarray

    def where(self, rows: np.ndarray) -> Digits:
        """The rows for which ``rows`` is true."""
        return Digits(*(array[rows] for array in self))

    def split(self) -> tuple[Digits, Digits, Digits]:
        """Training, validation and test recordings by the number of the recording."""
        is_test, is_validation = self.numbers < 5, (self.numbers >= 5) & (self.numbers < 10)
        return self.where(~is_test & ~is_validation), self.where(is_validation), self.where(is_test)


def read_digits(data: str) -> Digits:
    """Read the recordings.

    Args:
        data: archive or folder; empty: a copy is looked for or downloaded.

    Raises:
        DataError: as ``open_dataset``; E370 a damaged or silent recording; E371 another sample rate.
    """
    archive = open_dataset("spoken-digits", data)
    names = [name for name in archive.names("recordings/*.wav") if NAME.fullmatch(name)]
    if not names:
        expected = "recordings/7_george_0.wav"
        raise DataError("E370", where=str(archive.path), expected=expected, received=fact("no such file"))
    parts = [NAME.fullmatch(name).groups() for name in names]  # type: ignore[union-attr]  # matched above
    places = [f"{archive.path}/{name}" for name in names]
    sounds = (decode_wave(archive.read(n), place, RATE) for n, place in zip(names, places, strict=True))
    x = np.stack([READER(sound, place) for sound, place in zip(sounds, places, strict=True)])
    digits, speakers, numbers = zip(*parts, strict=True)
    return Digits(x, np.array(digits), np.array(speakers), np.array(numbers, np.int64), np.array(names))


# Option ``--digits``: recognize digits by convolutions over log-mel spectrograms.
#
# The test recordings are of speakers who also recorded training digits. ``--long`` also leaves out each
# speaker once, which is how well a stranger is understood.

TEXTS: Texts = {
    "data": "{0:,} training, {1:,} validation, {2:,} test recordings of {3} people",
    "done": "seed {seed}: {size:,} parameters, validation accuracy {accuracy:.4f}",
    "stranger": "Without {speaker} in training: accuracy {accuracy:.4f} on {rows} recordings of {speaker}",
    "note": "Six people, one microphone each: the accuracy for other people is lower, see --long.",
    "errors": "Errors on the test recordings",
    "columns": "true,predicted,recordings",
}
BASELINES: tuple[Text, ...] = (
    "most frequent digit",
    "linear model of the mean spectrum",
    "nearest recordings, aligned in time",
)
NET: Text = "convolutional network"
QUICK, LONG = 6, 20  # epochs


def convolution(channels: int, stride: int = 1) -> list[cr.Layer]:
    """A convolution of 3 x 3 with batch normalization and ReLU."""
    layer = cr.Conv(channels, 3, padding="same", stride=stride, bias=False)
    return [layer, cr.BatchNorm(), cr.Activation("relu")]


def train_network(training: Digits, validation: Digits | None, seed: int, epochs: int) -> cr.Model:
    """Train a network; the model contains how sounds are read, for ``chainrule predict RUN FILE``."""
    stages = [*convolution(16, 2), *convolution(32), cr.MaxPool(2), *convolution(32), *convolution(64)]
    last = [cr.GlobalMaxPool(), cr.Dropout(0.3), cr.Dense(10)]  # (B, frames, bands, 64) -> (B, 10)
    net = cr.Sequential(cr.Rescaling(0.25, 1.5), *stages, *last)
    model = cr.Model(net, "cross_entropy", cr.AdamW(cr.OneCycle(0.01)), metrics=["accuracy"])
    held_out = None if validation is None else (validation.x, validation.y)
    model.fit(training.x, training.y, validation=held_out, epochs=epochs, batch_size=64, seed=seed)
    if model.facts["ended"] == "interrupted":
        raise KeyboardInterrupt
    SoundKind(READER).attach(model)
    return model


def cepstra(recordings: Digits) -> list[np.ndarray]:
    """Twelve cepstral coefficients of every second frame of each recording, (T, 12) each."""
    return [np.asarray(dct(x[::2, :, 0], norm="ortho"))[:, 1:13] for x in recordings.x]


def nearest_digits(training: Digits, validation: Digits, test: Digits) -> np.ndarray:
    """The digit of each test recording by its nearest training recordings; validation selects how many."""
    known = cepstra(training)
    chosen = warped_distances(cepstra(validation), known)

    def measure(count: int) -> float:
        return float((majority(chosen, training.y, count) == validation.y).mean())

    best = best_settings(BASELINES[2], {"count": (1, 3, 5)}, measure)
    return majority(warped_distances(cepstra(test), known), training.y, best["count"])


def baseline_scores(training: Digits, validation: Digits, test: Digits) -> list[Score]:
    """The accuracy of each of ``BASELINES``."""
    mean = [part.x[..., 0].mean(axis=1) for part in (training, test)]  # (N, frames, bands, 1) -> (N, bands)
    x = [(m - mean[0].mean(0)) / mean[0].std(0) for m in mean]
    digits, counts = np.unique(training.y, return_counts=True)
    linear = logistic(x[0], training.y.astype(np.int64), 10)(x[1]).argmax(axis=1)
    nearest = nearest_digits(training, validation, test) == test.y
    right = test.y == digits[counts.argmax()], linear == test.y.astype(np.int64), nearest
    rows = zip(BASELINES, right, strict=True)
    return [Score.on_test_set(name, [{"accuracy": mean_score(own)}]) for name, own in rows]


def recognize_digits(lang: str, data: str, long: bool, seeds: int, epochs: int, out: str) -> None:
    """Train networks, evaluate once on the test recordings, and with ``long`` on speakers left out."""
    texts, digits = in_language(TEXTS, lang), read_digits(data)
    parts, epochs, speakers = digits.split(), epochs or (LONG if long else QUICK), np.unique(digits.speakers)
    print(texts["data"].format(*(len(part.y) for part in parts), len(speakers)), flush=True)
    models = []
    for seed in range(seeds):
        models.append(model := train_network(*parts[:2], seed, epochs))
        accuracy = model.evaluate(parts[1].x, parts[1].y)["accuracy"]
        size = sum(array.size for array in model.parameters().values())
        print(texts["done"].format(seed=seed, size=size, accuracy=accuracy), flush=True)
    test = parts[2]  # used only here
    runs = [{"accuracy": mean_score(np.asarray(model.predict(test.x)) == test.y)} for model in models]
    scores = [*baseline_scores(*parts), Score.on_test_set(NET, runs)]
    print_scores(scores, lang, "accuracy")
    for speaker in speakers if long else ():
        own = digits.where(digits.speakers == speaker)
        model = train_network(digits.where(digits.speakers != speaker), None, 0, epochs)
        accuracy = model.evaluate(own.x, own.y)["accuracy"]
        print(texts["stranger"].format(speaker=speaker, accuracy=accuracy, rows=len(own.y)), flush=True)
    print(texts["note"], credit_line("spoken-digits", lang), sep="\n")
    if out:
        pairs = np.stack([test.y, np.asarray(models[0].predict(test.x))])
        wrong, counts = np.unique(pairs[:, pairs[0] != pairs[1]], axis=1, return_counts=True)
        table = markup_table(
            texts["columns"].split(","), [(*pair, n) for pair, n in zip(wrong.T, counts, strict=True)]
        )
        archive = open_dataset("spoken-digits", data)
        rows = zip(test.y.tolist(), test.names.tolist(), strict=True)
        sounds = {f"test/{digit}/{name.rpartition('/')[2]}": archive.read(name) for digit, name in rows}
        page = result_page(texts["errors"], lang, [("", table, "")])
        save_run(out, models[0], scores, {"errors.html": page, **sounds}, known=(parts[0].x, parts[1].x))
