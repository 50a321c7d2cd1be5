"""The cards of the methods that only need predictions: occlusion and Shapley values.

They need no gradients, so they work for any network and any input, at the cost of many predictions. The
computations are in ``occlusion.py`` and ``shapley.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.attribution.method import Found, Method
from chainrule.attribution.methods import shapley
from chainrule.attribution.methods.feature_groups import Packed
from chainrule.attribution.methods.occlusion import falls, spread
from chainrule.attribution.question import Question
from chainrule.errors import UsageError

ORDERS = 200  # drawn where nobody says how many
ROUNDING = 1e-6  # what float32 leaves unaccounted for


def occlusion(
    question: Question, window: Any = None, stride: Any = None, groups: Mapping[str, Any] | None = None
) -> Found:
    """Return the decrease of the score when each part is covered.

    Raises:
        UsageError E101, E102: no such column; patches that do not fit.
    """
    packed = Packed(question)
    parts, are_patches = packed.parts(groups, window, stride)
    rows = np.zeros_like(packed.rows)
    for sample in range(question.rows):
        fallen = falls(packed.game(sample, parts), parts)
        if not are_patches:  # the numbers of a column share its fall, so that their sum is the column's
            fallen = fallen / [len(places) for places in parts]
        rows[sample] = spread(fallen, parts, rows.shape[1])
    used = {"window": window, "stride": stride} if are_patches else {}
    return Found(
        packed.unpacked(rows),
        settings={**used, "parts": len(parts)},
        columns=_columns(packed, groups, parts),
    )


def shapley_values(
    question: Question,
    exact: bool | None = None,
    samples: int = ORDERS,
    window: Any = None,
    groups: Mapping[str, Any] | None = None,
) -> Found:
    """Return the Shapley value of each part, divided evenly among its elements.

    Raises:
        UsageError E545: exact values of more than 12 parts. UsageError E101, E102: no such column; patches
            that do not fit; no number of samples.
    """
    checks = (
        ("samples", samples, type(samples) is int and samples >= 4, "an integer, at least 4", ORDERS),
        ("exact", exact, exact is None or type(exact) is bool, "True, False or None", True),
    )
    for name, value, holds, expected, usual in checks:
        if not holds:
            raise UsageError(
                "E102", where="attribute, shapley", name=name, expected=expected, received=repr(value)[:80],
                fix=f"{name}={usual}",
            )  # fmt: skip
    packed = Packed(question)
    parts, _ = packed.parts(groups, window)
    is_exact = len(parts) <= shapley.MOST if exact is None else exact
    if is_exact and len(parts) > shapley.MOST:
        raise UsageError(
            "E545", where="attribute, shapley", players=len(parts), expected=f"at most {shapley.MOST} parts",
            received=len(parts), fix='exact=False, or groups={"name": ["column", ...]}',
        )  # fmt: skip
    made = []
    for sample in range(question.rows):
        worth = packed.game(sample, parts).values
        if is_exact:
            made.append(shapley.exact(worth, len(parts)))
        else:
            made.append(shapley.sampled(worth, len(parts), samples, question.seed))
    errors = None if is_exact else packed.unpacked(_shared(packed, parts, [d.errors for d in made]))
    used = {"exact": True} if is_exact else {"exact": False, "samples": samples}
    return Found(
        packed.unpacked(_shared(packed, parts, [division.parts for division in made])),
        np.array([division.base for division in made]), errors, ROUNDING,
        {**used, "parts": len(parts)}, _columns(packed, groups, parts),
    )  # fmt: skip


def _shared(packed: Packed, parts: Sequence[np.ndarray], amounts: Sequence[Any]) -> np.ndarray:
    """Return (n, N) the share of each element in the value of its part."""
    sizes = np.array([len(places) for places in parts])
    return np.stack([spread(each / sizes, parts, packed.rows.shape[1]) for each in amounts])


def _columns(
    packed: Packed, groups: Mapping[str, Any] | None, parts: Sequence[np.ndarray]
) -> tuple[str, ...] | None:
    """Under which name the numbers are told, where a person named the parts."""
    if groups is None:
        return None
    names = np.full(packed.rows.shape[1], "–", object)
    for name, places in zip(groups, parts, strict=True):
        names[places] = str(name)
    return tuple(names.tolist())


OCCLUSION = Method(
    name="occlusion",
    titles=("occlusion", "遮挡法"),
    formula="f(x) - f(x with the part i covered)",
    says=(
        "The decrease of the score when a part is covered: a column, a token or a patch of an image.",
        "遮住一部分（一列、一个词、图像的一块）时，得分下降多少。",
    ),
    reference="Zeiler and Fergus (2014), Visualizing and understanding convolutional networks (ECCV)",
    run=occlusion,
    options={"window": None, "stride": None, "groups": None},
)
SHAPLEY = Method(
    name="shapley",
    titles=("Shapley values", "Shapley 值"),
    formula="mean over all orders of f(x on i and preceding parts) - f(x on preceding parts)",
    says=(
        "The mean increase of the score by each part over all orders in which parts can be added: the "
        "unique fair "
        "division.",
        "在所有可能的加入次序中，每一部分使得分增加量的平均：唯一公平的分配。",
    ),
    reference="Shapley (1953), A value for n-person games; Lundberg and Lee (2017), A unified approach to "
    "interpreting model predictions",
    run=shapley_values,
    complete=True,
    options={"exact": None, "samples": ORDERS, "window": None, "groups": None},
)
