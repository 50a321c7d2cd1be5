"""Rows in blocks of any size give what all rows at once give, for every layer and every loss.

Where rows depend on each other, all are computed together, or refused if they do not fit into the memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from case_loops import loop_over
from chainrule.engines import compile
from chainrule.errors import TrainingError
from chainrule.graph import Graph, Node, input_node
from chainrule.nn.loss.loss import Loss
from chainrule.nn.scope import Scope
from chainrule.settings import settings
from chainrule.train.evaluation.prediction import blocks, predict_with_probabilities
from chainrule.train.monitor import memory
from layer_cases import CASES, ready
from loss_cases import CASES as LOSSES

ROWS = 7


@pytest.fixture(params=[1, 2, 3])
def small_blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Blocks of at most this number of rows."""
    monkeypatch.setattr(memory, "BLOCK", request.param)
    memory._BLOCKS.clear()
    yield request.param
    memory._BLOCKS.clear()


def assert_equal_in_blocks(graph: Graph, arrays: dict[str, np.ndarray], rows: int) -> bool:
    """Compare a run over all rows with runs over blocks; returns whether there was more than one block."""
    program = compile(graph, "reference")
    inputs = {name: arrays[name] for name in graph.inputs}
    per_row = [
        name for name, node in graph.inputs.items() if node.shape and not isinstance(node.shape[0], int)
    ]
    expected, parts = program.run(inputs), list(blocks(program, rows))
    results = [program.run(inputs | {name: inputs[name][part] for name in per_row}) for part in parts]
    for name, value in expected.items():
        np.testing.assert_allclose(np.concatenate([r[name] for r in results]), value, rtol=1e-9, atol=1e-12)
    return len(parts) > 1


@loop_over("name", CASES)
def test_every_layer_in_blocks(name: str, small_blocks: int) -> None:
    net = ready(CASES[name])
    outputs = {str(k): v for k, v in net.built.outputs.items() if isinstance(v, Node)}
    rows = len(next(iter(net.arrays.values())))
    is_divided = assert_equal_in_blocks(Graph(outputs), net.arrays, rows)
    assert is_divided == (rows > small_blocks), "no layer of chainrule couples rows in inference"


@loop_over("name", LOSSES)
def test_every_loss_in_blocks(name: str, small_blocks: int) -> None:
    loss, outputs, targets, _ = LOSSES[name]
    z = input_node("z", ("B", *outputs.shape[1:]), "float64")
    spec = loss.target(z.spec)
    y = input_node("y", spec.shape, spec.dtype)
    arrays = {"z": outputs, "y": np.asarray(targets).astype(spec.dtype)}
    nodes = {"loss": loss(z, y), "prediction": loss.prediction(z)}
    total, count = loss.parts(z, y, None)
    nodes |= {"total": total} if count is None else {"total": total, "count": count}
    is_divided = assert_equal_in_blocks(Graph(nodes), arrays, len(outputs))
    assert is_divided != name.startswith("circle"), "the circle loss compares samples, no other one does"


class Centered(cr.Layer):
    """Subtracts the mean of the batch, or what depends on other rows in another way."""

    way: str = "mean"

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, C) -> the same
        ways: dict[str, Any] = {
            "mean": lambda: x - cr.mean(x, 0),
            "max": lambda: x / cr.max(cr.abs(x), 0),
            "product": lambda: cr.softmax(x @ x.T, -1) @ x,
            "count": lambda: x * cr.mean(x, 0) / 3.0,
        }
        return ways[self.way]()


class FromMean(Loss):
    """The square of the distance to the target, minus its mean over the batch, plus 7."""

    task = "regression"
    needs_target = True

    def terms(self, output: Node, target: Node) -> Node:  # (B, C), (B, C) -> (B,)
        errors = cr.mean(cr.square(output - target), 1)
        return errors * cr.mean(errors)


X = np.random.default_rng(0).normal(size=(50, 3)) + np.arange(50)[:, None]


def centered(way: str) -> cr.Model:
    model = cr.Model(cr.Sequential(Centered(way), cr.Dense(2)), "mse", dtype="float64")
    return model.initialize(X)


@pytest.mark.parametrize("way", ["mean", "max", "product", "count"])
def test_rows_that_depend_on_each_other_are_computed_together(way: str, monkeypatch: Any) -> None:
    y = X[:, :2]

    def results(model: cr.Model) -> list[Any]:
        values = [model(X), model.predict(X), model.activations(X, "dense1")]
        values.append(model.evaluate(X, y)["loss"])
        history = model.fit(X, y, validation=(X, y), epochs=1, batch_size=None, verbose=False)
        return [*values, history[-1]["val_loss"]]

    expected = results(centered(way))
    monkeypatch.setattr(memory, "BLOCK", 8)
    others = results(centered(way))
    assert len(others) == 5
    for value, other in zip(others, expected, strict=True):
        np.testing.assert_allclose(value, other, rtol=1e-9)


def test_a_loss_that_depends_on_other_rows_is_evaluated_on_all(monkeypatch: Any) -> None:
    model = cr.Model(cr.Sequential(cr.Dense(3)), FromMean(), dtype="float64").initialize(X)
    expected = model.evaluate(X, X)["loss"]
    errors = ((np.asarray(model(X)) - X) ** 2).mean(1)
    assert expected == pytest.approx((errors * errors.mean()).mean())
    monkeypatch.setattr(memory, "BLOCK", 8)
    other = cr.Model(cr.Sequential(cr.Dense(3)), FromMean(), dtype="float64").initialize(X)
    assert other.evaluate(X, X)["loss"] == pytest.approx(expected)


def test_rows_of_a_table_that_depend_on_each_other(monkeypatch: Any) -> None:
    frame = pl.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": X[:, 2]})
    model = cr.Model(cr.Sequential(Centered(), cr.Dense(1)), "mse")
    model.fit(frame, "y", epochs=1, verbose=False)
    expected = np.asarray(model.predict(frame))
    monkeypatch.setattr(memory, "BLOCK", 8)
    memory._BLOCKS.clear()
    np.testing.assert_allclose(np.asarray(model.predict(frame)), expected, rtol=1e-6)


def test_rows_that_do_not_fit_together_are_refused() -> None:
    model = centered("product")
    x = np.zeros((20_000, 3))
    with settings.using(memory=2 * 10**8), pytest.raises(TrainingError) as caught:
        model(x)
    assert caught.value.code == "E508"
    assert "20000" in str(caught.value).replace(",", "")


def resized(arrays: dict[str, np.ndarray], names: list[str], count: int) -> dict[str, np.ndarray]:
    """The arrays with other rows, which differ: repetitions, and those of floats times a factor."""
    factors = 1 + np.arange(count) / 640
    rows = {name: np.resize(arrays[name], (count, *arrays[name].shape[1:])) for name in names}
    for name, array in rows.items():
        if array.dtype.kind == "f":
            rows[name] = (array.T * factors).T.astype(array.dtype, order="C")
    return {**arrays, **rows}


@pytest.mark.long
@loop_over("name", CASES)
def test_bits_of_a_row_from_the_number_of_rows_that_the_engine_states(name: str) -> None:
    net = ready(CASES[name], dtype="float32")
    outputs = {str(k): v for k, v in net.built.outputs.items() if isinstance(v, Node)}
    program = compile(Graph(outputs), "native")
    specs = {label: node.shape for label, node in program.graph.inputs.items()}
    per_row = [label for label, shape in specs.items() if shape and not isinstance(shape[0], int)]
    arrays = resized({label: net.arrays[label] for label in specs}, per_row, 64)
    expected = program.run(arrays, fixed=True)
    fewest, _ = program.equal_bits
    assert fewest == 16
    assert expected.keys() == outputs.keys()
    for count in (fewest, 37):
        first = {label: array[:count] if label in per_row else array for label, array in arrays.items()}
        for label, values in program.run(first, fixed=True).items():
            np.testing.assert_array_equal(values, expected[label][:count])


LENET = [cr.Conv(6, 5, activation="tanh"), cr.MaxPool(2), cr.Flatten(), cr.Dense(10)]
WIDE = [cr.Dense(129, "relu"), cr.Dense(70, "tanh"), cr.Dense(3)]


@pytest.mark.parametrize(("layers", "shape"), [(LENET, (12, 12, 1)), (WIDE, (300,))])
@pytest.mark.parametrize("engine", ["native", "reference", "xla"])
def test_bits_of_a_row_do_not_depend_on_the_others(layers: Any, shape: Any, engine: Any) -> None:
    x = np.random.default_rng(0).normal(size=(150, *shape)).astype(np.float32)
    model = cr.Model(cr.Sequential(*layers), "cross_entropy", engine=engine).initialize(x)
    expected = predict_with_probabilities(model.state, x, is_apart=True)[1]
    for start, count in ((0, 1), (3, 7), (90, 16), (5, 17), (64, 64), (60, 65)):
        rows = slice(start, start + count)
        np.testing.assert_array_equal(
            predict_with_probabilities(model.state, x[rows], is_apart=True)[1], expected[rows]
        )
