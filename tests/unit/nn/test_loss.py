"""Losses: weights, predictions, names, and errors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn import functional

import chainrule as cr
from chainrule import nn
from chainrule.engines import evaluate
from chainrule.errors import ChainruleError, DtypeError, ShapeError, UsageError
from chainrule.gradient import grad
from chainrule.graph import constant, input_node
from chainrule.nn import loss as losses
from chainrule.nn.loss import LOSSES, known_loss, known_losses, refuse_mismatch
from chainrule.ops import functional as F
from chainrule.symbolic_shape import Size, Spec
from loss_cases import CASES, CLASSES, PLACES, RNG, SCORES, TEXTS, VALUES, VECTORS, WANTED, WITH_GAPS, nodes


@pytest.mark.parametrize("name", ["mse", "half_mse", "huber", "cross_entropy of places", "hinge", "dice"])
def test_weights_of_samples_and_positions_give_a_weighted_mean(name: str) -> None:
    loss, z, y, _ = CASES[name]
    output, target = constant(z), constant(y)
    terms, sample_losses = evaluate([loss.terms(output, target), loss(output, target)], {})
    for values in (sample_losses, terms):
        weight = RNG.uniform(size=values.shape)
        mean = evaluate(loss.mean(output, target, constant(weight)), {})
        outputs = terms.size / len(terms) if loss.joins == "sum" and values is terms else 1
        np.testing.assert_allclose(mean, (weight * values).sum() / weight.sum() * outputs, rtol=1e-12)
    ones = evaluate(loss.mean(output, target, constant(np.ones(terms.shape))), {})
    np.testing.assert_allclose(ones, sample_losses.mean(), rtol=1e-12)


def test_weights_of_positions_match_pytorch() -> None:
    known = WITH_GAPS != -100
    loss = evaluate(
        cr.cross_entropy(constant(PLACES), WITH_GAPS, weight=known.astype(float), ignore_index=-100), {}
    )
    expected = functional.cross_entropy(torch.tensor(PLACES).movedim(-1, 1), torch.tensor(WITH_GAPS))
    np.testing.assert_allclose(loss, expected.item(), rtol=1e-12)


def test_weights_of_another_shape_are_refused() -> None:
    with pytest.raises(ShapeError) as caught:
        cr.mse(constant(VALUES), WANTED, weight=np.ones(3))
    assert caught.value.code == "E201"


@pytest.mark.parametrize("distance", ["squared_euclidean", "cosine"])
def test_triplet_margin_with_every_distance(distance: str) -> None:
    a, b, c = np.moveaxis(VECTORS, 1, 0)

    def measure(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        if distance == "cosine":
            return 1 - (x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)
        return ((x - y) ** 2).sum(1)

    loss = evaluate(cr.triplet_margin(constant(VECTORS), distance=distance), {})
    np.testing.assert_allclose(loss, np.maximum(measure(a, b) - measure(a, c) + 1, 0).mean(), rtol=1e-10)


@pytest.mark.parametrize("name", ["hinge", "soft_margin", "contrastive", "cosine_embedding"])
def test_the_negative_class_may_be_0_or_minus_1(name: str) -> None:
    loss, z, y, _ = CASES[name]
    first, second = (loss(constant(z), constant(no)) for no in (y, np.maximum(y, 0)))
    np.testing.assert_array_equal(*evaluate([first, second], {}))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["binary", "cross_entropy", "cross_entropy smoothed"])
def test_extreme_scores_stay_finite(name: str, dtype: str) -> None:
    loss, _, y, _ = CASES[name]
    z = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e-30]], dtype)
    y = y[:2].astype(dtype) if y.dtype.kind == "f" else y[:2]
    output, target = nodes(z, y)
    mean = loss.mean(output, target)
    value, gradient = evaluate([mean, *grad(mean, [output])], {"z": z, "y": y})
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


def test_the_binary_gradient_at_a_score_of_exactly_0_is_one_half_minus_the_target() -> None:
    output, target = nodes(np.zeros(3), np.zeros(3))
    mean = nn.BinaryCrossEntropy().mean(output, target)
    gradient = evaluate(grad(mean, [output])[0], {"z": np.zeros(3), "y": [0.0, 1.0, 0.25]})
    np.testing.assert_allclose(gradient * 3, [0.5, -0.5, 0.25], rtol=1e-15)


def test_the_gradient_of_half_mse_is_the_error() -> None:
    output, target = nodes(VALUES, WANTED)
    total = F.sum(nn.HalfMSE()(output, target))
    gradient = evaluate(grad(total, [output])[0], {"z": VALUES, "y": WANTED})
    np.testing.assert_array_equal(gradient, VALUES - WANTED)


def test_predictions_are_probabilities_or_values() -> None:
    output, _ = nodes(VALUES, WANTED)
    plain = ("half_mse", "mse", "mae", "huber", "binary_cross_entropy", "cross_entropy", "nll", "poisson")
    predictions = {name: evaluate(LOSSES[name]().prediction(output), {"z": VALUES}) for name in plain}
    np.testing.assert_array_equal(predictions["nll"], np.exp(VALUES))
    np.testing.assert_array_equal(predictions["poisson"], np.exp(VALUES))
    np.testing.assert_allclose(predictions["cross_entropy"].sum(1), 1, rtol=1e-12)
    np.testing.assert_allclose(predictions["binary_cross_entropy"], 1 / (1 + np.exp(-VALUES)), rtol=1e-12)
    for name in ("half_mse", "mse", "mae", "huber"):
        np.testing.assert_array_equal(predictions[name], VALUES)


@pytest.mark.parametrize("name", ["margin_ranking", "cosine_embedding", "contrastive"])
def test_predictions_of_pairs_are_larger_for_the_positive_class(name: str) -> None:
    loss, z, _, _ = CASES[name]
    output = constant(z)
    yes, no, prediction = evaluate(
        [loss(output, constant(np.ones(7))), loss(output, constant(-np.ones(7))), loss.prediction(output)], {}
    )
    assert prediction.shape == (7,)
    assert np.corrcoef(prediction, no - yes)[0, 1] > 0.9


@pytest.mark.parametrize(
    ("loss", "target", "error", "code"),
    [
        ("half_mse", ((None,), "float64"), ShapeError, "E201"),
        ("mse", ((None, 2), "float64"), ShapeError, "E201"),
        ("binary_cross_entropy", ((None, 3), "int64"), DtypeError, "E252"),
        ("cross_entropy", ((None, 3), "int64"), ShapeError, "E201"),
        ("cross_entropy", ((None,), "float64"), DtypeError, "E253"),
    ],
)
def test_an_invalid_target_is_refused(
    loss: str, target: tuple, error: type[ChainruleError], code: str
) -> None:
    with pytest.raises(error) as caught:
        getattr(cr, loss)(input_node("z", (None, 3), "float64"), input_node("y", *target))
    assert caught.value.code == code
    assert caught.value.fix


@pytest.mark.parametrize(
    ("loss", "shape"),
    [
        (nn.CrossEntropy(), ()),
        (nn.CrossEntropy(), (None,)),
        (losses.MultilabelMargin(), (4, 3)),
        (losses.GaussianNLL(), (3,)),
        (losses.CosineLoss(), ()),
        (losses.MarginRanking(), (3,)),
        (losses.TripletMargin(), (2, 5)),
        (losses.Contrastive(), (5,)),
        (losses.Circle(), (2, 2)),
        (losses.Dice(), ()),
        (losses.Tversky(), ()),
        (losses.CTC(), (5,)),
        (losses.CTC(), (None, 5)),
    ],
)
def test_an_output_of_another_shape_is_refused(loss: nn.Loss, shape: tuple) -> None:
    axes = (Size.symbol("T") if n is None else n for n in shape)
    with pytest.raises(ShapeError) as caught:
        loss.target(Spec((Size.symbol("B"), *axes), "float32"))
    assert caught.value.code == "E208"
    assert caught.value.fix


@pytest.mark.parametrize(
    "bad",
    [
        lambda: nn.Huber(0.0),
        lambda: nn.Huber(float("nan")),
        lambda: nn.CrossEntropy(label_smoothing=1.0),
        lambda: losses.SmoothL1(beta=0.0),
        lambda: losses.Poisson(epsilon=0.0),
        lambda: losses.GaussianNLL(epsilon=-1.0),
        lambda: nn.BinaryCrossEntropy(label_smoothing=1.0),
        lambda: nn.BinaryCrossEntropy(positive_weight=0.0),
        lambda: nn.CrossEntropy(class_weight=(-1.0, 1.0)),
        lambda: nn.CrossEntropy(class_weight=(0.0, 0.0)),
        lambda: nn.CrossEntropy(class_weight="balanced"),
        lambda: nn.CrossEntropy(ignore_index=0.5),
        lambda: cr.nll(constant(VALUES), CLASSES, class_weight=[1.0]),
        lambda: losses.BinaryFocal(gamma=-1.0),
        lambda: losses.BinaryFocal(alpha=1.5),
        lambda: losses.CategoricalFocal(alpha=0.0),
        lambda: losses.GeneralizedCrossEntropy(0.0),
        lambda: losses.SymmetricCrossEntropy(alpha=-1.0),
        lambda: losses.SymmetricCrossEntropy(log_zero=0.0),
        lambda: losses.Bootstrapping(1.5),
        lambda: losses.Bootstrapping(hard=2),
        lambda: losses.MultiMargin(p=3),
        lambda: losses.HingeEmbedding(0.0),
        lambda: losses.MarginRanking(-1.0),
        lambda: losses.CosineEmbedding(2.0),
        lambda: losses.Contrastive(0.0),
        lambda: losses.TripletMargin(swap=1),
        lambda: losses.Circle(margin=1.0),
        lambda: losses.Tversky(alpha=-0.1),
        lambda: losses.CTC(max_target_length=0),
        lambda: losses.CTC(blank=-1),
        lambda: cr.ctc(constant(SCORES), TEXTS, blank=4),
    ],
)
def test_a_setting_out_of_its_range_is_refused(bad: Callable[[], nn.Loss]) -> None:
    with pytest.raises(UsageError) as caught:
        bad()
    assert caught.value.code == "E102"


def test_losses_by_name() -> None:
    assert known_loss("mse") == nn.MSE()
    assert known_loss(nn.Huber(2.0)) == nn.Huber(2.0)
    outputs = dict.fromkeys(("price", "kind"), Spec((Size.symbol("B"), 3), "float32"))
    assert known_losses("mae", outputs) == {"price": nn.MAE(), "kind": nn.MAE()}
    both = known_losses({"price": "mse", "kind": "cross_entropy"}, outputs)
    assert both == {"price": nn.MSE(), "kind": nn.CrossEntropy()}


def test_probabilities_before_a_loss_on_logarithms_are_refused() -> None:
    spec = Spec((Size.symbol("B"), 2), "float32")
    with pytest.raises(UsageError) as caught:
        refuse_mismatch(losses.NLL(), nn.build(nn.Dense(3, "softmax"), {"x": spec}, "float32").output)
    assert caught.value.code == "E105"
    assert "log_softmax" in caught.value.fix
    assert "对数概率" in caught.value.render("zh")


def test_an_unknown_distance_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        losses.TripletMargin(distance="euclid")
    assert caught.value.code == "E101"
    assert caught.value.fix == 'distance="euclidean"'


@pytest.mark.parametrize("name", ["crossentropy", "MSEE", 3, None, ["mse"]])
def test_an_unknown_loss_is_refused(name: object) -> None:
    with pytest.raises(UsageError) as caught:
        known_loss(name)  # type: ignore[arg-type]
    assert caught.value.code == "E101"
    near = {"crossentropy": 'loss="cross_entropy"', "MSEE": 'loss="mse"'}
    assert caught.value.fix == (near.get(name, "") if isinstance(name, str) else "")


@pytest.mark.parametrize("losses", [{"price": "mse"}, {"price": "mse", "kind": "mse", "color": "mse"}])
def test_outputs_and_losses_must_have_the_same_names(losses: dict[str, str]) -> None:
    outputs = dict.fromkeys(("price", "kind"), Spec((Size.symbol("B"), 3), "float32"))
    with pytest.raises(UsageError) as caught:
        known_losses(losses, outputs)  # type: ignore[arg-type]
    assert caught.value.code == "E101"
    assert '"price": "mse", "kind": "mse"' in caught.value.fix


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
def test_probabilities_before_a_loss_on_logits_are_refused(loss: str, activation: str) -> None:
    spec = Spec((Size.symbol("B"), 2), "float32")
    net = nn.Sequential(nn.Dense(3), nn.Dense(3, activation=activation), nn.Reshape((3, 1)), nn.Flatten())
    with pytest.raises(UsageError) as caught:
        refuse_mismatch(known_loss(loss), nn.build(net, {"x": spec}, "float32").output)
    error = caught.value
    assert error.code == "E105"
    assert error.fix == f'drop activation="{activation}" from the last layer: {loss} applies it'
    assert f"{loss} expects logits, but the network ends in {activation}" in str(error)
    assert "dense2" in error.where
    assert activation in error.render("zh")


@pytest.mark.parametrize(
    ("loss", "activation"),
    [
        ("half_mse", "sigmoid"),
        ("mse", "softmax"),
        ("cross_entropy", None),
        ("nll", "log_softmax"),
        ("dice", "silu"),
    ],
)
def test_other_final_activations_are_accepted(loss: str, activation: str | None) -> None:
    spec = Spec((Size.symbol("B"), 2), "float32")
    refuse_mismatch(
        known_loss(loss), nn.build(nn.Dense(3, activation=activation), {"x": spec}, "float32").output
    )
