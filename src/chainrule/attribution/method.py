"""The card of an attribution method, and the table of all of them.

A card says everything that is true of a method before it is used: what it computes, whether its values must
add up to what is explained, and what it needs. Laws run over the table, so a new method is tested with no
new test code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

import numpy as np

from chainrule.errors import UsageError
from chainrule.lazy_imports import LazyRegistry
from chainrule.records import frozen


@frozen(eq=False)
class Found:
    """What a method found, before it is judged.

    Args:
        values: for each input a number for each of its places, samples first; (n, columns) where it looked
            at whole columns of a table.
        base: (n,) the score with nothing said: ``values`` of a complete method add up to score - base.
            ``None`` where the method knows no such thing.
        errors: the standard error of each value, where they were sampled.
        tolerance: how much of the values' sum may be unaccounted for, relative to the larger of what is
            explained and what was given out.
        settings: what it was done with: the options as they were used, and what was found on the way.
        columns: the column each number of the last axis belongs to, where those are not the net's own.
    """

    values: Mapping[str, np.ndarray]
    base: np.ndarray | None = None
    errors: Mapping[str, np.ndarray] | None = None
    tolerance: float = 0.01
    settings: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] | None = None


@frozen(eq=False)
class Method:
    """A way to say how much each input had to do with an answer.

    Args:
        name: as it is asked for, such as ``"integrated_gradients"``.
        titles: its name for people, in English and Chinese.
        formula: of one value, in words of ``docs/attribution.md``.
        says: one sentence in English and one in Chinese.
        reference: authors, year, title.
        run: called with a ``Question`` and the options.
        complete: whether its values add up to the score less that of the baseline.
        needs: of ``"gradient"``, ``"samples"`` (rows to compare with), ``"layer"`` (a convolution or an
            attention).
        options: what it may be told, with what it does when it is not.
    """

    name: str
    titles: tuple[str, str]
    formula: str
    says: tuple[str, str]
    reference: str
    run: Callable[..., Found]
    complete: bool = False
    needs: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def title(self, lang: str) -> str:
        """Its name for people."""
        return self.titles[lang == "zh"]


METHODS: Mapping[str, Method] = LazyRegistry(
    "chainrule.attribution",
    {
        "saliency": "methods.gradient.SALIENCY",
        "gradient_x_input": "methods.gradient.GRADIENT_X_INPUT",
        "integrated_gradients": "methods.integrated_gradients.INTEGRATED_GRADIENTS",
        "expected_gradients": "methods.integrated_gradients.EXPECTED_GRADIENTS",
        "smooth_grad": "methods.gradient.SMOOTH_GRAD",
        "deep_lift": "methods.deep_lift.DEEP_LIFT",
        "grad_cam": "methods.grad_cam.GRAD_CAM",
        "attention_rollout": "methods.attention_rollout.ATTENTION_ROLLOUT",
        "occlusion": "methods.perturbation.OCCLUSION",
        "shapley": "methods.perturbation.SHAPLEY",
    },
)


def account(values: Mapping[str, np.ndarray], wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How well values add up.

    Args:
        values: by input, (n, ...).
        wanted: (n,) what the values of each sample should add up to.

    Returns:
        (n,) the sum less what was wanted; (n,) the larger of what was wanted and what was given out in all.

    Example:
        >>> account({"x": np.array([[3.0, -1.0]])}, np.array([1.5]))
        (array([0.5]), array([4.]))
    """
    flat = [array.reshape(len(array), -1).astype(np.float64) for array in values.values()]
    total, given = sum(a.sum(1) for a in flat), sum(np.abs(a).sum(1) for a in flat)
    return total - wanted, np.maximum(np.abs(wanted), given)


def require_count(method: str, name: str, value: Any, least: int) -> None:
    """Refuse an option that is no whole number.

    Raises:
        UsageError E102: not one, or below ``least``.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise UsageError(
            "E102", where=f"attribute, {method}", name=name, expected=f"an integer, at least {least}",
            received=repr(value)[:80], fix=f"{name}={max(least, 64)}",
        )  # fmt: skip


def require_size(method: str, name: str, value: Any, most: float = np.inf) -> None:
    """Refuse an option that is no number from 0 on.

    Raises:
        UsageError E102: not one, or above ``most``.
    """
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= most:
        limit = f"to {most:g}" if np.isfinite(most) else "on"
        raise UsageError(
            "E102", where=f"attribute, {method}", name=name, expected=f"a number from 0 {limit}",
            received=repr(value)[:80], fix=f"{name}=0.1",
        )  # fmt: skip
