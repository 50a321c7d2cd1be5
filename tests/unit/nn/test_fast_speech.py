"""FastSpeech: frames follow the durations, padding is silent, and parts of another shape are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.errors import ShapeError, UsageError

FRAMES = 12
PHONEMES = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 5)), min_size=1, max_size=5)


def model_of(net: cr.Layer) -> cr.Model:
    model = cr.Model(net, {"spectrogram": "mae", "log_durations": "mae"}, metrics=[], engine="reference")
    return model.initialize({"phonemes": np.ones((1, 5), np.int64), "durations": np.ones((1, 5), np.float32)})


@pytest.fixture(scope="module")
def speaker() -> cr.Model:
    return model_of(cr.FastSpeech(cr.Embedding(5, 4), cr.Dense(1), cr.Dense(3), FRAMES))


@given(parts=PHONEMES)
@settings(max_examples=30, deadline=None)
def test_each_frame_is_that_of_its_phoneme_and_the_rest_is_zero(
    parts: list[tuple[int, int]], speaker: cr.Model
) -> None:
    phonemes, durations = np.zeros((1, 5), np.int64), np.zeros((1, 5), np.float32)
    phonemes[0, : len(parts)], durations[0, : len(parts)] = np.array(parts).T
    y = speaker({"phonemes": phonemes, "durations": durations})
    values = {path.rpartition("fast_speech1.")[2]: array for path, array in speaker.parameters().items()}
    codes = values["encoder.weight"][phonemes[0]]
    expected = np.zeros((FRAMES, 3))
    frames = [(p, i, d) for p, (_, d) in enumerate(parts) for i in range(d)][:FRAMES]
    for t, (p, i, d) in enumerate(frames):
        x = np.concatenate([codes[p], [i / d, np.log(1 + d)]])
        expected[t] = x @ values["decoder.weight"].T + values["decoder.bias"]
    assert np.allclose(y["spectrogram"][0], expected, atol=1e-5)
    logarithms = codes @ values["head.weight"].T + values["head.bias"]
    assert np.allclose(y["log_durations"][0], logarithms[:, 0] * (phonemes[0] > 0), atol=1e-5)


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ((cr.Sequential(cr.Embedding(5, 4), cr.Flatten()), cr.Dense(1), cr.Dense(3)), "encoder"),
        ((cr.Embedding(5, 4), cr.Dense(2), cr.Dense(3)), "head"),
        ((cr.Embedding(5, 4), cr.Dense(1), cr.Flatten()), "decoder"),
    ],
)
def test_a_part_of_another_shape_is_named(parts: tuple[cr.Layer, ...], name: str) -> None:
    with pytest.raises(ShapeError, match="E208") as caught:
        model_of(cr.FastSpeech(*parts, FRAMES))
    assert name in str(caught.value)


@pytest.mark.parametrize(
    "shapes",
    [
        {"values": (2, 3, 4)},
        {"values": (2, 3, 4), "durations": (2, 4)},
        {"values": (2, 3), "durations": (2, 3)},
    ],
)
def test_values_without_their_durations_are_refused(shapes: dict[str, tuple[int, ...]]) -> None:
    inputs = {name: np.zeros((1, *shape[1:]), np.float32) for name, shape in shapes.items()}
    model = cr.Model(cr.LengthRegulator(4), "mae", engine="reference")
    with pytest.raises(ShapeError, match="E208"):
        model.initialize(inputs)


def test_arguments_out_of_range_are_refused() -> None:
    with pytest.raises(UsageError, match="E102"):
        cr.LengthRegulator(0)
    with pytest.raises(UsageError, match="E104"):
        cr.FastSpeech(cr.Dense(1), "relu", cr.Dense(1), 4)  # type: ignore[arg-type]
