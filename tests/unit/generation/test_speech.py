"""How texts are cut into rows of a network that speaks, and what its record restores."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.errors import DataError, UsageError
from chainrule.generation.text_to_speech import SpeechOutput, padded_rows, phoneme_rows
from chainrule.serve.models import ServedModel
from kind_models import VOICE, speaking_model

PHONEMES = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 9)), min_size=1, max_size=60)


@given(PHONEMES, st.integers(1, 12), st.integers(9, 40))
@settings(max_examples=150, deadline=None)
def test_rows_are_the_sequence_and_fit(parts: list[tuple[int, int]], count: int, frames: int) -> None:
    phonemes, durations = np.array(parts).T
    rows = VOICE.rows_of(phonemes, durations, (count, frames))
    assert np.array_equal(np.concatenate([phonemes[row] for row in rows]), phonemes)
    assert max(row.stop - row.start for row in rows) <= count
    assert max(durations[row].sum() for row in rows) <= frames
    x = padded_rows(phonemes, durations, rows, count)
    assert np.array_equal(x["phonemes"][x["phonemes"] > 0], phonemes)
    assert x["durations"].sum() == durations.sum()


@given(st.lists(st.booleans(), min_size=2, max_size=30), st.integers(2, 6))
@settings(max_examples=80, deadline=None)
def test_a_row_ends_after_a_pause_if_it_has_one_after_its_first_phoneme(
    pauses: list[bool], count: int
) -> None:
    is_pause = np.array(pauses)
    rows = phoneme_rows(np.ones(len(pauses)), is_pause, (count, 100))
    assert rows[-1].stop == len(pauses)
    for row in rows[:-1]:
        assert is_pause[row.stop - 1] or not is_pause[row.start + 1 : row.stop].any()


class Steady:
    """A network that gives each phoneme three frames, and each frame its number in the row."""

    def __call__(self, x: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        frames = np.broadcast_to(np.arange(20.0)[None, :, None], (len(x["phonemes"]), 20, 40))
        return {"log_durations": np.log(4.0) * (x["phonemes"] > 0), "spectrogram": frames}


def test_the_spectrograms_of_rows_are_joined() -> None:
    phonemes = np.array([4, 5, 3, 4, 5, 4, 5])
    assert VOICE.durations_of(Steady(), phonemes, (5, 20)).tolist() == [3] * 7
    spectrogram = VOICE.spectrogram_of(Steady(), phonemes, (5, 20))
    assert spectrogram[:, 0].tolist() == [*range(9), *range(12)]  # the first row ends after the pause
    assert len(VOICE.sound_of(spectrogram)) == 20 * 80 + 256


@pytest.mark.parametrize("value", [np.log(1e9), -5.0, 1e30])
def test_extreme_durations_are_limited(value: float) -> None:
    def network(x: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        shape = x["phonemes"].shape
        return {"log_durations": np.full(shape, value), "spectrogram": np.zeros((shape[0], 20, 40))}

    spectrogram = VOICE.spectrogram_of(network, np.array([4, 5]), (5, 20))
    assert len(spectrogram) == (1 if value < 0 else 40)


def test_unknown_phonemes_are_replaced_by_similar_ones() -> None:
    symbols = ("'aI", "aI", ",aI", "i:", "'a", "aI@", "n")
    assert VOICE.numbers(symbols, "text").tolist() == [1, 1, 1, 2, 4, 1, 5]
    with pytest.raises(DataError, match="E365"):
        VOICE.numbers(("x",), "text")


def test_a_record_is_restored_and_others_are_ignored() -> None:
    record = json.loads(json.dumps(VOICE.to_record()))
    assert SpeechOutput.from_record(record) == VOICE
    for name, value in (
        ("voice", "../../etc"),
        ("voice", 3),
        ("symbols", []),
        ("symbols", ["a"]),
        ("symbols", ["_"] * 2000),
        ("symbols", ["_", ""]),
        ("symbols", ["_", 1]),
        ("spectrogram", {}),
        ("spectrogram", None),
        ("spectrogram", {**record["spectrogram"], "n_mels": 10**9}),
        ("spectrogram", {**record["spectrogram"], "floor": -1.0}),
        ("spectrogram", {**record["spectrogram"], "hop_length": True}),
    ):
        assert SpeechOutput.from_record({**record, name: value}) is None
    assert SpeechOutput.from_record([]) is None
    assert SpeechOutput.from_record({**record, "more": 1}) is None


def test_a_network_that_speaks_is_not_served() -> None:
    with pytest.raises(UsageError, match="speech") as caught:
        ServedModel("voice", "1", "runs/voice", speaking_model(), "")
    assert caught.value.code == "E622"
    assert caught.value.fix == "chainrule predict runs/voice DATA"
