"""With ``settings.batch_invariant`` the bits of a prediction do not depend on its batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.engines.native import Program
from chainrule.errors import ShapeError, UsageError
from chainrule.graph import Graph, input_node
from chainrule.settings import settings
from chainrule.symbolic_shape import Size, Spec

B = Size.symbol("B")
NETS: dict[str, tuple[cr.Layer, tuple[int, ...], int]] = {
    "dense": (cr.Sequential(cr.Dense(40, "tanh"), cr.Dense(11, "softmax")), (23,), 0),
    "thin": (cr.Sequential(cr.Dense(3, "sigmoid"), cr.Dense(1, "sigmoid")), (2,), 0),
    "normalization": (cr.Sequential(cr.Dense(20), cr.BatchNorm(), cr.LayerNorm(), cr.Dense(3)), (9,), 0),
    "convolution": (cr.models.lenet5(), (32, 32, 1), 0),
    "many channels": (
        cr.Sequential(cr.Conv(20, 3, padding="same"), cr.Conv(20, 3, padding="same"), cr.GlobalAveragePool()),
        (12, 12, 17),
        0,
    ),
    "depthwise": (cr.Sequential(cr.DepthwiseConv(3), cr.MaxPool(2), cr.Flatten(), cr.Dense(4)), (9, 9, 5), 0),
    "recurrent": (cr.Sequential(cr.Bidirectional(cr.LSTM(7)), cr.Dense(2)), (6, 5), 0),
    "attention": (
        cr.models.gpt2(vocabulary_size=11, length=6, width=16, heads=2, units=24, depth=1, dropout=0.0),
        (6,),
        11,
    ),
    "segmentation": (
        cr.models.unet(classes=3, channels=4, depth=1, padding="same", dropout=0.0),
        (8, 10, 1),
        0,
    ),
}


def initialized(name: str, rows: int) -> tuple[cr.Model, np.ndarray]:
    """A network with initial parameters, and rows for it."""
    net, shape, below = NETS[name]
    rng = np.random.default_rng(1)
    x = rng.integers(0, below, (rows, *shape)) if below else rng.normal(size=(rows, *shape))
    model = cr.Model(net, "mse").initialize({"x": Spec((B, *shape), "float32")}, seed=1)
    return model, x.astype(np.float32)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", NETS)
def test_every_batch_has_the_bits_of_the_full_batch(name: str, threads: int) -> None:
    model, x = initialized(name, 83)
    with settings.using(batch_invariant=True, threads=threads):
        outputs = np.asarray(model(x))
        for start, stop in ((0, 1), (82, 83), (3, 5), (10, 17), (20, 36), (20, 37), (0, 64), (7, 83)):
            rows_output = np.asarray(model(x[start:stop]))
            assert rows_output.tobytes() == outputs[start:stop].tobytes(), (start, stop)
    np.testing.assert_allclose(outputs, np.asarray(model(x)), rtol=2e-4, atol=2e-5)


@given(st.data())
def test_any_rows_in_any_order_have_the_same_bits(data: st.DataObject) -> None:
    model, x = initialized("dense", 50)
    rows = data.draw(st.lists(st.integers(0, 49), min_size=1, max_size=40))
    with settings.using(batch_invariant=True):
        assert np.asarray(model(x[rows])).tobytes() == np.asarray(model(x))[rows].tobytes()


def test_the_setting_applies_to_programs_that_ran_without_it() -> None:
    model, x = initialized("dense", 40)
    model(x[:1]), model(x[:9]), model(x)
    with settings.using(batch_invariant=True):
        assert np.asarray(model(x[:9])).tobytes() == np.asarray(model(x))[:9].tobytes()


def test_an_empty_batch_has_empty_outputs() -> None:
    x = input_node("x", (None, 3), "float32")
    with settings.using(batch_invariant=True):
        assert Program(Graph({"y": x * 2.0})).run({"x": np.zeros((0, 3), np.float32)})["y"].shape == (0, 3)


def test_a_graph_that_reduces_over_rows_runs_at_once() -> None:
    x = input_node("x", (None, 3), "float32")
    rows = np.arange(12, dtype=np.float32).reshape(4, 3)
    with settings.using(batch_invariant=True):
        result = Program(Graph({"y": x - x.mean(0)})).run({"x": rows})["y"]
    np.testing.assert_allclose(result, rows - rows.mean(0), rtol=1e-6)


def test_an_index_outside_its_table_is_refused() -> None:
    model, x = initialized("attention", 40)
    x[37, 2] = 99
    with settings.using(batch_invariant=True), pytest.raises(ShapeError, match="E211"):
        model(x)


@pytest.mark.parametrize("value", [1, "yes", None])
def test_a_value_that_is_not_boolean_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match="E102"):
        settings.batch_invariant = value
