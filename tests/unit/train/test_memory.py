"""A training that does not fit in memory is refused beforehand; predictions use smaller blocks."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.apps.cli.main import main
from chainrule.errors import TrainingError, UsageError
from chainrule.train.evaluation.evaluate import specs_of
from chainrule.train.monitor.memory import BLOCK, rows_per_block, training_memory
from chainrule.train.step_graph import training_step

X = np.random.default_rng(1).normal(size=(4000, 60)).astype(np.float32)
Y = np.arange(4000) % 5
QUIET: dict[str, Any] = {"epochs": 1, "verbose": False}
ENGINES = ["native", "reference"]


def model(engine: str = "native", **options: Any) -> cr.Model:
    net = cr.Sequential(cr.Dense(40, "relu"), cr.Dense(5))
    return cr.Model(net, "cross_entropy", cr.Adam(0.01), engine=engine, **options)


def offered(error: TrainingError) -> int:
    """The batch size that an error suggests."""
    word, number = error.fix.split("=")
    assert word == "batch_size"
    return int(number)


def needs(initialized: cr.Model, *batches: int) -> list[int]:
    """The bytes that trainings on the 4000 rows need, for batches of these sizes."""
    assert initialized.network is not None
    step = training_step(initialized.network, False, 100)
    return [training_memory(initialized.network, step, batch, 4000).total for batch in batches]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_batch_too_large_is_refused_with_one_that_fits(engine: str) -> None:
    refused, initialized = model(engine), model(engine).initialize(specs_of({"x": X}))
    small, large = needs(initialized, 8, 4000)
    limit = (small + large) // 2
    with cr.settings.using(memory=limit):
        with pytest.raises(TrainingError, match="E508") as caught:
            refused.fit(X, Y, batch_size=4000, **QUIET)
        assert refused.network is None
        assert refused.parameters() == {}
        assert f"{limit:,}" in caught.value.expected
        assert f"{large:,}" in caught.value.received
        largest = offered(caught.value)
        assert 8 <= largest < 4000
        assert needs(initialized, largest)[0] <= limit
        refused.fit(X, Y, batch_size=largest, **QUIET)
        assert refused.network is not None


def test_memory_of_probes_is_counted_only_with_probes() -> None:
    """A training that fits only without probes is refused only with probes."""
    initialized = model().initialize(specs_of({"x": X}))
    assert initialized.network is not None
    step = training_step(initialized.network, False, 100)
    without_probes, with_probes = (
        training_memory(initialized.network, step, 500, 4000, probes=p).total for p in (False, True)
    )
    assert without_probes < with_probes
    with cr.settings.using(memory=without_probes):
        model().fit(X, Y, batch_size=500, probes=False, **QUIET)
        with pytest.raises(TrainingError, match="E508"):
            model().fit(X, Y, batch_size=500, **QUIET)


def test_no_batch_is_suggested_if_none_fits() -> None:
    with cr.settings.using(memory=10_000), pytest.raises(TrainingError, match="E508") as caught:
        model().fit(X, Y, **QUIET)
    assert "batch_size" not in caught.value.fix
    assert caught.value.notes
    assert "样本" in caught.value.clause("zh")


def test_a_refused_training_does_not_change_the_model() -> None:
    trained = model()
    trained.fit(X, Y, **QUIET)
    before = trained.parameters()
    with cr.settings.using(memory=50_000), pytest.raises(TrainingError, match="E508"):
        trained.fit(X, Y, warm_start=True, **QUIET)
    for path, value in trained.parameters().items():
        np.testing.assert_array_equal(value, before[path])


@pytest.mark.parametrize("engine", ENGINES)
def test_predictions_are_computed_in_blocks_that_fit(engine: str) -> None:
    trained = model(engine, dtype="float64")
    trained.fit(X, Y, **QUIET)
    outputs, measured = np.asarray(trained(X)), trained.evaluate(X, Y)
    assert trained.network is not None
    with cr.settings.using(memory=80_000):
        rows = rows_per_block(trained.network.prediction_program, 4000)
        assert 1 < rows < BLOCK
        assert trained.network.prediction_program.memory_requirement({"B": rows}).total <= 80_000
        np.testing.assert_allclose(np.asarray(trained(X)), outputs, rtol=1e-12, atol=1e-12)
        assert trained.evaluate(X, Y) == pytest.approx(measured)
    assert rows_per_block(trained.network.prediction_program, 3 * BLOCK) == BLOCK
    assert rows_per_block(trained.network.prediction_program, 7) == 7
    with cr.settings.using(memory=10), pytest.raises(TrainingError, match="E508"):
        trained.predict(X)


def test_memory_returns_the_requirement_of_a_step() -> None:
    unfitted = model()
    with pytest.raises(TrainingError, match="E503"):
        unfitted.memory()
    unfitted.fit(X, Y, **QUIET)
    small, large = unfitted.memory(32), unfitted.memory(2000)
    assert small.total < large.total
    assert small.uses["state"] == large.uses["state"]
    numbers = 60 * 40 + 40 + 40 * 5 + 5
    assert small.uses["state"] >= (1 + 2 * 3 + 2) * numbers * 4  # Adam keeps two numbers for each
    for wrong in (0, 1.5, "32"):
        with pytest.raises(UsageError, match="E102"):
            unfitted.memory(wrong)  # pyright: ignore[reportArgumentType]


def test_a_smaller_last_batch_adds_to_the_requirement() -> None:
    fitted = model()
    fitted.fit(X, Y, **QUIET)
    assert fitted.network is not None
    step = training_step(fitted.network, False, 100)
    even, uneven = (training_memory(fitted.network, step, 1000, rows).uses for rows in (4000, 3999))
    assert even.get("last", 0) == 0
    assert 0.5 * even["work"] < uneven["last"]


def test_the_command_line_refuses_in_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with cr.settings.using(memory=1_400_000):
        assert main(["train", "digits", "--batch-size", "1000", "--quick", "--out", "run"]) == 1
    errors = capsys.readouterr().err
    assert "E508" in errors
    assert "fix       --batch-size " in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("optimizer", [cr.SGD(0.01), cr.SGD(0.01, momentum=0.9), cr.Adam(0.01)], ids=str)
def test_the_predicted_memory_is_allocated(optimizer: Any) -> None:
    """Most of it are copies of the parameters, all of which must be counted."""
    x, y = X[:128], Y[:128]
    large_model = cr.Model(
        cr.Sequential(cr.Dense(1500, "relu"), cr.Dense(1500), cr.Dense(5)), "cross_entropy", optimizer
    )
    large_model.initialize(specs_of({"x": x}))
    assert large_model.network is not None
    predicted = training_memory(
        large_model.network, training_step(large_model.network, False, 100), 64, 128
    ).total
    large_model.fit(x, y, batch_size=64, **QUIET)  # loads the kernels
    tracemalloc.start()
    try:
        large_model.fit(
            x, y, batch_size=64, **{**QUIET, "epochs": 3, "seed": 1}
        )  # samples new initial values
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak == pytest.approx(predicted, rel=0.06)
