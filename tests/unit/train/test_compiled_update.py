"""The compiled update of a large parameter has the bits of the reference implementation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines.reference import ElementwiseChain
from chainrule.graph import Constant, Node, input_node
from chainrule.ops.array.shape import transpose
from chainrule.train.monitor.compiled_update import MANY, CompiledUpdate
from chainrule.train.monitor.probe import ProbeGraph
from chainrule.train.step_graph import training_step

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 200)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)
OPTIMIZERS = {
    "sgd": cr.SGD(0.1),
    "momentum": cr.SGD(0.1, momentum=0.9, nesterov=True),
    "adam": cr.Adam(0.01),
    "adamw": cr.AdamW(0.01),
    "rmsprop": cr.RMSprop(0.01),
    "adagrad": cr.Adagrad(0.1),
}


def model_of(optimizer: Any, **options: Any) -> cr.Model:
    net = cr.Sequential(cr.Dense(300, "relu"), cr.Dense(190), cr.Dense(2))
    return cr.Model(net, "cross_entropy", optimizer, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_probes_have_the_bits_of_the_reference(name: str, dtype: str) -> None:
    rows = []
    for engine in ("native", "reference"):
        model = model_of(OPTIMIZERS[name], engine=engine, dtype=dtype)
        model.fit(X, Y, epochs=1, batch_size=40, verbose=False)
        rows.append([(probe.step, dict(probe.values), dict(probe.parts)) for probe in model.probes[:1]])
    assert repr(rows[0]) == repr(rows[1])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_updates_of_usual_optimizers_are_compiled(name: str) -> None:
    model = model_of(OPTIMIZERS[name])
    model.fit(X, Y, epochs=1, batch_size=40, verbose=False)
    assert model.network is not None
    graph = ProbeGraph(model.network, training_step(model.network, False, 1))
    compiled = {path for path, chain in graph.compiled_updates.items() if isinstance(chain, CompiledUpdate)}
    assert compiled == {"dense1.weight", "dense2.weight"}


@pytest.mark.parametrize("count", [1, 7, 8, 64, 1000])
@pytest.mark.parametrize("shape", [(513, 64), (MANY + 3,), (40, 30, 41)])
def test_blocks_have_the_bits_of_the_reference(shape: tuple[int, ...], count: int) -> None:
    w, g, v = (input_node(name, shape, "float32") for name in "wgv")
    scale = cr.sqrt(input_node("scale", (), "float32"))
    chain = ElementwiseChain(w - scale * g / (cr.sqrt(v) + 1e-8), [])
    assert CompiledUpdate.is_exact(chain)
    values: dict[Node, np.ndarray] = {node: RNG.normal(size=shape).astype(np.float32) for node in (w, g, v)}
    values[v] = np.concatenate([[-1.0, 0.0, np.inf, np.nan], np.abs(values[v].reshape(-1)[4:])])
    values[v] = values[v].astype(np.float32).reshape(shape)
    values |= {node: node.op.array for node in chain.sources if isinstance(node.op, Constant)}
    values[scale] = np.array(0.3, np.float32)
    with np.errstate(all="ignore"):
        expected = list(chain.blocks(values, count))
    computed = [block.copy() for block in CompiledUpdate(chain).blocks(values, count)]
    assert [block.shape for block in computed] == [block.shape for block in expected]
    for block, like in zip(computed, expected, strict=True):
        np.testing.assert_array_equal(block, like)


@pytest.mark.parametrize("count", [1, 64, 100, 513, 1000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_blocks_of_a_transposed_gradient_have_the_bits_of_the_reference(dtype: str, count: int) -> None:
    w, g = input_node("w", (513, 64), dtype), transpose(input_node("g", (64, 513), dtype), (1, 0))
    chain = ElementwiseChain(w - g / 3.0 - w, [])
    assert g in chain.sources
    values = {w: RNG.normal(size=(513, 64)).astype(dtype), g: RNG.normal(size=(64, 513)).astype(dtype).T}
    values |= {node: node.op.array for node in chain.sources if isinstance(node.op, Constant)}
    computed = [block.copy() for block in CompiledUpdate(chain).blocks(values, count)]
    np.testing.assert_array_equal(np.concatenate(computed), values[w] - values[g] / 3 - values[w])


def test_blocks_copy_no_number_twice() -> None:
    """A block overwrites the one before, rows that are contiguous are read in place, and a number that is
    stored once is repeated once for all blocks.
    """
    w, g, v = (input_node(name, (640, 100), "float32") for name in "wgv")
    update = CompiledUpdate(ElementwiseChain(w - g * v, []))
    values = {node: RNG.normal(size=(640, 100)).astype(np.float32) for node in (w, g)}
    values[v] = np.broadcast_to(np.float32(0.5), (640, 100))
    first, second = list(update.blocks(values, 320))
    assert np.shares_memory(first, second)
    reads = list(update._reads(values, 320))
    labels = {source: label for label, (source, _) in update._inputs.items()}
    for node in (w, g):
        assert all(np.shares_memory(block[labels[node]], values[node]) for block in reads)
    assert np.shares_memory(reads[0][labels[v]], reads[1][labels[v]])


def test_operations_that_are_not_exact_are_not_compiled() -> None:
    w, g = (input_node(name, (300, 200), "float32") for name in "wg")
    assert not CompiledUpdate.is_exact(ElementwiseChain(w - cr.exp(g), []))
    assert not CompiledUpdate.is_exact(ElementwiseChain(cr.where(w > 0.0, w, g), []))
    small = [input_node(name, (30, 20), "float32") for name in "wg"]
    assert not CompiledUpdate.is_exact(ElementwiseChain(small[0] - small[1], []))
