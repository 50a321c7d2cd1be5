"""Integers of inputs and labels: exact, or refused with the first that would change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines import compile
from chainrule.errors import DtypeError
from chainrule.graph import Graph, Node
from chainrule.nn.scope import Scope
from chainrule.symbolic_shape import Spec
from chainrule.train.model_state import with_integer_inputs
from chainrule.train.network import Network, Recipe
from layer_cases import CASES, ready

WORDS = 2**24 + 8
IDS = np.array([[2**24 + 1], [2**24 + 3], [5]])
ENGINES = ("native", "reference")
INTEGERS = [name for name, case in CASES.items() if case.vocabulary and "age" not in name]
MIXED = ("text encoder that computes its mask",)  # it calculates with x too


def network_of(name: str, kind: str) -> Network:
    """The network of a case for floating-point inputs, before their dtypes are chosen."""
    case = CASES[name]
    specs = {
        label: Spec(spec.shape, kind) if spec.dtype != "bool" else spec
        for label, spec in case.specs("float32").items()
    }
    return Network(Recipe(case.net, "mse", cr.SGD(0.1)), specs)


@pytest.mark.parametrize("name", INTEGERS)
def test_layers_of_integers_get_integers_and_compute_what_they_compute_for_floats(name: str) -> None:
    before, arrays = network_of(name, "float32"), ready(CASES[name], dtype="float32").arrays
    after = with_integer_inputs(before)
    assert ("int64" in {spec.dtype for spec in after.inputs.values()}) != (name in MIXED)
    results = []
    for network in (before, after):
        nodes = network.inference.outputs.items()
        graph = Graph({str(key): node for key, node in nodes if isinstance(node, Node)})
        inputs = {key: arrays[key].astype(node.dtype) for key, node in graph.inputs.items()}
        results.append(compile(graph, "reference").run(inputs))
    for key, expected in results[0].items():
        np.testing.assert_array_equal(results[1][key], expected)


def test_layers_of_numbers_get_floating_point_inputs() -> None:
    others = [name for name in CASES if not CASES[name].vocabulary]
    kinds = {name: with_integer_inputs(network_of(name, "float32")).inputs for name in others}
    assert len(others) > 100
    assert [name for name, specs in kinds.items() if any(s.dtype == "int64" for s in specs.values())] == []


def large_table(engine: Any) -> cr.Model:
    """A model whose embedding has more rows than float32 has integers; row i contains i modulo 7."""
    model = cr.Model(cr.Sequential(cr.Embedding(WORDS, 1), cr.Flatten()), "mse", cr.SGD(0.5), engine=engine)
    model.initialize(IDS)
    return model.load_parameters({"embedding1.weight": (np.arange(WORDS) % 7).astype("f4")[:, None]})


@pytest.mark.long
@pytest.mark.parametrize("engine", ENGINES)
def test_indices_above_2_to_the_24_read_their_own_rows(engine: str, tmp_path: Path) -> None:
    model, expected = large_table(engine), (IDS % 7).ravel()
    for form in (IDS, IDS.astype("float64"), IDS.astype("uint32"), IDS.tolist()):
        np.testing.assert_array_equal(np.ravel(model(form)), expected)
        np.testing.assert_array_equal(np.ravel(model.predict(form)), expected)
    assert model.evaluate(IDS, expected.astype(float))["loss"] == 0.0
    model.save(tmp_path / "model.cr")
    np.testing.assert_array_equal(np.ravel(cr.load(tmp_path / "model.cr")(IDS)), expected)


@pytest.mark.long
def test_a_step_changes_the_rows_of_its_indices_alone() -> None:
    model, expected = large_table("native"), (IDS % 7).ravel()
    trainer = model.trainer(IDS, expected + 1.0)
    assert trainer.step(IDS, expected + 1.0) == 1.0
    trainer.commit()
    change = np.asarray(model.parameters()["embedding1.weight"])[:, 0] - np.arange(WORDS) % 7
    assert np.flatnonzero(change).tolist() == sorted(IDS.ravel().tolist())


class IsNumber(cr.Layer):
    """1 where the integer is ``number``."""

    number: int = 0

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, C) -> the same
        return cr.equal(x.astype("int64"), self.number).astype(scope.dtype)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("number", [2**24 + 1, 2**31 + 1, 2**53 - 1, -(2**40) - 1, 2**62 + 1])
def test_a_custom_layer_receives_each_digit(engine: Any, number: int) -> None:
    model = cr.Model(cr.Sequential(IsNumber(number), cr.Dense(1)), "mse", engine=engine)
    x = np.array([[number - 1], [number], [number + 1]])
    model.fit(x, np.array([0.0, 1.0, 0.0]), epochs=1, verbose=False)
    model.load_parameters({"dense1.weight": [[1.0]], "dense1.bias": [0.0]})
    assert np.ravel(model(x)).tolist() == [0.0, 1.0, 0.0]
    assert np.ravel(model.predict({"x": x})).tolist() == [0.0, 1.0, 0.0]


class IdentifierAndAmount(cr.Layer):
    """A row whose first number is an index, and whose second one is a number."""

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, 2) -> (B, 2)
        vector = scope.run(cr.Embedding(WORDS, 1), x[:, 0].astype("int64"))
        return cr.concatenate([vector, x[:, 1:]], 1)


def test_an_index_beside_numbers_is_refused_where_it_would_be_rounded() -> None:
    model = cr.Model(IdentifierAndAmount(), "mse", cr.SGD(0.1))
    model.initialize({"x": cr.input("x", (None, 2)).spec})
    assert np.shape(model(np.array([[5.0, 0.3], [2.0**24, 0.5]]))) == (2, 2)
    for x in (np.array([[2**24 + 1, 0.25]]), np.array([[2**24 + 1, 2]])):
        with pytest.raises(DtypeError) as caught:
            model(x)
        assert caught.value.code == "E234"
        assert "x[0, 0]" in str(caught.value)


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint32"])
def test_a_model_of_integer_specs_can_be_called(dtype: str) -> None:
    model = cr.Model(cr.Sequential(cr.Embedding(5, 2), cr.Flatten()), "mse")
    model.initialize({"x": cr.input("x", (None, 2), dtype).spec})
    assert model.state.network is not None
    assert model.state.network.inputs["x"].dtype == dtype
    x = np.array([[1, 2], [4, 0]])
    assert np.shape(model(x)) == np.shape(model(x.astype("float32"))) == (2, 4)
    history = model.fit(x, np.zeros((2, 4)), epochs=2, verbose=False)
    assert np.isfinite(history[-1]["loss"])


def dense() -> cr.Model:
    return cr.Model(cr.Sequential(cr.Dense(1)), "mse")


def trained() -> cr.Model:
    model = dense()
    model.fit(np.eye(2), np.zeros(2), epochs=1, verbose=False)
    return model


TIMES = np.array([[1_700_000_001, 3], [1_700_000_002, 4]])
CALLS: dict[str, Callable[[], Any]] = {
    "fit": lambda: dense().fit(TIMES, [0.0, 1.0], epochs=1),
    "predict": lambda: trained().predict(TIMES),
    "call": lambda: trained()(TIMES),
    "evaluate": lambda: trained().evaluate(TIMES, [0.0, 1.0]),
    "validation": lambda: dense().fit(np.eye(2), [0.0, 1.0], validation=(TIMES, [0.0, 1.0]), epochs=1),
    "explain": lambda: trained().explain(TIMES[0], 1.0),
    "attribute": lambda: trained().attribute(TIMES[0]),
    "trainer": lambda: dense().trainer(TIMES, [0.0, 1.0]),
    "partial_fit": lambda: dense().partial_fit(TIMES, [0.0, 1.0]),
    "activations": lambda: trained().activations(TIMES, "dense1"),
}


@pytest.mark.parametrize("name", CALLS)
def test_timestamps_that_float32_would_round_are_refused(name: str) -> None:
    with pytest.raises(DtypeError) as caught:
        CALLS[name]()
    assert caught.value.code == "E234"
    assert "1700000001, which would become 1700000000" in str(caught.value)
    assert 'dtype="float64"' in caught.value.fix


def test_float64_keeps_the_digits_of_timestamps() -> None:
    model = cr.Model(cr.Sequential(cr.Dense(1)), "mse", dtype="float64")
    model.initialize(TIMES)
    model.load_parameters({"dense1.weight": [[1.0, 0.0]], "dense1.bias": [-1.7e9]})
    assert np.ravel(model(TIMES)).tolist() == [1.0, 2.0]


def test_fractions_are_no_indices() -> None:
    model = cr.Model(cr.Sequential(cr.Embedding(5, 2), cr.Flatten()), "mse").initialize(np.array([[1]]))
    with pytest.raises(DtypeError) as caught:
        model(np.array([[1.0], [1.5]]))
    assert caught.value.code == "E235"
    assert "x[1, 0]" in str(caught.value)


def test_memory_mapped_indices_are_read_where_they_are_and_checked(tmp_path: Path) -> None:
    np.save(tmp_path / "ids.npy", np.array([[1, 2], [3, 4], [0, 2]], np.float32))
    ids, y = cr.map_array(tmp_path / "ids.npy"), np.array([0.0, 1.0, 2.0])
    model = cr.Model(cr.Sequential(cr.Embedding(5, 2), cr.Flatten(), cr.Dense(1)), "mse")
    model.fit(ids, y, epochs=1)
    assert np.shares_memory(model.state.rows_of(ids).x, ids)
    np.testing.assert_array_equal(model.predict(np.asarray(ids, np.int64)), model.predict(ids))
    for call in (model.predict, lambda x: model.fit(x, y, epochs=1)):
        with pytest.raises(DtypeError, match=r"x\[1, 1\]") as caught:
            call(ids + np.array([[0, 0], [0, 0.5], [0, 0]], np.float32))
        assert caught.value.code == "E235"


@pytest.mark.parametrize("dtype", ["int64", "float64", "uint64"])
def test_labels_above_2_to_the_24_stay_distinct(dtype: str) -> None:
    labels = np.array([2**24 + 1, 2**24 + 2, 2**53 - 1, 2**53 - 2]).astype(dtype)
    model = cr.Model(cr.Sequential(cr.Dense(4)), "cross_entropy", cr.SGD(1.0))
    model.fit(np.eye(4), labels, epochs=200, verbose=False)
    assert np.asarray(model.predict(np.eye(4))).tolist() == labels.astype("int64").tolist()
