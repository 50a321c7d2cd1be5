"""Every loss agrees with PyTorch and with a small step, and refuses what it cannot take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import pytest
import torch
from torch.nn import functional

from chainrule import nn
from chainrule.engines import check_gradient, evaluate
from chainrule.errors import ChainruleError, DtypeError, ShapeError, UsageError
from chainrule.gradient import grad
from chainrule.graph import Node, constant, input_node
from chainrule.nn.loss import LOSS_FUNCTIONS, LOSSES, known_loss, known_losses, refuse_mismatch
from chainrule.ops import PUBLIC
from chainrule.spec import Size, Spec

RNG = np.random.default_rng(1)
VALUES = RNG.normal(size=(7, 3)) * 2
WANTED = RNG.normal(size=(7, 3))
CHANCES = RNG.uniform(size=(7, 3))
CLASSES = np.array([0, 2, 1, 1, 0, 2, 2])

Case = tuple[nn.Loss, np.ndarray, np.ndarray, Callable[..., torch.Tensor]]
CASES: dict[str, Case] = {
    "half_mse": (nn.HalfMSE(), VALUES, WANTED, lambda z, y: ((z - y) ** 2).sum(1).mean() / 2),
    "half_mse of one": (nn.HalfMSE(), VALUES[:, 0], WANTED[:, 0], lambda z, y: ((z - y) ** 2).mean() / 2),
    "mse": (nn.MSE(), VALUES, WANTED, functional.mse_loss),
    "mae": (nn.MAE(), VALUES, WANTED, functional.l1_loss),
    "huber": (nn.Huber(), VALUES, WANTED, functional.huber_loss),
    "huber 0.3": (nn.Huber(0.3), VALUES, WANTED, lambda z, y: functional.huber_loss(z, y, delta=0.3)),
    "binary": (nn.BinaryCrossEntropy(), VALUES, CHANCES, functional.binary_cross_entropy_with_logits),
    "binary of one": (
        nn.BinaryCrossEntropy(), VALUES[:, 0], CHANCES[:, 0].round(),
        functional.binary_cross_entropy_with_logits,
    ),
    "cross_entropy": (nn.CrossEntropy(), VALUES, CLASSES, functional.cross_entropy),
    "cross_entropy smoothed": (
        nn.CrossEntropy(label_smoothing=0.1), VALUES, CLASSES,
        lambda z, y: functional.cross_entropy(z, y, label_smoothing=0.1),
    ),
}  # fmt: skip


def nodes(z: np.ndarray, y: np.ndarray) -> tuple[Node, Node]:
    """Input nodes for outputs and targets, with an open batch."""
    return input_node("z", (None, *z.shape[1:]), z.dtype.name), input_node(
        "y", (None, *y.shape[1:]), y.dtype.name
    )


def test_every_loss_is_tried() -> None:
    assert {type(loss) for loss, *_ in CASES.values()} == set(LOSSES.values())


@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient_agree_with_torch(name: str) -> None:
    loss, z, y, peer = CASES[name]
    output, target = nodes(z, y)
    mean = loss.mean(output, target)
    found = evaluate([mean, *grad(mean, [output])], {"z": z, "y": y})
    theirs = torch.tensor(z, requires_grad=True)
    value = peer(theirs, torch.tensor(y))
    value.backward()
    np.testing.assert_allclose(found[0], value.item(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found[1], theirs.grad.numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_the_gradient_agrees_with_a_small_step(name: str) -> None:
    loss, z, y, _ = CASES[name]
    check_gradient(lambda output: loss(output, constant(y)), [z])


@pytest.mark.parametrize("name", CASES)
def test_a_loss_has_one_number_for_each_sample_and_its_function_their_mean(name: str) -> None:
    loss, z, y, _ = CASES[name]
    output, target = nodes(z, y)
    assert target.spec == loss.target(output.spec)
    function = LOSS_FUNCTIONS[loss.name](output, target, **asdict(loss))
    each, mean = evaluate([loss(output, target), function], {"z": z, "y": y})
    assert each.shape == (7,)
    assert mean.shape == ()
    np.testing.assert_allclose(mean, each.mean(), rtol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_a_target_may_be_plain_numbers(name: str) -> None:
    loss, z, y, _ = CASES[name]
    output, target = input_node("z", z.shape, "float64"), input_node("y", y.shape, y.dtype.name)
    function = LOSS_FUNCTIONS[loss.name]
    by_numbers, by_nodes = evaluate(
        [function(output, y.tolist()), function(output, target)], {"z": z, "y": y}
    )
    assert by_numbers == by_nodes


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["binary", "cross_entropy", "cross_entropy smoothed"])
def test_extreme_scores_stay_finite(name: str, dtype: str) -> None:
    loss, _, y, _ = CASES[name]
    z = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e-30]], dtype)
    y = y[:2].astype(dtype) if y.dtype.kind == "f" else y[:2]
    output, target = nodes(z, y)
    mean = loss.mean(output, target)
    value, slope = evaluate([mean, *grad(mean, [output])], {"z": z, "y": y})
    assert np.isfinite(value)
    assert np.isfinite(slope).all()


def test_the_binary_gradient_at_a_score_of_exactly_0_is_one_half_minus_the_target() -> None:
    output, target = nodes(np.zeros(3), np.zeros(3))
    mean = nn.BinaryCrossEntropy().mean(output, target)
    slope = evaluate(grad(mean, [output])[0], {"z": np.zeros(3), "y": [0.0, 1.0, 0.25]})
    np.testing.assert_allclose(slope * 3, [0.5, -0.5, 0.25], rtol=1e-15)


def test_the_article_s_gradient_is_the_error_itself() -> None:
    output, target = nodes(VALUES, WANTED)
    total = PUBLIC["sum"](nn.HalfMSE()(output, target))
    slope = evaluate(grad(total, [output])[0], {"z": VALUES, "y": WANTED})
    np.testing.assert_array_equal(slope, VALUES - WANTED)


def test_answers_are_probabilities_or_values() -> None:
    output, _ = nodes(VALUES, WANTED)
    found = {name: evaluate(kind().answer(output), {"z": VALUES}) for name, kind in LOSSES.items()}
    np.testing.assert_allclose(found["cross_entropy"].sum(1), 1, rtol=1e-12)
    np.testing.assert_allclose(found["binary_cross_entropy"], 1 / (1 + np.exp(-VALUES)), rtol=1e-12)
    for name in ("half_mse", "mse", "mae", "huber"):
        np.testing.assert_array_equal(found[name], VALUES)
    tasks = {name: kind.task for name, kind in LOSSES.items()}
    assert [name for name, task in tasks.items() if task == "classification"] == [
        "binary_cross_entropy", "cross_entropy",
    ]  # fmt: skip


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
def test_a_target_that_does_not_belong_is_refused(
    loss: str, target: tuple, error: type[ChainruleError], code: str
) -> None:
    with pytest.raises(error) as caught:
        LOSS_FUNCTIONS[loss](input_node("z", (None, 3), "float64"), input_node("y", *target))
    assert caught.value.code == code
    assert caught.value.fix


def test_scores_of_another_rank_are_refused() -> None:
    with pytest.raises(ShapeError) as caught:
        nn.CrossEntropy().target(Spec((Size.symbol("B"), 4, 3), "float32"))
    assert caught.value.code == "E208"
    assert "cr.Flatten()" in str(caught.value)


@pytest.mark.parametrize(
    "bad", [lambda: nn.Huber(0.0), lambda: nn.Huber(float("nan")), lambda: nn.CrossEntropy(1.0)]
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


@pytest.mark.parametrize("name", ["crossentropy", "MSEE", 3, None, ["mse"]])
def test_an_unknown_loss_is_refused(name: object) -> None:
    with pytest.raises(UsageError) as caught:
        known_loss(name)  # type: ignore[arg-type]
    assert caught.value.code == "E101"
    assert caught.value.fix.startswith('loss="')


@pytest.mark.parametrize("given", [{"price": "mse"}, {"price": "mse", "kind": "mse", "colour": "mse"}])
def test_outputs_and_losses_must_have_the_same_names(given: dict[str, str]) -> None:
    outputs = dict.fromkeys(("price", "kind"), Spec((Size.symbol("B"), 3), "float32"))
    with pytest.raises(UsageError) as caught:
        known_losses(given, outputs)  # type: ignore[arg-type]
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
    assert f"{loss} takes logits, but the net ends in {activation}" in str(error)
    assert "dense2" in error.where
    assert activation in error.render("zh")


@pytest.mark.parametrize(
    ("loss", "activation"), [("half_mse", "sigmoid"), ("mse", "softmax"), ("cross_entropy", None)]
)
def test_other_endings_are_welcome(loss: str, activation: str | None) -> None:
    spec = Spec((Size.symbol("B"), 2), "float32")
    refuse_mismatch(
        known_loss(loss), nn.build(nn.Dense(3, activation=activation), {"x": spec}, "float32").output
    )
