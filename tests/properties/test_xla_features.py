"""What can be done with a model gives the same on the XLA engine as on the native one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from case_loops import loop_over
from chainrule.data import ParquetRows
from chainrule.data.augmentation import Crop, Flip
from chainrule.engines import compile
from chainrule.errors import ShapeError
from chainrule.graph import Graph
from chainrule.ops.random_ops import uniform
from chainrule.robustness import with_novelty_gate
from chainrule.train.private import entropy

monitoring = pytest.importorskip("jax.monitoring")
RNG = np.random.Generator(np.random.Philox(3))
X = RNG.standard_normal((64, 6)).astype("float32")
Y = (X[:, 0] + X[:, 1] ** 2 > 0.5).astype(np.int64)
ENGINES = ("native", "xla")
NET = cr.Sequential(cr.Dense(8, "relu"), cr.BatchNorm(), cr.Dropout(0.2), cr.Dense(2))


def _fitted(engine: Any, **options: Any) -> cr.Model:
    model = cr.Model(NET, "cross_entropy", cr.Adam(1e-2), engine=engine, **options)
    model.fit(X, Y, epochs=2, batch_size=32, seed=1, verbose=False)
    return model


@pytest.fixture(scope="module")
def models() -> Mapping[str, cr.Model]:
    """A trained model on each engine."""
    return {engine: _fitted(engine) for engine in ENGINES}


def _loaded(model: cr.Model, folder: Path) -> cr.Model:
    """The model after it was saved and loaded on its engine."""
    model.save(folder / "m.safetensors")
    with cr.settings.using(engine=model.state.engine or "native"):
        return cr.load(folder / "m.safetensors")


def _calibrated(model: cr.Model) -> np.ndarray:
    own = cr.Model.of(model.state)
    own.calibrate(X, Y)
    return own.predict_proba(X)


def _fixed(model: cr.Model) -> np.ndarray:
    """Two predictions with weights that an engine may pack once."""
    assert model.state.network is not None
    graph = Graph(model.state.network.predictions())
    program = compile(graph, model.state.engine)
    arrays = {**model.state.arrays, "x": X}
    runs = [program.run({name: arrays[name] for name in graph.inputs}, fixed=True) for _ in range(2)]
    return np.stack([value for run in runs for value in run.values()])


def _numbers(text: object) -> list[float]:
    """The numbers in the text of a result."""
    return [float(word) for word in re.findall(r"-?\d+\.\d+", str(text))]


def _with_gate(model: cr.Model) -> cr.Model:
    """The model with a gate that refuses rows unlike the training rows."""
    return cr.Model.of(with_novelty_gate(model.state, X[:40], X[40:], false_alarms=0.1))


def _updated(model: cr.Model) -> np.ndarray:
    own = cr.Model.of(model.state)
    return own.partial_fit(X[:32], Y[:32]).predict_proba(X)


def _steps(model: cr.Model) -> np.ndarray:
    """The losses of a trainer, and the predictions after its updates."""
    own = cr.Model.of(model.state)
    trainer = own.trainer(X[:32], Y[:32])
    losses = [trainer.step(X[:32], Y[:32]) for _ in range(3)]
    trainer.commit()
    return np.concatenate([losses, own.predict_proba(X).ravel()])


def _continued(model: cr.Model, folder: Path) -> np.ndarray:
    """The predictions after a training that was stopped and resumed."""
    own = cr.Model.of(model.state)
    options: Mapping[str, Any] = {"batch_size": 32, "seed": 1, "verbose": False, "run": str(folder / "run")}
    own.fit(X, Y, epochs=1, **options)
    own.fit(X, Y, epochs=2, resume=True, **options)
    return own.predict_proba(X)


FEATURES: Mapping[str, Callable[[cr.Model, Path], Any]] = {
    "predict": lambda model, folder: model.predict(X),
    "predict_proba": lambda model, folder: model.predict_proba(X),
    "evaluate": lambda model, folder: list(model.evaluate(X, Y).values()),
    "explain": lambda model, folder: _numbers(model.explain(X[0], Y[0], depth=1)),
    "trace": lambda model, folder: model.trace(X[:2], Y[:2]).loss,
    "attack": lambda model, folder: _numbers(model.attack(X[:8], Y[:8], radius=0.1, method="fgsm")),
    "corruption_sweep": lambda model, folder: _numbers(model.corruption_sweep(X, Y)),
    "novelty": lambda model, folder: model.novelty(X[:5], X[5:], "distance").scores,
    "attribute": lambda model, folder: _numbers(model.attribute(X[0], "saliency")),
    "importance": lambda model, folder: _numbers(model.importance(X, Y, repeats=1)),
    "influence": lambda model, folder: _numbers(model.influence(X[:2], Y[:2], X, Y)),
    "find_learning_rate": lambda model, folder: model.find_learning_rate(X, Y, steps=10).losses,
    "replay": lambda model, folder: (
        model.replay(3, X, Y, epochs=2, batch_size=32, seed=1, verbose=False).loss
    ),
    "probes": lambda model, folder: [value for probe in model.probes for value in probe.values.values()],
    "history": lambda model, folder: [row["loss"] for row in model.history],
    "partial_fit": lambda model, folder: _updated(model),
    "trainer": lambda model, folder: _steps(model),
    "resume": _continued,
    "a saved model": lambda model, folder: _loaded(model, folder).predict_proba(X),
    "weights packed once": lambda model, folder: _fixed(model),
    "8 bits": lambda model, folder: model.quantize(X).predict_proba(X),
    "8 bits, saved": lambda model, folder: _loaded(model.quantize(X), folder).predict_proba(X),
    "calibration": lambda model, folder: _calibrated(model),
    "dropout samples": lambda model, folder: np.asarray(model.dropout_samples(X[:5], 4, seed=2)),
    "novelty gate": lambda model, folder: _with_gate(model).predict(X * 3) == "unknown",
    "activations": lambda model, folder: np.asarray(model.activations(X[:4], "dense1")),
}


@pytest.mark.parametrize("feature", FEATURES)
def test_a_feature_gives_the_same(feature: str, models: Mapping[str, cr.Model], tmp_path: Path) -> None:
    native, xla = (np.asarray(FEATURES[feature](models[engine], tmp_path)) for engine in ENGINES)
    assert native.size > 0
    np.testing.assert_allclose(xla, native, rtol=1e-4, atol=1e-5)


OPTIONS: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "bfloat16": ({"precision": "bfloat16"}, {}),
    "a penalty and a clip": ({"penalty": cr.L2(1e-3), "clip": cr.ClipGlobalNorm(0.5)}, {}),
    "attacks in the step": ({}, {"robust": cr.AdversarialTraining(radius=0.1)}),
}


@pytest.mark.long
@pytest.mark.parametrize("name", OPTIONS)
def test_a_training_with_an_option_ends_with_the_same_predictions(name: str) -> None:
    options, training = OPTIONS[name]
    predictions = []
    for engine in ENGINES:
        model = cr.Model(NET, "cross_entropy", cr.Adam(1e-2), engine=engine, **options)  # pyright: ignore
        model.fit(X, Y, epochs=1, batch_size=32, seed=1, verbose=False, **training)
        predictions.append(model.predict_proba(X))
    tolerance = 1e-2 if name == "bfloat16" else 1e-4  # a sum in another order may round to the next number
    np.testing.assert_allclose(*predictions, rtol=0, atol=tolerance)
    assert not np.array_equal(predictions[0], np.full_like(predictions[0], 0.5))


Trained = Callable[[Any, Path], cr.Model]
"""Trains a model on an engine, in a folder for its files."""


def _with(**options: Any) -> Trained:
    def train(engine: Any, folder: Path) -> cr.Model:
        model = cr.Model(NET, "cross_entropy", cr.Adam(1e-2), engine=engine)
        return _after(model, X, Y, batch_size=24, **options)

    return train


def _after(model: cr.Model, x: Any, y: Any = None, **options: Any) -> cr.Model:
    model.fit(x, y, epochs=2, verbose=False, **options)
    return model


def _on_stream(engine: Any, folder: Path) -> cr.Model:
    pl.DataFrame({**dict(zip("abcdef", X.T, strict=True)), "y": Y}).write_parquet(folder / "rows.parquet")
    rows = ParquetRows(folder / "rows.parquet", "y", batch_size=24, seed=0)
    return _after(cr.Model(NET, "cross_entropy", cr.Adam(1e-2), engine=engine), rows)


def _of_two_outputs(engine: Any, folder: Path) -> cr.Model:
    net = cr.Parallel("none", kind=cr.Dense(2), size=cr.Dense(1))
    model = cr.Model(net, {"kind": "cross_entropy", "size": "mse"}, engine=engine)
    return _after(model, X, {"kind": Y, "size": X[:, 0]})


def _linear_members(engine: Any, folder: Path) -> cr.Model:
    net = cr.Sequential(cr.EnsembleLinearModel(2, 2, "softmax"), cr.Flatten(), cr.Dense(2))
    return _after(cr.Model(net, "cross_entropy", engine=engine), X, Y)


def _resumed_elsewhere(engine: Any, folder: Path) -> cr.Model:
    other: Any = ENGINES[1 - ENGINES.index(engine)]
    run = str(folder / f"run-{engine}")
    for name, epochs in ((other, 1), (engine, 2)):
        model = cr.Model(NET, "cross_entropy", cr.Adam(1e-2), engine=name)
        model.fit(X, Y, epochs=epochs, verbose=False, run=run, resume=epochs == 2)
    return model


def _private(engine: Any, folder: Path) -> cr.Model:
    net = cr.Sequential(cr.Dense(8, "relu"), cr.Dense(2))
    rng = np.random.Generator(np.random.Philox(4))
    with pytest.MonkeyPatch.context() as patch:  # the noise, which no seed determines
        patch.setattr(entropy, "os", SimpleNamespace(urandom=rng.bytes))
        model = cr.Model(net, "cross_entropy", cr.Adam(1e-2), engine=engine)
        return _after(model, X, Y, privacy=cr.Privacy(epsilon=3, delta=1e-3, max_norm=1.0))


TRAININGS: Mapping[str, Trained] = {
    "class weights": _with(class_weight="balanced"),
    "sample weights": _with(sample_weight=np.linspace(0, 2, len(X))),
    "validation rows": _with(validation=0.2),
    "a stream": _on_stream,
    "two outputs": _of_two_outputs,
    "linear members": _linear_members,
    "a resumed training": _resumed_elsewhere,
    "privacy": _private,
}


@pytest.mark.long
@pytest.mark.parametrize("name", TRAININGS)
def test_a_kind_of_training_ends_with_the_same_predictions(name: str, tmp_path: Path) -> None:
    native, xla = (np.ravel(_outputs(TRAININGS[name](engine, tmp_path))) for engine in ENGINES)
    assert len(set(native.tolist())) > 10
    np.testing.assert_allclose(xla, native, rtol=0, atol=1e-5)


def _outputs(model: cr.Model) -> np.ndarray:
    predictions = model.predict_proba(X) if len(model.state.targets) == 1 else model.predict(X)
    values = predictions.values() if isinstance(predictions, Mapping) else [predictions]
    return np.concatenate([np.ravel(np.asarray(value, np.float64)) for value in values])


def test_a_training_on_augmented_images_has_the_same_losses() -> None:
    images = np.random.default_rng(2).random((100, 6, 6, 1), np.float32)
    histories = []
    for engine in ENGINES:
        options: dict[str, Any] = {"engine": engine}
        model = cr.Model(cr.Sequential(cr.Flatten(), cr.Dense(2)), "cross_entropy", **options)
        augmentation = cr.Augmentation(Flip(), Crop(padding=1))
        labels = (images.mean((1, 2, 3)) > 0.5).astype(int)
        model.fit(images, labels, epochs=3, batch_size=16, augmentation=augmentation, verbose=False)
        histories.append([row["loss"] for row in model.history])
    assert len(histories[0]) == 3
    np.testing.assert_allclose(*histories, rtol=1e-5)


COMPILING = "/jax/core/compile/backend_compile_duration"


def _compiled(run: Callable[[], Any]) -> int:
    """The number of programs that XLA compiles during a call."""
    events: list[str] = []

    def listen(event: str, seconds: float, **_: Any) -> None:
        events.append(event)

    monitoring.register_event_duration_secs_listener(listen)
    try:
        run()
    finally:
        monitoring.unregister_event_duration_listener(listen)
    return events.count(COMPILING)


def test_equal_networks_are_compiled_once() -> None:
    def train(net: cr.Layer) -> None:
        model = cr.Model(net, "cross_entropy", cr.Adam(1e-2), engine="xla")
        model.fit(X, Y, epochs=1, batch_size=32, verbose=False)
        model.predict(X)

    assert _compiled(lambda: train(cr.Sequential(cr.Dense(5, "relu"), cr.Dense(2)))) > 0
    assert _compiled(lambda: train(cr.Sequential(cr.Dense(5, "relu"), cr.Dense(2)))) == 0
    assert _compiled(lambda: train(cr.Sequential(cr.Dense(5, "tanh"), cr.Dense(2)))) > 0


def test_graphs_that_differ_in_the_last_bit_of_a_constant_have_their_own_programs() -> None:
    x = cr.input("x", (None,), "float64")
    graphs = [Graph({"y": x * factor}) for factor in (1.0, np.nextafter(1, 2))]
    values = [compile(graph, "xla").run({"x": np.ones(2)})["y"] for graph in graphs]
    assert values[0].tolist() == [1.0, 1.0]
    assert values[1].tolist() == [np.nextafter(1, 2)] * 2


def test_batches_of_many_sizes_need_few_programs(models: Mapping[str, cr.Model]) -> None:
    expected = models["native"].predict_proba(X)
    predictions: list[np.ndarray] = []
    compiled = _compiled(
        lambda: predictions.extend(models["xla"].predict_proba(X[:n]) for n in range(33, 65))
    )
    assert compiled <= 4
    for rows, prediction in enumerate(predictions, 33):
        np.testing.assert_allclose(prediction, expected[:rows], rtol=1e-4, atol=1e-5)


@loop_over("name", ["coupled rows", "random numbers", "rows on another axis"])
def test_a_batch_whose_rows_depend_on_each_other_is_not_filled(name: str) -> None:
    x, key = cr.input("x", (None, 3), "float64"), cr.input("key", (2,), "uint32")
    outputs = {
        "coupled rows": x - x.mean(0),
        "random numbers": x + uniform(key, x.shape, "float64"),
        "rows on another axis": cr.transpose(x, (1, 0)),
    }
    graph, arrays = (
        Graph({"y": outputs[name]}),
        {"x": RNG.standard_normal((9, 3)), "key": np.ones(2, "uint32")},
    )
    reference, xla = (
        compile(graph, engine).run({label: arrays[label] for label in graph.inputs})["y"]
        for engine in ("reference", "xla")
    )
    np.testing.assert_allclose(xla, reference, rtol=1e-12, atol=1e-12)


def test_rows_in_chunks_have_the_values_and_the_errors_of_all_rows() -> None:
    table, i = cr.input("table", (5, 200_000)), cr.input("i", (None,), "int64")
    program = compile(Graph({"y": cr.max(cr.gather(table, i), 1)}), "xla")
    arrays = {"table": RNG.random((5, 200_000), np.float32), "i": np.arange(100) % 5}
    assert program.memory_requirement({"B": 100}).total < 100 * arrays["table"][0].nbytes
    assert program.run(arrays)["y"].tolist() == arrays["table"].max(1)[arrays["i"]].tolist()
    arrays["i"][77] = 5
    with pytest.raises(ShapeError, match="position 77"):
        program.run(arrays)
