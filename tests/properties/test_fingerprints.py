"""Fingerprints of computations are equal in any process, and different for different computations."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from chainrule.gradient import grad
from chainrule.graph import Node, constant, fingerprint, input_node, make
from chainrule.graph.graph import _op
from chainrule.ops import Card, Sample
from chainrule.ops import functional as F
from layer_cases import CASES, ready

TESTS = Path(__file__).parents[1]


def of_all(names: list[str]) -> dict[str, str]:
    """The fingerprint of each layer case in training mode with its gradients, built in this order."""
    fingerprints = {}
    for name in names:
        built = ready(CASES[name], training=True).built
        nodes = [node for node in built.outputs.values() if node.spec.is_float]
        weights = [p.node for p in built.parameters.values()]
        gradients = (
            grad(sum((n.sum() for n in nodes[1:]), nodes[0].sum()), weights, unused="zeros") if nodes else []
        )
        fingerprints[name] = fingerprint([*built.outputs.values(), *gradients, *built.book.updates.values()])
    return fingerprints


def in_another_process(order: str, seed: str) -> dict[str, str]:
    """``of_all`` in another process, with other hashes and in another order."""
    text = (
        "import sys, json; sys.path[:0] = sys.argv[1:3]; from test_fingerprints import of_all; "
        f"from layer_cases import CASES; print(json.dumps(of_all(list(CASES){order})))"
    )
    command = [sys.executable, "-c", text, str(TESTS), str(TESTS / "properties")]
    environment = {**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return json.loads(done.stdout)


@pytest.mark.long
def test_fingerprints_of_layers_are_equal_in_another_process() -> None:
    ours, theirs = of_all(list(CASES)), in_another_process("[::-1]", "12345")
    assert len(ours) > 100
    assert {name for name in ours if ours[name] != theirs[name]} == set()


def test_operations_with_other_attributes_have_other_fingerprints(kind: type[Card]) -> None:
    ops = dict.fromkeys(sample.op for sample in kind.samples())
    assert len({_op(op, {}) for op in ops}) == len(ops)


def test_a_fingerprint_depends_on_the_operation_and_its_inputs(sample: Sample) -> None:
    nodes = [input_node(f"i{i}", a.shape, a.dtype.name) for i, a in enumerate(sample.inputs)]
    op = sample.concrete()
    node = make(op, *nodes)
    assert fingerprint(node) == fingerprint(make(op, *nodes)) != fingerprint(constant(1.0))
    others = [input_node(f"j{i}", a.shape, a.dtype.name) for i, a in enumerate(sample.inputs)]
    assert not nodes or fingerprint(make(op, *others)) != fingerprint(node)


def x() -> Node:
    return input_node("x", (2,), "float64")


DIFFERENT: dict[str, Node] = {
    "x": x(),
    "tanh": F.tanh(x()),
    "sin": F.sin(x()),
    "x - 1": x() - 1.0,
    "1 - x": 1.0 - x(),
    "x * 2": x() * 2.0,
    "x * 2.00001": x() * 2.00001,
    "array": constant(np.array([1.0, 2.0])),
    "float32 array": constant(np.array([1.0, 2.0], np.float32)),
    "column": constant(np.array([[1.0], [2.0]])),
    "integers": constant(np.array([1, 2])),
    "0": constant(np.float64(0.0)),
    "-0": constant(np.float64(-0.0)),
    "nan": constant(np.float64(np.nan)),
    "inf": constant(np.float64(np.inf)),
    "true": constant(np.True_),
    "other array": constant(np.array([1.0, 2.00001])),
}


def test_different_computations_have_different_fingerprints() -> None:
    assert len({fingerprint(node) for node in DIFFERENT.values()}) == len(DIFFERENT)
    one, two = x(), x() * 2.0
    assert fingerprint({"a": one, "b": two}) == fingerprint({"b": two, "a": one})
    assert fingerprint({"a": one, "b": two}) != fingerprint({"a": two, "b": one})
    assert fingerprint([one, two]) != fingerprint([two, one])


def test_constants_that_differ_in_the_last_bit_have_equal_fingerprints() -> None:
    table = np.sin(np.arange(1.0, 4000.0))
    assert fingerprint(constant(table)) == fingerprint(constant(np.nextafter(table, 2.0)))
    assert fingerprint(x() * 0.1) == fingerprint(x() * np.nextafter(0.1, 1.0))


def test_a_long_chain_does_not_exceed_the_recursion_limit() -> None:
    node = x()
    for _ in range(5000):
        node = F.tanh(node) + 1.0
    assert len(fingerprint(node)) == 32


def test_an_object_without_fingerprint_raises_type_error() -> None:
    with pytest.raises(TypeError, match="no fingerprint of object"):
        fingerprint([object()])  # type: ignore[list-item]
