"""What users hand in does no harm: data as it lies in memory, NaN, one row, many threads, no BLAS."""

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
from chainrule.spec import Size

Turn = Callable[[np.ndarray], np.ndarray]
ROWS = 41
X = np.random.Generator(np.random.Philox(3)).normal(size=(ROWS, 6)).astype("float32")
Y = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0)


def frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


LAYOUTS: dict[str, Turn] = {
    "read-only": lambda a: frozen(a.copy()),
    "every second row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "backwards": lambda a: a[::-1].copy()[::-1],
    "Fortran order": np.asfortranarray,
    "the other byte order": lambda a: a.astype(a.dtype.newbyteorder()),
    "unaligned": lambda a: np.frombuffer(b"x" + a.tobytes(), a.dtype, offset=1).reshape(a.shape),
}


def model() -> cr.Model:
    net = cr.Sequential(cr.Dense(7, "tanh"), cr.Dropout(0.2), cr.Dense(3))
    return cr.Model(net, "cross_entropy", cr.Adam(0.01), engine="native")


def taught(x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """What a net has learned, and answers."""
    learner = model()
    learner.fit(x, y, epochs=2, batch_size=16, verbose=False)
    return {**learner.parameters(), "answers": np.asarray(learner.predict_proba(x))}


@pytest.fixture(scope="module")
def plain() -> dict[str, np.ndarray]:
    return taught(X, Y)


def same_bits(found: dict[str, np.ndarray], plain: dict[str, np.ndarray]) -> None:
    for name, value in plain.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_data_may_lie_in_memory_as_it_likes(plain: dict[str, np.ndarray], layout: str) -> None:
    x, y = LAYOUTS[layout](X), LAYOUTS[layout](Y)
    same_bits(taught(x, y), plain)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y)


@pytest.mark.parametrize("threads", [1, 64])
def test_more_threads_than_processors_change_no_bit(plain: dict[str, np.ndarray], threads: int) -> None:
    with cr.settings.using(threads=threads):
        same_bits(taught(X, Y), plain)


def test_many_rows_are_answered_alike_by_any_number_of_threads() -> None:
    x, w = input_node("x", (None, 64), "float32"), input_node("w", (64, 256), "float32")
    program = native.Program(Graph({"y": cr.softmax(cr.relu(x @ w), 1)}))
    feeds = {"x": np.resize(X, (700, 64)), "w": np.resize(X, (64, 256))}
    found = []
    for threads in (1, 3, 64):
        with cr.settings.using(threads=threads):
            found.append(program.run(feeds)["y"])
    for one in found[1:]:
        np.testing.assert_array_equal(one, found[0])


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_one_row_is_enough_to_learn_from(engine: str) -> None:
    learner = cr.Model(cr.Sequential(cr.Dense(4, "tanh"), cr.Dense(1)), "mse", cr.SGD(0.1), engine=engine)
    first, *_, last = (row["loss"] or 0.0 for row in learner.fit(X[:1], [0.5], epochs=40, verbose=False))
    assert last < 1e-3 < first
    assert np.asarray(learner.predict(X[:1])).shape == (1,)


def test_no_rows_are_refused_for_learning_and_answered_with_none() -> None:
    with pytest.raises(DataError, match="E343"):
        taught(X[:0], Y[:0])
    x = input_node("x", (None, 6), "float32")
    program = native.Program(Graph({"y": cr.softmax(x, 1), "z": x.sum()}))
    found = program.run({"x": X[:0]})
    assert found["y"].shape == (0, 6)
    assert found["z"] == 0.0


# --- NaN: a model refuses it, a graph lets it through


def test_a_model_refuses_what_is_not_finite_and_says_where() -> None:
    broken = X.copy()
    broken[5, 2] = np.nan
    with pytest.raises(DataError, match=r"(?s)E342.*5"):
        taught(broken, Y)
    learner = model()
    learner.fit(X, Y, epochs=1, verbose=False)
    with pytest.raises(DataError, match="E342"):
        learner.predict(broken)


THROUGH: dict[str, Callable[[Node], Node]] = {
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
@pytest.mark.parametrize("way", THROUGH)
def test_nan_and_infinity_pass_through_a_graph_as_by_the_law(way: str, dtype: str) -> None:
    x = X.astype(dtype)
    x[3, 1], x[8, 0], x[9, 5] = np.nan, np.inf, -np.inf
    graph = Graph({"y": THROUGH[way](input_node("x", (None, 6), dtype))})
    law, found = (engine.Program(graph).run({"x": x})["y"] for engine in (reference, native))
    np.testing.assert_array_equal(np.isnan(found.astype(float)), np.isnan(law.astype(float)))
    np.testing.assert_allclose(found, law, rtol=1e-5, atol=1e-5)


# --- draws


@pytest.mark.parametrize("rows", [2, 9, 40])
@pytest.mark.parametrize("many", [1, 2])
def test_a_draw_whose_samples_lie_along_a_later_axis_is_that_of_the_law(rows: int, many: int) -> None:
    """Its numbers are counted row by row through all samples, so a batch cannot be divided."""
    batch = Size.symbol("B")
    x, w = input_node("x", (None, 6), "float64"), input_node("w", (6,), "float64")
    key = input_node(KEY, (2,), "uint32")
    noise = cr.uniform(key, (3, batch * many), "float64", 5).sum(0)
    kept = noise if many == 1 else noise.reshape((batch, many)).sum(1)
    loss = cr.mean(cr.square((x * w).sum(1) + kept))
    graph = Graph({"loss": loss, "new": w - 0.1 * grad(loss, [w])[0]})
    data, keys = np.resize(X, (rows, 6)).astype("float64"), np.array([[1, 2]], np.uint32)
    law = reference.Program(graph).run({"x": data, "w": np.ones(6), KEY: keys[0]})
    whole = native.Program(graph).run({"x": data, "w": np.ones(6), KEY: keys[0]})
    held = {"w": np.ones(6)}
    made = native.Trainer(graph, grad(loss, [w]), {"new": "w"}, {"x": data}, held, 2, 4)
    told, _ = made.run(np.arange(rows), rows, 0, 1, 0, keys)
    np.testing.assert_allclose([whole["loss"], told[0, 0]], law["loss"], rtol=1e-12)
    np.testing.assert_allclose([whole["new"], held["w"]], [law["new"]] * 2, rtol=1e-12)


# --- what has no kernel, what has no library


def test_an_operation_without_a_kernel_is_run_by_its_law_and_said_once() -> None:
    heard: list[Event] = []
    x = input_node("x", (None, 6), "float64")
    law, found = (engine.Program(Graph({"y": cr.prod(x, 1)})) for engine in (reference, native))
    feeds = {"x": X.astype("float64")}
    np.testing.assert_array_equal(found.run(feeds)["y"], law.run(feeds)["y"])  # while nobody listens
    with notices.deliver_to(Channel([heard.append])):
        native.Program(Graph({"y": cr.prod(x, 0)})).run(feeds)
    (notice,) = heard
    assert isinstance(notice, Notice)
    assert "prod has no compiled kernel" in notice.en
    assert "prod 没有编译的内核" in notice.zh


def test_a_training_of_single_steps_says_so_once_and_learns_what_the_law_learns() -> None:
    net = cr.Sequential(cr.GaussianNoise(0.1), cr.Dense(3))
    heard: list[Notice] = []

    def listen(event: Event) -> None:
        heard.extend([event] if isinstance(event, Notice) else [])

    ways = [cr.Model(net, "cross_entropy", cr.SGD(0.1), engine=engine) for engine in ("native", "reference")]
    for learner in ways:
        learner.fit(X, Y, epochs=2, batch_size=16, verbose=False, callbacks=[listen])
        learner.fit(X, Y, epochs=1, batch_size=16, verbose=False, callbacks=[listen], warm_start=True)
        learner.predict(X)
    assert sorted(notice.en.split(" ")[0] for notice in heard) == ["normal", "training"]
    for name, value in ways[0].parameters().items():
        np.testing.assert_allclose(value, ways[1].parameters()[name], rtol=1e-4, atol=1e-6)


def test_products_need_no_library() -> None:
    """SciPy cannot be imported here, neither its BLAS: the engine multiplies and trains all the same."""
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
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
