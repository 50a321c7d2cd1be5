"""A step is planned and profiled for the batch size of the last training, on given or random rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import TrainingError, UsageError
from chainrule.model import Model
from chainrule.ops.linear.bfloat16 import Bfloat16Matmul
from chainrule.settings import PrecisionName
from chainrule.symbolic_shape import Size, Spec
from chainrule.train.monitor.profile import BATCH, ROWS, plan_step, profiled_step

X = np.random.Generator(np.random.Philox(1)).normal(size=(50, 4))
TWO, THREE = np.arange(50) % 2, np.arange(50) % 3
NETS: dict[str, tuple[cr.Layer, str, Any]] = {
    "classes": (cr.Sequential(cr.Dense(3)), "cross_entropy", THREE),
    "yes or no": (cr.Sequential(cr.Dense(1)), "binary_cross_entropy", TWO),
    "values": (cr.Sequential(cr.Dense(2)), "mse", X[:, :2]),
}


def learner(kind: str = "classes", batch_size: int | None = 20, **changes: Any) -> Model:
    net, loss, y = NETS[kind]
    model = Model(net, loss, **changes)
    model.fit(X, y, epochs=1, batch_size=batch_size, verbose=False)
    return model


@pytest.mark.parametrize("kind", NETS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_random_rows_have_the_form_of_the_given_ones(kind: str, dtype: str) -> None:
    model = learner(kind, dtype=dtype)
    measured, random = profiled_step(model.state, X, NETS[kind][2]), profiled_step(model.state, None, None)
    for name, array in measured.data.items():
        assert random.data[name].shape == array.shape
        assert random.data[name].dtype == array.dtype
        assert random.data[name].max() <= max(array.max(), 4.0)
    assert measured.batch == random.batch == 20
    assert set(measured.state) | set(measured.data) | {"step"} == set(measured.graph.inputs)


def test_equal_calls_have_equal_random_rows() -> None:
    model = learner()
    one, two = profiled_step(model.state, None, None), profiled_step(model.state, None, None)
    assert one.data
    assert all(one.data[name].tobytes() == two.data[name].tobytes() for name in one.data)


@pytest.mark.parametrize(("trained", "requested", "batch"), [(20, None, 20), (20, 7, 7), (None, None, 50)])
def test_the_batch_is_that_of_the_last_training(
    trained: int | None, requested: int | None, batch: int
) -> None:
    model = learner(batch_size=trained)
    assert plan_step(model.state, requested).sizes == {"B": batch}
    assert profiled_step(model.state, X, THREE, requested).batch == batch


def test_an_untrained_model_uses_default_sizes() -> None:
    model = Model(NETS["classes"][0], "cross_entropy")
    model.initialize({"x": Spec((Size.symbol("B"), 4), "float32")})
    assert plan_step(model.state).sizes == {"B": BATCH}
    assert len(profiled_step(model.state, None, None).data["x"]) == ROWS


def test_a_batch_is_no_larger_than_the_rows_given() -> None:
    assert profiled_step(learner().state, X[:10], THREE[:10]).batch == 10
    assert len(profiled_step(learner().state, None, None, 200).data["x"]) == 200, (
        "of random rows there are enough"
    )


@pytest.mark.parametrize("facts", [{"rows": "many"}, {"rows": -3}, {"rows": 2**60}, {"batch_size": 0}, {}])
def test_invalid_facts_of_a_file_are_ignored(facts: dict[str, Any]) -> None:
    model = learner()
    model.adopt(replace(model.state, facts=facts))
    assert profiled_step(model.state, None, None).batch == BATCH


def test_random_targets_of_several_outputs() -> None:
    net = cr.Parallel("none", size=cr.Dense(1), kind=cr.Dense(3))
    model = Model(net, {"size": "mse", "kind": "cross_entropy"})
    model.fit(X, {"size": X[:, 0], "kind": THREE}, epochs=1, verbose=False)
    data = profiled_step(model.state, None, None).data
    assert data["target.kind"].dtype == np.int64
    assert set(np.unique(data["target.kind"])) == {0, 1, 2}
    assert data["target.size"].shape == (50, 1)


def test_random_tokens_are_in_the_vocabulary() -> None:
    model = Model(cr.Sequential(cr.Embedding(7, 4), cr.GlobalAveragePool(), cr.Dense(3)), "cross_entropy")
    model.fit(np.arange(300).reshape(50, 6) % 7, THREE, epochs=1, verbose=False)
    words = profiled_step(model.state, None, None).data["x"]
    assert set(np.unique(words)) == set(range(7))


def test_a_table_is_prepared_for_the_profile() -> None:
    model = Model(NETS["classes"][0], "cross_entropy")
    model.fit("iris", epochs=1, batch_size=30, verbose=False)
    assert len(profiled_step(model.state, "iris", None).data["x"]) == 150


def test_a_model_without_inputs_has_no_step() -> None:
    fresh = Model(NETS["classes"][0], "cross_entropy")
    with pytest.raises(TrainingError, match="E503"):
        plan_step(fresh.state)
    with pytest.raises(TrainingError, match="E503"):
        profiled_step(fresh.state, None, None)


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"batch_size": 2.5}, {"steps": 0}, {"steps": "all"}])
def test_invalid_sizes_of_a_profile_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="E102"):
        profiled_step(learner().state, None, None, **wrong)


def test_the_step_has_the_precision_of_the_model() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(64, 256)).astype("float32"), np.arange(64) % 3
    precisions: tuple[PrecisionName, ...] = ("float32", "bfloat16")
    for precision in precisions:
        model = Model(cr.Sequential(cr.Dense(256), cr.Dense(3)), "cross_entropy", precision=precision)
        model.fit(x, y, epochs=1, verbose=False)
        step, plan = profiled_step(model.state, x, y), plan_step(model.state)
        assert set(step.core) <= set(step.graph.nodes)
        for graph in (step.graph, plan.graph):
            assert any(isinstance(node.op, Bfloat16Matmul) for node in graph.nodes) is (
                precision != "float32"
            )
        assert "dense1" in str(model.training.profile(x, y, steps=1))
