"""Speech beside recordings: its distortion, that of simpler methods, and files to listen to and look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chainrule.data import encode_wave
from chainrule.generation import SpeechOutput
from chainrule.messages import Text, Texts, in_language
from chainrule.metrics import SampledScore, mean_score
from chainrule.page import Figure, image_page
from chainrule_examples.score_table import Score
from chainrule_examples.speak.distortion import SPECTROGRAM, mel_cepstral_distortion
from chainrule_examples.speak.voice_clips import Clip

MEAN, TEACHER = "mean frame", "espeak-ng"
UNITS: Text = "recorded phonemes in a similar context"


def distortion(clips: Sequence[Clip], spoken: Sequence[np.ndarray]) -> SampledScore:
    """The mean MCD of spectrograms of the texts of recordings."""
    pairs = zip(clips, spoken, strict=True)
    return mean_score(np.array([mel_cepstral_distortion(clip.log_mel, own) for clip, own in pairs]))


def baselines(training: Sequence[Clip], test: Sequence[Clip]) -> list[Score]:
    """The scores of one spectrum for all frames, of espeak-ng, and of joined recordings."""
    mean = np.concatenate([clip.log_mel for clip in training]).mean(axis=0)
    same = [np.repeat(mean[None], len(clip.log_mel), axis=0) for clip in test]
    units = UnitVoice.of(training)
    units_of_test = [units.speak(clip.symbols) for clip in test]
    spoken = {MEAN: same, TEACHER: [clip.teacher for clip in test], UNITS: units_of_test}
    return [Score.on_test_set(name, [{"MCD": distortion(test, own)}]) for name, own in spoken.items()]


@dataclass(frozen=True)
class UnitVoice:
    """Concatenative synthesis: each phoneme is a recording of it, with the same neighbors if there is one.

    Reference: Hunt and Black (1996), Unit selection in a concatenative speech synthesis system (ICASSP).

    Args:
        units: the frames, (T, bands), of a phoneme with its neighbors; an empty text is any neighbor.
    """

    units: Mapping[tuple[str, str, str], np.ndarray]

    @staticmethod
    def of(clips: Sequence[Clip]) -> UnitVoice:
        """The units of recordings: of several in one context, that of the median length."""
        known: dict[tuple[str, str, str], list[np.ndarray]] = {}
        for clip in clips:
            parts = np.split(clip.log_mel, np.cumsum(clip.durations)[:-1])
            for part, places in zip(parts, _contexts(clip.symbols), strict=True):
                for place in places if len(part) else ():
                    known.setdefault(place, []).append(part)
        return UnitVoice({place: sorted(own, key=len)[len(own) // 2] for place, own in known.items()})

    def speak(self, symbols: Sequence[str]) -> np.ndarray:
        """The spectrogram of phonemes, (T, bands); those that no recording contains are left out."""
        known = ([place for place in places if place in self.units] for places in _contexts(symbols))
        return np.concatenate([self.units[places[0]] for places in known if places])


def _contexts(symbols: Sequence[str]) -> Iterator[list[tuple[str, str, str]]]:
    """Each phoneme with both neighbors, with one, and alone."""
    for before, own, after in zip(("", *symbols[:-1]), symbols, (*symbols[1:], ""), strict=True):
        yield [(before, own, after), ("", own, after), (before, own, ""), ("", own, "")]


def limit_of_griffin_lim(test: Sequence[Clip], output: SpeechOutput) -> float:
    """The distortion of the recordings themselves, converted to spectrograms and back to sounds."""
    return distortion(test, [SPECTROGRAM(output.sound_of(clip.log_mel)) for clip in test]).value


TEXTS: Texts = {
    "title": "Spectrograms of texts that were not in the training",
    "legend": (
        "Above the recording, below the network; dark is loud, low tones are at the bottom. Time runs to the "
        "right, {seconds:.2f} s for 100 pixels. The players play the sounds of the network."
    ),
}
COUNT, TYPICAL = 8, 2.0  # sounds, and the seconds that their recordings are near
SCALE, GAP = 2, 6  # pixels of a frame and of a band; between two spectrograms


def speech_files(clips: Sequence[Clip], sounds: Sequence[np.ndarray], lang: str) -> dict[str, bytes]:
    """The files of a RUN: a page of spectrograms, sounds of the network, and the test texts, a line each.

    Args:
        clips: recordings.
        sounds: of the network, for their texts.
        lang: ``"en"`` or ``"zh"``.
    """
    rate, hop = SPECTROGRAM.sample_rate, SPECTROGRAM.hop_length
    distances = np.abs(np.array([len(clip.log_mel) for clip in clips]) * hop / rate - TYPICAL)
    files, figures = {}, []
    for i in np.argsort(distances, kind="stable")[:COUNT].tolist():
        clip, spoken = clips[i], SPECTROGRAM(sounds[i])
        distance = mel_cepstral_distortion(clip.log_mel, spoken)
        sound, caption = encode_wave(sounds[i], rate), f"{clip.text} (MCD {distance:.2f})"
        figures.append(Figure((stacked(clip.log_mel, spoken),), caption, sound=sound))
        files[f"{clip.name.replace('/', '-')}.wav"] = sound
    texts = in_language(TEXTS, lang)
    legend = texts["legend"].format(seconds=100 / SCALE * hop / rate)
    page = image_page(texts["title"], [legend], figures, lang)
    lines = "".join(f"{clip.text}\n" for clip in clips)
    return {**files, "spectrograms.html": page, "test.txt": lines.encode()}


def stacked(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Two spectrograms (T, bands) as one image of bytes, dark where they are loud."""
    both = np.concatenate([above, below])
    low, high = np.percentile(both, 5), both.max()
    width = max(len(above), len(below))
    parts = []
    for values in (above, below):
        shade = 255 * (1 - np.clip((values - low) / (high - low + 1e-9), 0, 1))
        image = np.full((values.shape[1], width), 255.0)
        image[:, : len(values)] = shade.T[::-1]
        parts.append(image.repeat(SCALE, axis=0).repeat(SCALE, axis=1))
    between = np.full((GAP, width * SCALE), 255.0)
    return np.concatenate([parts[0], between, parts[1]]).astype(np.uint8)
