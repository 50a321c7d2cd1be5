"""A NaN or an infinity stops the training in its step; the operation, layer, step and row are named."""

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
from chainrule.train.stopping import EarlyStopping

ROWS = 24
FAULTS: dict[str, tuple[Callable[[Node], Node], float, str]] = {
    # what the layer does to a number, the number that makes it fail, the operation to blame
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
    """Applies one of the operations above to what passes."""

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
    whole, part = Model(net, "mse", SGD(0.01)), Model(net, "mse", SGD(0.01))
    with pytest.raises(TrainingError, match="step 5 "):
        whole.fit(x, np.ones(ROWS), epochs=3, batch_size=4, shuffle=False, verbose=False)
    part.fit(x[:16], np.ones(16), epochs=1, batch_size=4, shuffle=False, verbose=False)
    for path, value in part.parameters().items():
        assert value.tobytes() == whole.parameters()[path].tobytes()
    assert whole.facts["ended"] == "failed"
    assert whole.facts["steps"] == 4


def test_a_rate_that_is_far_too_large() -> None:
    model = Model(Sequential(Dense(4), Dense(1)), "mse", SGD(1e6))
    with pytest.raises(TrainingError, match="E501") as stopped:
        model.fit(np.ones((8, 2)), np.ones(8), epochs=50, verbose=False)
    assert "ClipGlobalNorm" in str(stopped.value)
    assert all(np.isfinite(value).all() for value in model.parameters().values())


def test_a_gradient_that_is_infinite_where_the_value_is_not() -> None:
    @layer
    class Root(Layer):
        """The root, whose slope at 0 is infinite."""

        def __call__(self, x, scope):
            return cr.sqrt(x * scope.parameter("scale", (x.shape[-1],), cr.Fill(0.0)))

    model = Model(Sequential(Root(), Dense(1)), "mse", SGD(0.1))
    with pytest.raises(TrainingError, match="step 1 ") as stopped:
        model.fit(np.ones((4, 2)), np.ones(4), epochs=2, verbose=False)
    assert 'divide (backward) at (0, 0), Root "root1"' in str(stopped.value)
    assert (model.parameters()["root1.scale"] == 0).all()


def test_memory_of_the_optimizer_that_overflows() -> None:
    model = Model(Sequential(Dense(1)), "mae", Adam(0.1))
    with pytest.raises(TrainingError, match="E501") as stopped:
        model.fit(np.full((4, 1), 1e30), np.ones(4), epochs=1, verbose=False)
    assert "square" in str(stopped.value), "the parameter would have stood still, and nobody been told"


def test_an_infinity_that_is_left_out_does_no_harm_and_is_not_blamed() -> None:
    @layer
    class Guarded(Layer):
        """A logarithm of 0 that nobody reads."""

        def __call__(self, x, scope):
            x = cr.stop_gradient(x)
            return cr.where(cr.greater(x, 0.0), cr.log(x), 0.0)

    x = np.array([[0.0], [1.0]])
    model = Model(Sequential(Guarded(), Dense(1)), "mse", SGD(0.1))
    model.fit(x, np.ones(2), epochs=2, verbose=False)
    both = Model(Sequential(Guarded(), Fault("1 / 0"), Dense(1)), "mse", SGD(0.1))
    with pytest.raises(TrainingError, match="from divide at"):
        both.fit(x, np.ones(2), epochs=2, batch_size=None, verbose=False)


def test_a_weight_that_was_not_finite_before() -> None:
    model = Model(Sequential(Dense(3, "tanh"), Dense(1)), "mse")
    model.fit(np.ones((4, 2)), np.ones(4), epochs=0, verbose=False)
    model.load_parameters({"dense2.weight": np.full((1, 3), np.nan)})
    with pytest.raises(TrainingError, match="E501") as stopped:
        model.fit(np.ones((4, 2)), np.ones(4), epochs=1, verbose=False)
    assert "dense2.weight contained NaN or infinity before the step" in str(stopped.value)


def test_the_best_is_never_nan() -> None:
    @layer
    class Log(Layer):
        """A logarithm, which training rows bear and validation rows do not."""

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


def test_a_schedule_and_a_loss_of_one_s_own_can_be_to_blame() -> None:
    class Steep(Loss):
        """exp of the error."""

        name = "steep"

        def __call__(self, output: Node, target: Node) -> Node:
            return cr.exp((output - target).sum(1) * 1e4)

    model = Model(Sequential(Dense(1)), Steep(), SGD(Warmup(2, Cosine(0.1))))
    with pytest.raises(TrainingError, match="from exp at"):
        model.fit(np.ones((4, 1)), -np.ones(4) * 9, epochs=1, verbose=False)
