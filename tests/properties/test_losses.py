"""Every loss: PyTorch's or the paper's value and gradient, finite differences, both engines, records."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, fields
from inspect import signature

import numpy as np
import pytest
import torch
from pages.loss_functions import FILE, text

from case_loops import loop_over
from chainrule import nn
from chainrule.engines import check_gradient, evaluate
from chainrule.gradient import grad
from chainrule.graph import Node, constant, input_node
from chainrule.nn.loss import LOSSES, functional
from loss_cases import CASES, nodes

TOGETHER = ("circle", "circle with a single")
KERAS = {
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "SparseCategoricalCrossentropy",
    "CategoricalHinge",
    "Hinge",
    "SquaredHinge",
    "Circle",
    "CosineSimilarity",
    "CTC",
    "Dice",
    "Tversky",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
}


def test_every_loss_has_a_case() -> None:
    assert {type(loss) for loss, *_ in CASES.values()} == set(LOSSES.values())


def test_every_loss_of_pytorch_and_keras_has_a_counterpart() -> None:
    ours = {kind.pytorch for kind in LOSSES.values()} | {"MultiLabelSoftMarginLoss"}  # binary_cross_entropy
    theirs = {name for name in torch.nn.modules.loss.__all__ if name.endswith("Loss")}
    elsewhere = {"NLLLoss2d", "BCELoss", "TripletMarginWithDistanceLoss", "LinearCrossEntropyLoss"}
    assert theirs - ours - elsewhere == set()
    assert KERAS - {kind.keras for kind in LOSSES.values()} == set()


@loop_over("name", LOSSES)
def test_a_loss_has_shapes_and_chinese_texts(name: str) -> None:
    kind = LOSSES[name]
    assert kind.name == name
    assert "Shapes:" in (kind.__doc__ or "")
    assert all(re.search("[一-鿿]|CTC", text) for text in kind.chinese)
    assert kind.chinese[1].endswith("。")


@pytest.mark.parametrize(("dtype", "close"), [("float64", 1e-10), ("float32", 1e-5)])
@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient_are_pytorchs(name: str, dtype: str, close: float) -> None:
    loss, z, y, peer = CASES[name]
    z, y = z.astype(dtype), y.astype(dtype) if y.dtype.kind == "f" else y
    output, target = nodes(z, y)
    mean = loss.mean(output, target)
    ours = evaluate([mean, *grad(mean, [output])], {"z": z, "y": y})
    theirs = torch.tensor(z, dtype=torch.float64, requires_grad=True)  # also for float32, as the exact value
    value = peer(theirs, torch.tensor(y.astype("float64") if y.dtype.kind == "f" else y))
    value.backward()
    np.testing.assert_allclose(ours[0], value.item(), rtol=close, atol=close)
    np.testing.assert_allclose(ours[1], theirs.grad.numpy(), rtol=close, atol=close)


@pytest.mark.parametrize("name", CASES)
def test_first_and_second_derivatives_agree_with_finite_differences(name: str) -> None:
    loss, z, y, _ = CASES[name]
    if name == "gaussian_nll of variances":  # below its floor the gradient differs by definition
        z = np.maximum(z, 0.3)
    z, y = (z, y) if name in TOGETHER else (z[:3], y[:3])

    def gradient(output: Node) -> Node:
        losses = loss(output, constant(y))
        return grad((losses * losses).sum(), [output])[0]

    check_gradient(lambda output: loss(output, constant(y)), [z])
    if not name.startswith("ctc"):  # its second derivative is too expensive
        check_gradient(gradient, [z])


@pytest.mark.parametrize("name", {loss.name: name for name, (loss, *_) in reversed(CASES.items())}.values())
def test_engines_agree_on_a_loss_in_float32(name: str) -> None:
    """One setting of each loss; the operations that it consists of are tested in all dtypes elsewhere."""
    loss, z, y, _ = CASES[name]
    z, y = z.astype("float32"), y.astype("float32") if y.dtype.kind == "f" else y
    output, target = nodes(z, y)
    losses = loss(output, target)
    graph = [losses, *grad(losses.mean(), [output])]
    reference, native = (evaluate(graph, {"z": z, "y": y}, engine) for engine in ("reference", "native"))
    assert len(native) == 2
    for expected, fast in zip(reference, native, strict=True):
        np.testing.assert_allclose(fast, expected, rtol=2e-5, atol=2e-5)


@loop_over("name", CASES)
def test_a_loss_is_restored_equal_from_its_record(name: str) -> None:
    loss = CASES[name][0]
    record = json.loads(json.dumps(nn.to_record(loss)))
    assert nn.from_record(record, "loss") == loss


@pytest.mark.long
@loop_over("name", CASES)
def test_the_loss_of_a_sample_depends_on_other_samples_only_if_declared(name: str) -> None:
    loss, z, y, _ = CASES[name]
    output, target = nodes(z, y)
    losses = loss(output, target)
    batch, part = (evaluate(losses, {"z": z[rows], "y": y[rows]}) for rows in (slice(None), slice(2, 5)))
    assert np.allclose(batch[2:5], part) is (name not in TOGETHER)


@pytest.mark.long
@loop_over("name", CASES)
def test_a_loss_has_one_value_per_sample_and_its_function_is_the_mean(name: str) -> None:
    loss, z, y, _ = CASES[name]
    output, target = nodes(z, y)
    assert target.spec == loss.target(output.spec)
    arguments = (output, target) if loss.needs_target else (output,)
    function = getattr(functional, loss.name)(*arguments, **asdict(loss))
    total, count = loss.parts(output, target)
    count = total * 0.0 + 1.0 if count is None else count
    losses, mean, total, count = evaluate([loss(output, target), function, total, count], {"z": z, "y": y})
    assert losses.shape == total.shape == count.shape == (7,)
    assert mean.shape == ()
    np.testing.assert_allclose(mean, total.sum() / count.sum(), rtol=1e-12)
    np.testing.assert_allclose(losses * count, total, rtol=1e-12, atol=1e-15)


@loop_over("name", LOSSES)
def test_a_loss_function_has_the_settings_of_its_class(name: str) -> None:
    parameters = signature(getattr(functional, name)).parameters
    settings = [p for p in parameters.values() if p.kind is p.KEYWORD_ONLY and p.name != "weight"]
    assert list(parameters)[:2] == ["prediction", "target"]
    assert {p.name: p.default for p in settings} == {f.name: f.default for f in fields(LOSSES[name])}


def test_the_functions_are_those_of_the_classes() -> None:
    assert FILE.read_text(encoding="utf-8") == text(), "run python -m pages.loss_functions"


@pytest.mark.long
@loop_over("name", [name for name, case in CASES.items() if case[0].needs_target])
def test_a_target_may_be_a_list_of_numbers(name: str) -> None:
    loss, z, y, _ = CASES[name]
    output, target = input_node("z", z.shape, "float64"), input_node("y", y.shape, y.dtype.name)
    function = getattr(functional, loss.name)
    by_numbers, by_nodes = evaluate(
        [function(output, y.tolist(), **asdict(loss)), function(output, target, **asdict(loss))],
        {"z": z, "y": y},
    )
    assert by_numbers == by_nodes


@pytest.mark.long
@loop_over("name", CASES)
def test_gradients_are_finite_for_zero_and_large_outputs(name: str) -> None:
    loss, z, y, _ = CASES[name]
    output, target = nodes(z, y)
    gradient = grad(loss(output, target).sum(), [output])[0]
    for scale in (0.0, 1e3 if loss.wants == "logits" else 10.0):
        numbers = z * scale
        if name == "gaussian_nll of variances":
            numbers = np.abs(numbers)
        assert np.isfinite(evaluate(gradient, {"z": numbers, "y": y})).all()
