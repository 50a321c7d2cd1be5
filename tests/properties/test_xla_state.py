"""The XLA engine keeps the state of a training on the device; whatever reads it receives current arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, TrainingError
from chainrule.events import EpochDone, Notice, StepDone
from chainrule.train import step_execution
from chainrule.train.callback.callback import Callback, last_step_only

pytest.importorskip("jax")
RNG = np.random.Generator(np.random.Philox(3))
X = RNG.standard_normal((320, 6)).astype("float32")
Y = (X[:, 0] > 0).astype(np.int64)


class Record(Callback):
    """Records the weights at every event that has some."""

    def __init__(self, weights: dict[int, bytes]) -> None:
        object.__setattr__(self, "weights", weights)

    def start(self, training: Any) -> Any:
        weights: dict[int, bytes] = vars(self)["weights"]

        def watch(event: Any) -> None:
            if isinstance(event, StepDone | EpochDone):
                weights[event.step] = training.parameters()["dense1.weight"].tobytes()
                assert np.isfinite(list(training.gradient_norms().values())).all()

        return last_step_only(watch)


def _model(optimizer: Any = None) -> cr.Model:
    net = cr.Sequential(cr.Dense(8, "relu"), cr.BatchNorm(), cr.Dropout(0.2), cr.Dense(2))
    return cr.Model(net, "cross_entropy", optimizer or cr.Adam(1e-2), engine="xla")


def _trained(monkeypatch: pytest.MonkeyPatch, seconds: float, **options: Any) -> tuple[cr.Model, Any]:
    monkeypatch.setattr(step_execution, "STORE_SECONDS", seconds)
    monkeypatch.setattr(step_execution, "TARGET_SECONDS", 1e-9)  # one update a call
    model = _model()
    history = model.fit(X, Y, epochs=3, batch_size=32, verbose=False, **options)
    return model, history


@pytest.mark.long
def test_a_training_has_the_bits_of_one_that_copies_after_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    weights: tuple[dict[int, bytes], ...] = ({}, {})
    results = []
    for seconds, own in zip((0.0, 1e9), weights, strict=True):
        model, history = _trained(monkeypatch, seconds, callbacks=[Record(own)], validation=0.2)
        results.append(({k: v.tobytes() for k, v in model.parameters().items()}, history))
    assert len(weights[0]) == 24
    assert weights[0] == weights[1]
    assert results[0] == results[1]


@pytest.mark.long
def test_a_checkpoint_within_an_epoch_is_current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, _ = _trained(monkeypatch, 1e9)

    def stop(event: Any) -> bool:
        return isinstance(event, StepDone) and event.step == 14

    _trained(monkeypatch, 1e9, run=tmp_path / "run", callbacks=[last_step_only(stop)])
    resumed, _ = _trained(monkeypatch, 1e9, run=tmp_path / "run", resume=True)
    assert {k: v.tobytes() for k, v in resumed.parameters().items()} == {
        k: v.tobytes() for k, v in expected.parameters().items()
    }


@pytest.mark.long
def test_a_failed_step_is_reported_and_the_state_before_it_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    x, parameters = X.copy(), []
    x[7] = 3e38  # read by one batch
    for seconds in (0.0, 1e9):
        monkeypatch.setattr(step_execution, "STORE_SECONDS", seconds)
        monkeypatch.setattr(step_execution, "TARGET_SECONDS", 1e-9)
        model = _model()
        with pytest.raises(TrainingError, match="E501") as failed:
            model.fit(x, Y, epochs=2, batch_size=32, verbose=False)
        parameters.append((str(failed.value), {k: v.tobytes() for k, v in model.parameters().items()}))
    assert parameters[0] == parameters[1]


@pytest.mark.long
def test_a_trainer_has_current_arrays_wherever_they_are_read(tmp_path: Path) -> None:
    trainers = {engine: _trainer(engine) for engine in ("native", "xla")}
    for i in range(70):  # more than the steps between two copies
        rows = slice(i % 10 * 32, i % 10 * 32 + 32)
        losses = [trainer.step(X[rows], Y[rows]) for trainer in trainers.values()]
        assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    native, xla = trainers.values()
    before = xla.state.parameters["dense1.weight"].tobytes()
    np.testing.assert_allclose(xla(X), native(X), rtol=1e-4, atol=1e-5)
    with pytest.raises(TrainingError, match="E501"):
        xla.step(np.full((32, 6), 3e38, "float32"), Y[:32])
    assert xla.state.parameters["dense1.weight"].tobytes() == before
    xla.save(tmp_path / "t.safetensors")
    xla.learning_rate = 1e-3
    following = xla.step(X[:32], Y[:32])
    again = _trainer("xla").load(tmp_path / "t.safetensors")
    again.learning_rate = 1e-3
    assert again.step(X[:32], Y[:32]) == following


def _trainer(engine: Any) -> Any:
    net = cr.Sequential(cr.Dense(8, "relu"), cr.BatchNorm(), cr.Dense(2))
    return cr.Model(net, "cross_entropy", cr.Adam(1e-2), engine=engine).trainer(X[:32], Y[:32])


def test_a_trainer_is_as_before_after_an_index_outside_its_table() -> None:
    x = RNG.integers(0, 5, (16, 4))
    net = cr.Sequential(cr.Embedding(5, 3), cr.Flatten(), cr.Dense(2))
    trainer = cr.Model(net, "cross_entropy", cr.Adam(1e-2), engine="xla").trainer(x, Y[:16])
    trainer.step(x, Y[:16])
    before = trainer.state.parameters["embedding1.weight"].tobytes()
    with pytest.raises(ChainruleError):
        trainer.step(x + 3, Y[:16])
    assert trainer.state.parameters["embedding1.weight"].tobytes() == before


@pytest.mark.long
def test_shared_parameters_are_those_of_the_last_step_of_any_trainer() -> None:
    models = [_model(cr.SGD(0.1)) for _ in range(2)]
    models[0].fit(X, Y, epochs=1, verbose=False)
    shared = cr.Parameters(models[0])
    models[1].fit(X, Y, epochs=1, verbose=False)
    trainers = [model.trainer(X[:32], Y[:32], parameters=shared) for model in models]
    for i in range(4):
        trainers[i % 2].step(X[:32], Y[:32])
        own = [trainer.state.parameters["dense1.weight"].tobytes() for trainer in trainers]
        assert own == [shared["dense1.weight"].tobytes()] * 2


@pytest.mark.long
@pytest.mark.parametrize(("first", "second"), [("native", "xla"), ("xla", "native")])
def test_a_training_continues_on_another_engine(tmp_path: Path, first: Any, second: Any) -> None:
    def model(engine: Any) -> cr.Model:
        return cr.Model(_model().state.recipe.net, "cross_entropy", cr.Adam(1e-2), engine=engine)

    options: dict[str, Any] = {"batch_size": 32, "seed": 1, "verbose": False}
    expected, history = model(second).fit(X, Y, epochs=3, **options), []
    model(first).fit(X, Y, epochs=1, run=tmp_path, **options)
    for epochs, count in ((2, 1), (3, 0)):  # only the change is reported
        resumed, events = model(second), list[Any]()
        options["callbacks"] = [events.append]
        history = resumed.fit(X, Y, epochs=epochs, run=tmp_path, resume=True, **options)
        notices = [event.en for event in events if isinstance(event, Notice)]
        text = f"the first 10 steps were computed by the engine {first}; further ones"
        assert sum(notice.startswith(text) for notice in notices) == count
    assert [row["loss"] for row in history] == pytest.approx([row["loss"] for row in expected], rel=1e-4)
    del options["callbacks"]
    with pytest.raises(ChainruleError, match=f"computed by another engine: {first}") as refused:
        resumed.replay(3, X, Y, epochs=3, run=tmp_path, **options)
    assert refused.value.code == "E505"


@pytest.mark.parametrize("mesh", ["a=2", "data=2, model=2"])
def test_a_mesh_of_several_devices_is_refused_on_one(mesh: str) -> None:
    with (
        cr.settings.using(parallel="fast", mesh=mesh, devices=0),
        pytest.raises(ChainruleError, match="E102") as error,
    ):
        _model().fit(X, Y, epochs=1, verbose=False)
    assert "cr.settings.mesh" in str(error.value)


def test_a_mesh_of_one_device_trains() -> None:
    with cr.settings.using(parallel="fast", mesh="data=1", devices=0):
        assert len(list(_model().fit(X, Y, epochs=1, verbose=False))) == 1
