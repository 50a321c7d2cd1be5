"""Unusual inputs are handled: any memory layout, NaN, a single row, many threads, no BLAS."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines import native, reference
from chainrule.errors import DataError
from chainrule.events import Channel, Event, Notice, notices
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, input_node
from chainrule.prng import KEY
from chainrule.symbolic_shape import Size

Turn = Callable[[np.ndarray], np.ndarray]
ROWS = 41
X = np.random.Generator(np.random.Philox(3)).normal(size=(ROWS, 6)).astype("float32")
Y = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0)


def read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


LAYOUTS: dict[str, Turn] = {
    "read-only": lambda a: read_only(a.copy()),
    "every second row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "backwards": lambda a: a[::-1].copy()[::-1],
    "Fortran order": np.asfortranarray,
    "the other byte order": lambda a: a.astype(a.dtype.newbyteorder()),
    "unaligned": lambda a: np.frombuffer(b"x" + a.tobytes(), a.dtype, offset=1).reshape(a.shape),
}


def model() -> cr.Model:
    net = cr.Sequential(cr.Dense(7, "tanh"), cr.Dropout(0.2), cr.Dense(3))
    return cr.Model(net, "cross_entropy", cr.Adam(0.01), engine="native")


def trained(x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """Return the parameters of a trained network, and its predictions."""
    fitted = model()
    fitted.fit(x, y, epochs=2, batch_size=16, verbose=False)
    return {**fitted.parameters(), "predictions": np.asarray(fitted.predict_proba(x))}


@pytest.fixture(scope="module")
def plain() -> dict[str, np.ndarray]:
    return trained(X, Y)


def same_bits(results: dict[str, np.ndarray], plain: dict[str, np.ndarray]) -> None:
    for name, value in plain.items():
        np.testing.assert_array_equal(results[name], value, err_msg=name)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_data_may_have_any_memory_layout(plain: dict[str, np.ndarray], layout: str) -> None:
    x, y = LAYOUTS[layout](X), LAYOUTS[layout](Y)
    same_bits(trained(x, y), plain)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y)


@pytest.mark.parametrize("threads", [1, 64])
def test_more_threads_than_processors_do_not_change_bits(plain: dict[str, np.ndarray], threads: int) -> None:
    with cr.settings.using(threads=threads):
        same_bits(trained(X, Y), plain)


def test_predictions_do_not_depend_on_the_number_of_threads() -> None:
    x, w = input_node("x", (None, 64), "float32"), input_node("w", (64, 256), "float32")
    program = native.Program(Graph({"y": cr.softmax(cr.relu(x @ w), 1)}))
    feeds = {"x": np.resize(X, (700, 64)), "w": np.resize(X, (64, 256))}
    results = []
    for threads in (1, 3, 64):
        with cr.settings.using(threads=threads):
            results.append(program.run(feeds)["y"])
    np.testing.assert_array_equal(results[1], results[0])
    np.testing.assert_array_equal(results[2], results[0])


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_training_on_one_row_converges(engine: str) -> None:
    fitted = cr.Model(cr.Sequential(cr.Dense(4, "tanh"), cr.Dense(1)), "mse", cr.SGD(0.1), engine=engine)
    first, *_, last = (row["loss"] or 0.0 for row in fitted.fit(X[:1], [0.5], epochs=40, verbose=False))
    assert last < 1e-3 < first
    assert np.asarray(fitted.predict(X[:1])).shape == (1,)


def test_zero_rows_are_refused_in_training_and_predicted_as_empty() -> None:
    with pytest.raises(DataError, match="E343"):
        trained(X[:0], Y[:0])
    x = input_node("x", (None, 6), "float32")
    program = native.Program(Graph({"y": cr.softmax(x, 1), "z": x.sum()}))
    results = program.run({"x": X[:0]})
    assert results["y"].shape == (0, 6)
    assert results["z"] == 0.0


# --- NaN: a model refuses it, a graph propagates it


def test_a_model_refuses_non_finite_data_with_its_position() -> None:
    broken = X.copy()
    broken[5, 2] = np.nan
    with pytest.raises(DataError, match=r"(?s)E342.*5"):
        trained(broken, Y)
    fitted = model()
    fitted.fit(X, Y, epochs=1, verbose=False)
    with pytest.raises(DataError, match="E342"):
        fitted.predict(broken)


FUNCTIONS: dict[str, Callable[[Node], Node]] = {
    "product": lambda x: x @ x.T,
    "sum": lambda x: x.sum(0),
    "max": lambda x: cr.max(x, 1),
    "min": lambda x: cr.min(x, 0),
    "argmax": lambda x: cr.argmax(x, 1),
    "softmax": lambda x: cr.softmax(x, 1),
    "logsumexp": lambda x: cr.logsumexp(x, 0),
    "relu": cr.relu,
    "clip": lambda x: cr.clip(x, -1.0, 1.0),
    "maximum": lambda x: cr.maximum(x, 0.5),
    "sigmoid": cr.sigmoid,
    "tanh": cr.tanh,
    "exp": cr.exp,
    "log": cr.log,
    "where": lambda x: cr.where(x > 0.0, x, -x),
    "sign": cr.sign,
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_nan_and_infinity_propagate_as_in_the_reference(function: str, dtype: str) -> None:
    x = X.astype(dtype)
    x[3, 1], x[8, 0], x[9, 5] = np.nan, np.inf, -np.inf
    graph = Graph({"y": FUNCTIONS[function](input_node("x", (None, 6), dtype))})
    expected, results = (engine.Program(graph).run({"x": x})["y"] for engine in (reference, native))
    np.testing.assert_array_equal(np.isnan(results.astype(float)), np.isnan(expected.astype(float)))
    np.testing.assert_allclose(results, expected, rtol=1e-5, atol=1e-5)


# --- random numbers


@pytest.mark.parametrize("rows", [2, 9, 40])
@pytest.mark.parametrize("many", [1, 2])
def test_random_numbers_with_samples_along_a_later_axis_match_the_reference(rows: int, many: int) -> None:
    """Positions count row by row through all samples, so the batch cannot be divided."""
    batch = Size.symbol("B")
    x, w = input_node("x", (None, 6), "float64"), input_node("w", (6,), "float64")
    key = input_node(KEY, (2,), "uint32")
    noise = cr.uniform(key, (3, batch * many), "float64", 5).sum(0)
    noise_per_sample = noise if many == 1 else noise.reshape((batch, many)).sum(1)
    loss = cr.mean(cr.square((x * w).sum(1) + noise_per_sample))
    graph = Graph({"loss": loss, "new": w - 0.1 * grad(loss, [w])[0]})
    data, keys = np.resize(X, (rows, 6)).astype("float64"), np.array([[1, 2]], np.uint32)
    expected = reference.Program(graph).run({"x": data, "w": np.ones(6), KEY: keys[0]})
    outputs = native.Program(graph).run({"x": data, "w": np.ones(6), KEY: keys[0]})
    arrays = {"w": np.ones(6)}
    trainer = native.CompiledStep(graph, grad(loss, [w]), {"new": "w"}).trainer({"x": data}, arrays, 2, 4)
    losses, _ = trainer.run(np.arange(rows), rows, 0, 1, 0, keys)
    np.testing.assert_allclose([outputs["loss"], losses[0, 0]], expected["loss"], rtol=1e-12)
    np.testing.assert_allclose([outputs["new"], arrays["w"]], [expected["new"]] * 2, rtol=1e-12)


# --- operations without kernel, and no BLAS


def test_an_operation_without_kernel_runs_by_reference_with_one_notice() -> None:
    emitted: list[Event] = []
    x = input_node("x", (None, 6), "float64")
    expected, results = (engine.Program(Graph({"y": cr.prod(x, 1)})) for engine in (reference, native))
    feeds = {"x": X.astype("float64")}
    np.testing.assert_array_equal(results.run(feeds)["y"], expected.run(feeds)["y"])  # without a listener
    with notices.deliver_to(Channel([emitted.append])):
        native.Program(Graph({"y": cr.prod(x, 0)})).run(feeds)
    (notice,) = emitted
    assert isinstance(notice, Notice)
    assert "prod has no compiled kernel" in notice.en
    assert "prod 没有编译的内核" in notice.zh


def test_single_step_training_has_one_notice_and_matches_the_reference() -> None:
    class SumAndProduct(cr.Layer):
        def __call__(self, x: cr.Node, scope: cr.Scope) -> cr.Node:
            return x + cr.prod(x, 1, keepdims=True)

    net = cr.Sequential(SumAndProduct(), cr.Dense(3))
    emitted: list[Notice] = []

    def listen(event: Event) -> None:
        emitted.extend([event] if isinstance(event, Notice) else [])

    models = [
        cr.Model(net, "cross_entropy", cr.SGD(0.1), engine=engine) for engine in ("native", "reference")
    ]
    for fitted in models:
        fitted.fit(X, Y, epochs=2, batch_size=16, verbose=False, callbacks=[listen])
        fitted.fit(X, Y, epochs=1, batch_size=16, verbose=False, callbacks=[listen], warm_start=True)
        fitted.predict(X)
    assert sorted(notice.en.split(" ")[0] for notice in emitted) == ["prod", "training"]
    for name, value in models[0].parameters().items():
        np.testing.assert_allclose(value, models[1].parameters()[name], rtol=1e-4, atol=1e-6)


def test_matrix_products_need_no_blas() -> None:
    """Without SciPy and its BLAS, the engine still multiplies matrices."""
    code = (
        "import sys; sys.modules['scipy'] = None\n"
        "import numpy as np\n"
        "from chainrule.engines import evaluate\n"
        "from chainrule.graph import input_node\n"
        "import chainrule.ops\n"
        "x, w = input_node('x', (None, 30), 'float64'), input_node('w', (30, 40), 'float64')\n"
        "a, b = np.arange(600.0).reshape(20, 30), np.arange(1200.0).reshape(30, 40)\n"
        "assert np.array_equal(evaluate(x @ w, {'x': a, 'w': b}, 'native'), a @ b)\n"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
