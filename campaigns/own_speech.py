"""How the network of ``listen`` transcribes sounds of other speakers, microphones and rates.

``python -m campaigns.own_speech RUN`` reads the model of ``chainrule example listen --out RUN``. It joins
recordings of the data set spoken-digits, 8,000 samples a second, to 15 rows of five digits of each of six
people, and prints the error rates and how many rows are refused; then how many of 50 sounds that are no
speech are refused: noise, rumble, clicks and chords.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

import chainrule as cr
from chainrule.data import SpeechInput, decode_wave
from chainrule.data.datasets import open_dataset
from chainrule.data.readers.audio import Sound
from chainrule.inputs import TranscriptKind, kind_of
from chainrule.inputs.arrays import input_names
from chainrule.metrics import error_rates

WORDS = "zero one two three four five six seven eight nine".split()
ROWS, LENGTH, RATE = 15, 5, 8000  # rows of each speaker, digits of a row, samples a second
PAUSE, NOISE = 0.1, 2e-3  # seconds after a digit; noise of the loudest sample
OTHERS, OTHER_RATE = 50, 16_000


def rows_of_digits(draw: np.random.Generator) -> tuple[list[Sound], list[str]]:
    """The sounds and their texts."""
    archive = open_dataset("spoken-digits")
    by_person: dict[str, list[tuple[str, str]]] = {}
    for name in archive.names("recordings/*.wav"):
        digit, person, _ = Path(name).stem.split("_")
        by_person.setdefault(person, []).append((WORDS[int(digit)], name))
    sounds, texts = [], []
    for own in by_person.values():
        for _ in range(ROWS):
            chosen = [own[i] for i in draw.choice(len(own), LENGTH, replace=False)]
            waves = [decode_wave(archive.read(name), name, RATE) for _, name in chosen]
            pause = np.zeros(round(PAUSE * RATE))
            wave = np.concatenate([pause, *(part for wave in waves for part in (wave, pause))])
            wave = wave + draw.normal(size=len(wave)) * NOISE * np.abs(wave).max()
            sounds.append(Sound(wave[:, None].astype(np.float32), RATE))
            texts.append(" ".join(word for word, _ in chosen))
    return sounds, texts


def other_sounds(draw: np.random.Generator) -> Mapping[str, list[Sound]]:
    """Sounds of two seconds that are no speech, by their name."""
    size = (OTHERS, 2 * OTHER_RATE)
    noise = draw.normal(size=size)
    time = np.arange(size[1]) / OTHER_RATE
    tones = draw.choice([220, 262, 294, 330, 392, 440], (OTHERS, 3, 1))
    chords = sum(np.sin(2 * np.pi * tones * h * time).sum(axis=1) / h for h in range(1, 6))
    beats = np.exp(-3 * (time * draw.uniform(2, 5, (OTHERS, 1)) % 1))
    waves = {
        "noise": noise,
        "rumble": np.cumsum(noise, axis=1),
        "clicks": noise * (draw.random(size) < 1e-3),
        "chords": chords * beats,
    }
    return {
        name: [Sound(row[:, None].astype(np.float32), OTHER_RATE) for row in rows]
        for name, rows in waves.items()
    }


def is_refused(kind: TranscriptKind, model: cr.Model, x: np.ndarray) -> np.ndarray:
    """Return which rows have no transcript: unlike those of the training, or of little confidence."""
    return kind.unlike(model, dict.fromkeys(input_names(model), x)) | (kind.confidence(model, x) < kind.level)


def main(words: Sequence[str] | None = None) -> int:
    """Print the scores."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", metavar="RUN")
    model = cr.load(Path(parser.parse_args(words).run, "model.safetensors"))
    kind, draw = kind_of(model), np.random.default_rng(0)
    assert isinstance(kind, TranscriptKind)
    reader = SpeechInput(kind.frames)
    sounds, texts = rows_of_digits(draw)
    x = np.stack([reader(sound, text) for sound, text in zip(sounds, texts, strict=True)])
    rates = error_rates(texts, kind.transcribe(model, x))
    refused = is_refused(kind, model, x).mean()
    print(f"digits: WER {rates['WER'].value:.3f}, CER {rates['CER'].value:.3f}, {refused:.2f} refused")
    for name, own in other_sounds(draw).items():
        x = np.stack([reader(sound, name) for sound in own])
        print(f"{name}: {is_refused(kind, model, x).mean():.2f} refused")
    return 0


if __name__ == "__main__":
    sys.exit(main())
