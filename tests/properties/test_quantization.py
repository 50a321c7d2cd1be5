"""Predictions with weights and inputs of products in 8 bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import chainrule as cr
from case_loops import loop_over
from chainrule.engines import native
from chainrule.engines.dispatch import compile
from chainrule.engines.native.jit.compiler import SOURCES
from chainrule.engines.native.runtime.executable import machine
from chainrule.errors import ChainruleError
from chainrule.graph import Graph, Node, constant, input_node, make
from chainrule.ops.functional import relu
from chainrule.ops.linear.convolution import Convolution
from chainrule.ops.linear.int8 import (
    MOST_TERMS,
    IntegerMatmul,
    input_scale,
    quantized,
    symmetric_int8,
    to_integers,
)
from chainrule.store import container
from chainrule.train.checkpoint import model_file
from chainrule.train.int8_inference_graph import (
    Quantization,
    measured_ranges,
    path_of,
    products,
    with_int8_products,
)
from layer_cases import CASES, Case, ready

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(60, 6, 6, 2)).astype("float32")
CLASSES = (IMAGES.mean((1, 2, 3)) > 0).astype(int)
NET = cr.Sequential(
    cr.Conv(4, 3, padding="same", activation="relu"),
    cr.BatchNorm(),
    cr.Flatten(),
    cr.Dense(700, "tanh"),
    cr.Dense(2),
)


def _trained(net: cr.Layer = NET, epochs: int = 1) -> cr.Model:
    model = cr.Model(net, "cross_entropy", cr.Adam(1e-3))
    model.fit(IMAGES, CLASSES, epochs=epochs, batch_size=20, verbose=False)
    return model


@settings(max_examples=60, deadline=None)
@example(low=0.0, high=1e-38, seed=0)
@given(low=st.floats(-1e6, 1e6, width=32), high=st.floats(-1e6, 1e6, width=32), seed=st.integers(0, 99))
def test_integers_of_an_input_are_within_half_a_step(low: float, high: float, seed: int) -> None:
    low, high = min(low, high), max(high, low)
    factor, first = input_scale(low, high)
    x = np.random.default_rng(seed).uniform(low, high, 40).astype("float32")
    x[:2] = low, high
    graph = Graph({"q": to_integers(input_node("x", (None,), "float32"), low, high)})
    integers = [compile(graph, engine).run({"x": x})["q"] for engine in ("reference", "native")]
    assert integers[0].tobytes() == integers[1].tobytes()
    assert (integers[0] == np.rint(integers[0])).all()
    assert integers[0].min() >= first
    assert integers[0].max() <= first + 255
    assert first <= 0 <= first + 255
    assert (np.abs(integers[0] * factor - x) <= factor * (1 + 1e-4) + 1e-30).all()


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(1, 40),
    depth=st.sampled_from([1, 7, 256, 517, 518, 519, 1300]),
    columns=st.integers(1, 40),
    is_extreme=st.booleans(),
)
def test_sums_of_a_product_are_exact_on_every_engine(
    rows: int, depth: int, columns: int, is_extreme: bool
) -> None:
    random = np.random.default_rng(depth)
    x = (np.ones if is_extreme else random.random)((rows, depth)).astype("float32")
    w = (
        (np.ones if is_extreme else random.normal)(size=(depth, columns))
        if not is_extreme
        else np.ones((depth, columns))
    )
    w = w.astype("float32")
    node = input_node("x", (None, depth), "float32")
    new = quantized(node @ constant(w), node, w, 0.0, 1.0)
    assert new is not None
    results = [compile(Graph({"y": new}), engine).run({"x": x})["y"] for engine in ("reference", "native")]
    assert results[0].tobytes() == results[1].tobytes()
    integers, factors = symmetric_int8(w.T)
    factor, _ = input_scale(0.0, 1.0)
    exact = np.clip(np.floor(x * np.float32(1 / factor) + np.float32(0.5)), 0, 255).astype(
        int
    ) @ integers.T.astype(int)
    np.testing.assert_allclose(results[0], exact * (factors * np.float32(factor)), rtol=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.sampled_from([1, 5, 11, 12, 24, 65, 130]),
    depth=st.sampled_from([1, 3, 4, 63, 64, 130, MOST_TERMS]),
    columns=st.sampled_from([1, 15, 16, 31, 32, 64, 70]),
    first=st.sampled_from([0, -1, -128, -255]),
    has_nan=st.booleans(),
    seed=st.integers(0, 99),
)
def test_the_kernel_of_integers_adds_what_the_float_kernel_adds(
    rows: int, depth: int, columns: int, first: int, has_nan: bool, seed: int
) -> None:
    random = np.random.default_rng(seed)
    x, w = random.integers(0, 256, (rows, depth)) + first, random.integers(-127, 128, (depth, columns))
    exact = (x @ w).astype("float32")
    numbers, node = x.astype("float32"), input_node("x", (None, depth), "float32")
    if has_nan:
        numbers[rows // 2, depth // 2] = exact[rows // 2] = np.nan
    product = make(IntegerMatmul(first), node, constant(w.astype("float32")))
    behind = np.maximum(exact * np.float32(0.5) + np.float32(1), 0)  # as an epilogue
    for y, expected in ((product, exact), (relu(product * 0.5 + 1.0), behind)):
        program = native.Program(Graph({"y": y}))
        for fixed in (True, False):
            value = program.run({"x": numbers}, fixed=fixed)["y"]
            assert np.array_equal(value, expected, equal_nan=True)


def test_a_quantized_model_adds_integers_where_the_processor_can() -> None:
    model = _trained().quantize(IMAGES)
    model(IMAGES)
    assert any(source.name == "int8_product" for source in SOURCES.values()) == machine().has_int8


def test_every_engine_predicts_in_8_bits() -> None:
    pytest.importorskip("jax")
    model = _trained()
    outputs = {}
    for engine in ("reference", "native", "xla"):
        other = cr.Model(NET, "cross_entropy", engine=engine)
        other.initialize({"x": input_node("x", (None, *IMAGES.shape[1:]), "float32").spec})
        other.load_parameters(model.parameters()).load_states(model.states())
        outputs[engine] = np.asarray(other.quantize(IMAGES)(IMAGES))
    np.testing.assert_allclose(outputs["native"], outputs["reference"], atol=0.02)
    np.testing.assert_allclose(outputs["xla"], outputs["reference"], atol=0.02)


def test_a_kernel_that_is_too_large_stays_float() -> None:
    x = input_node("x", (None, 30, 30, 1), "float32")
    w = np.ones((1, 25, 25, 1), "float32")
    op = Convolution((1, 1), (0, 0), (0, 0), (1, 1))
    assert MOST_TERMS < 25 * 25
    assert quantized(make(op, x, constant(w)), x, w, 0.0, 1.0) is None


@loop_over("case", CASES.values(), ids=CASES)
def test_every_layer_is_quantized_close_to_its_values(case: Case) -> None:
    built, arrays = ready(case, dtype="float32")
    nodes = products(built)
    if (
        not nodes
        or not isinstance(built.outputs.get("y"), Node)
        or any(map(np.isnan, map(np.sum, arrays.values())))
    ):
        return
    ranges = measured_ranges(built, "reference", lambda program: iter([arrays]))
    weights = {path_of(key): arrays[path_of(key)] for key in nodes}
    graph = Graph({"y": built.outputs["y"]})
    rounded = with_int8_products(graph, built, Quantization(ranges, weights, 1))
    inputs = {name: arrays[name] for name in graph.inputs}
    exact = compile(graph, "reference").run(inputs)["y"]
    y = compile(rounded, "reference").run({name: arrays[name] for name in rounded.inputs})["y"]
    assert np.abs(y - exact).max() <= 0.2 * np.abs(exact).max() + 0.1


@pytest.mark.long
def test_predictions_are_close_and_equal_after_loading(tmp_path: Path) -> None:
    model = _trained(epochs=4)
    exact, score = model(IMAGES), model.evaluate(IMAGES, CLASSES)
    assert model.quantize(IMAGES) is model
    rounded = model(IMAGES)
    assert (rounded != exact).any()
    assert np.abs(rounded - exact).max() < 0.05 * np.abs(exact).max()
    assert model.evaluate(IMAGES, CLASSES)["loss"] == pytest.approx(score["loss"], rel=0.1)
    assert (
        "int8: matrix products and convolutions in conv1, dense1, dense2, by the ranges of 60"
        in model.summary()
    )
    model.save(tmp_path / "m.safetensors")
    for engine in ("native", "reference"):
        with cr.settings.using(engine=engine):
            loaded = cr.load(tmp_path / "m.safetensors")
            if engine == "native":
                assert loaded(IMAGES).tobytes() == rounded.tobytes()
            np.testing.assert_allclose(loaded(IMAGES), rounded, atol=0.02 * np.abs(exact).max())
    text = " ".join(str(model.explain(IMAGES[0], 1, lang="en")).split())
    assert "The values here are computed with its float weights" in text
    assert model(IMAGES[:1]).tobytes() == rounded[:1].tobytes()
    assert model.quantize(None)(IMAGES).tobytes() == exact.tobytes()


def test_other_parameters_end_the_quantization() -> None:
    model = _trained().quantize(IMAGES)
    model.load_parameters({"dense2.bias": np.ones(2)})
    assert "int8" in model.summary()  # biases are not quantized
    model.load_parameters({"dense2.weight": np.zeros((2, 700))})
    assert "int8" not in model.summary()
    model.quantize(IMAGES)
    history = model.fit(IMAGES, CLASSES, epochs=1, validation=(IMAGES, CLASSES), verbose=False)
    assert history[-1]["val_loss"] == pytest.approx(model.evaluate(IMAGES, CLASSES)["loss"])
    assert "int8" not in model.summary()


def test_models_without_products_of_weights_and_damaged_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ChainruleError, match="E503"):
        cr.Model(NET, "cross_entropy").quantize(IMAGES)
    model = cr.Model(cr.Sequential(cr.Flatten(), cr.Dense(2)), "cross_entropy", dtype="float64")
    model.fit(IMAGES, CLASSES, epochs=1, verbose=False)
    with pytest.raises(ChainruleError, match="E102"):
        model.quantize(IMAGES)
    content = model_file.to_bytes(_trained().quantize(IMAGES).state)
    record, tensors = container.unpack(content, "model", "x")
    for ranges in ({"conv9.weight": [0.0, 1.0]}, {"conv1.weight": [0.0, "1"]}, {"conv1.weight": [0.0]}, 3):
        broken = {**record, "quantization": {**record["quantization"], "ranges": ranges}}
        with pytest.raises(ChainruleError, match="E424"):
            model_file.from_bytes(container.pack("model", broken, tensors), (), "x")
