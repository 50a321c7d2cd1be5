"""Probes report statistics of a training and change no bit of it."""

from __future__ import annotations

import dataclasses
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.errors import TrainingError
from chainrule.events import Event, ProbeDone, StepDone, TrainingEnded, TrainingFailed
from chainrule.train.checkpoint.resume import PROBES
from chainrule.train.evaluation.evaluate import specs_of
from chainrule.train.monitor import probe as probing
from chainrule.train.monitor.probe import Probe, of_csv, schedule, to_csv

RNG = np.random.default_rng(3)
X = RNG.normal(size=(60, 5)).astype("f4")
Y = (X[:, 0] + X[:, 1] > 0).astype(int)


def table() -> cr.Model:
    part = (cr.Dense(8), cr.BatchNorm(), cr.Activation("relu"), cr.Dropout(0.3))
    return cr.Model(cr.Sequential(*part, cr.Dense(6, "sigmoid"), cr.Dense(2)), "cross_entropy", cr.Adam(0.01))


def recurrent() -> cr.Model:
    return cr.Model(cr.Sequential(cr.GRU(4), cr.Dense(2)), "cross_entropy", clip=cr.ClipGlobalNorm(0.5))


def words() -> cr.Model:
    net = cr.Sequential(cr.Embedding(9, 4), cr.Flatten(), cr.Dropout(0.2), cr.Dense(2))
    return cr.Model(net, "cross_entropy")


def images() -> cr.Model:
    net = cr.Sequential(cr.Conv(3, 3, activation="relu"), cr.Flatten(), cr.Dense(2))
    return cr.Model(net, "cross_entropy", cr.EMA(cr.SGD(0.1, momentum=0.9)), penalty=cr.L2(1e-3))


KINDS: dict[str, tuple[Any, np.ndarray]] = {
    "table": (table, X),
    "recurrent": (recurrent, X[:, :, None]),
    "words": (words, RNG.integers(0, 9, (60, 4))),
    "pictures": (images, RNG.normal(size=(60, 6, 6, 1))),
}


def bits(model: cr.Model) -> dict[str, bytes]:
    return {path: array.tobytes() for path, array in {**model.parameters(), **model.states()}.items()}


def trained(kind: str, **options: Any) -> cr.Model:
    make, x = KINDS[kind]
    model = make()
    model.fit(x, Y, epochs=5, batch_size=8, seed=1, verbose=False, doctor=False, **options)
    return model


@cache
def probed(kind: str) -> cr.Model:
    return trained(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_probe_changes_no_bit(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, one = trained(kind, probes=False), probed(kind)
    monkeypatch.setattr(cr.settings, "threads", 2)
    two = trained(kind, callbacks=[lambda event: None])
    assert bits(plain) == bits(one) == bits(two)
    assert plain.history == one.history == two.history
    assert plain.probes == []
    assert [probe.step for probe in one.probes] == [0, 10, 40]
    assert one.probes == two.probes


@pytest.mark.parametrize("kind", KINDS)
def test_a_probe_has_statistics_of_every_parameter_and_layer(kind: str) -> None:
    model = probed(kind)
    assert model.network is not None
    for probe in model.probes:
        assert list(probe.parameters) == list(model.network.trainable)
        assert "dense1" in probe.layers or kind == "words"
        numbers = [*probe.values.values(), *(n for part in probe.parts.values() for n in part.values())]
        assert np.isfinite(numbers).all()
        for part in probe.parts.values():
            shares = [
                part[name]
                for name in ("zeros", "dead", "saturated", "no_gradient", "not_finite")
                if name in part
            ]
            assert all(0 <= share <= 1 for share in shares)
            assert part.get("dead", 0.0) <= part.get("zeros", 1.0)


def test_probe_statistics_equal_their_formulas() -> None:
    x = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.0], [-2.0, 1.0]])
    y = np.array([1.0, -1.0, 0.0, 2.0])
    model = cr.Model(cr.Sequential(cr.Dense(1, bias=False)), "mse", cr.SGD(0.1), dtype="float64")
    model.initialize(specs_of({"x": x}))
    w = np.array([[0.3, -0.4]])
    model.load_parameters({"dense1.weight": w})
    model.fit(x, y, epochs=1, batch_size=None, verbose=False)
    error = x @ w[0] - y
    gradient = 2 * error @ x / 4
    probe = model.probes[0]
    part = probe.parts["dense1.weight"]
    assert probe.values["loss"] == pytest.approx((error**2).mean(), rel=1e-12)
    assert probe.values["gradient_norm"] == pytest.approx(np.linalg.norm(gradient), rel=1e-12)
    assert part["weight"] == pytest.approx(0.5, rel=1e-12)
    assert part["update"] == pytest.approx(0.1 * np.linalg.norm(gradient) / 0.5, rel=1e-12)
    assert probe.parts["dense1"]["spread"] == pytest.approx((x @ w[0]).var(), rel=1e-12)
    assert probe.parts["dense1"]["size"] == pytest.approx(np.abs(x @ w[0]).mean(), rel=1e-12)


def test_the_gradient_is_divided_into_those_of_loss_and_penalty() -> None:
    x = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.0], [-2.0, 1.0]])
    y = np.array([1.0, -1.0, 0.0, 2.0])
    net = cr.Sequential(cr.Dense(1))
    for loss, weights in (("mse", None), (cr.MSE(), np.array([1.0, 2.0, 0.5, 1.0]))):
        model = cr.Model(
            net, loss, cr.SGD(0.1), penalty=cr.L2(0.3), clip=cr.ClipGlobalNorm(0.01), dtype="float64"
        )
        model.initialize(specs_of({"x": x}))
        w = np.array([[0.3, -0.4]])
        model.load_parameters({"dense1.weight": w})
        model.fit(x, y, epochs=1, batch_size=None, verbose=False, sample_weight=weights)
        share = np.ones(4) / 4 if weights is None else weights / weights.sum()
        parts = model.probes[0].parts
        expected = {"data_gradient": 2 * (share * (x @ w[0] - y)) @ x, "penalty_gradient": 0.6 * w}
        for name, gradient in expected.items():
            assert parts["dense1.weight"][name] == pytest.approx(np.linalg.norm(gradient), rel=1e-9)
        total = expected["data_gradient"] + expected["penalty_gradient"]
        assert np.linalg.norm(total) > 0.01 >= parts["dense1.weight"]["gradient"]  # after clipping
        assert "penalty_gradient" not in parts["dense1.bias"]
        assert parts["dense1.bias"]["data_gradient"] > 0


def test_a_penalty_does_not_hide_that_the_loss_has_no_gradient() -> None:
    model = cr.Model(cr.Sequential(cr.Dense(4, "relu"), cr.Dense(2)), "cross_entropy", penalty=cr.L2(0.1))
    model.initialize(specs_of({"x": X}))
    model.load_parameters({"dense1.bias": np.full(4, -99.0)})
    model.fit(X, Y, epochs=1, verbose=False, doctor=False)
    part = model.probes[0].parts["dense1.weight"]
    assert part["no_gradient"] == 1.0
    assert part["data_gradient"] == 0.0
    assert part["gradient"] > 0


@pytest.mark.parametrize("is_ensemble", [False, True], ids=["dense", "ensemble"])
@pytest.mark.parametrize("penalty", [None, cr.L2(0.1)], ids=["", "penalty"])
def test_the_gradient_of_an_input_that_is_0_in_every_row_does_not_count(
    is_ensemble: bool, penalty: cr.L2 | None
) -> None:
    sparse = np.zeros((60, 40), np.float32)
    sparse[:, :8] = RNG.normal(size=(60, 8))
    sparse[:, 8] = 1e-44
    if is_ensemble:
        net = cr.Sequential(
            cr.EnsembleNormalization(3),
            cr.EnsembleDense(4, "tanh"),
            cr.EnsembleDense(2),
            cr.EnsembleMean("softmax"),
        )
    else:
        net = cr.Sequential(cr.Dense(4, "tanh"), cr.Dense(2))
    model = cr.Model(net, "cross_entropy", penalty=penalty)
    model.fit(sparse, Y, epochs=1, batch_size=60, verbose=False, doctor=False)
    name = "ensemble_dense1.weight" if is_ensemble else "dense1.weight"
    # An ensemble gives a constant input the scale 0; a network reads its tiny values.
    assert model.probes[0].parts[name]["no_gradient"] == pytest.approx(0.0 if is_ensemble else 1 / 9)


def test_inactive_and_saturated_units_are_counted() -> None:
    model = cr.Model(cr.Sequential(cr.Dense(4, "relu"), cr.Dense(2, "sigmoid"), cr.Dense(2)), "cross_entropy")
    model.initialize(specs_of({"x": X}))
    far = {"dense1.bias": [-99, 99, -99, 99], "dense2.bias": [99, 0], "dense2.weight": np.zeros((2, 4))}
    model.load_parameters(far)
    model.fit(X, Y, epochs=1, verbose=False, doctor=False)
    layers = model.probes[0].layers
    assert layers["dense1"]["dead"] == layers["dense1"]["zeros"] == 0.5
    assert layers["dense2"]["saturated"] == 0.5
    assert model.probes[0].parts["dense1.weight"]["no_gradient"] == 1.0  # the weights of the next layer are 0


def test_both_modes_are_measured_on_the_same_rows() -> None:
    probe = probed("table").probes[-1]
    assert probe.values["training_loss"] != probe.values["inference_loss"]
    probe = probed("recurrent").probes[-1]
    assert probe.values["training_loss"] == probe.values["inference_loss"]


def test_a_resumed_training_has_the_probes_of_an_uninterrupted_one(tmp_path: Path) -> None:
    uninterrupted = trained("words", run=tmp_path / "whole")
    for last in (9, 10, 11, 39):
        folder = tmp_path / f"{last}"

        def stop(event: Event, last: int = last) -> bool:
            return isinstance(event, StepDone) and event.step >= last

        trained("words", run=folder, callbacks=[stop])
        resumed = trained("words", run=folder, resume=True)
        assert bits(resumed) == bits(uninterrupted)
        assert resumed.probes == uninterrupted.probes, last
        assert (folder / PROBES).read_bytes() == (tmp_path / "whole" / PROBES).read_bytes()


@pytest.mark.parametrize("text", ["", "no table", "step,epoch\n1,2\n", None])
def test_a_training_without_its_table_of_probes_is_resumed(text: str | None, tmp_path: Path) -> None:
    trained("words", run=tmp_path, callbacks=[lambda event: isinstance(event, StepDone) and event.step >= 12])
    (tmp_path / PROBES).unlink()
    if text is not None:
        (tmp_path / PROBES).write_text(text)
    again = trained("words", run=tmp_path, resume=True)
    assert [probe.step for probe in again.probes] == [40]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 10**7), st.integers(0, 10**8))
def test_gaps_between_probes_never_shrink(gap: int, step: int) -> None:
    first = list(islice(schedule(gap), 60))
    gaps = np.diff(first[1:])
    assert first[:2] == [0, 10]
    assert (gaps[1:] >= gaps[:-1]).all()
    assert (gaps >= gap).all()
    assert next(i for i, due in enumerate(schedule(gap)) if due >= step) < 200


PARTS = st.dictionaries(
    st.sampled_from([*probing.OF_PARAMETER, *probing.OF_LAYER]), st.floats(allow_nan=False), min_size=1
)


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(st.sampled_from(probing.OF_STEP), st.floats(allow_nan=False)),
    st.dictionaries(
        st.text(min_size=1).filter(lambda s: "\x00" not in s and "\r" not in s), PARTS, max_size=3
    ),
)
def test_a_table_of_probes_round_trips(values: dict[str, float], parts: dict[str, dict[str, float]]) -> None:
    probes = [Probe(0, 0, values, parts), Probe(10, 1, values, parts)]
    assert of_csv(to_csv(probes)) == probes


def test_every_column_of_the_table_is_documented() -> None:
    names = {field.name for field in dataclasses.fields(Probe)}
    assert names == {"step", "epoch", "values", "parts"}
    for name in (*probing.OF_STEP, *probing.OF_PARAMETER, *probing.OF_LAYER, "not_finite"):
        assert f"``{name}``" in (Probe.__doc__ or ""), name


def test_probes_are_emitted_as_events_also_at_a_failure() -> None:
    seen: list[Event] = []
    model = cr.Model(cr.Sequential(cr.Dense(8, "relu"), cr.Dense(1)), "mse", cr.SGD(1e6))
    with pytest.raises(TrainingError, match="E501"):
        model.fit(X, X[:, 0], epochs=50, verbose=False, callbacks=[seen.append])
    assert [event.step for event in seen if isinstance(event, ProbeDone)] == [0]
    failed = [event for event in seen if isinstance(event, TrainingFailed)]
    assert len(failed) == 1
    error = failed[0].error
    assert isinstance(error, TrainingError)
    assert error.code == "E501"
    assert not any(isinstance(event, TrainingEnded) for event in seen)
    assert model.probes[-1].step == failed[0].step
