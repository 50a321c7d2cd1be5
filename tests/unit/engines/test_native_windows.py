"""Convolution and pooling match the reference engine for all settings and batch sizes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.engines import native, reference
from chainrule.gradient import grad
from chainrule.graph import Graph, input_node
from chainrule.plan.passes.axis_layout import MIN_INNER_SAMPLES, MIN_INNER_SAMPLES_FEW_CHANNELS, axis_orders
from chainrule.plan.plan import plan
from chainrule.symbolic_shape import Size
from thread_races import assert_no_races

ROWS = (
    1,
    3,
    MIN_INNER_SAMPLES_FEW_CHANNELS - 1,
    MIN_INNER_SAMPLES_FEW_CHANNELS,
    MIN_INNER_SAMPLES - 1,
    MIN_INNER_SAMPLES,
    20,
)


@st.composite
def windows(draw: st.DrawFn) -> tuple[Graph, dict[str, tuple]]:
    """A network of a convolution, an activation and a pooling over images of one to three axes, with all
    gradients.

    Images and weights have channels last, or channels first as in PyTorch.
    """
    axes = draw(st.integers(1, 3))
    small = {1: 9, 2: 7, 3: 4}[axes]
    space = tuple(draw(st.integers(2, small)) for _ in range(axes))
    groups, deep, out = draw(st.sampled_from((1, 1, 2, 3))), draw(st.integers(1, 3)), draw(st.integers(1, 7))
    kernel = tuple(draw(st.integers(1, min(4, n))) for n in space)
    per_axis = st.tuples(*(st.integers(0, 2) for _ in range(axes)))
    padding = tuple(zip(draw(per_axis), draw(per_axis), strict=True))
    stride = draw(st.tuples(*(st.integers(1, 2) for _ in range(axes))))
    fits = all(2 * (k - 1) < n for k, n in zip(kernel, space, strict=True))
    dilation = draw(st.sampled_from((1, 2))) if fits else 1
    is_first = draw(st.booleans())
    last = (0, *range(2, axes + 2), 1) if is_first else tuple(range(axes + 2))

    def in_layout(*shape: int | None) -> tuple[int | None, ...]:
        return (shape[0], shape[-1], *shape[1:-1]) if is_first else shape

    x = input_node("x", in_layout(None, *space, deep * groups), "float64")
    w = input_node("w", in_layout(out * groups, *kernel, deep), "float64")
    b = input_node("b", (out * groups,), "float64")
    images, kernels = cr.transpose(x, last), cr.transpose(w, last)
    y = cr.tanh(cr.convolution(images, kernels, stride, padding, dilation, groups) + b)
    pool = draw(st.sampled_from((cr.max_pool, cr.average_pool)))
    if draw(st.booleans()):
        y = pool(y, draw(st.integers(1, 2)), draw(st.integers(1, 2)), "same")
    flat = y.reshape((Size.symbol("B"), int(np.prod([int(n) for n in y.shape[1:]]))))
    v = input_node("v", (flat.shape[1], 3), "float64")
    loss = cr.mean(cr.square(flat @ v))
    names = ("x", "w", "b", "v")
    gradients = grad(loss, [x, w, b, v])
    graph = Graph({"y": y, "loss": loss, **{f"d{n}": s for n, s in zip(names, gradients, strict=True)}})
    return graph, {n: node.shape for n, node in zip(names, (x, w, b, v), strict=True)}


def feeds(shapes: dict[str, tuple], rows: int) -> dict[str, np.ndarray]:
    rng = np.random.Generator(np.random.Philox(rows))
    return {
        name: rng.normal(size=[n if isinstance(n, int) else rows for n in shape])
        for name, shape in shapes.items()
    }


@pytest.mark.long
@settings(max_examples=40)
@given(windows(), st.sampled_from(ROWS))
def test_values_and_gradients_match_the_reference(network: tuple[Graph, dict[str, tuple]], rows: int) -> None:
    graph, shapes = network
    arrays = feeds(shapes, rows)
    expected, results = reference.Program(graph).run(arrays), native.Program(graph).run(arrays)
    for name, value in expected.items():
        np.testing.assert_allclose(results[name], value, rtol=1e-9, atol=1e-9, err_msg=name)
    assert_no_races(plan(graph, {"B": rows}), arrays)  # windows overlap; written memory must not


@pytest.mark.parametrize(
    ("channels", "min_samples"), [(6, MIN_INNER_SAMPLES_FEW_CHANNELS), (MIN_INNER_SAMPLES, MIN_INNER_SAMPLES)]
)
def test_samples_are_innermost_if_there_are_many(channels: int, min_samples: int) -> None:
    x, w = input_node("x", (None, 6, 6, 2)), input_node("w", (channels, 3, 3, 2))
    y = cr.relu(cr.convolution(x, w))
    graph = Graph({"loss": cr.mean(y)})
    orders = axis_orders(graph, {"B": min_samples})
    assert orders[y] == orders[y.inputs[0]] == (1, 2, 3, 0)
    assert axis_orders(graph, {"B": min_samples - 1}) == {}


D = cr.Dense
NETS: dict[str, Callable[[], cr.Layer]] = {
    "LeNet": lambda: cr.Sequential(
        cr.Conv(6, 5, padding="same", activation="relu"),
        cr.MaxPool(2),
        cr.Conv(16, 3, activation="relu"),
        cr.MaxPool(2),
        cr.Flatten(),
        D(12, "relu"),
        D(3),
    ),
    "strides and groups": lambda: cr.Sequential(
        cr.Conv(8, 3, stride=2, activation="tanh"),
        cr.Conv(8, 3, groups=4, padding=1, activation="relu"),
        cr.AveragePool(2, 1),
        cr.Dropout(0.3),
        cr.GlobalAveragePool(),
        D(3),
    ),
    "residual": lambda: cr.Sequential(
        cr.Conv(4, 3, padding="same"),
        cr.Residual(cr.Conv(4, 3, padding="same", activation="relu")),
        cr.GlobalMaxPool(),
        D(3),
    ),
}


def trained(
    name: str, engine: str, batch: int, threads: int, dtype: str = "float64"
) -> dict[str, np.ndarray]:
    rng = np.random.Generator(np.random.Philox(4))
    x, y = rng.normal(size=(70, 10, 10, 2)), rng.integers(0, 3, 70)  # the last batch is short
    with cr.settings.using(threads=threads):
        model = cr.Model(
            NETS[name](), "cross_entropy", cr.SGD(0.05, momentum=0.9), engine=engine, dtype=dtype
        )
        model.fit(x, y, epochs=2, batch_size=batch, seed=3, verbose=False)
    return model.parameters()


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("batch", [5, 32])
def test_training_matches_the_reference_engine(name: str, batch: int) -> None:
    expected, results = (trained(name, engine, batch, 2) for engine in ("reference", "native"))
    assert expected
    for path, value in expected.items():
        np.testing.assert_allclose(results[path], value, rtol=1e-8, atol=1e-10, err_msg=path)


@pytest.mark.parametrize("threads", [1, 8])
def test_bits_do_not_depend_on_the_number_of_threads(threads: int) -> None:
    two, other = (trained("LeNet", "native", 32, n, "float32") for n in (2, threads))
    assert two
    for path, value in two.items():
        np.testing.assert_array_equal(other[path], value, err_msg=path)


@pytest.mark.parametrize("rows", [2, 17])
@pytest.mark.parametrize("settings", [(1, 1, 1), (2, 1, 1), (1, 2, 2), (2, 0, 1), (1, 3, 1)], ids=str)
@pytest.mark.parametrize("kernel", [(3,), (3, 3), (5, 5), (2, 3, 1)], ids=str)
def test_depthwise_gradients_match_the_reference(
    kernel: tuple[int, ...], settings: tuple[int, int, int], rows: int
) -> None:
    stride, padding, dilation = settings
    space = tuple(dilation * (k - 1) + 4 for k in kernel)
    x, w = input_node("x", (None, *space, 6), "float64"), input_node("w", (6, *kernel, 1), "float64")
    y = cr.convolution(x, w, stride, padding, dilation, 6)
    names = dict(zip(("dx", "dw"), grad(cr.square(y).sum(), [x, w]), strict=True))
    graph = Graph({"y": y, **names})
    arrays = feeds({"x": x.shape, "w": w.shape}, rows)
    results = native.Program(graph).run(arrays)
    assert len(results) == 3
    for name, expected in reference.Program(graph).run(arrays).items():
        np.testing.assert_allclose(results[name], expected, rtol=1e-11, atol=1e-11)


def test_a_wide_depthwise_convolution_has_few_tasks() -> None:
    x, w = input_node("x", (None, 8, 8, 300), "float32"), input_node("w", (300, 5, 5, 1), "float32")
    y = cr.convolution(x, w, 1, 2, 1, 300)
    (back,) = grad(cr.square(y).sum(), [x])
    assert len(plan(Graph({"dx": back}), {"B": 2}).tasks) < 30


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_channels_first_window_over_the_whole_image(axes: int, channels: int) -> None:
    """The stride of an axis of length 1 is meaningless."""
    last, first = (0, *range(2, axes + 2), 1), (0, axes + 1, *range(1, axes + 1))
    x = input_node("x", (2, channels, *(3,) * axes), "float64")
    w = input_node("w", (4, channels, *(3,) * axes), "float64")
    y = cr.transpose(cr.convolution(cr.transpose(x, last), cr.transpose(w, last)), first)
    up = input_node("up", y.shape, "float64")
    gradients = grad(cr.sum(y * up), [x, w])
    graph = Graph({"y": y, "dx": gradients[0], "dw": gradients[1]})
    arrays = feeds({"x": x.shape, "w": w.shape, "up": y.shape}, 2)
    expected, results = reference.Program(graph).run(arrays), native.Program(graph).run(arrays)
    assert len(results) == 3
    for name, value in expected.items():
        np.testing.assert_allclose(results[name], value, rtol=1e-9, atol=1e-9, err_msg=name)
