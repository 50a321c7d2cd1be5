"""Every loss agrees with PyTorch or the paper, small steps and the native engine, and survives a file."""

from __future__ import annotations

import json
import re
from dataclasses import asdict

import numpy as np
import pytest
import torch

from chainrule import nn
from chainrule.engines import check_gradient, evaluate
from chainrule.gradient import grad
from chainrule.graph import Node, constant, input_node
from chainrule.nn.loss import LOSS_FUNCTIONS, LOSSES
from loss_cases import (
    CASES,
    nodes,
)

TOGETHER = ("circle", "circle with a single")
KERAS = {
    "BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy", "SparseCategoricalCrossentropy", "CategoricalHinge", "Hinge",
    "SquaredHinge", "Circle", "CosineSimilarity", "CTC", "Dice", "Tversky", "Huber", "KLDivergence",
    "LogCosh",
    "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredError", "MeanSquaredLogarithmicError",
    "Poisson",
}  # fmt: skip


def test_every_loss_is_tried() -> None:
    assert {type(loss) for loss, *_ in CASES.values()} == set(LOSSES.values())


def test_every_name_of_the_other_libraries_is_there() -> None:
    here = {kind.pytorch for kind in LOSSES.values()} | {"MultiLabelSoftMarginLoss"}  # binary_cross_entropy
    theirs = {name for name in torch.nn.modules.loss.__all__ if name.endswith("Loss")}
    elsewhere = {"NLLLoss2d", "BCELoss", "TripletMarginWithDistanceLoss", "LinearCrossEntropyLoss"}
    assert theirs - here - elsewhere == set()
    assert KERAS - {kind.keras for kind in LOSSES.values()} == set()


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_says_all_there_is_to_say(name: str) -> None:
    kind = LOSSES[name]
    assert kind.name == name
    assert "Shapes:" in (kind.__doc__ or "")
    assert all(re.search("[一-鿿]|CTC", text) for text in kind.chinese)
    assert kind.chinese[1].endswith("。")


@pytest.mark.parametrize(("dtype", "close"), [("float64", 1e-10), ("float32", 1e-5)])
@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient_agree_with_torch(name: str, dtype: str, close: float) -> None:
    loss, z, y, peer = CASES[name]
    z, y = z.astype(dtype), y.astype(dtype) if y.dtype.kind == "f" else y
    output, target = nodes(z, y)
    mean = loss.mean(output, target)
    found = evaluate([mean, *grad(mean, [output])], {"z": z, "y": y})
    theirs = torch.tensor(z, dtype=torch.float64, requires_grad=True)  # float32 is judged by exact numbers
    value = peer(theirs, torch.tensor(y.astype("float64") if y.dtype.kind == "f" else y))
    value.backward()
    np.testing.assert_allclose(found[0], value.item(), rtol=close, atol=close)
    np.testing.assert_allclose(found[1], theirs.grad.numpy(), rtol=close, atol=close)


@pytest.mark.parametrize("name", CASES)
def test_the_gradient_and_its_own_gradient_agree_with_a_small_step(name: str) -> None:
    loss, z, y, _ = CASES[name]
    if name == "gaussian_nll of variances":  # its floor is passed over by the gradient, on purpose
        z = np.maximum(z, 0.3)
    z, y = (z, y) if name in TOGETHER else (z[:3], y[:3])

    def slope(output: Node) -> Node:
        each = loss(output, constant(y))
        return grad((each * each).sum(), [output])[0]

    check_gradient(lambda output: loss(output, constant(y)), [z])
    if not name.startswith("ctc"):  # some hundred nodes in each of which many paths meet: see below
        check_gradient(slope, [z])


@pytest.mark.parametrize("name", {loss.name: name for name, (loss, *_) in reversed(CASES.items())}.values())
def test_the_native_engine_gives_what_the_law_gives(name: str) -> None:
    """In float32 and one setting of each loss: what it is made of is tried in all number kinds elsewhere."""
    loss, z, y, _ = CASES[name]
    z, y = z.astype("float32"), y.astype("float32") if y.dtype.kind == "f" else y
    output, target = nodes(z, y)
    each = loss(output, target)
    graph = [each, *grad(each.mean(), [output])]
    law, fast = (evaluate(graph, {"z": z, "y": y}, engine) for engine in ("reference", "native"))
    for mine, other in zip(law, fast, strict=True):
        np.testing.assert_allclose(other, mine, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", CASES)
def test_a_record_comes_back_equal(name: str) -> None:
    loss = CASES[name][0]
    record = json.loads(json.dumps(nn.to_record(loss)))
    assert nn.from_record(record, "loss") == loss


@pytest.mark.parametrize("name", CASES)
def test_no_sample_touches_another(name: str) -> None:
    loss, z, y, _ = CASES[name]
    output, target = nodes(z, y)
    each = loss(output, target)
    whole, part = (evaluate(each, {"z": z[rows], "y": y[rows]}) for rows in (slice(None), slice(2, 5)))
    assert np.allclose(whole[2:5], part) is (name not in TOGETHER)


@pytest.mark.parametrize("name", CASES)
def test_a_loss_has_one_number_for_each_sample_and_its_function_their_mean(name: str) -> None:
    loss, z, y, _ = CASES[name]
    output, target = nodes(z, y)
    assert target.spec == loss.target(output.spec)
    given = (target,) if loss.needs_target else ()
    function = LOSS_FUNCTIONS[loss.name](output, *given, **asdict(loss))
    total, count = loss.parts(output, target)
    count = total * 0.0 + 1.0 if count is None else count
    each, mean, total, count = evaluate([loss(output, target), function, total, count], {"z": z, "y": y})
    assert each.shape == total.shape == count.shape == (7,)
    assert mean.shape == ()
    np.testing.assert_allclose(mean, total.sum() / count.sum(), rtol=1e-12)
    np.testing.assert_allclose(each * count, total, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[0].needs_target])
def test_a_target_may_be_plain_numbers(name: str) -> None:
    loss, z, y, _ = CASES[name]
    output, target = input_node("z", z.shape, "float64"), input_node("y", y.shape, y.dtype.name)
    function = LOSS_FUNCTIONS[loss.name]
    by_numbers, by_nodes = evaluate(
        [function(output, y.tolist(), **asdict(loss)), function(output, target, **asdict(loss))],
        {"z": z, "y": y},
    )
    assert by_numbers == by_nodes


@pytest.mark.parametrize("name", CASES)
def test_extremes_and_zeros_have_slopes(name: str) -> None:
    loss, z, y, _ = CASES[name]
    output, target = nodes(z, y)
    slope = grad(loss(output, target).sum(), [output])[0]
    for scale in (0.0, 1e3 if loss.wants == "logits" else 10.0):
        numbers = z * scale
        if name == "gaussian_nll of variances":
            numbers = np.abs(numbers)
        assert np.isfinite(evaluate(slope, {"z": numbers, "y": y})).all()
