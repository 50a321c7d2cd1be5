"""NaN or infinity stops the training in its step; the error names operation, layer, step and row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.errors import TrainingError
from chainrule.events import StepDone
from chainrule.graph import Node
from chainrule.model import Model
from chainrule.nn import SGD, Adam, Cosine, Dense, Dropout, Layer, Loss, Sequential, Warmup, layer
from chainrule.train.callback.early_stopping import EarlyStopping

ROWS = 24
FAULTS: dict[str, tuple[Callable[[Node], Node], float, str]] = {
    # what the layer does to a number, a number for which it fails, the operation to report
    "log of a negative number": (lambda x: cr.log(x), -1.0, "log"),
    "log of 0": (lambda x: cr.log(x), 0.0, "log"),
    "0 / 0": (lambda x: x / x, 0.0, "divide"),
    "1 / 0": (lambda x: 1.0 / x, 0.0, "divide"),
    "root of a negative number": (lambda x: cr.sqrt(x), -4.0, "sqrt"),
    "exp overflows": (lambda x: cr.exp(x), 1000.0, "exp"),
    "square overflows": (lambda x: cr.square(x), 1e30, "square"),
}


@layer
class Fault(Layer):
    """Applies one of the operations above."""

    name: str

    def __call__(self, x, scope):
        return FAULTS[self.name][0](x)


@hypothesis_settings(max_examples=20)
@given(
    name=st.sampled_from(sorted(FAULTS)),
    row=st.integers(0, ROWS - 1),
    size=st.integers(1, 9),
    seed=st.integers(0, 99),
)
def test_operation_layer_step_and_row_are_named(name: str, row: int, size: int, seed: int) -> None:
    _, poison, op = FAULTS[name]
    x = np.ones((ROWS, 2))
    x[row, 1] = poison
    model = Model(Sequential(Fault(name), Dropout(0.2), Dense(1)), "mse", SGD(0.01))
    steps: list[int] = []

    def watch(event: object) -> None:
        if isinstance(event, StepDone):
            steps.append(event.step)

    with pytest.raises(TrainingError, match="E501") as stopped:
        model.fit(x, np.ones(ROWS), epochs=1, batch_size=size, seed=seed, callbacks=[watch], verbose=False)
    text = str(stopped.value)
    assert f" from {op} at (" in text
    assert 'Fault "fault1"' in text
    assert f"row {row} of the training data" in text
    report = stopped.value.report
    assert (report.rows, report.phase, report.op) == ((row,), "forward", op)
    assert f"step {len(steps) + 1} (epoch 1, batch {len(steps) + 1}" in text
    assert all(np.isfinite(value).all() for value in model.parameters().values())


def test_the_last_good_parameters_are_kept() -> None:
    x = np.ones((ROWS, 2))
    x[17, 0] = 1000.0
    net = Sequential(Fault("exp overflows"), Dense(1))
    failed, shorter = Model(net, "mse", SGD(0.01)), Model(net, "mse", SGD(0.01))
    with pytest.raises(TrainingError, match="step 5 "):
        failed.fit(x, np.ones(ROWS), epochs=3, batch_size=4, shuffle=False, verbose=False)
    shorter.fit(x[:16], np.ones(16), epochs=1, batch_size=4, shuffle=False, verbose=False)
    for path, value in shorter.parameters().items():
        assert value.tobytes() == failed.parameters()[path].tobytes()
    assert failed.facts["ended"] == "failed"
    assert failed.facts["steps"] == 4


def test_a_huge_learning_rate_is_reported() -> None:
    model = Model(Sequential(Dense(4), Dense(1)), "mse", SGD(1e6))
    with pytest.raises(TrainingError, match="E501") as stopped:
        model.fit(np.ones((8, 2)), np.ones(8), epochs=50, verbose=False)
    assert "ClipGlobalNorm" in str(stopped.value)
    assert all(np.isfinite(value).all() for value in model.parameters().values())


def test_an_infinite_gradient_of_a_finite_value_is_reported() -> None:
    @layer
    class Root(Layer):
        """The square root, whose derivative at 0 is infinite."""

        def __call__(self, x, scope):
            return cr.sqrt(x * scope.parameter("scale", (x.shape[-1],), cr.Fill(0.0)))

    model = Model(Sequential(Root(), Dense(1)), "mse", SGD(0.1))
    with pytest.raises(TrainingError, match="step 1 ") as stopped:
        model.fit(np.ones((4, 2)), np.ones(4), epochs=2, verbose=False)
    assert 'divide (backward) at (0, 0), Root "root1"' in str(stopped.value)
    assert (model.parameters()["root1.scale"] == 0).all()


def test_an_overflow_of_the_optimizer_state_is_reported() -> None:
    model = Model(Sequential(Dense(1)), "mae", Adam(0.1))
    with pytest.raises(TrainingError, match="E501") as stopped:
        model.fit(np.full((4, 1), 1e30), np.ones(4), epochs=1, verbose=False)
    assert "square" in str(stopped.value), "without the error the parameter would silently not change"


def test_an_infinity_that_is_not_selected_is_not_reported() -> None:
    @layer
    class Guarded(Layer):
        """A logarithm of 0 that `where` does not select."""

        def __call__(self, x, scope):
            x = cr.stop_gradient(x)
            return cr.where(cr.greater(x, 0.0), cr.log(x), 0.0)

    x = np.array([[0.0], [1.0]])
    model = Model(Sequential(Guarded(), Dense(1)), "mse", SGD(0.1))
    model.fit(x, np.ones(2), epochs=2, verbose=False)
    both = Model(Sequential(Guarded(), Fault("1 / 0"), Dense(1)), "mse", SGD(0.1))
    with pytest.raises(TrainingError, match="from divide at"):
        both.fit(x, np.ones(2), epochs=2, batch_size=None, verbose=False)


def test_a_parameter_that_is_not_finite_before_the_step_is_reported() -> None:
    model = Model(Sequential(Dense(3, "tanh"), Dense(1)), "mse")
    model.fit(np.ones((4, 2)), np.ones(4), epochs=0, verbose=False)
    model.load_parameters({"dense2.weight": np.full((1, 3), np.nan)})
    with pytest.raises(TrainingError, match="E501") as stopped:
        model.fit(np.ones((4, 2)), np.ones(4), epochs=1, verbose=False)
    assert "dense2.weight contained NaN or infinity before the step" in str(stopped.value)


def test_the_best_epoch_is_never_one_with_nan() -> None:
    @layer
    class Log(Layer):
        """A logarithm that is defined for the training rows and not for the validation rows."""

        def __call__(self, x, scope):
            return cr.log(x)

    model = Model(Sequential(Log(), Dense(1)), "mse", SGD(0.1))
    bad = (np.array([[-1.0], [1.0]]), np.ones(2))
    rule = EarlyStopping(patience=3)
    history = model.fit(
        np.ones((4, 1)), np.ones(4), epochs=9, validation=bad, callbacks=[rule], verbose=False
    )
    assert [row["val_loss"] for row in history] == [None] * 3
    assert all(np.isfinite(value).all() for value in model.parameters().values())


def test_custom_schedules_and_losses_are_reported() -> None:
    class Steep(Loss):
        """exp of the error."""

        name = "steep"

        def __call__(self, output: Node, target: Node) -> Node:
            return cr.exp((output - target).sum(1) * 1e4)

    model = Model(Sequential(Dense(1)), Steep(), SGD(Warmup(2, Cosine(0.1))))
    with pytest.raises(TrainingError, match="from exp at"):
        model.fit(np.ones((4, 1)), -np.ones(4) * 9, epochs=1, verbose=False)
