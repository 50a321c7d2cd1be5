"""Comparison of two training setups over several seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from chainrule.diagnosis.diagnosis import Diagnosis
from chainrule.diagnosis.finding import Finding
from chainrule.diagnosis.rules.randomness import SEED_EFFECT, Comparison
from chainrule.errors import fact
from chainrule.validation import language, out_of_range, wrong_type


def compare_seeds(first: Sequence[float], second: Sequence[float], lang: str | None = None) -> Diagnosis:
    """Report whether the scores of two training setups differ by less than the variation between seeds.

    Args:
        first, second: a score for each seed, such as the accuracies of five trainings.
        lang: ``"en"`` or ``"zh"``; the setting by default.

    Returns:
        A diagnosis, empty if the difference is significant.

    Raises:
        UsageError E102: no scores. UsageError E113: a score that is not a number.

    Example:
        >>> print(compare_seeds([0.91, 0.93, 0.92], [0.92, 0.94, 0.90]).rules)
        ('seed-effect',)
        >>> len(compare_seeds([0.91, 0.93, 0.92], [0.97, 0.98, 0.97]))
        0
    """
    lang = language(lang, "compare_seeds")
    comparison = Comparison(_scores("first", first), _scores("second", second))
    check = SEED_EFFECT.after
    assert check is not None
    return Diagnosis.of([Finding(SEED_EFFECT, evidence) for evidence in check(comparison)], lang)


def _scores(name: str, values: Iterable[float]) -> tuple[float, ...]:
    try:
        scores = tuple(map(float, values))
    except (TypeError, ValueError) as cause:
        expected = fact("a number for each seed")
        fix = "compare_seeds([0.91, 0.93], [0.92, 0.94])"
        raise wrong_type(values, name, "compare_seeds", expected, fix) from cause
    if not scores or not all(map(math.isfinite, scores)):
        fix = "compare_seeds([0.91, 0.93], [0.92, 0.94])"
        raise out_of_range(scores, name, "compare_seeds", fact("finite scores, one at least"), fix=fix)
    return scores
