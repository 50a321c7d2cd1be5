"""Multi-step training runs: early ends, failing steps, and results that do not depend on the division of a
batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.engines import native, reference
from chainrule.errors import ShapeError, TrainingError
from chainrule.events import StepDone
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node
from chainrule.nn.scope import Collected, Scope
from chainrule.plan.passes import reduction_and_loop_fusion
from chainrule.prng import KEY

NET = cr.Sequential(cr.Dense(8, "relu"), cr.Dropout(0.2), cr.Dense(3))


def samples(rows: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.Generator(np.random.Philox(5))
    x = rng.normal(size=(rows, 4))
    return x, (x[:, 0] > 0).astype(np.int64) + (x[:, 1] > 0)


def model(**changes: object) -> cr.Model:
    return cr.Model(NET, "cross_entropy", engine="native", **{"optimizer": cr.Adam(0.01), **changes})


@pytest.mark.parametrize("stop", [1, 2, 7, 8, 13])
def test_a_callback_stops_after_exactly_the_given_step(stop: int) -> None:
    x, y = samples()
    stopped, exact = model(), model()
    steps_seen: list[int] = []

    def ask(event: object) -> bool:
        if isinstance(event, StepDone):
            steps_seen.append(event.step)
            return event.step == stop
        return False

    options = {"epochs": 4, "batch_size": 10, "verbose": False}
    stopped.fit(x, y, callbacks=[ask], **options)
    assert steps_seen == list(range(1, stop + 1))
    assert stopped.facts["steps"] == stop
    expected = cr.Model(NET, "cross_entropy", engine="reference", optimizer=cr.Adam(0.01))
    expected.fit(x, y, callbacks=[lambda e: isinstance(e, StepDone) and e.step == stop], **options)
    exact.fit(x, y, callbacks=[_counted(stop)], **options)
    for name, value in stopped.parameters().items():
        assert value.tobytes() == exact.parameters()[name].tobytes()
        np.testing.assert_allclose(value, expected.parameters()[name], rtol=2e-4, atol=2e-5)


def _counted(stop: int) -> Callable[[object], bool]:
    """Return a callback that stops after a number of steps by counting them."""
    left = iter(range(stop - 1, -1, -1))
    return lambda event: isinstance(event, StepDone) and next(left) == 0


@pytest.mark.parametrize("learning_rate", [1e30, 1e200])
def test_a_non_finite_step_keeps_the_last_parameters_and_names_the_operation(learning_rate: float) -> None:
    x, y = samples()
    failed = model(optimizer=cr.SGD(learning_rate), dtype="float64")
    with pytest.raises(TrainingError, match="E501") as stopped:
        failed.fit(x, y, epochs=5, batch_size=10, verbose=False)
    assert " from " in str(stopped.value)
    assert "Dense" in str(stopped.value)
    assert all(np.isfinite(value).all() for value in failed.parameters().values())
    steps = failed.facts["steps"]
    good = model(optimizer=cr.SGD(learning_rate), dtype="float64")
    if steps:
        good.fit(x, y, epochs=5, batch_size=10, verbose=False, callbacks=[_counted(steps)])
        for name, value in failed.parameters().items():
            assert value.tobytes() == good.parameters()[name].tobytes()


def test_fortran_order_data_trains_the_same() -> None:
    x, y = samples()
    model_of_c_order, fortran_model = model(), model()
    for one, data in ((model_of_c_order, x), (fortran_model, np.asfortranarray(x))):
        one.fit(data, y, epochs=2, batch_size=16, verbose=False)
    assert model_of_c_order.parameters()
    for name, value in model_of_c_order.parameters().items():
        np.testing.assert_array_equal(fortran_model.parameters()[name], value)


def trainer(graph: Graph, core: list[Node], homes: dict[str, str], data: dict, state: dict, threads: int = 2):
    return native.CompiledStep(graph, core, homes).trainer(data, state, threads, 4)


def reference_steps(
    graph: Graph, homes: Mapping[str, str], batches: list[dict], state: dict, keys: np.ndarray | None = None
) -> tuple[list[float], dict[str, np.ndarray]]:
    """Run the same steps one by one with the reference engine."""
    program, losses = reference.Program(graph), []
    for s, batch in enumerate(batches):
        key = {} if keys is None else {KEY: keys[s]}
        inputs = {**batch, **state, **key}
        results = program.run({name: inputs[name] for name in graph.inputs})
        losses.append(float(results["loss"]))
        state = {**state, **{label: results[name] for name, label in homes.items()}}
    return losses, state


@hypothesis_settings(max_examples=25)
@given(st.integers(1, 70), st.sampled_from([1, 2, 3]), st.booleans())
def test_every_batch_size_matches_the_reference(batch: int, threads: int, is_wide: bool) -> None:
    width = 130 if is_wide else 3
    x, w = input_node("x", (None, 5), "float64"), input_node("w", (5, width), "float64")
    b, v = input_node("b", (width,), "float64"), input_node("v", (5, width), "float64")
    loss = cr.mean(cr.square(cr.tanh(x @ w + b) - cr.sigmoid(x @ v)))
    dw, db, dv = grad(loss, [w, b, v])
    homes = {"new w": "w", "new b": "b", "new v": "v"}
    graph = Graph({"loss": loss, "new w": w - 0.1 * dw, "new b": b - 0.1 * db, "new v": v - 0.1 * dv})
    rng = np.random.Generator(np.random.Philox(batch))
    rows = rng.normal(size=(2 * batch, 5))
    state = {"w": rng.normal(size=(5, width)), "b": rng.normal(size=width), "v": rng.normal(size=(5, width))}
    losses, expected = reference_steps(graph, homes, [{"x": rows[:batch]}, {"x": rows[batch:]}], state)
    arrays = {name: value.copy() for name, value in state.items()}
    runner = trainer(graph, [dw, db, dv], homes, {"x": rows}, arrays, threads)
    results, failed = runner.run(np.arange(2 * batch), batch, 0, 2, 0, np.zeros((0, 2), np.uint32))
    assert failed == 0
    np.testing.assert_allclose(results[:, 0], losses, rtol=1e-10)
    for name in homes.values():
        np.testing.assert_allclose(arrays[name], expected[name], rtol=1e-9, atol=1e-12)


def test_a_value_and_its_predecessor_are_updated_in_one_step() -> None:
    w, before = input_node("w", (3, 3), "float64"), input_node("before", (3, 3), "float64")
    new_value = w * w.T - 0.1 * before  # reads elements of w after their mirror images would be overwritten
    homes = {"new w": "w", "new before": "before"}
    graph = Graph({"loss": cr.square(w).sum(), "new w": new_value, "new before": w})
    state = {"w": np.arange(9.0).reshape(3, 3) / 9, "before": np.ones((3, 3))}
    losses, expected = reference_steps(graph, homes, [{}, {}, {}], state)
    arrays = {name: value.copy() for name, value in state.items()}
    runner = trainer(graph, [], homes, {}, arrays)
    results, _ = runner.run(np.arange(3), 1, 0, 3, 0, np.zeros((0, 2), np.uint32))
    np.testing.assert_allclose(results[:, 0], losses, rtol=1e-14)
    for name in homes.values():
        np.testing.assert_allclose(arrays[name], expected[name], rtol=1e-14)


def test_shared_random_numbers_use_the_key_of_their_step() -> None:
    x, w, key = (
        input_node("x", (None, 2), "float64"),
        input_node("w", (2,), "float64"),
        input_node(KEY, (2,), "uint32"),
    )
    noise = cr.uniform(key, (2,), "float64", 3)
    loss = cr.mean(cr.square((x * (w + noise)).sum(1)))
    (dw,) = grad(loss, [w])
    homes = {"new w": "w"}
    graph = Graph({"loss": loss, "new w": w - 0.1 * dw})
    rows, keys = np.arange(8.0).reshape(4, 2), np.array([[1, 2], [3, 4]], np.uint32)
    losses, expected = reference_steps(
        graph, homes, [{"x": rows[:2]}, {"x": rows[2:]}], {"w": np.ones(2)}, keys
    )
    arrays = {"w": np.ones(2)}
    results, _ = trainer(graph, [dw], homes, {"x": rows}, arrays).run(np.arange(4), 2, 0, 2, 0, keys)
    np.testing.assert_allclose(results[:, 0], losses, rtol=1e-12)
    np.testing.assert_allclose(arrays["w"], expected["w"], rtol=1e-12)


def test_an_index_outside_its_table_ends_the_run() -> None:
    i, table = input_node("i", (None,), "int64"), input_node("table", (3, 2), "float64")
    loss = cr.mean(cr.square(cr.gather(table, i)))
    (gradient,) = grad(loss, [table])
    graph = Graph({"loss": loss, "new": table - 0.1 * gradient})
    runner = trainer(
        graph, [gradient], {"new": "table"}, {"i": np.array([0, 1, 7, 2])}, {"table": np.ones((3, 2))}
    )
    with pytest.raises(ShapeError, match="E211"):
        runner.run(np.arange(4), 2, 0, 2, 0, np.zeros((0, 2), np.uint32))


@pytest.mark.long
@hypothesis_settings(max_examples=8)
@given(st.integers(1, 40))
def test_normalization_and_pooling_have_the_same_bits_on_any_threads(batch: int) -> None:
    net = cr.Sequential(
        cr.Conv(8, 3), cr.GroupNorm(2), cr.Activation("relu"), cr.MaxPool(3, 2), cr.Flatten(), cr.LayerNorm()
    )
    x, book = input_node("x", (None, 7, 7, 2), "float64"), Collected("float64", True)
    loss = cr.mean(cr.square(Scope(book).run(net, x, "net")[:, 0] - 1.0))
    parameters = {path: parameter.node for path, parameter in book.parameters.items()}
    gradients = grad(loss, list(parameters.values()))
    updated = {path: w - 0.1 * dw for (path, w), dw in zip(parameters.items(), gradients, strict=True)}
    homes = {f"new {path}": path for path in parameters}
    graph = Graph({"loss": loss, **{f"new {path}": node for path, node in updated.items()}})
    rng = np.random.Generator(np.random.Philox(batch))
    rows = rng.normal(size=(2 * batch, 7, 7, 2))
    state = {path: rng.normal(size=node.shape) for path, node in parameters.items()}
    losses, expected = reference_steps(graph, homes, [{"x": rows[:batch]}, {"x": rows[batch:]}], state)
    first_bits = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reduction_and_loop_fusion, "MIN_ELEMENTS", 0)  # treats all values as large
        for threads in (1, 2, 3, 4, 8):
            arrays = {name: value.copy() for name, value in state.items()}
            runner = trainer(graph, gradients, homes, {"x": rows}, arrays, threads)
            results, failed = runner.run(np.arange(2 * batch), batch, 0, 2, 0, np.zeros((0, 2), np.uint32))
            assert failed == 0
            np.testing.assert_allclose(results[:, 0], losses, rtol=1e-9)
            for name in parameters:
                np.testing.assert_allclose(arrays[name], expected[name], rtol=1e-7, atol=1e-9)
                assert first_bits.setdefault(name, arrays[name].tobytes()) == arrays[name].tobytes()
