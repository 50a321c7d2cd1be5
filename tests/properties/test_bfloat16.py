"""Trainings and predictions whose products have factors rounded to bfloat16."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from case_loops import loop_over
from chainrule.engines.dispatch import compile
from chainrule.engines.native.debug.interpreter import run_both
from chainrule.engines.native.runtime.executable import machine
from chainrule.errors import ChainruleError
from chainrule.events import StepDone
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node
from chainrule.ops.linear.bfloat16 import is_product, round_to_bfloat16, to_bfloat16
from chainrule.ops.linear.convolution import convolution
from chainrule.plan.passes.bfloat16_products import with_bfloat16_products
from chainrule.symbolic_shape import bound
from layer_cases import CASES, Case, ready

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(48, 8, 8, 1)).astype("float32")
CLASSES = (IMAGES.mean((1, 2, 3)) > 0).astype(int)
NETS = {
    "dense": cr.Sequential(cr.Flatten(), cr.Dense(24, "relu"), cr.LayerNorm(), cr.Dense(2)),
    "convolution": cr.Sequential(cr.Conv(4, 3, activation="relu"), cr.MaxPool(2), cr.Flatten(), cr.Dense(2)),
    "time": cr.Sequential(cr.Reshape((8, 8)), cr.LSTM(5), cr.Dense(2)),
    "attention": cr.Sequential(
        cr.Reshape((8, 8)), cr.TransformerEncoderLayer(2, units=8), cr.Flatten(), cr.Dense(2)
    ),
}
numbers = st.integers(0, 2**32 - 1)


def _model(name: str = "dense", **options: Any) -> cr.Model:
    return cr.Model(NETS[name], "cross_entropy", cr.Adam(1e-2), **{"precision": "bfloat16", **options})


@settings(max_examples=50, deadline=None)
@given(st.lists(numbers, min_size=1, max_size=70))
def test_rounding_has_the_bits_of_the_format_on_every_engine(bits: list[int]) -> None:
    x = np.array(bits, np.uint32).view(np.float32)
    rounded = to_bfloat16(x)
    is_normal = ~(np.abs(x) < np.finfo("float32").tiny)
    with np.errstate(all="ignore"):
        expected = x.astype(ml_dtypes.bfloat16).astype(np.float32)
    np.testing.assert_array_equal(rounded[is_normal], expected[is_normal])
    np.testing.assert_array_equal(rounded[~is_normal], 0.0)
    np.testing.assert_array_equal(np.signbit(rounded), np.signbit(x))
    graph = Graph({"y": round_to_bfloat16(input_node("x", (None,), "float32"))})
    for engine in ("reference", "native"):
        y = compile(graph, engine).run({"x": x})["y"]
        is_number = ~np.isnan(x)
        assert y[is_number].tobytes() == rounded[is_number].tobytes(), engine
        assert np.isnan(y[~is_number]).all()


@loop_over("case", CASES.values(), ids=CASES)
def test_products_of_every_layer_have_rounded_factors(case: Case) -> None:
    built = ready(case, dtype="float32").built
    graph = Graph({name: node for name, node in built.outputs.items() if isinstance(node, Node)})
    rounded, _ = with_bfloat16_products(graph)
    for node in rounded.nodes:
        if is_product(node):
            assert all(_is_rounded(source) for source in node.inputs), node
    counts = [sum(map(is_product, g.nodes)) for g in (graph, rounded)]
    assert counts[0] == counts[1]


def _is_rounded(node: Node) -> bool:
    while node.op.name in ("broadcast", "reshape", "transpose"):
        (node,) = node.inputs
    return node.op.name == "round_to_bfloat16"


@pytest.mark.parametrize("engine", ["reference", "native"])
@settings(max_examples=12, deadline=None)
@given(
    rows=st.integers(1, 70),
    depth=st.sampled_from([0, 1, 3, 17, 256, 300]),
    columns=st.integers(1, 70),
    transposed=st.booleans(),
)
def test_a_product_is_that_of_rounded_factors(
    engine: str, rows: int, depth: int, columns: int, transposed: bool
) -> None:
    random = np.random.default_rng(rows + depth)
    x = random.normal(size=(rows, depth)).astype("float32")
    w = random.normal(size=(columns, depth) if transposed else (depth, columns)).astype("float32")
    a, b = input_node("a", x.shape, "float32"), input_node("b", w.shape, "float32")
    graph = Graph({"y": a @ (b.T if transposed else b)})
    y = compile(graph, engine, "bfloat16").run({"a": x, "b": w})["y"]
    left, right = to_bfloat16(x).astype(float), to_bfloat16(w).astype(float)
    exact = left @ (right.T if transposed else right)
    magnitude = np.abs(left) @ np.abs(right.T if transposed else right)
    assert y.dtype == np.float32
    assert (np.abs(y - exact) <= 1e-6 * magnitude + 1e-30).all()


@pytest.mark.long
@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(9, 70), st.sampled_from([1, 2, 15, 33, 256, 300, 513]), st.integers(8, 90)),
    transposed=st.tuples(st.booleans(), st.booleans()),
    scale=st.sampled_from([1.0, 1e15, 1e-19, 3e-20]),
    has_bias=st.booleans(),
)
def test_processors_with_and_without_the_instruction_compute_the_same_bits(
    shape: tuple[int, int, int], transposed: tuple[bool, bool], scale: float, has_bias: bool
) -> None:
    rows, depth, columns = shape
    random = np.random.default_rng(depth)
    sides = ((rows, depth), transposed[0]), ((depth, columns), transposed[1])
    arrays = {
        name: (random.normal(size=side[:: -1 if is_transposed else 1]) * scale).astype("float32")
        for name, (side, is_transposed) in zip("ab", sides, strict=True)
    }
    nodes = {name: input_node(name, array.shape, "float32") for name, array in arrays.items()}
    left, right = (node.T if t else node for node, t in zip(nodes.values(), transposed, strict=True))
    y = left @ right
    graph = Graph({"y": cr.relu(y + cr.constant(np.float32(scale * scale))) if has_bias else y})
    results = [y["y"] for y in _with_and_without_the_instruction(graph, arrays)]
    assert len({result.tobytes() for result in results}) == 1
    by_hand = compile(graph, "reference", "bfloat16").run(arrays)["y"]
    np.testing.assert_allclose(results[0], by_hand, rtol=2e-3, atol=(2e-5 * scale * scale + 3e-38) * depth)


def _with_and_without_the_instruction(
    graph: Graph, arrays: dict[str, np.ndarray]
) -> list[dict[str, np.ndarray]]:
    """Return the outputs by the kernels of both kinds of processor, as far as this one can run them."""
    has_instruction = machine().has_bfloat16
    results = []
    try:
        for machine().has_bfloat16 in {has_instruction, False}:
            results.append(compile(graph, "native", "bfloat16").run(arrays))
    finally:
        machine().has_bfloat16 = has_instruction
    return results


def _errors(results: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> dict[str, float]:
    """Return the largest error of each result, relative to its largest number."""
    return {name: np.abs(results[name] - y).max() / np.abs(y).max() for name, y in expected.items()}


def _bits(results: dict[str, np.ndarray]) -> dict[str, bytes]:
    return {name: y.tobytes() for name, y in results.items()}


def _convolution_with_gradients(
    batch: int, space: tuple[int, int], channels: tuple[int, int], kernel: tuple[int, int], **options: Any
) -> tuple[Graph, dict[str, np.ndarray]]:
    """Return a convolution of random numbers and its gradients by the image and by the weights."""
    (c, o), random = channels, np.random.default_rng(batch)
    arrays = {
        "x": random.normal(size=(batch, *space, c)),
        "w": random.normal(size=(o, *kernel, c // options["groups"])),
    }
    x, w = (input_node(name, array.shape, "float32") for name, array in arrays.items())
    y = convolution(x, w, **options)
    upstream = input_node("g", y.shape, "float32")
    by_x, by_w = grad(cr.sum(y * upstream), [x, w])
    arrays["g"] = random.normal(size=bound(y.shape))
    graph = Graph({"y": y, "by_x": by_x, "by_w": by_w})
    return graph, {name: array.astype("float32") for name, array in arrays.items()}


@st.composite
def _convolutions(draw: Any) -> tuple[Graph, dict[str, np.ndarray]]:
    """Draw a convolution with its gradients, and its arrays."""
    space = draw(st.sampled_from([(9, 11), (13, 13), (16, 7)]))
    kernel = draw(st.sampled_from([(1, 1), (3, 3), (5, 5), (2, 3), (7, 7), (4, 1)]))
    dilation, groups = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    fits = all(n > dilation * (k - 1) for n, k in zip(space, kernel, strict=True))
    return _convolution_with_gradients(
        draw(st.sampled_from([1, 2, 5, 8, 16, 24, 33])),
        space,
        (groups * draw(st.sampled_from([1, 3, 8, 20, 36])), groups * draw(st.sampled_from([1, 16, 40]))),
        kernel,
        stride=draw(st.integers(1, 3)),
        padding=draw(st.sampled_from(["valid", "same"])) if fits else "same",
        dilation=dilation,
        groups=groups,
    )


@pytest.mark.long
@settings(max_examples=60, deadline=None)
@given(case=_convolutions())
def test_a_convolution_has_rounded_factors_and_the_same_bits_on_every_processor(
    case: tuple[Graph, dict[str, np.ndarray]],
) -> None:
    graph, arrays = case
    first, *others = _with_and_without_the_instruction(graph, arrays)
    by_hand = compile(graph, "reference", "bfloat16").run(arrays)
    assert max(_errors(first, by_hand).values()) < 2e-5
    assert all(_bits(first) == _bits(other) for other in others)


@pytest.mark.parametrize("kernel", [(1, 1), (5, 5)])
def test_kernels_of_convolutions_in_bfloat16_agree_with_their_definition(kernel: tuple[int, int]) -> None:
    graph, arrays = _convolution_with_gradients(
        16, (9, 9), (16, 24), kernel, stride=1, padding="same", groups=1
    )
    rounded, _ = with_bfloat16_products(graph, rounds=True)
    source, compiled = run_both(rounded, arrays)
    assert max(_errors(compiled, source).values()) < 1e-5


@pytest.mark.parametrize("shape", [(3, 40, 9), (20, 33, 17)])
def test_kernels_in_bfloat16_agree_with_their_definition(shape: tuple[int, int, int]) -> None:
    rows, depth, columns = shape
    x, w = RNG.normal(size=(rows, depth)), RNG.normal(size=(columns, depth))
    arrays = {"x": x.astype("float32"), "w": w.astype("float32")}
    nodes = {name: input_node(name, array.shape, "float32") for name, array in arrays.items()}
    graph, _ = with_bfloat16_products(Graph({"y": nodes["x"] @ nodes["w"].T}), rounds=True)
    source, compiled = run_both(graph, arrays)
    np.testing.assert_allclose(source["y"], compiled["y"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NETS)
def test_engines_train_alike(name: str) -> None:
    trained: dict[str, list[float]] = {}
    for engine in ("reference", "native"):  # XLA: tests/properties/test_xla_engine.py
        model = _model(name, engine=engine)
        history = model.fit(IMAGES, CLASSES, epochs=2, batch_size=16, seed=1, verbose=False)
        trained[engine] = [row["loss"] for row in history]
        assert {array.dtype.name for array in model.parameters().values()} == {"float32"}
    np.testing.assert_allclose(trained["native"], trained["reference"], rtol=2e-3)


@pytest.mark.parametrize("name", NETS)
def test_gradients_are_those_of_float32_up_to_rounding(name: str) -> None:
    model = _model(name)
    model.initialize(IMAGES)
    network = model.state.network
    assert network is not None
    loss = cr.mean(network.sample_loss(network.inference))
    nodes = {path: p.node for path, p in network.trainable.items()}
    graph = Graph(dict(zip(nodes, grad(loss, list(nodes.values())), strict=True)))
    arrays = {**model.parameters(), "x": IMAGES, "target": CLASSES}
    arrays = {label: arrays[label] for label in graph.inputs}
    exact, rounded = (compile(graph, "native", p).run(arrays) for p in ("float32", "bfloat16"))
    largest = max(np.abs(gradient).max() for gradient in exact.values())
    for path in nodes:
        assert np.abs(rounded[path] - exact[path]).max() < 0.06 * largest, path
    assert any((rounded[path] != exact[path]).any() for path in nodes)


def test_a_resumed_training_and_its_replay_have_the_same_bits(tmp_path: Path) -> None:
    options: dict[str, Any] = {"epochs": 4, "batch_size": 16, "seed": 3, "verbose": False}
    events = list[StepDone]()
    complete = _model()
    record = lambda event: events.append(event) if isinstance(event, StepDone) else None  # noqa: E731
    complete.fit(IMAGES, CLASSES, **options, callbacks=[record])
    parts = _model()
    parts.fit(IMAGES, CLASSES, **{**options, "epochs": 2}, run=tmp_path / "run")
    parts.fit(IMAGES, CLASSES, **options, run=tmp_path / "run", resume=True)
    for path, array in complete.parameters().items():
        assert array.tobytes() == parts.parameters()[path].tobytes(), path
    replayed = complete.replay(events[5].step, IMAGES, CLASSES, **options)
    assert replayed.loss == events[5].loss
    with pytest.raises(ChainruleError, match="E505"):
        _model(precision="float32").fit(IMAGES, CLASSES, **options, run=tmp_path / "run", resume=True)


def test_the_precision_is_saved_and_that_of_the_settings_is_the_default(tmp_path: Path) -> None:
    model = _model()
    model.fit(IMAGES, CLASSES, epochs=1, verbose=False)
    model.save(tmp_path / "m.safetensors")
    loaded = cr.load(tmp_path / "m.safetensors")
    assert loaded(IMAGES).tobytes() == model(IMAGES).tobytes()
    plain = _model(precision=None)
    plain.initialize(IMAGES)
    with cr.settings.using(precision="bfloat16"):
        rounded = plain(IMAGES)
    assert (rounded != plain(IMAGES)).any()
    assert rounded.tobytes() == _model().initialize(IMAGES)(IMAGES).tobytes()


@pytest.mark.parametrize("value", ["float16", "half", "mixed_float16", 16])
def test_other_precisions_are_refused_with_what_to_use(value: Any) -> None:
    with pytest.raises(ChainruleError, match="E101") as error:
        _model(precision=value)
    assert "bfloat16" in str(error.value)
    with pytest.raises(ChainruleError, match="E102"):
        _model(dtype="float64")


def test_texts_name_what_is_rounded() -> None:
    model = _model()
    model.fit(IMAGES, CLASSES, epochs=1, verbose=False)
    lines = str(model.summary()).splitlines()
    assert lines[-2].startswith("bfloat16: ")
    assert lines[-2].endswith("dense1, dense2")
    assert lines[-1].startswith("float32: layer_norm1; ")
    assert "dense1, dense2 to bfloat16" in " ".join(
        str(model.explain(IMAGES[0], CLASSES[0], lang="en")).split()
    )
    plain = _model(precision="float32")
    plain.fit(IMAGES, CLASSES, epochs=1, verbose=False)
    assert "bfloat16" not in str(plain.summary()) + str(plain.explain(IMAGES[0], CLASSES[0], lang="en"))


def test_a_product_that_overflows_is_reported_as_rounded() -> None:
    model = cr.Model(cr.Sequential(cr.Dense(4), cr.Dense(1)), "mse", cr.SGD(0.1), precision="bfloat16")
    x = np.full((32, 3), 1e20, "float32")
    model.initialize(x)
    model.load_parameters({"dense1.weight": np.full((4, 3), 1e20)})
    with pytest.raises(ChainruleError, match="E501") as error:
        model.fit(x, x[:, 0] * 0, epochs=3, verbose=False, doctor=False)
    report: Any = error.value.report  # type: ignore[attr-defined]
    assert report.op == "matmul"
    assert report.precision == "bfloat16"
    assert "rounded the factors to bfloat16" in "\n".join(report.lines("en"))
