"""The native engine agrees with the reference: every card, several trainings, any number of threads."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

import chainrule as cr
from card_dtypes import with_dtype
from chainrule.engines import reference
from chainrule.engines.native.debug.interpreter import run_both
from chainrule.engines.native.runtime.kernel_calls import COVERED
from chainrule.graph import Graph, input_node, make
from chainrule.ops import CARDS, Sample

WITHOUT_KERNEL = {"prod": "rare; n * n work in its gradient anyway"}
CLOSE = {"float64": (1e-12, 1e-12), "float32": (4e-6, 1e-6)}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_source_and_machine_code_of_a_card_agree_with_the_reference(sample: Sample, dtype: str) -> None:
    with np.errstate(over="ignore"):
        arrays = [a.astype(dtype) if a.dtype == np.float64 else a for a in sample.inputs]
    op = with_dtype(sample.concrete(), dtype)
    nodes = [input_node(f"x{i}", a.shape, a.dtype.name) for i, a in enumerate(arrays)]
    graph = Graph({"y": make(op, *nodes)})
    feeds = {f"x{i}": a for i, a in enumerate(arrays)}
    expected = reference.Program(graph).run(feeds)["y"]
    source, fast = (outputs["y"] for outputs in run_both(graph, feeds))
    rtol, atol = CLOSE[dtype]
    for value in (source, fast):
        assert (value.shape, value.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(value, expected, rtol=rtol, atol=atol)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["uniform", "normal"])
@pytest.mark.parametrize("rows", [(), (40,)])
def test_random_numbers_have_the_bits_of_the_reference(name: str, dtype: str, rows: tuple[int, ...]) -> None:
    key = np.arange(1, 2 * math.prod(rows) + 1, dtype=np.uint32).reshape(*rows, 2)
    node = getattr(cr, name)(input_node("key", key.shape, "uint32"), (*(rows or (1,)), 501), dtype, 9)
    graph = Graph({"y": node})
    assert {node.op.name for node in graph.nodes} - COVERED == set()
    expected = reference.Program(graph).run({"key": key})["y"]
    source, fast = (outputs["y"] for outputs in run_both(graph, {"key": key}))
    assert np.array_equal(fast, expected)
    assert np.array_equal(source, expected)


def test_operations_without_a_native_kernel_are_listed() -> None:
    assert {kind.name for kind in CARDS} - COVERED == {
        name for name in WITHOUT_KERNEL if name in {k.name for k in CARDS}
    }


def _data(rows: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.Generator(np.random.Philox(seed))
    x = rng.standard_normal((rows, 6))
    return x, (x[:, 0] + x[:, 1] ** 2 > 0.5).astype(np.int64) + (x[:, 2] > 1)


Make = Callable[[], cr.Model]
D = cr.Dense
DEEP = cr.Sequential(D(16, "relu"), cr.Dropout(0.3), cr.Residual(D(16, "tanh")), D(3))
STEPS: dict[str, tuple[cr.Layer, dict, dict]] = {
    "sgd": (cr.Sequential(D(8, "sigmoid"), D(3)), {"optimizer": cr.SGD(0.1)}, {}),
    "nesterov": (DEEP, {"optimizer": cr.SGD(0.05, momentum=0.9, nesterov=True, weight_decay=1e-3)}, {}),
    "adam": (DEEP, {"optimizer": cr.Adam(cr.Warmup(5, cr.Cosine(1e-2)))}, {}),
    "adamw, clipped": (DEEP, {"optimizer": cr.AdamW(1e-2), "clip": cr.ClipGlobalNorm(0.5)}, {}),
    "rmsprop with penalty": (
        DEEP,
        {"optimizer": cr.RMSprop(1e-3, centered=True), "penalty": cr.L1(1e-3)},
        {},
    ),
    "balanced classes": (DEEP, {"optimizer": cr.Adam(1e-2)}, {"class_weight": "balanced"}),
    "one sample at a time": (DEEP, {"optimizer": cr.SGD(0.01)}, {"batch_size": 1, "epochs": 1}),
    "one batch of all rows": (DEEP, {"optimizer": cr.Adam(1e-2)}, {"batch_size": None}),
}


def _fit(case: str, engine: str, dtype: str = "float64", threads: int = 2) -> dict[str, np.ndarray]:
    net, model, options = STEPS[case]
    x, y = _data(173)  # not a multiple of the batch size: the last batch is smaller
    with cr.settings.using(threads=threads):
        trained = cr.Model(net, "cross_entropy", engine=engine, dtype=dtype, **model)
        history = trained.fit(x, y, **{"epochs": 3, "batch_size": 32, "verbose": False, **options})
    return {**trained.parameters(), "loss": np.array([row["loss"] for row in history])}


@pytest.mark.parametrize("case", STEPS)
def test_a_training_ends_with_the_parameters_of_the_reference(case: str) -> None:
    reference, fast = _fit(case, "reference"), _fit(case, "native")
    for name, value in reference.items():
        np.testing.assert_allclose(fast[name], value, rtol=1e-9, atol=1e-11, err_msg=name)


@pytest.mark.parametrize("case", ["adam", "balanced classes"])
@pytest.mark.parametrize("threads", [1, 3, 4, 8])
def test_parameters_have_equal_bits_for_any_number_of_threads(case: str, threads: int) -> None:
    two, other = _fit(case, "native", "float32", 2), _fit(case, "native", "float32", threads)
    for name, value in two.items():
        np.testing.assert_array_equal(other[name], value, err_msg=name)
