"""Attributions by the gradient of the score at the sample: the oldest and cheapest methods.

A gradient describes the effect of a small change, not the contribution so far: where a unit is saturated, its
gradient is 0 however much it contributes. Therefore none of these methods is complete; integrated gradients
and DeepLIFT follow the path from the baseline instead.
"""

from __future__ import annotations

import numpy as np

from chainrule import prng
from chainrule.attribution.method import Found, Method, require_count, require_size
from chainrule.attribution.question import AT_ONCE, Question


def saliency(question: Question, absolute: bool = True) -> Found:
    """Return the gradient of the score, or its magnitude."""
    _, slopes = question.slopes(question.entries, np.arange(question.rows))
    sized = {label: np.abs(slope) if absolute else slope for label, slope in slopes.items()}
    return Found(question.folded(sized), settings={"absolute": absolute})


def gradient_x_input(question: Question) -> Found:
    """Return the gradient times the input minus the baseline."""
    _, slopes = question.slopes(question.entries, np.arange(question.rows))
    base = {label: array.mean(0) for label, array in question.baselines.items()}
    moved = {label: slope * (question.entries[label] - base[label]) for label, slope in slopes.items()}
    return Found(question.folded(moved))


def smooth_grad(question: Question, samples: int = 50, noise: float = 0.15, absolute: bool = False) -> Found:
    """Return the mean gradient at points around the sample, with the standard error of the mean."""
    require_count("smooth_grad", "samples", samples, 2)
    require_size("smooth_grad", "noise", noise)
    sums = {name: np.zeros(question.inputs[name].shape) for name in question.score.entries}
    squares = {name: np.zeros_like(total) for name, total in sums.items()}
    size = sum(array.size for array in question.entries.values())
    step = max(1, AT_ONCE // max(size, 1))
    for start in range(0, samples, step):
        for name, drawn in _slopes(question, noise, start, min(step, samples - start)).items():
            sized = np.abs(drawn) if absolute else drawn
            sums[name] += sized.sum(0)
            squares[name] += np.square(sized, dtype=np.float64).sum(0)
    means = {name: total / samples for name, total in sums.items()}
    spread_out = {name: np.maximum(squares[name] / samples - means[name] ** 2, 0) for name in means}
    return Found(
        means,
        errors={name: np.sqrt(spread / (samples - 1)) for name, spread in spread_out.items()},
        settings={"samples": samples, "noise": noise, "absolute": absolute},
    )


def _slopes(question: Question, noise: float, start: int, count: int) -> dict[str, np.ndarray]:
    """Return the gradients at points around each sample, by input: (J, n, ...)."""
    points = {}
    for i, (label, array) in enumerate(question.entries.items()):
        # The same noise for every sample, so that its values do not depend on those beside it.
        key, places = prng.fold(prng.key_of(question.seed), i), array[0].size
        drawn = prng.normal(key, count * places, array.dtype.name, start * places)
        around = _range(array) * noise * drawn.reshape(count, 1, *array.shape[1:])
        points[label] = (array + around).reshape(-1, *array.shape[1:]).astype(array.dtype)
    _, slopes = question.slopes(points, np.tile(np.arange(question.rows), count))
    folded = question.folded(slopes)
    return {name: array.reshape(count, -1, *array.shape[1:]) for name, array in folded.items()}


def _range(array: np.ndarray) -> np.ndarray:
    """Return (n, 1, ...) the range of the values of each sample."""
    return np.ptp(array.reshape(len(array), -1), axis=1).reshape(-1, *[1] * (array.ndim - 1))


SALIENCY = Method(
    name="saliency",
    titles=("saliency", "显著图 (saliency)"),
    formula="|df/dx[i]|",
    says=(
        "The magnitude of the gradient: how much the score would change for a small change of each input.",
        "梯度的大小：每个输入有微小变化时，得分会变化多少。",
    ),
    reference="Simonyan, Vedaldi and Zisserman (2014), Deep inside convolutional networks (ICLR workshop)",
    run=saliency,
    needs=("gradient",),
    options={"absolute": True},
)
GRADIENT_X_INPUT = Method(
    name="gradient_x_input",
    titles=("gradient x input", "梯度乘输入"),
    formula="(x[i] - b[i]) df/dx[i]",
    says=(
        "The gradient times the distance from the baseline: the contribution of the input if the network "
        "were "
        "linear.",
        "梯度乘以与基线的差：假如网络是线性的，该输入的贡献。",
    ),
    reference="Shrikumar, Greenside, Shcherbina and Kundaje (2016), Not just a black box",
    run=gradient_x_input,
    needs=("gradient",),
)
SMOOTH_GRAD = Method(
    name="smooth_grad",
    titles=("SmoothGrad", "平滑梯度 (SmoothGrad)"),
    formula="mean over e of df/dx[i] at x + e, e normal",
    says=(
        "The mean gradient at many points around the sample, which reduces the noise of the gradient.",
        "样本附近许多点上梯度的平均：去掉梯度自身的噪声。",
    ),
    reference="Smilkov, Thorat, Kim, Viégas and Wattenberg (2017), SmoothGrad: removing noise by "
    "adding noise",
    run=smooth_grad,
    needs=("gradient",),
    options={"samples": 50, "noise": 0.15, "absolute": False},
)
