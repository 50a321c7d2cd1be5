"""The records of the methods that only need predictions: occlusion and Shapley values.

They need no gradients, so they apply to every network and every input, at the cost of many predictions. The
computations are in ``occlusion.py`` and ``shapley.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.attribution.context import AttributionContext
from chainrule.attribution.method import Method, MethodResult
from chainrule.attribution.methods import shapley
from chainrule.attribution.methods.feature_groups import FlatSamples
from chainrule.attribution.methods.occlusion import score_decreases, spread
from chainrule.errors import UsageError, alternatives, fact
from chainrule.validation import out_of_range

DEFAULT_ORDERS = 200  # the default number of sampled orders
TOLERANCE = 1e-6  # the rounding error of float32


def occlusion(
    context: AttributionContext,
    window: Any = None,
    stride: Any = None,
    groups: Mapping[str, Any] | None = None,
) -> MethodResult:
    """Return the decrease of the score when each part is covered.

    Raises:
        UsageError E101, E102: no such column; patches that do not fit.
    """
    flat = FlatSamples(context)
    parts, are_patches = flat.parts(groups, window, stride)
    rows = np.zeros_like(flat.rows)
    for sample in range(context.rows):
        decreases = score_decreases(flat.game(sample, parts), parts)
        if not are_patches:  # divided among the features of a column, so that they sum to its decrease
            decreases = decreases / [len(indices) for indices in parts]
        rows[sample] = spread(decreases, parts, rows.shape[1])
    settings = {"window": window, "stride": stride} if are_patches else {}
    return MethodResult(
        flat.unpacked(rows), settings={**settings, "parts": len(parts)}, columns=_columns(flat, groups, parts)
    )


def shapley_values(
    context: AttributionContext,
    exact: bool | None = None,
    samples: int = DEFAULT_ORDERS,
    window: Any = None,
    groups: Mapping[str, Any] | None = None,
) -> MethodResult:
    """Return the Shapley value of each part, divided evenly among its elements.

    Raises:
        UsageError E545: exact values of more than 12 parts. UsageError E101, E102: unknown column; patches
            that do not fit; invalid number of samples.
    """
    checks = (
        (
            "samples",
            samples,
            type(samples) is int and samples >= 4,
            fact("an integer, at least 4"),
            DEFAULT_ORDERS,
        ),
        ("exact", exact, exact is None or type(exact) is bool, fact("True, False or None"), True),
    )
    for name, value, is_valid, expected, default in checks:
        if not is_valid:
            raise out_of_range(value, name, "attribute, shapley", expected, fix=f"{name}={default}")
    flat = FlatSamples(context)
    parts, _ = flat.parts(groups, window)
    is_exact = len(parts) <= shapley.MAX_EXACT_PLAYERS if exact is None else exact
    if is_exact and len(parts) > shapley.MAX_EXACT_PLAYERS:
        raise UsageError(
            "E545",
            where="attribute, shapley",
            players=len(parts),
            expected=fact("at most {limit} parts", limit=shapley.MAX_EXACT_PLAYERS),
            received=len(parts),
            fix=alternatives("exact=False", 'groups={"name": ["column", ...]}'),
        )
    results = []
    for sample in range(context.rows):
        value_function = flat.game(sample, parts).values
        if is_exact:
            results.append(shapley.exact(value_function, len(parts)))
        else:
            results.append(shapley.sampled(value_function, len(parts), samples, context.seed))
    errors = None if is_exact else flat.unpacked(_shared(flat, parts, [result.errors for result in results]))
    settings = {"exact": True} if is_exact else {"exact": False, "samples": samples}
    values = flat.unpacked(_shared(flat, parts, [result.values for result in results]))
    base = np.array([result.base for result in results])
    columns = _columns(flat, groups, parts)
    return MethodResult(values, base, errors, TOLERANCE, {**settings, "parts": len(parts)}, columns)


def _shared(flat: FlatSamples, parts: Sequence[np.ndarray], amounts: Sequence[Any]) -> np.ndarray:
    """Return (n, N) the share of each element in the value of its part."""
    sizes = np.array([len(indices) for indices in parts])
    return np.stack([spread(amount / sizes, parts, flat.rows.shape[1]) for amount in amounts])


def _columns(
    flat: FlatSamples, groups: Mapping[str, Any] | None, parts: Sequence[np.ndarray]
) -> tuple[str, ...] | None:
    """Return the name of the group of each element, if the groups are custom."""
    if groups is None:
        return None
    names = np.full(flat.rows.shape[1], "–", object)
    for name, indices in zip(groups, parts, strict=True):
        names[indices] = str(name)
    return tuple(names.tolist())


OCCLUSION = Method(
    name="occlusion",
    title="occlusion",
    formula="f(x) - f(x with the part i covered)",
    summary="The decrease of the score when a part is covered: a column, a token or a patch of an image.",
    reference="Zeiler and Fergus (2014), Visualizing and understanding convolutional networks (ECCV)",
    run=occlusion,
    options={"window": None, "stride": None, "groups": None},
)
SHAPLEY = Method(
    name="shapley",
    title="Shapley values",
    formula="mean over all orders of f(x on i and preceding parts) - f(x on preceding parts)",
    summary=(
        "The mean increase of the score by each part over all orders in which parts can be added: the "
        "unique fair division."
    ),
    reference="Shapley (1953), A value for n-person games; Lundberg and Lee (2017), A unified approach to "
    "interpreting model predictions",
    run=shapley_values,
    complete=True,
    options={"exact": None, "samples": DEFAULT_ORDERS, "window": None, "groups": None},
)
