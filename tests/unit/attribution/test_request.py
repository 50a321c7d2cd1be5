"""Arguments of an attribution: rows, classes, baselines, units; and errors for invalid ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from attribution_cases import CASES, KINDS, normal_numbers, ready
from chainrule.apps.cli.command_line import on_command_line
from chainrule.errors import ChainruleError, ShapeError, TrainingError, UsageError
from chainrule.symbolic_shape import Size, Spec

B = Size.symbol("B")
TABLE = cr.read_table(
    {
        "size": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        "color": ["red", "blue", "red", "green", "blue", "red"],
        "price": [10.0, 24.0, 31.0, 39.0, 53.0, 60.0],
    }
)


@pytest.fixture(scope="module")
def dense() -> tuple[cr.Model, np.ndarray]:
    return ready(CASES["dense"])


@pytest.fixture(scope="module")
def prices() -> cr.Model:
    """A model of a table with a categorical column and prices as target."""
    model = cr.Model(
        cr.Sequential(cr.Dense(4, "tanh"), cr.Dense(1)), "mse", dtype="float64", engine="reference"
    )
    model.fit(TABLE, "price", epochs=3, verbose=False)
    return model


def test_indicators_of_a_category_are_summed_to_their_column(prices: cr.Model) -> None:
    attribution = prices.attribute(TABLE)
    assert attribution.features == ("size", "color")
    assert attribution.values["x"].shape == (6, 4)
    assert attribution.columns == ("size", "color", "color", "color")
    assert attribution.by_column["color"] == pytest.approx(attribution.values["x"][:, 1:].sum(1))
    assert attribution.cells[1] == {"size": "2.0", "color": "blue"}


def test_a_value_is_explained_in_the_units_of_its_column(prices: cr.Model) -> None:
    attribution = prices.attribute(TABLE, "deep_lift")
    assert attribution.explains == "value"
    assert attribution.targets[0] == "price"
    assert attribution.scores == pytest.approx(np.asarray(prices.predict(TABLE)))
    assert attribution.residual == pytest.approx(0, abs=1e-9)


def test_rows_of_a_table_are_a_baseline(prices: cr.Model) -> None:
    attribution = prices.attribute(TABLE, "expected_gradients", baseline=TABLE, samples=600)
    assert attribution.base == pytest.approx(np.mean(prices.predict(TABLE)), rel=1e-9)
    assert attribution.errors is not None
    assert (attribution.errors["x"] >= 0).all()


def test_every_row_of_a_large_baseline_is_used() -> None:
    model, x = ready(CASES["dense"])
    rows = np.sort(normal_numbers("rows", (90, 4)), 0)  # sorted: the first rows are not representative
    attribution = model.attribute(x, "expected_gradients", target=1, baseline=rows)
    assert attribution.residual == pytest.approx(0, abs=1e-4)
    assert attribution.base == pytest.approx(np.asarray(model(rows))[:, 1].mean())


def test_sampled_values_are_within_their_errors() -> None:
    model, x = ready(CASES["dense"])
    rows = normal_numbers("rows", (5, 4))
    attribution = model.attribute(
        x, "expected_gradients", target=1, baseline=rows, samples=400, seed=1, strict=False
    )
    exact = model.attribute(x, target=1, baseline=rows, tolerance=1e-9).values["x"]
    assert attribution.errors is not None
    assert (np.abs(attribution.values["x"] - exact) < 4 * attribution.errors["x"] + 1e-9).all()
    again = model.attribute(
        x, "expected_gradients", target=1, baseline=rows, samples=400, seed=2, strict=False
    )
    assert (again.values["x"] != attribution.values["x"]).any()


def test_the_predicted_class_is_explained_by_default(dense: tuple[cr.Model, np.ndarray]) -> None:
    model, x = dense
    attribution = model.attribute(x, "saliency")
    assert attribution.targets == tuple(np.asarray(model.predict(x)).tolist())
    assert attribution.scores == pytest.approx(np.asarray(model(x)).max(1))


def test_each_sample_may_have_its_own_target(dense: tuple[cr.Model, np.ndarray]) -> None:
    model, x = dense
    attribution = model.attribute(x, "saliency", target=[2, 0, "1"])
    assert attribution.scores == pytest.approx(np.asarray(model(x))[[0, 1, 2], [2, 0, 1]])


@pytest.mark.parametrize("explains", ["probability", "loss"])
def test_probabilities_and_losses_are_explained(dense: tuple[cr.Model, np.ndarray], explains: str) -> None:
    model, x = dense
    y = np.array([0, 1, 2])
    probability = np.asarray(model.predict_proba(x))[np.arange(3), y]
    target: dict[str, Any] = {"y": y} if explains == "loss" else {"target": y}
    attribution = model.attribute(x, "deep_lift", explains=explains, **target)
    assert attribution.scores == pytest.approx(-np.log(probability) if explains == "loss" else probability)
    assert attribution.residual is not None
    assert np.abs(attribution.residual).max() < 1e-6


@pytest.mark.parametrize("explains", ["logit", "probability"])
def test_the_first_class_of_a_single_score_has_the_opposite_sign(explains: str) -> None:
    model = cr.Model(cr.Sequential(cr.Dense(1)), "binary_cross_entropy", dtype="float64", engine="reference")
    x = normal_numbers("x", (6, 3))
    model.fit(x, ["no", "yes"] * 3, epochs=1, verbose=False)
    yes, no = (model.attribute(x, target=t, explains=explains) for t in ("yes", "no"))
    assert no.values["x"] == pytest.approx(-yes.values["x"], abs=1e-12)
    if explains == "probability":
        assert no.scores + yes.scores == pytest.approx(1.0)


def test_a_position_of_a_sequence_is_explained() -> None:
    net = cr.Sequential(cr.Embedding(5, 3), cr.MultiHeadAttention(1, causal=True), cr.Dense(5))
    model = cr.Model(net, "cross_entropy", dtype="float64", engine="reference")
    model.initialize({"x": Spec((B, 4), "float64")})
    x = np.array([[1, 2, 3, 4], [4, 3, 2, 1]])
    attribution = model.attribute(x, target=(1, 2))
    assert attribution.targets == ("2 at 1", "2 at 1")
    assert attribution.scores == pytest.approx(np.asarray(model(x))[:, 1, 2])
    assert attribution.values["x"][:, 2:] == pytest.approx(0, abs=1e-12)  # the mask is causal
    last = model.attribute(x)
    assert last.targets[0] == f"{np.asarray(model(x))[0, 3].argmax()} at 3"
    rollout = model.attribute(x, "attention_rollout", target=(1, 2))
    assert rollout.values["x"][:, 2:] == pytest.approx(0)


def test_several_baselines_give_the_mean(dense: tuple[cr.Model, np.ndarray]) -> None:
    model, x = dense
    rows = normal_numbers("background", (3, 4))
    for method in ("integrated_gradients", "deep_lift"):
        together = model.attribute(x, method, target=1, baseline=rows).values["x"]
        alone = [model.attribute(x, method, target=1, baseline=row).values["x"] for row in rows]
        assert np.mean(alone, 0) == pytest.approx(together, abs=0.01)


def test_a_scalar_baseline_is_broadcast(dense: tuple[cr.Model, np.ndarray]) -> None:
    model, x = dense
    attribution = model.attribute(x, "deep_lift", target=1, baseline=0.5)
    assert attribution.base == pytest.approx(np.asarray(model(np.full((3, 4), 0.5)))[:, 1])


def test_more_steps_are_taken_until_the_values_add_up() -> None:
    model = cr.Model(
        cr.Sequential(cr.Dense(8, "relu"), cr.Dense(1)), "mse", dtype="float64", engine="reference"
    )
    model.initialize({"x": Spec((B, 2), "float64")}, seed=3)
    model.load_parameters({"dense1.bias": normal_numbers("bias", (8,), 2.0)})
    x = normal_numbers("x", (2, 2), 9.0)
    rough, fine = (model.attribute(x, tolerance=t) for t in (0.05, 1e-8))
    assert fine.settings["steps"] > rough.settings["steps"]
    assert fine.residual is not None
    assert fine.tolerance is not None
    assert (np.abs(fine.residual) <= fine.tolerance).all()


def test_the_values_of_a_network_with_many_kinks_add_up() -> None:
    model = cr.Model(cr.Sequential(cr.Dense(3000, "relu"), cr.Dense(1)), "mse", dtype="float64")
    model.initialize({"x": Spec((B, 2), "float64")}, seed=0)
    draw = np.random.default_rng(0)
    x, shapes = draw.normal(size=(3, 2)), {name: a.shape for name, a in model.parameters().items()}
    model.load_parameters({name: 20 * draw.normal(size=shape) for name, shape in shapes.items()})
    model.load_parameters({"dense1.bias": draw.normal(size=3000)})
    attribution = model.attribute(x)
    assert attribution.settings["steps"] > 8 * 512


def test_incomplete_attributions_need_strict_false(dense: tuple[cr.Model, np.ndarray]) -> None:
    model, x = dense
    with pytest.raises(TrainingError, match="E540") as caught:
        model.attribute(20 * x, steps=1, target=1)
    assert "no fixed steps" in caught.value.fix
    assert on_command_line(caught.value.fix, ["--method", "--baseline"]) == "--method shapley"
    assert "strict=False" in str(caught.value)
    attribution = model.attribute(20 * x, steps=1, target=1, strict=False)
    assert "UNRELIABLE" in str(attribution)
    assert "不可信" in str(model.attribute(20 * x, steps=1, target=1, strict=False, lang="zh"))


BAD: dict[str, tuple[dict[str, Any], str, type[ChainruleError]]] = {
    "an unknown method": ({"method": "integrated_gradient"}, "E101", UsageError),
    "an unknown option": ({"step": 3}, "E101", UsageError),
    "an option of another method": ({"method": "saliency", "steps": 3}, "E101", UsageError),
    "an unknown language": ({"lang": "fr"}, "E101", UsageError),
    "something that cannot be explained": ({"explains": "accuracy"}, "E101", UsageError),
    "an unknown output": ({"output": "z"}, "E101", UsageError),
    "no steps": ({"steps": 0}, "E102", UsageError),
    "a text for a number": ({"tolerance": "small"}, "E102", UsageError),
    "one sample of noise": ({"method": "smooth_grad", "samples": 1}, "E102", UsageError),
    "a baseline of another width": ({"baseline": np.zeros(5)}, "E542", TrainingError),
    "a baseline of texts": ({"baseline": "zeros and ones"}, "E542", TrainingError),
    "a baseline of no input": ({"baseline": {"z": np.zeros(4)}}, "E542", TrainingError),
    "no baseline to compare with": ({"method": "expected_gradients"}, "E543", TrainingError),
    "a class that does not exist": ({"target": "rose"}, "E544", TrainingError),
    "a place where there are none": ({"target": (1, 2)}, "E544", TrainingError),
    "a target for another number of samples": ({"target": [1, 2]}, "E544", TrainingError),
    "no convolution": ({"method": "grad_cam"}, "E541", TrainingError),
    "no attention": ({"method": "attention_rollout"}, "E541", TrainingError),
}


@pytest.mark.parametrize("what", BAD)
def test_invalid_requests_are_refused(dense: tuple[cr.Model, np.ndarray], what: str) -> None:
    model, x = dense
    options, code, kind = BAD[what]
    with pytest.raises(kind) as caught:
        model.attribute(x, **options)
    assert caught.value.code == code
    assert "{" not in caught.value.clause("zh")


def test_inputs_of_another_width_are_refused(dense: tuple[cr.Model, np.ndarray]) -> None:
    with pytest.raises(ShapeError, match="E209"):
        dense[0].attribute(np.zeros((2, 5)))


def test_an_untrained_model_is_refused() -> None:
    with pytest.raises(TrainingError, match="E503"):
        cr.Model(cr.Dense(1), "mse").attribute(np.zeros((2, 3)))


def test_one_of_several_outputs_must_be_chosen() -> None:
    model = cr.Model(cr.Dense(2), "mse", engine="reference")
    model.initialize({"x": Spec((B, 3), "float32")})
    with pytest.raises(TrainingError, match="E544"):
        model.attribute(np.ones((1, 3)))
    assert model.attribute(np.ones((1, 3)), target=1).targets == (1,)


def test_a_layer_that_is_no_convolution_is_refused() -> None:
    model, x = ready(CASES["images"])
    with pytest.raises(UsageError, match="E101"):
        model.attribute(x, "grad_cam", layer="conv3")


@pytest.mark.parametrize("net", ["attention", "images"])
def test_one_sample_needs_no_batch_axis(net: str) -> None:
    model, x = ready(KINDS[net])
    attribution = model.attribute(x[0], "deep_lift")
    assert attribution.values["x"].shape == (1, *x.shape[1:])
