"""Every row of docs/coming-from-pytorch.md has the value and the derivatives of PyTorch, on each engine.

A row stands for a public function, so these are properties of all public functions of nodes.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

import chainrule as cr
from case_loops import loop_over
from chainrule.engines import compile
from chainrule.graph import Graph, Node
from chainrule.ops.functional import __all__ as FUNCTIONS
from onnx_files import exported_file
from torch_rows import ARRAYS, cotangents, nodes, rows, statements, used, values

EXPLAINED = (  # functions that consist of many operations
    "cr.cumsum",
    "cr.cumprod",
    "cr.cummax",
    "cr.sort",
    "cr.topk",
    "cr.flip",
    "cr.rfft",
    "cr.expm1",
    "cr.std",
)
ENGINES = ["reference", "native", "xla"]
ROWS = rows()
COUNT, KINDS = 3, ("together", "one by one")
# Functions that no row has: random numbers, windows of a convolution, and marks of the graph.
WITHOUT = {"normal", "uniform", "patches", "resample", "remat"}


def is_float(result: Any) -> bool:
    return str(result.dtype).removeprefix("torch.") in ("float64", "float32")


def test_every_function_of_nodes_has_a_row() -> None:
    text = " ".join(ours for _, ours in ROWS)
    assert {name for name in FUNCTIONS if f"cr.{name}(" not in text} == WITHOUT
    assert len(ROWS) > 150


@cache
def expected(row: int) -> dict[str, np.ndarray]:
    """The values of PyTorch, the gradient of a weighted sum of them, and their derivative in a direction."""
    theirs, ours = ROWS[row]
    names = used(ours)
    tensors = {name: torch.tensor(ARRAYS[name]) for name in ARRAYS}
    leaves = [tensors[name].requires_grad_() for name in names if tensors[name].is_floating_point()]
    outputs = values(theirs, tensors)
    results = {f"value {i}": y.detach().numpy() for i, y in enumerate(outputs)}
    weighted = [
        (y * torch.tensor(w, dtype=y.dtype)).sum()
        for y, w in zip(outputs, cotangents(outputs), strict=True)
        if y.requires_grad
    ]
    if weighted:
        total = torch.stack([w.double() for w in weighted]).sum()
        gradients = torch.autograd.grad(total, leaves, create_graph=True, allow_unused=True)
        derivatives = [
            torch.zeros_like(x) if g is None else g for x, g in zip(leaves, gradients, strict=True)
        ]
        floats = [name for name in names if tensors[name].is_floating_point()]
        results |= {f"gradient {n}": g.detach().numpy() for n, g in zip(floats, derivatives, strict=True)}
        along = zip(derivatives, directions(floats), strict=True)
        results["direction"] = np.sum([(g.detach().numpy() * d).sum() for g, d in along])
    return results


def directions(names: list[str]) -> list[np.ndarray]:
    """A direction for each variable."""
    return [np.cos(ARRAYS[name] * 7) for name in names]


@cache
def computed(row: int, dtype: str = "float64") -> dict[str, Node]:
    """The same as nodes."""
    _, ours = ROWS[row]
    variables = nodes(used(ours), dtype)
    outputs = values(ours, variables)
    results = {f"value {i}": y for i, y in enumerate(outputs)}
    floats = {name: x for name, x in variables.items() if is_float(x)}
    pairs = zip(outputs, cotangents(outputs), strict=True)
    weighted = [cr.cast(y, dtype) * cr.constant(w, dtype) for y, w in pairs if is_float(y)]
    if "direction" in expected(row):
        total = sum((cr.sum(w) for w in weighted[1:]), cr.sum(weighted[0]))
        derivatives = cr.grad(total, list(floats.values()), unused="zeros")
        results |= {f"gradient {name}": g for name, g in zip(floats, derivatives, strict=True)}
        tangents = [cr.constant(d, dtype) for d in directions(list(floats))]
        results["direction"] = cr.jvp(total, list(floats.values()), tangents, unused="zeros")
    return results


@pytest.mark.long
@pytest.mark.parametrize("engine", ENGINES)
def test_values_and_derivatives_are_those_of_torch(engine: Any) -> None:
    kinds = (
        ("value",) if engine == "xla" else ("value", "gradient", "direction")
    )  # it compiles for 10 seconds
    labeled = {
        f"{row}: {key}": node
        for row in range(len(ROWS))
        for key, node in computed(row).items()
        if key.startswith(kinds)
    }
    program = compile(Graph(labeled), engine)
    results = program.run({name: ARRAYS[name] for name in program.graph.inputs})
    assert len(results) > 150
    for row, (_, ours) in enumerate(ROWS):
        assert expected(row).keys() == computed(row).keys(), ours
    for label, result in results.items():
        row, key = label.split(": ")
        value, ours = expected(int(row))[key], ROWS[int(row)][1]
        assert (result.shape, result.dtype) == (value.shape, value.dtype), f"{ours}, {key}"
        close = 1e-6 if "float32" in ours else 1e-9
        np.testing.assert_allclose(result, value, rtol=close, atol=close, err_msg=f"{ours}, {key}")


def different(name: str) -> np.ndarray:
    """Some arrays (V, ...) with the numbers of a variable."""
    a = ARRAYS[name]
    return np.stack([np.roll(a.ravel(), shift).reshape(a.shape) for shift in range(COUNT)])


def mapped(row: int, names: list[str]) -> dict[str, Node]:
    """The results and gradients of a row for several elements at once, and one by one."""
    _, ours = ROWS[row]
    shapes = {name: x.spec for name, x in nodes(names).items()}
    stacked = [cr.input(name, (None, *shapes[name].shape), shapes[name].dtype) for name in names]
    floats = [n for n, name in enumerate(names) if shapes[name].is_float]

    def results(*elements: Node) -> list[Node]:
        outputs = values(ours, dict(zip(names, elements, strict=True)))
        pairs = zip(outputs, cotangents(outputs), strict=True)
        weighted = [cr.sum(cr.cast(y, "float64") * w) for y, w in pairs if is_float(y)]
        if not weighted or not floats:
            return outputs
        total = sum(weighted[1:], weighted[0])
        return [*outputs, *cr.grad(total, [elements[n] for n in floats], unused="zeros")]

    together = cr.vmap(results)(*stacked)
    alone = [results(*(x[v] for x in stacked)) for v in range(COUNT)]
    one_by_one = [cr.stack(list(parts)) for parts in zip(*alone, strict=True)]
    pairs = enumerate(zip(together, one_by_one, strict=True))
    return {f"{row}.{k}.{kind}": node for k, pair in pairs for kind, node in zip(KINDS, pair, strict=True)}


@pytest.mark.long
@pytest.mark.parametrize("engine", ["reference", "native"])
def test_vmap_of_values_and_gradients_equals_a_loop(engine: Any) -> None:
    labeled: dict[str, Node] = {}
    for row, (_, ours) in enumerate(ROWS):
        names = used(ours)
        labeled |= mapped(row, names) if names else {}
    program = compile(Graph(labeled), engine)
    results = program.run({name: different(name) for name in program.graph.inputs})
    assert len(results) > 500
    for label, value in results.items():
        row, k, kind = label.split(".")
        if kind == KINDS[0]:
            other = results[f"{row}.{k}.{KINDS[1]}"]
            assert value.dtype == other.dtype
            close = 1e-6 if "float32" in ROWS[int(row)][1] else 1e-9
            np.testing.assert_allclose(value, other, rtol=close, atol=close, err_msg=ROWS[int(row)][1])


@pytest.mark.long
@loop_over("row", range(len(ROWS)), lambda row: ROWS[row][1])
def test_a_row_has_formulas(row: int) -> None:
    for node in computed(row).values():
        for notation in ("unicode", "latex", "mathml"):
            assert cr.formula(node, notation)
    for lang in ("en", "zh"):
        assert cr.formula(computed(row)["value 0"], "words", lang=lang)


def test_onnx_runtime_computes_the_rows() -> None:
    outputs = {
        f"{row}: {key}": node
        for row in range(len(ROWS))
        for key, node in computed(row, "float32").items()
        if key.startswith("value")
    }
    graph = Graph(outputs)
    arrays = {name: ARRAYS[name].astype(node.dtype) for name, node in graph.inputs.items()}
    proto = exported_file(graph.inputs, list(outputs.values()), {})
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    known = compile(graph, "reference").run(arrays)
    assert len(known) > 150
    for (label, value), result in zip(known.items(), session.run(None, arrays), strict=True):
        assert (result.shape, result.dtype) == (value.shape, value.dtype), label
        np.testing.assert_allclose(
            result, value, rtol=1e-4, atol=1e-5, err_msg=ROWS[int(label.split(":")[0])][1]
        )


class Rows(cr.Layer):
    """The sums of the results of some rows, for each sample x (3, 4)."""

    def __call__(self, x: Node, scope: cr.Scope) -> Node:
        chosen = [ours for _, ours in ROWS if used(ours) == ["x"] and ours.startswith(EXPLAINED)]
        assert len(chosen) >= len(EXPLAINED)

        def sums(element: Node) -> Node:
            variables = {"x": cr.reshape(element, (3, 4))}
            results = [y for ours in chosen for y in values(ours, variables)]
            return cr.stack([cr.sum(cr.cast(y, "float64")) for y in results])

        return cr.vmap(sums)(x)


def test_composed_functions_are_explained_step_by_step() -> None:
    net = cr.Sequential(cr.Dense(12), Rows(), cr.Dense(1))
    model = cr.Model(net, "mse", cr.SGD(1e-3), dtype="float64", engine="reference")
    model.initialize(x := np.random.default_rng(0).normal(size=(2, 3)))
    for lang in ("en", "zh"):
        explanation = model.explain(x[0], np.ones(1), lang=lang)
        assert len(str(explanation)) > 2000


def test_the_loops_of_both_libraries_make_the_same_updates(tmp_path: Path) -> None:
    torch.manual_seed(0)
    x, y = np.random.default_rng(0).normal(size=(2, 16, 3)).astype("float32")
    net = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))
    torch.save(net.state_dict(), tmp_path / "weights.pt")
    layers = cr.Sequential(cr.Dense(5, "tanh"), cr.Dense(3))
    model = cr.Model(layers, "mse", cr.SGD(0.1, momentum=0.9)).initialize(x)
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    shared = {"torch": torch, "nn": torch.nn, "cr": cr, "path": tmp_path / "weights.pt"}
    theirs = {**shared, "net": net, "optimizer": optimizer, "state": tmp_path / "state.pt"}
    theirs |= {"loss_of": torch.nn.MSELoss(), "x": torch.tensor(x), "y": torch.tensor(y)}
    ours = {**shared, "model": model, "layers": layers, "x": x, "y": y, "state": tmp_path / "state.cr"}
    loading, *loop = statements()
    exec(loading[0], theirs)
    exec(loading[1], ours)
    ours["trainer"] = model.trainer(x, y)
    for left, right in loop:
        exec(left, theirs)
        exec(right, ours)
    assert ours["loss"] == pytest.approx(theirs["loss"].item(), rel=1e-5)
    assert ours["trainer"].learning_rate == pytest.approx(0.001)
    for gradient, known in zip(ours["grads"].values(), theirs["grads"], strict=True):
        np.testing.assert_allclose(gradient, known.numpy(), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(ours["model"](x), theirs["net"](theirs["x"]).detach().numpy(), atol=1e-5)
