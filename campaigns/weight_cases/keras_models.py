"""Networks of Keras with random weights: saved as ``.keras`` and ``.h5``, loaded, and compared.

python -m campaigns.weight_cases.keras_models FOLDER    writes small files for the tests
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras
from keras import Input, Model, Sequential
from keras import layers as K

import chainrule as cr

Build = Callable[[], Any]
CASES: dict[str, Build] = {}


def _case(build: Build) -> Build:
    CASES[build.__name__] = build
    return build


def _chain(
    name: str, shape: tuple[int | None, ...], *parts: Callable[[], Any], dtype: str = "float32"
) -> None:
    CASES[name] = lambda: Sequential([Input(shape, dtype=dtype), *(part() for part in parts)])


D = lambda: K.Dense(3)  # noqa: E731

_chain("dense", (5,), lambda: K.Dense(7, "relu"), lambda: K.Dense(4, "gelu", use_bias=False), D)
_chain("softmax", (5,), lambda: K.Dense(7, "swish"), lambda: K.Dense(4, "softmax"))
_chain("sigmoid", (5,), lambda: K.Dense(7, "selu"), lambda: K.Dense(1, "sigmoid"))
_chain(
    "curves",
    (6,),
    lambda: K.Dense(6, "leaky_relu"),
    lambda: K.ReLU(),
    lambda: K.Dense(6),
    lambda: K.ELU(0.7),
    lambda: K.Dense(6),
    lambda: K.LeakyReLU(negative_slope=0.1),
    lambda: K.Dense(6),
    lambda: K.ReLU(6.0),
    lambda: K.Dense(6),
    lambda: K.ReLU(negative_slope=0.2),
    lambda: K.Dense(6),
    lambda: K.Softmax(),
    lambda: K.Activation("tanh"),
    D,
)
_chain(
    "convolutions",
    (9, 8, 3),
    lambda: K.Conv2D(4, 3, padding="same", activation="relu"),
    lambda: K.Conv2D(6, (2, 3), strides=(1, 2), groups=2),
    lambda: K.Conv2D(4, 2, dilation_rate=2),
    lambda: K.Flatten(),
    D,
)
_chain("same_strides", (7, 8, 2), lambda: K.Conv2D(3, 3, strides=2, padding="same"), lambda: K.Flatten(), D)
_chain(
    "sequences",
    (9, 3),
    lambda: K.Conv1D(4, 3, padding="causal", dilation_rate=2),
    lambda: K.MaxPooling1D(2),
    lambda: K.Conv1D(4, 2),
    lambda: K.AveragePooling1D(2, 1, padding="same"),
    lambda: K.GlobalMaxPooling1D(),
    D,
)
_chain("volumes", (5, 5, 5, 2), lambda: K.Conv3D(3, 2), lambda: K.MaxPooling3D(2), lambda: K.Flatten(), D)
_chain(
    "transposed",
    (4, 4, 3),
    lambda: K.Conv2DTranspose(4, 3, strides=2, padding="same"),
    lambda: K.Conv2DTranspose(2, 3, strides=2),
    lambda: K.Conv2DTranspose(2, 4, strides=2, padding="same"),
    lambda: K.GlobalAveragePooling2D(),
    D,
)
_chain("transposed_sequence", (5, 3), lambda: K.Conv1DTranspose(4, 3, strides=2), lambda: K.Flatten(), D)
_chain(
    "separable",
    (8, 8, 3),
    lambda: K.SeparableConv2D(5, 3, depth_multiplier=2, activation="relu"),
    lambda: K.DepthwiseConv2D(3, depth_multiplier=2, padding="same"),
    lambda: K.GlobalAveragePooling2D(),
    D,
)
_chain(
    "separable_sequence",
    (8, 3),
    lambda: K.SeparableConv1D(5, 3),
    lambda: K.DepthwiseConv1D(2),
    lambda: K.Flatten(),
    D,
)
_chain(
    "pooling",
    (8, 9, 3),
    lambda: K.MaxPooling2D((2, 3), strides=(2, 1), padding="same"),
    lambda: K.AveragePooling2D(2, padding="same"),
    lambda: K.Flatten(),
    D,
)
_chain(
    "borders",
    (6, 6, 3),
    lambda: K.ZeroPadding2D(((1, 2), (0, 1))),
    lambda: K.Cropping2D(((1, 0), (2, 1))),
    lambda: K.UpSampling2D((2, 3)),
    lambda: K.UpSampling2D(2, interpolation="bilinear"),
    lambda: K.Flatten(),
    D,
)
_chain(
    "normalization",
    (6, 6, 8),
    lambda: K.BatchNormalization(),
    lambda: K.LayerNormalization(),
    lambda: K.GroupNormalization(4),
    lambda: K.RMSNormalization(),
    lambda: K.UnitNormalization(),
    lambda: K.LayerNormalization(axis=[-3, -2, -1], scale=False),
    lambda: K.BatchNormalization(center=False),
    lambda: K.Flatten(),
    D,
)
_chain(
    "slopes", (5, 5, 3), lambda: K.Conv2D(4, 2), lambda: K.PReLU(shared_axes=[1, 2]), lambda: K.Flatten(), D
)
_chain(
    "shapes",
    (4, 6),
    lambda: K.Permute((2, 1)),
    lambda: K.Reshape((3, 8)),
    lambda: K.Flatten(),
    lambda: K.RepeatVector(2),
    lambda: K.Dense(3),
    lambda: K.Flatten(),
)
_chain(
    "noise",
    (6,),
    lambda: K.Rescaling(0.5, 1.0),
    lambda: K.Dropout(0.5),
    lambda: K.GaussianNoise(0.1),
    lambda: K.GaussianDropout(0.1),
    lambda: K.AlphaDropout(0.1),
    lambda: K.ActivityRegularization(0.1),
    D,
)
_chain("augmented", (6, 6, 3), lambda: K.RandomFlip(), lambda: K.RandomRotation(0.1), lambda: K.Flatten(), D)
_chain("lstm", (6, 3), lambda: K.LSTM(4, return_sequences=True), lambda: K.LSTM(3, use_bias=False), D)
_chain(
    "gru",
    (6, 3),
    lambda: K.GRU(4, return_sequences=True, activation="relu"),
    lambda: K.GRU(3, use_bias=False),
    D,
)
_chain(
    "simple_rnn",
    (6, 3),
    lambda: K.SimpleRNN(4, return_sequences=True),
    lambda: K.SimpleRNN(3, go_backwards=True),
    D,
)
_chain(
    "bidirectional",
    (6, 3),
    lambda: K.Bidirectional(K.LSTM(4, return_sequences=True)),
    lambda: K.Bidirectional(K.GRU(3), merge_mode="sum"),
    D,
)
_chain(
    "time_distributed",
    (4, 6, 6, 2),
    lambda: K.TimeDistributed(K.Conv2D(3, 2)),
    lambda: K.TimeDistributed(K.Flatten()),
    lambda: K.LSTM(3),
    D,
)
_chain("words", (7,), lambda: K.Embedding(9, 4), lambda: K.GlobalAveragePooling1D(), D, dtype="int32")
_chain(
    "masked_words",
    (7,),
    lambda: K.Embedding(9, 4, mask_zero=True),
    lambda: K.Dropout(0.1),
    lambda: K.LSTM(5),
    D,
    dtype="int32",
)
_chain(
    "masked_mean",
    (7,),
    lambda: K.Embedding(9, 4, mask_zero=True),
    lambda: K.GlobalAveragePooling1D(),
    D,
    dtype="int32",
)
_chain(
    "masked_stack",
    (7,),
    lambda: K.Embedding(9, 4, mask_zero=True),
    lambda: K.Bidirectional(K.GRU(4, return_sequences=True)),
    lambda: K.Dense(5),
    lambda: K.Bidirectional(K.LSTM(3)),
    D,
    dtype="int32",
)
_chain("masking", (7, 2), lambda: K.Masking(), lambda: K.LSTM(5, return_sequences=True), lambda: K.GRU(4), D)


@_case
def residual() -> Any:
    i = Input((8, 8, 3), name="image")
    x = K.Conv2D(4, 3, padding="same", activation="relu")(i)
    y = K.BatchNormalization()(K.Conv2D(4, 3, padding="same")(x))
    y = K.Concatenate()([K.Add()([x, y]), K.Multiply()([x, y]), K.Average()([x, y]), K.Maximum()([x, y])])
    return Model(i, K.Dense(3, "softmax")(K.GlobalAveragePooling2D()(y)))


@_case
def two_inputs() -> Any:
    a, b = Input((4,), name="age"), Input((3,), name="size of it")
    x = K.Concatenate()([K.Dense(5, "relu")(a), K.Dense(5, "relu")(b)])
    return Model([a, b], K.Dense(2)(x))


@_case
def two_outputs() -> Any:
    i = Input((4,))
    x = K.Dense(5, "relu")(i)
    return Model(i, [K.Dense(2, name="left")(x), K.Dense(3, name="right")(x)])


@_case
def shared_tower() -> Any:
    a, b = Input((4,), name="a"), Input((4,), name="b")
    tower = Sequential([Input((4,)), K.Dense(6, "relu"), K.BatchNormalization(), K.Dense(3)], name="tower")
    return Model([a, b], K.Subtract()([tower(a), tower(b)]))


@_case
def nested() -> Any:
    i = Input((8, 8, 3))
    inner = Model(i, K.Conv2D(4, 3)(K.Conv2D(4, 3)(i)), name="backbone")
    inner.trainable = False
    return Sequential([Input((8, 8, 3)), inner, K.BatchNormalization(), K.Flatten(), K.Dense(2), K.Dense(2)])


@_case
def frozen_parts() -> Any:
    i = Input((5,))
    parts = [K.Dense(5), K.BatchNormalization(), K.Dense(5)]
    inner = Sequential([Input((5,)), *parts])
    parts[0].trainable = False
    return Model(i, K.Dense(2)(inner(i)))


@_case
def operators() -> Any:
    i = Input((5,))
    x, y = K.Dense(4)(i), K.Dense(4)(i)
    return Model(i, K.Dense(2)((x + y) * x - 2.0 * y / 3.0 + (1.0 - y)))


@_case
def transformer() -> Any:
    i = Input((6, 8))
    x = K.LayerNormalization()(i + K.MultiHeadAttention(2, 4, value_dim=3)(i, i))
    x = x + K.Dense(8)(K.Dense(16, "gelu")(x))
    x = K.MultiHeadAttention(2, 4, use_bias=False)(x, x, use_causal_mask=True)
    return Model(i, K.Dense(3)(K.GlobalAveragePooling1D()(x)))


@_case
def states() -> Any:
    a, b = Input((5, 3), name="source"), Input((4, 3), name="target")
    _, h, c = K.LSTM(4, return_state=True)(a)
    y = K.LSTM(4, return_sequences=True)(b, initial_state=[h, c])
    y, last = K.GRU(3, return_sequences=True, return_state=True)(y)
    return Model([a, b], K.Add()([K.Dense(2)(K.Flatten()(y)), K.Dense(2)(last)]))


@_case
def lengths() -> Any:
    i = Input((None, 3))
    return Model(i, K.Dense(2)(K.GlobalMaxPooling1D()(K.Conv1D(4, 3, padding="same")(i))))


def cases() -> Iterator[str]:
    """The names of all networks."""
    yield from CASES


def built(name: str) -> Any:
    """The network with random weights; variances are positive."""
    keras.utils.set_random_seed(0)
    model, rng = CASES[name](), np.random.default_rng(1)
    for variable in model.weights:
        value = rng.normal(size=tuple(variable.shape)) / 2
        variable.assign((abs(value) + 0.5 if "variance" in variable.path else value).astype("float32"))
    return model


def inputs_of(model: Any) -> dict[str, np.ndarray]:
    """Random inputs by name; words are 0 to 8, some vectors zero."""
    rng = np.random.default_rng(2)
    arrays = {}
    for one in model.inputs:
        shape = (4, *(6 if n is None else n for n in one.shape[1:]))
        values = rng.normal(size=shape).astype("float32")
        if len(shape) == 3:
            values[1, 4:] = 0.0
        arrays[one.name] = rng.integers(0, 9, shape) if "int" in one.dtype else values
    return arrays


def outputs_of(model: Any, arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
    """What Keras computes."""
    values = list(arrays.values())
    outputs = model(values if len(values) > 1 else values[0], training=False)
    listed = outputs if isinstance(outputs, list) else [outputs]
    return [keras.ops.convert_to_numpy(one) for one in listed]


def of_ours(path: Path, arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
    """What the loaded model computes; probabilities where Keras has them."""
    first, *rest = arrays.values()
    model = cr.load_keras(path, x=first if path.stem == "lengths" else None)
    names = list(model.network.inputs)
    x: Any = dict(zip(names, arrays.values(), strict=True)) if rest else first
    if model.recipe.loss in ("cross_entropy", "binary_cross_entropy"):
        probabilities = np.asarray(model.predict_proba(x))
        return [probabilities[:, 1:] if model.recipe.loss == "binary_cross_entropy" else probabilities]
    outputs = model(x)
    return (
        [np.asarray(one) for one in outputs.values()] if isinstance(outputs, dict) else [np.asarray(outputs)]
    )


def difference(name: str) -> tuple[float, int]:
    """The largest difference of an output, as a share of the largest or 1, over both formats."""
    model, largest = built(name), 0.0
    arrays = inputs_of(model)
    expected = outputs_of(model, arrays)
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".keras", ".h5"):
            path = Path(folder) / f"{name}{suffix}"
            model.save(path)
            for ours, theirs in zip(of_ours(path, arrays), expected, strict=True):
                scale = max(1.0, float(abs(theirs).max()))
                largest = max(largest, float(abs(ours.reshape(theirs.shape) - theirs).max()) / scale)
    return largest, sum(one.size for one in expected)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    for file in ("residual.keras", "residual.h5", "masked_stack.keras", "nested.h5", "shared_tower.keras"):
        model = built(Path(file).stem)
        arrays = inputs_of(model)
        model.save(target / file)
        np.savez((target / file).with_suffix(".npz"), *arrays.values(), *outputs_of(model, arrays))
