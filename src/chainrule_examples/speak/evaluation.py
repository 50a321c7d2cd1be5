"""Speech beside recordings: its distortion, that of simpler methods, and files to listen to and look at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.data import encode_wave
from chainrule.generation import SpeechOutput
from chainrule.messages import Texts, in_language
from chainrule.metrics import SampledScore, mean_score
from chainrule.page import Figure, image_page
from chainrule_examples.score_table import Score
from chainrule_examples.speak.distortion import SPECTROGRAM, mel_cepstral_distortion
from chainrule_examples.speak.voice_clips import Clip

MEAN, TEACHER = "mean frame", "espeak-ng"


def distortion(clips: Sequence[Clip], spoken: Sequence[np.ndarray]) -> SampledScore:
    """The mean MCD of spectrograms of the texts of recordings."""
    pairs = zip(clips, spoken, strict=True)
    return mean_score(np.array([mel_cepstral_distortion(clip.log_mel, own) for clip, own in pairs]))


def baselines(training: Sequence[Clip], test: Sequence[Clip]) -> list[Score]:
    """The scores of one spectrum for all frames, and of espeak-ng."""
    mean = np.concatenate([clip.log_mel for clip in training]).mean(axis=0)
    same = [np.repeat(mean[None], len(clip.log_mel), axis=0) for clip in test]
    spoken = {MEAN: same, TEACHER: [clip.teacher for clip in test]}
    return [Score.on_test_set(name, [{"MCD": distortion(test, own)}]) for name, own in spoken.items()]


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
    """The files of a RUN: a page of spectrograms, and the sounds of the network.

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
    return {**files, "spectrograms.html": page}


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
