"""Attributions by the gradient of the score at the sample: the oldest and cheapest methods.

A gradient describes the effect of a small change, not the contribution so far: where a unit is saturated, its
gradient is 0 however much it contributes. Therefore none of these methods is complete; integrated gradients
and DeepLIFT follow the path from the baseline instead.
"""

from __future__ import annotations

import numpy as np

from chainrule import prng
from chainrule.attribution.context import MAX_ELEMENTS, AttributionContext
from chainrule.attribution.method import Method, MethodResult
from chainrule.validation import integer, number


def saliency(context: AttributionContext, absolute: bool = True) -> MethodResult:
    """Return the gradient of the score, or its magnitude."""
    _, gradients = context.gradients(context.entries, np.arange(context.rows))
    sized = {label: np.abs(gradient) if absolute else gradient for label, gradient in gradients.items()}
    return MethodResult(context.sum_to_inputs(sized), settings={"absolute": absolute})


def gradient_x_input(context: AttributionContext) -> MethodResult:
    """Return the gradient times the input minus the baseline."""
    _, gradients = context.gradients(context.entries, np.arange(context.rows))
    base = {label: array.mean(0) for label, array in context.baseline_entries.items()}
    products = {
        label: gradient * (context.entries[label] - base[label]) for label, gradient in gradients.items()
    }
    return MethodResult(context.sum_to_inputs(products))


def smooth_grad(
    context: AttributionContext, samples: int = 50, noise: float = 0.15, absolute: bool = False
) -> MethodResult:
    """Return the mean gradient at points around the sample, with the standard error of the mean."""
    samples = integer(samples, "samples", "attribute, smooth_grad", minimum=2, example=64)
    noise = number(noise, "noise", "attribute, smooth_grad", minimum=0, example=0.1)
    sums = {name: np.zeros(context.inputs[name].shape) for name in context.score.entries}
    squares = {name: np.zeros_like(total) for name, total in sums.items()}
    size = sum(array.size for array in context.entries.values())
    step = max(1, MAX_ELEMENTS // max(size, 1))
    for start in range(0, samples, step):
        for name, gradients in _noisy_gradients(context, noise, start, min(step, samples - start)).items():
            values = np.abs(gradients) if absolute else gradients
            sums[name] += values.sum(0)
            squares[name] += np.square(values, dtype=np.float64).sum(0)
    means = {name: total / samples for name, total in sums.items()}
    variances = {name: np.maximum(squares[name] / samples - means[name] ** 2, 0) for name in means}
    return MethodResult(
        means,
        errors={name: np.sqrt(variance / (samples - 1)) for name, variance in variances.items()},
        settings={"samples": samples, "noise": noise, "absolute": absolute},
    )


def _noisy_gradients(
    context: AttributionContext, noise: float, start: int, count: int
) -> dict[str, np.ndarray]:
    """Return the gradients at points around each sample, by input: (J, n, ...)."""
    points = {}
    for i, (label, array) in enumerate(context.entries.items()):
        # The same noise for every sample, so that its values do not depend on the other samples.
        key, size = prng.fold(prng.key_of(context.seed), i), array[0].size
        samples = prng.normal(key, count * size, array.dtype.name, start * size)
        offsets = _range(array) * noise * samples.reshape(count, 1, *array.shape[1:])
        points[label] = (array + offsets).reshape(-1, *array.shape[1:]).astype(array.dtype)
    _, gradients = context.gradients(points, np.tile(np.arange(context.rows), count))
    folded = context.sum_to_inputs(gradients)
    return {name: array.reshape(count, -1, *array.shape[1:]) for name, array in folded.items()}


def _range(array: np.ndarray) -> np.ndarray:
    """Return (n, 1, ...) the range of the values of each sample."""
    return np.ptp(array.reshape(len(array), -1), axis=1).reshape(-1, *[1] * (array.ndim - 1))


SALIENCY = Method(
    name="saliency",
    title="saliency",
    formula="|df/dx[i]|",
    summary=(
        "The magnitude of the gradient: how much the score would change for a small change of each input."
    ),
    reference="Simonyan, Vedaldi and Zisserman (2014), Deep inside convolutional networks (ICLR workshop)",
    run=saliency,
    needs=("gradient",),
    options={"absolute": True},
)
GRADIENT_X_INPUT = Method(
    name="gradient_x_input",
    title="gradient x input",
    formula="(x[i] - b[i]) df/dx[i]",
    summary=(
        "The gradient times the distance from the baseline: the contribution of the input if the network "
        "were linear."
    ),
    reference="Shrikumar, Greenside, Shcherbina and Kundaje (2016), Not just a black box",
    run=gradient_x_input,
    needs=("gradient",),
)
SMOOTH_GRAD = Method(
    name="smooth_grad",
    title="SmoothGrad",
    formula="mean over e of df/dx[i] at x + e, e normal",
    summary="The mean gradient at many points around the sample, which reduces the noise of the gradient.",
    reference="Smilkov, Thorat, Kim, Viégas and Wattenberg (2017), SmoothGrad: removing noise by "
    "adding noise",
    run=smooth_grad,
    needs=("gradient",),
    options={"samples": 50, "noise": 0.15, "absolute": False},
)
