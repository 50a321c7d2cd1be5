"""The record of an attribution method, and the registry of all methods.

A ``Method`` states what it computes, whether its values sum to the explained difference, and what it
requires. The properties in ``tests/properties/test_attribution.py`` run over the registry, so a new method is
tested with no new test code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

import numpy as np

from chainrule.lazy_imports import LazyRegistry
from chainrule.messages import Text
from chainrule.records import frozen

ROUNDING = 32  # units in the last place of the scores and values


@frozen(eq=False)
class MethodResult:
    """The values that a method computes, before their sum is checked.

    Args:
        values: for each input one value per element, samples first, (n, ...); (n, columns) if the method
            perturbs columns of a table.
        base: (n,) the score of the baseline; the values of a complete method sum to score - base. ``None`` if
            the method has no baseline.
        errors: the standard error of each value, if the values are sampled.
        tolerance: the maximum error of the sum of the values, relative to the explained difference; rounding
            errors are allowed besides (``sum_error``).
        settings: the options that were used, and further facts such as the number of steps.
        columns: the column of each element of the last axis, if it differs from the columns of the network.
    """

    values: Mapping[str, np.ndarray]
    base: np.ndarray | None = None
    errors: Mapping[str, np.ndarray] | None = None
    tolerance: float = 1e-4
    settings: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] | None = None


@frozen(eq=False)
class Method:
    """An attribution method: its texts, its options and the function that computes it.

    Args:
        name: the name that users pass, such as ``"integrated_gradients"``.
        title: the title.
        formula: the formula of one value, in the notation of ``docs/attribution.md``.
        summary: one sentence.
        reference: authors, year, title.
        run: the function, called with an ``AttributionContext`` and the options.
        complete: whether the values sum to the score minus the score of the baseline.
        needs: of ``"gradient"``, ``"samples"`` (rows to compare with), ``"layer"`` (a convolution or an
            attention layer).
        options: the options by name, with their defaults.
    """

    name: str
    title: Text
    formula: str
    summary: Text
    reference: str
    run: Callable[..., MethodResult]
    complete: bool = False
    needs: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


METHODS: Mapping[str, Method] = LazyRegistry(
    "chainrule.attribution",
    {
        "saliency": "methods.integrated_gradients.SALIENCY",
        "gradient_x_input": "methods.integrated_gradients.GRADIENT_X_INPUT",
        "integrated_gradients": "methods.integrated_gradients.INTEGRATED_GRADIENTS",
        "expected_gradients": "methods.integrated_gradients.EXPECTED_GRADIENTS",
        "smooth_grad": "methods.integrated_gradients.SMOOTH_GRAD",
        "deep_lift": "methods.deep_lift.DEEP_LIFT",
        "grad_cam": "methods.grad_cam.GRAD_CAM",
        "attention_rollout": "methods.attention_rollout.ATTENTION_ROLLOUT",
        "occlusion": "methods.shapley_values_and_occlusion.OCCLUSION",
        "shapley": "methods.shapley_values_and_occlusion.SHAPLEY",
    },
)


def sum_error(
    values: Mapping[str, np.ndarray], scores: np.ndarray, base: np.ndarray, tolerance: float
) -> tuple[np.ndarray, np.ndarray]:
    """Compare the sum of the values with the difference that they should explain.

    Args:
        values: by input, (n, ...).
        scores, base: (n,) the explained scores, in the dtype of the network, and those of the baseline.
        tolerance: the maximum error, relative to the difference.

    Returns:
        (n,) the sum minus the difference; (n,) its maximum: the tolerance, and the rounding errors of a sum
        of such values and scores, ``ROUNDING`` units in the last place.

    Example:
        >>> values = {"x": np.array([[3.0, -1.0]])}
        >>> residual, limit = sum_error(values, np.array([1.5]), np.array([0.0]), 0.01)
        >>> residual.tolist(), limit.round(6).tolist()
        ([0.5], [0.015])
    """
    flat = [array.reshape(len(array), -1).astype(np.float64) for array in values.values()]
    total, magnitude = sum(a.sum(1) for a in flat), sum(np.abs(a).sum(1) for a in flat)
    exact = scores.astype(np.float64) - base
    sizes = np.abs(scores.astype(np.float64)) + np.abs(base) + magnitude
    eps = np.finfo(scores.dtype).eps
    return total - exact, tolerance * np.abs(exact) + ROUNDING * eps * sizes
