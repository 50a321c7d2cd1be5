"""A second training of the same step reuses its graph, plans and compiled calls, and has the same bits."""

from __future__ import annotations

import gc
import os
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any
from weakref import ref

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines import compile
from chainrule.engines.native.runtime import replicas
from chainrule.engines.native.runtime.replicas import ReplicatedStep
from chainrule.engines.native.runtime.step_runner import MAX_LAYOUTS
from chainrule.memoization import Memo
from chainrule.plan import microbatch
from chainrule.plan.plan import Plan, plan
from chainrule.symbolic_shape import Size, Spec
from chainrule.train import network as network_module
from chainrule.train import step_graph as step_module
from chainrule.train.step_graph import training_step

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 6)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 1)
IMAGES = RNG.normal(size=(40, 6, 6, 2)).astype(np.float32)
SEQUENCES = RNG.normal(size=(40, 5, 3)).astype(np.float32)
NETS: dict[str, tuple[Any, np.ndarray]] = {
    "dense": (lambda: cr.Sequential(cr.Dense(8, "relu"), cr.Dense(3)), X),
    "norm and dropout": (lambda: cr.Sequential(cr.Dense(8), cr.BatchNorm(), cr.Dropout(0.3), cr.Dense(3)), X),
    "images": (lambda: cr.Sequential(cr.Conv(4, 3, activation="relu"), cr.Flatten(), cr.Dense(3)), IMAGES),
    "sequences": (lambda: cr.Sequential(cr.GRU(4), cr.Dense(3)), SEQUENCES),
}
FIT: dict[str, Any] = {"epochs": 2, "batch_size": 16, "verbose": False}  # the last batch is smaller


def model_of(name: str, **options: Any) -> tuple[cr.Model, np.ndarray, np.ndarray]:
    net, x = NETS[name]
    return cr.Model(net(), "cross_entropy", cr.Adam(0.01), **options), x, Y[: len(x)]


def bits(model: cr.Model) -> dict[str, bytes]:
    arrays = {**model.parameters(), **model.states()}
    return {path: array.tobytes() for path, array in arrays.items()}


def trained(model: cr.Model, x: np.ndarray, y: np.ndarray, **options: Any) -> tuple[Any, ...]:
    history = model.fit(x, y, **{**FIT, **options})
    return bits(model), history, model.predict_proba(x).tobytes()


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """The plans of training steps that the test creates."""
    plans: list[Plan] = []

    def recording(*args: Any) -> Plan:
        plans.append(plan(*args))
        return plans[-1]

    for module in (microbatch, replicas):
        monkeypatch.setattr(module, "plan", recording)
    return plans


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("name", NETS)
def test_a_second_training_has_the_bits_of_the_first(name: str, engine: str) -> None:
    model, x, y = model_of(name, engine=engine)
    first = trained(model, x, y)
    assert trained(model, x, y) == first
    assert trained(*model_of(name, engine=engine)) == first


@pytest.mark.parametrize("name", NETS)
def test_a_second_training_plans_nothing(name: str, planned: list[Plan]) -> None:
    model, x, y = model_of(name)
    trained(model, x, y)
    assert planned
    planned.clear()
    trained(model, x, y, seed=1)
    trained(model, x[::-1].copy(), y, epochs=1)
    assert not planned


def test_other_data_of_the_same_shapes_is_read(planned: list[Plan]) -> None:
    model, x, y = model_of("dense")
    trained(model, x, y)
    planned.clear()
    other = RNG.normal(size=(37, 6)).astype(np.float32)
    again = trained(model, other, Y[:37])
    cold, _, _ = model_of("dense")
    assert again == trained(cold, other, Y[:37])


@pytest.mark.parametrize("optimizer", [cr.SGD(cr.Cosine(0.1)), cr.Adam(cr.OneCycle(0.1))])
def test_the_horizon_of_a_schedule_counts(optimizer: Any) -> None:
    warm = cr.Model(NETS["dense"][0](), "cross_entropy", optimizer)
    for epochs in (2, 5, 2, 3):
        cold = cr.Model(NETS["dense"][0](), "cross_entropy", optimizer)
        assert trained(warm, X, Y, epochs=epochs) == trained(cold, X, Y, epochs=epochs)


def test_a_constant_learning_rate_has_one_step_for_every_horizon() -> None:
    model, x, y = model_of("dense")
    trained(model, x, y)
    network = model.network
    assert network is not None
    assert training_step(network, False, 3) is training_step(network, False, 700) is model.state.step
    assert training_step(network, True, 3) is not training_step(network, False, 3)


@pytest.mark.parametrize(
    "changes",
    [
        {"engine": "reference"},
        {"cores": 1},
        {"cores": 4},
        {"vector_bytes": 16},
        {"portable_bits": True},
        {"threads": 2},
        {"batch_invariant": True},
        {"dtype": "float64"},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["dense", "norm and dropout"])
def test_settings_that_change_between_trainings_count(name: str, changes: dict[str, Any]) -> None:
    warm, x, y = model_of(name)
    before = trained(warm, x, y, batch_size=48)
    with cr.settings.using(**changes):
        cold, _, _ = model_of(name, dtype="float32")
        assert trained(warm, x, y, batch_size=48) == trained(cold, x, y, batch_size=48)
    assert trained(warm, x, y, batch_size=48) == before


def test_layouts_depend_on_cores_and_target() -> None:
    model, x, y = model_of("dense")
    trained(model, x, y)
    assert model.state.step is not None
    compiled = model.state.step.program._of("native")
    layout = compiled.layout(16, 2, ["x", "target"])
    assert compiled.layout(16, 2, ["target", "x"]) is layout
    assert compiled.layout(16, 3, ["x", "target"]) is not layout
    for changes in ({"vector_bytes": 16}, {"portable_bits": True}):
        with cr.settings.using(**changes):
            assert compiled.layout(16, 2, ["x", "target"]) is not layout


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_predictions_follow_the_engine_of_the_settings(engine: str) -> None:
    model, x, y = model_of("dense")
    trained(model, x, y)
    with cr.settings.using(engine=engine):
        assert model.network is not None
        assert f".{engine}." in type(model.network.prediction_program).__module__


def test_freezing_and_loading_after_a_training() -> None:
    warm, x, y = model_of("norm and dropout")
    trained(warm, x, y)
    results = []
    for model in (warm, model_of("norm and dropout")[0]):
        if model is not warm:
            trained(model, x, y)
        model.freeze("dense1")
        model.load_parameters({"dense2.bias": np.full(3, 0.5, np.float32)})
        model.load_states({path: state * 0.5 for path, state in model.states().items()})
        frozen = model.parameters()["dense1.weight"]
        results.append(trained(model, x, y, warm_start=True))
        assert np.array_equal(model.parameters()["dense1.weight"], frozen)
    assert results[0] == results[1]


def test_shared_parameters_and_a_training_in_between() -> None:
    model, x, y = model_of("dense")
    trained(model, x, y)
    parameters = cr.Parameters(model)
    trainers = [model.trainer(x[:16], y[:16], parameters=parameters) for _ in range(2)]
    losses = [trainers[i % 2].step(x[:16], y[:16]) for i in range(4)]
    before = {path: array.tobytes() for path, array in parameters.items()}
    trained(model, x, y)
    assert {path: array.tobytes() for path, array in parameters.items()} == before
    assert losses == sorted(losses, reverse=True)


@pytest.mark.long
def test_what_is_kept_is_bounded() -> None:
    model = cr.Model(cr.Dense(3), "cross_entropy", cr.SGD(cr.Cosine(0.1)))
    for epochs in range(1, 2 * network_module.MAX_CACHED):
        model.fit(X, Y, epochs=epochs, batch_size=None, probes=False, doctor=False, verbose=False)
    network = model.network
    assert network is not None
    assert len(network.memo) <= network_module.MAX_CACHED
    constant, _, _ = model_of("dense")
    for rows in range(20, 21 + 2 * MAX_LAYOUTS):
        constant.fit(X[:rows], Y[:rows], epochs=1, batch_size=None, verbose=False)
    assert constant.state.step is not None
    assert len(constant.state.step.memo) <= step_module.MAX_CACHED
    assert len(constant.state.step.program._of("native")._layouts) <= MAX_LAYOUTS


def test_no_array_of_a_training_is_kept() -> None:
    model, x, y = model_of("dense")
    data = x.copy()
    reference = ref(data)
    model.fit(data, y, **FIT)
    del data
    gc.collect()
    assert reference() is None
    step = model.state.step
    assert step is not None
    steps = [candidate for candidate in gc.get_objects() if type(candidate) is ReplicatedStep]
    assert not [candidate for candidate in steps if candidate.layout.definition.graph is step.graph]


def test_threads_train_copies_of_one_model() -> None:
    model, x, y = model_of("norm and dropout")
    expected = [trained(model_of("norm and dropout")[0], x, y, seed=seed) for seed in range(4)]
    model.fit(x, y, epochs=1, batch_size=10, verbose=False)  # graphs, but no layout of these batch sizes
    copies = [deepcopy(model) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda i: trained(copies[i], x, y, seed=i), range(4)))
    assert results == expected


def test_networks_share_the_programs_of_small_initial_values(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []

    def recording(graph: Any, engine: str) -> Any:
        compiled.append(engine)
        return compile(graph, engine)

    monkeypatch.setattr(network_module, "compile", recording)
    monkeypatch.setattr(network_module, "_shared", Memo(network_module.KEPT))

    def values(units: int, seed: int) -> dict[str, bytes]:
        net = cr.Sequential(cr.GRU(units), cr.Dense(3))  # its recurrent weights are orthogonal
        return bits(cr.Model(net, "cross_entropy").initialize(SEQUENCES, seed=seed))

    first = values(4, 0)
    assert compiled.count("native") == 1
    assert values(4, 1) != first == values(4, 0)
    assert compiled.count("native") == 1
    values(5, 0)
    assert compiled.count("native") == 2
    monkeypatch.setattr(network_module, "SMALL", 10)
    assert values(4, 0) == first
    assert compiled.count("native") == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_trains_with_the_plans_of_its_parent() -> None:
    model, x, y = model_of("dense")
    with cr.settings.using(threads=1):
        expected = trained(model, x, y)
        read, write = os.pipe()
        child = os.fork()
        if not child:
            os.write(write, b"same" if trained(model, x, y) == expected else b"other")
            os._exit(0)
        os.close(write)
        assert os.fdopen(read, "rb").read() == b"same"
        os.waitpid(child, 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("initializer", ["xavier", "he", "uniform", "sparse", "truncated_normal"])
def test_many_initial_values_have_the_bits_of_the_reference(initializer: str, dtype: str) -> None:
    values = []
    for engine in ("native", "reference"):
        net = cr.Sequential(cr.Dense(300, weight_initializer=initializer), cr.Dense(300), cr.Dense(2))
        model = cr.Model(net, "cross_entropy", engine=engine, dtype=dtype)
        model.initialize({"x": Spec((Size.symbol("B"), 200), dtype)}, seed=5)
        values.append(bits(model))
    assert values[0] == values[1]


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_trained_model_keeps_its_arrays_when_it_is_trained_again(epochs: int) -> None:
    model, x, y = model_of("norm and dropout")
    model.fit(x, y, **{**FIT, "epochs": epochs})
    state = model.state
    before = {path: array.tobytes() for path, array in state.arrays.items()}
    model.fit(x, y, **{**FIT, "epochs": epochs + 1}, warm_start=True)
    model.fit(x, y, **FIT, seed=5)
    assert {path: array.tobytes() for path, array in state.arrays.items()} == before


def test_the_initial_values_of_a_seed_do_not_depend_on_earlier_trainings() -> None:
    model, x, y = model_of("dense")
    for seed in (0, 0, 1, 0):
        new, _, _ = model_of("dense")
        assert trained(model, x, y, seed=seed) == trained(new, x, y, seed=seed)


def test_a_training_of_one_step_is_probed_once() -> None:
    model, x, y = model_of("dense")
    model.fit(x, y, epochs=1, batch_size=None, verbose=False)
    assert [probe.step for probe in model.probes] == [0]
    model.fit(x, y, epochs=2, batch_size=None, verbose=False)
    assert [probe.step for probe in model.probes] == [0, 2]
