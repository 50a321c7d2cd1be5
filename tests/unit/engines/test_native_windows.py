"""Convolution and pooling in machine code agree with the law, whatever the settings and the batch."""

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
from chainrule.plan.passes.memory_layout import FROM, THIN_FROM, orders
from chainrule.plan.plan import plan
from chainrule.spec import Size
from thread_races import assert_no_races

ROWS = (1, 3, THIN_FROM - 1, THIN_FROM, FROM - 1, FROM, 20)


@st.composite
def windows(draw: st.DrawFn) -> tuple[Graph, dict[str, tuple]]:
    """A net of a convolution, a curve and a pooling over images of one to three axes, with all gradients.

    Images and weights lie as here or, their channels before the space, as in PyTorch.
    """
    axes = draw(st.integers(1, 3))
    small = {1: 9, 2: 7, 3: 4}[axes]
    space = tuple(draw(st.integers(2, small)) for _ in range(axes))
    groups, deep, out = draw(st.sampled_from((1, 1, 2, 3))), draw(st.integers(1, 3)), draw(st.integers(1, 7))
    kernel = tuple(draw(st.integers(1, min(4, n))) for n in space)
    each = st.tuples(*(st.integers(0, 2) for _ in range(axes)))
    padding = tuple(zip(draw(each), draw(each), strict=True))
    stride = draw(st.tuples(*(st.integers(1, 2) for _ in range(axes))))
    fits = all(2 * (k - 1) < n for k, n in zip(kernel, space, strict=True))
    dilation = draw(st.sampled_from((1, 2))) if fits else 1
    is_first = draw(st.booleans())
    last = (0, *range(2, axes + 2), 1) if is_first else tuple(range(axes + 2))

    def lying(*shape: int | None) -> tuple[int | None, ...]:
        return (shape[0], shape[-1], *shape[1:-1]) if is_first else shape

    x = input_node("x", lying(None, *space, deep * groups), "float64")
    w = input_node("w", lying(out * groups, *kernel, deep), "float64")
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
    slopes = grad(loss, [x, w, b, v])
    graph = Graph({"y": y, "loss": loss, **{f"d{n}": s for n, s in zip(names, slopes, strict=True)}})
    return graph, {n: node.shape for n, node in zip(names, (x, w, b, v), strict=True)}


def feeds(shapes: dict[str, tuple], rows: int) -> dict[str, np.ndarray]:
    rng = np.random.Generator(np.random.Philox(rows))
    return {
        name: rng.normal(size=[n if isinstance(n, int) else rows for n in shape])
        for name, shape in shapes.items()
    }


@settings(max_examples=40)
@given(windows(), st.sampled_from(ROWS))
def test_values_and_gradients(made: tuple[Graph, dict[str, tuple]], rows: int) -> None:
    graph, shapes = made
    given_arrays = feeds(shapes, rows)
    law, fast = reference.Program(graph).run(given_arrays), native.Program(graph).run(given_arrays)
    for name, value in law.items():
        np.testing.assert_allclose(fast[name], value, rtol=1e-9, atol=1e-9, err_msg=name)
    assert_no_races(plan(graph, {"B": rows}), given_arrays)  # windows overlap; what lanes add to must not


@pytest.mark.parametrize(("channels", "least"), [(6, THIN_FROM), (FROM, FROM)])
def test_many_samples_lie_innermost_and_few_do_not(channels: int, least: int) -> None:
    x, w = input_node("x", (None, 6, 6, 2)), input_node("w", (channels, 3, 3, 2))
    y = cr.relu(cr.convolution(x, w))
    graph = Graph({"loss": cr.mean(y)})
    found = orders(graph, {"B": least})
    assert found[y] == found[y.inputs[0]] == (1, 2, 3, 0)
    assert orders(graph, {"B": least - 1}) == {}


D = cr.Dense
NETS: dict[str, Callable[[], cr.Layer]] = {
    "LeNet": lambda: cr.Sequential(
        cr.Conv(6, 5, padding="same", activation="relu"), cr.MaxPool(2), cr.Conv(16, 3, activation="relu"),
        cr.MaxPool(2), cr.Flatten(), D(12, "relu"), D(3),
    ),
    "strides and groups": lambda: cr.Sequential(
        cr.Conv(8, 3, stride=2, activation="tanh"), cr.Conv(8, 3, groups=4, padding=1, activation="relu"),
        cr.AveragePool(2, 1), cr.Dropout(0.3), cr.GlobalAveragePool(), D(3),
    ),
    "residual": lambda: cr.Sequential(
        cr.Conv(4, 3, padding="same"), cr.Residual(cr.Conv(4, 3, padding="same", activation="relu")),
        cr.GlobalMaxPool(), D(3),
    ),
}  # fmt: skip


def trained(
    name: str, engine: str, batch: int, threads: int, dtype: str = "float64"
) -> dict[str, np.ndarray]:
    rng = np.random.Generator(np.random.Philox(4))
    x, y = rng.normal(size=(70, 10, 10, 2)), rng.integers(0, 3, 70)  # the last batch is a short one
    with cr.settings.using(threads=threads):
        model = cr.Model(
            NETS[name](), "cross_entropy", cr.SGD(0.05, momentum=0.9), engine=engine, dtype=dtype
        )
        model.fit(x, y, epochs=2, batch_size=batch, seed=3, verbose=False)
    return model.parameters()


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("batch", [5, 32])
def test_trainings_end_where_the_law_ends(name: str, batch: int) -> None:
    law, fast = (trained(name, engine, batch, 2) for engine in ("reference", "native"))
    for path, value in law.items():
        np.testing.assert_allclose(fast[path], value, rtol=1e-8, atol=1e-10, err_msg=path)


@pytest.mark.parametrize("threads", [1, 8])
def test_the_bits_are_those_of_any_number_of_threads(threads: int) -> None:
    two, other = (trained("LeNet", "native", 32, n, "float32") for n in (2, threads))
    for path, value in two.items():
        np.testing.assert_array_equal(other[path], value, err_msg=path)


@pytest.mark.parametrize("rows", [2, 17])
@pytest.mark.parametrize("settings", [(1, 1, 1), (2, 1, 1), (1, 2, 2), (2, 0, 1), (1, 3, 1)], ids=str)
@pytest.mark.parametrize("kernel", [(3,), (3, 3), (5, 5), (2, 3, 1)], ids=str)
def test_channels_by_themselves_go_back_as_the_law_says(
    kernel: tuple[int, ...], settings: tuple[int, int, int], rows: int
) -> None:
    stride, padding, dilation = settings
    space = tuple(dilation * (k - 1) + 4 for k in kernel)
    x, w = input_node("x", (None, *space, 6), "float64"), input_node("w", (6, *kernel, 1), "float64")
    y = cr.convolution(x, w, stride, padding, dilation, 6)
    names = dict(zip(("dx", "dw"), grad(cr.square(y).sum(), [x, w]), strict=True))
    graph = Graph({"y": y, **names})
    given = feeds({"x": x.shape, "w": w.shape}, rows)
    found = native.Program(graph).run(given)
    for name, wanted in reference.Program(graph).run(given).items():
        np.testing.assert_allclose(found[name], wanted, rtol=1e-11, atol=1e-11)


def test_a_net_of_hundreds_of_channels_by_themselves_is_planned_in_few_tasks() -> None:
    x, w = input_node("x", (None, 8, 8, 300), "float32"), input_node("w", (300, 5, 5, 1), "float32")
    y = cr.convolution(x, w, 1, 2, 1, 300)
    (back,) = grad(cr.square(y).sum(), [x])
    assert len(plan(Graph({"dx": back}), {"B": 2}).tasks) < 30


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_window_over_the_whole_image_whose_channels_come_first(axes: int, channels: int) -> None:
    """A single channel is an axis whose stride says nothing of how far columns lie apart."""
    last, first = (0, *range(2, axes + 2), 1), (0, axes + 1, *range(1, axes + 1))
    x = input_node("x", (2, channels, *(3,) * axes), "float64")
    w = input_node("w", (4, channels, *(3,) * axes), "float64")
    y = cr.transpose(cr.convolution(cr.transpose(x, last), cr.transpose(w, last)), first)
    up = input_node("up", y.shape, "float64")
    slopes = grad(cr.sum(y * up), [x, w])
    graph = Graph({"y": y, "dx": slopes[0], "dw": slopes[1]})
    arrays = feeds({"x": x.shape, "w": w.shape, "up": y.shape}, 2)
    law, fast = reference.Program(graph).run(arrays), native.Program(graph).run(arrays)
    for name, value in law.items():
        np.testing.assert_allclose(fast[name], value, rtol=1e-9, atol=1e-9, err_msg=name)
