"""The mel-cepstral distortion of speech for test recordings, and that of simpler methods."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.data.sequences.griffin_lim import griffin_lim
from chainrule_examples.score_table import Score
from chainrule_examples.speak.mel_cepstral_distortion import SPECTROGRAM, mel_cepstral_distortion
from chainrule_examples.speak.voice_clips import Clip

MEAN, TEACHER = "mean frame", "espeak-ng"


def distortion(clips: Sequence[Clip], spoken: Sequence[np.ndarray]) -> float:
    """The mean MCD of spectrograms of the texts of recordings."""
    pairs = zip(clips, spoken, strict=True)
    return float(np.mean([mel_cepstral_distortion(clip.log_mel, own) for clip, own in pairs]))


def baselines(training: Sequence[Clip], test: Sequence[Clip]) -> list[Score]:
    """The scores of one spectrum for all frames, and of espeak-ng."""
    mean = np.concatenate([clip.log_mel for clip in training]).mean(axis=0)
    same = [np.repeat(mean[None], len(clip.log_mel), axis=0) for clip in test]
    spoken = {MEAN: same, TEACHER: [clip.teacher for clip in test]}
    return [Score(name, {"MCD": [distortion(test, own)]}) for name, own in spoken.items()]


def limit_of_griffin_lim(test: Sequence[Clip]) -> float:
    """The distortion of the recordings themselves, converted to spectrograms and back to sounds."""
    return distortion(test, [SPECTROGRAM(griffin_lim(clip.log_mel, SPECTROGRAM)) for clip in test])
