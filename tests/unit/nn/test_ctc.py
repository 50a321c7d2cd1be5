"""CTC: the sum over all paths, texts without a path, long recordings."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import chainrule as cr
from chainrule.engines import evaluate
from chainrule.errors import TrainingError
from chainrule.gradient import grad
from chainrule.graph import constant
from chainrule.nn import loss as losses
from loss_cases import RNG, SCORES, ctc_by_torch, nodes


def test_the_probability_of_a_text_is_the_sum_over_all_paths() -> None:
    frames, classes, text = 5, 3, [1, 2, 2]
    z = RNG.normal(size=(1, frames, classes))
    log_p = z[0] - np.log(np.exp(z[0]).sum(1, keepdims=True))
    total = 0.0
    for path in itertools.product(range(classes), repeat=frames):
        once = [symbol for symbol, _ in itertools.groupby(path)]
        if [symbol for symbol in once if symbol] == text:
            total += np.exp(sum(log_p[t, symbol] for t, symbol in enumerate(path)))
    loss = evaluate(cr.ctc(constant(z), [text], max_target_length=3), {})
    np.testing.assert_allclose(loss, -np.log(total), rtol=1e-12)


def test_a_text_without_a_path_is_refused_or_infinite_or_free() -> None:
    z, y = SCORES[:2, :3], np.array([[1, 1, 0], [1, 1, 2]])
    output, target = nodes(z, y)
    with pytest.raises(TrainingError) as caught:
        cr.ctc(output, y)
    assert caught.value.code == "E509"
    assert "y[1]" in caught.value.where
    assert "4 are needed" in caught.value.received
    costs = evaluate(losses.CTC()(output, target), {"z": z, "y": y})
    assert costs[1] == np.inf
    assert np.isfinite(costs[0])
    loss = losses.CTC(zero_infinity=True)
    sample_losses = loss(output, target)
    costs, gradient = evaluate([sample_losses, *grad(sample_losses.sum(), [output])], {"z": z, "y": y})
    assert costs[1] == 0
    assert (gradient[1] == 0).all()
    assert (gradient[0] != 0).any()
    loss.refuse(y, output.spec)
    with pytest.raises(TrainingError):
        loss.refuse(np.array([[1, 0, 2]]), output.spec)


def test_a_long_recording_does_not_underflow() -> None:
    z = RNG.normal(size=(1, 120, 4)).astype("float32") * 3
    y = np.array([[1, 2, 3, 3, 1]])
    output, target = nodes(z, y)
    sample_losses = losses.CTC(max_target_length=5)(output, target)
    value, gradient = evaluate(
        [sample_losses, *grad(sample_losses.sum(), [output])], {"z": z, "y": y}, "reference"
    )
    scores = torch.tensor(z, dtype=torch.float64, requires_grad=True)
    ctc_by_torch(scores, torch.tensor(y)).backward()
    np.testing.assert_allclose(value[0], ctc_by_torch(scores, torch.tensor(y)).item(), rtol=1e-5)
    np.testing.assert_allclose(gradient, scores.grad.numpy(), atol=1e-3)
