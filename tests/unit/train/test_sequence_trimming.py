"""Trimmed batches have the results of the padded arrays, for every kind of network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.data import Arrays
from chainrule.engines import native
from chainrule.errors import ChainruleError, UsageError
from chainrule.train.fit_options import FitOptions
from chainrule.train.fit_preparation import TrainingData, prepare
from chainrule.train.inputs.sequence_trimming import lengths_of
from chainrule.train.step_execution import RowUpdates

RNG = np.random.default_rng(0)
ROWS, PLACES, WORDS = 60, 11, 20
READ, WRITTEN = RNG.integers(1, PLACES + 1, ROWS), RNG.integers(1, PLACES - 1, ROWS)


def words(lengths: np.ndarray, places: int = PLACES) -> np.ndarray:
    """Texts of these lengths, padded with 0."""
    return RNG.integers(1, WORDS, (len(lengths), places)) * (np.arange(places) < lengths[:, None])


def wide(net: cr.Layer, loss: Any, **options: Any) -> cr.Model:
    return cr.Model(net, loss, cr.SGD(0.1), metrics=[], dtype="float64", **options)


def case(name: str) -> tuple[cr.Model, Any, np.ndarray]:
    """A model, its inputs and its targets."""
    if name == "translation":
        net = cr.models.transformer("small", WORDS, width=8, depth=1, heads=2, units=8, dropout=0.0)
        x = {"source": words(READ), "target": words(WRITTEN, PLACES - 1)}
        return wide(net, cr.CrossEntropy(ignore_index=0)), x, words(WRITTEN, PLACES - 1)
    if name == "next word":
        block = cr.TransformerEncoderLayer(2, units=8, dropout=0.0, causal=True)
        net = cr.Sequential(cr.Embedding(WORDS, 8), cr.SinusoidalPosition(), block, cr.Dense(WORDS))
        return wide(net, cr.CrossEntropy(ignore_index=0, label_smoothing=0.1)), words(READ), words(READ)
    net = cr.Sequential(cr.Embedding(WORDS, 8, padding_index=0), cr.Masking(cr.LSTM(4)), cr.Dense(2))
    return wide(net, "cross_entropy"), words(READ), READ > 5


CASES = ("translation", "next word", "class of a text")


@pytest.mark.parametrize("name", CASES)
def test_a_step_on_a_trimmed_batch_equals_the_padded_step(name: str) -> None:
    model, x, y = case(name)
    weights = None if name == "next word" else RNG.uniform(0.5, 2, ROWS)
    run = prepare(model.state, TrainingData(x, y), FitOptions(1, 8, 0, buckets=4, sample_weight=weights))
    assert isinstance(run.updates, RowUpdates)
    run.updates.begin(run.state)
    seen, padded = set(), cr.compile(run.step.graph)
    for i in range(run.order.steps):
        rows, inputs = run.order.batch(0, i), run.updates.inputs(replace(run.state, batch=i))
        seen.add(inputs.arrays[next(iter(run.network.inputs))].shape[1])
        trimmed = inputs.step.program.single().run(inputs.arrays)
        expected = padded.run(run.step.feed(run.data.take(rows), run.state, 0))
        for output, value in expected.items():
            np.testing.assert_allclose(trimmed[output], value, rtol=1e-9, atol=1e-12, err_msg=output)
    assert seen == {4, 8, PLACES}


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
def test_a_training_with_buckets_learns_and_is_resumed_exactly(name: str, tmp_path: Path) -> None:
    model, x, y = case(name)
    options: dict[str, Any] = {"batch_size": 8, "buckets": 4, "verbose": False}
    history = model.fit(x, y, epochs=2, **options)
    assert history[-1]["loss"] < history[0]["loss"]
    assert model.evaluate(x, y)["loss"] < history[0]["loss"]
    again, *_ = case(name)
    steps = []
    again.fit(
        x, y, epochs=3, run=tmp_path, callbacks=[lambda e: len(steps) > 6 or steps.append(e)], **options
    )
    again.fit(x, y, epochs=2, run=tmp_path, resume=True, **options)
    for path, value in model.parameters().items():
        np.testing.assert_array_equal(again.parameters()[path], value)
    with pytest.raises(ChainruleError, match="buckets: 4, now 5"):
        again.fit(x, y, epochs=3, run=tmp_path, resume=True, **{**options, "buckets": 5})


def test_the_length_of_a_row_is_the_maximum_over_inputs_and_targets() -> None:
    model, x, y = case("translation")
    model.fit(x, y, epochs=0, verbose=False)
    assert model.network is not None
    names = model.network.target_names
    assert list(names.values()) == ["expected"]  # the network has an input named "target"
    lengths = lengths_of(Arrays(x, {"expected": y}), names, model.targets)
    np.testing.assert_array_equal(lengths, np.maximum(READ, WRITTEN))
    empty = Arrays(
        {"source": np.zeros((2, 3)), "target": np.zeros((2, 3))}, {"expected": np.zeros((2, 3), int)}
    )
    assert lengths_of(empty, names, model.targets).tolist() == [1, 1]


def test_a_program_is_compiled_once_for_each_length(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, program = [], native.Program
    monkeypatch.setattr(native, "Program", lambda graph: compiled.append(graph) or program(graph))
    model, x, y = case("next word")
    model.fit(x, y, epochs=3, batch_size=8, buckets=4, verbose=False)
    assert len([graph for graph in compiled if "learning_rate" in graph.outputs]) == 3


def test_invalid_buckets_and_networks_are_refused() -> None:
    model, x, y = case("next word")
    for buckets in (0, -1, 2.5, True):
        with pytest.raises(UsageError, match="E102"):
            model.fit(x, y, epochs=1, buckets=buckets, verbose=False)
    fixed = wide(cr.Sequential(cr.Embedding(WORDS, 4), cr.Flatten(), cr.Dense(2)), "cross_entropy")
    with pytest.raises(UsageError, match="E102") as refused:
        fixed.fit(x, READ > 5, epochs=1, buckets=4, verbose=False)
    assert "buckets=None" in str(refused.value)
    places = wide(cr.Sequential(cr.Embedding(WORDS, 4), cr.Dense(1)), "mse")
    with pytest.raises(UsageError, match="E102"):
        places.fit(x, np.ones((ROWS, PLACES, 1)), epochs=1, buckets=4, verbose=False)


def test_scores_are_not_stored_without_metrics() -> None:
    model, x, y = case("next word")
    model.fit(x, y, epochs=1, batch_size=8, buckets=4, validation=(x, y), verbose=False)
    assert set(model.history[-1]) == {"epoch", "loss", "val_loss"}
    assert set(model.evaluate(x, y)) == {"loss"}
    assert "accuracy" in model.evaluate(x, y, metrics=["accuracy"])


def test_every_word_of_a_vocabulary_is_a_label() -> None:
    model, x, y = case("next word")
    model.fit(x[:20] % 7, y[:20] % 7, epochs=1, verbose=False)
    assert model.labels == tuple(range(WORDS))
    assert np.isfinite(model.evaluate(x, y)["loss"])  # with words that were not in the training data
