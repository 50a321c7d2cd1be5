"""The XLA engine agrees with the reference: every card, trainings, random numbers, errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from card_dtypes import with_dtype
from chainrule.engines import compile, reference, xla
from chainrule.errors import ShapeError, TrainingError
from chainrule.graph import Graph, Node, constant, input_node, make
from chainrule.ops import Card
from chainrule.settings import PrecisionName
from chainrule.symbolic_shape import Size

CLOSE = {"float64": (1e-12, 1e-12), "float32": (1e-5, 1e-6)}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_card_agrees_with_the_reference(kind: type[Card], dtype: str) -> None:
    outputs: dict[str, Node] = {}
    arrays: dict[str, np.ndarray] = {}
    for number, sample in enumerate(s for s in kind.samples() if not s.breaks):
        with np.errstate(over="ignore"):
            inputs = [a.astype(dtype) if a.dtype == np.float64 else a for a in sample.inputs]
        names = [f"x{number}.{i}" for i in range(len(inputs))]
        nodes = [input_node(name, a.shape, a.dtype.name) for name, a in zip(names, inputs, strict=True)]
        outputs[f"y{number}"] = make(with_dtype(sample.concrete(), dtype), *nodes)
        arrays.update(zip(names, inputs, strict=True))
    graph = Graph(outputs)
    assert outputs
    expected, fast = (program(graph).run(arrays) for program in (reference.Program, xla.Program))
    assert set(expected) == set(outputs)
    rtol, atol = CLOSE[dtype]
    for name, value in expected.items():
        assert (fast[name].shape, fast[name].dtype) == (value.shape, value.dtype), name
        np.testing.assert_allclose(fast[name], value, rtol=rtol, atol=atol, err_msg=name)


def _data(rows: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.Generator(np.random.Philox(3))
    x = rng.standard_normal((rows, 6))
    return x, (x[:, 0] + x[:, 1] ** 2 > 0.5).astype(np.int64) + (x[:, 2] > 1)


def _model(engine: Any, dtype: Any = "float64") -> cr.Model:
    net = cr.Sequential(
        cr.Dense(16, "relu"), cr.Dropout(0.3), cr.BatchNorm(), cr.Residual(cr.Dense(16, "tanh")), cr.Dense(3)
    )
    return cr.Model(
        net, "cross_entropy", cr.AdamW(1e-2), engine=engine, dtype=dtype, clip=cr.ClipGlobalNorm(0.5)
    )


PLACES: dict[str, dict[str, Any]] = {
    "reference": {},
    "xla": {},
    "xla in shards": {"devices": 1},
    "xla on divided batches": {"devices": 1, "parallel": "fast", "sharding": "parameters"},
}


@pytest.mark.long
def test_a_training_ends_with_the_parameters_of_the_reference() -> None:
    x, y = _data(173)  # not a multiple of the batch size: the last batch is smaller
    trained = {}
    for place, changes in PLACES.items():
        model = _model(place.split()[0])
        with cr.settings.using(**changes):
            history = model.fit(x, y, epochs=3, batch_size=32, verbose=False)
        trained[place] = {**model.parameters(), "loss": np.array([row["loss"] for row in history])}
    for name, value in trained["reference"].items():
        for place in PLACES:
            np.testing.assert_allclose(trained[place][name], value, rtol=1e-9, atol=1e-11, err_msg=name)


@pytest.mark.long
def test_bfloat16_rounds_the_factors_of_products_only() -> None:
    rng = np.random.Generator(np.random.Philox(3))
    x, w = rng.standard_normal((64, 8, 8, 3), "float32"), rng.standard_normal((64, 5), "float32")
    y = (x[..., 0].sum((1, 2)) > 0).astype(np.int64)
    a = input_node("a", (None, 64), "float32")
    graph = Graph({"y": a @ constant(w), "same": a + 0.1})
    flat = x[..., 0].reshape(64, 64)
    trained = {}
    precisions: tuple[PrecisionName, ...] = ("float32", "bfloat16")
    for precision in precisions:
        with cr.settings.using(precision=precision):
            values = compile(graph, "xla", precision).run({"a": flat})
            net = cr.Sequential(cr.Conv(4, 3, activation="relu"), cr.BatchNorm(), cr.Flatten(), cr.Dense(2))
            model = cr.Model(net, "cross_entropy", cr.Adam(1e-2), engine="xla")
            history = model.fit(x, y, epochs=4, batch_size=16, verbose=False)
        trained[precision] = values["y"], values["same"], history[-1]["loss"]
        assert {array.dtype.name for array in model.parameters().values()} == {"float32"}
    (exact, same, loss), (rounded, unrounded, other) = trained.values()
    np.testing.assert_array_equal(same, unrounded)
    error = np.abs(rounded - exact).max() / np.abs(exact).max()
    assert 1e-4 < error < 2e-2  # 8 bits of each factor
    assert other == pytest.approx(loss, rel=0.2)
    assert other != loss


@pytest.mark.long
def test_a_model_continues_on_another_engine(tmp_path: Path) -> None:
    x, y = _data(64)
    model = _model("xla", "float32")
    model.fit(x, y, epochs=2, batch_size=16, verbose=False)
    model.save(tmp_path / "m.safetensors")
    for engine in ("native", "xla"):
        with cr.settings.using(engine=engine):
            loaded = cr.load(tmp_path / "m.safetensors")
            np.testing.assert_allclose(loaded.predict_proba(x), model.predict_proba(x), rtol=1e-5, atol=1e-6)
            assert loaded.fit(x, y, epochs=1, batch_size=16, verbose=False)[-1]["loss"] < 2


def test_random_numbers_have_the_bits_of_the_reference() -> None:
    key = input_node("key", (2,), "uint32")
    rows = input_node("rows", (None, 2), "uint32")
    graph = Graph(
        {
            "u": cr.uniform(key, (5, 7), "float32", 3),
            "v": cr.uniform(key, (9,), "float64"),
            "w": cr.uniform(rows, (Size.symbol("B"), 4), "float32"),
        }
    )
    arrays = {"key": np.array([5, 9], np.uint32), "rows": np.arange(6, dtype=np.uint32).reshape(3, 2)}
    expected, fast = (program(graph).run(arrays) for program in (reference.Program, xla.Program))
    assert set(expected) == {"u", "v", "w"}
    for name, value in expected.items():
        np.testing.assert_array_equal(fast[name], value, err_msg=name)


def test_a_loss_that_is_not_finite_is_reported_with_its_step() -> None:
    x, y = _data(64)
    messages = {}
    for engine in ("native", "xla"):
        model = cr.Model(cr.Sequential(cr.Dense(4), cr.Dense(1)), "mse", cr.SGD(1e30), engine=engine)
        with pytest.raises(TrainingError, match="E501") as failed:
            model.fit(x, y, epochs=2, batch_size=16, verbose=False)
        messages[engine] = str(failed.value)
    assert messages["xla"] == messages["native"]


def test_an_index_outside_its_table_is_refused() -> None:
    table, i = input_node("table", (3, 2), "float64"), input_node("i", (None,), "int64")
    arrays = {"table": np.zeros((3, 2)), "i": np.array([0, 1, 7, 2])}
    for engine in ("native", "xla"):
        with pytest.raises(ShapeError, match="E211") as refused:
            cr.evaluate(cr.gather(table, i), arrays, engine)
        assert refused.value.received == "position 2"
