"""Agreement of translations with references: chrF, an F-score of sequences of characters.

For n = 1 ... 6, the sequences of n characters that a translation and its reference have in common are
counted, without spaces. With P and R, the means over n of the shares of those in the translations and in the
references::

    chrF = 100 (1 + 2^2) P R / (2^2 P + R)

so that recall counts twice as much as precision. The counts of all texts are added up first. A good
translation that differs from its reference has a low score, which is therefore compared with that of others.

Reference: Popović (2015), chrF: character n-gram F-score for automatic MT evaluation (WMT).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from chainrule.metrics.significance import SampledScore

ORDER, BETA = 6, 2.0


def chrf(translations: Sequence[str], references: Sequence[str]) -> SampledScore:
    """Return chrF, from 0 to 100, as a score whose texts can be sampled.

    Args:
        translations, references: N texts each.

    Returns:
        0 where translations and references have no sequence in common.

    Example:
        >>> round(chrf(["open file"], ["open the file"]).value, 1), chrf(["a b"], ["ab"]).value
        (35.9, 100.0)
    """
    counts = [_counts(own, other) for own, other in zip(translations, references, strict=True)]
    return SampledScore(_f_score, (np.array(counts, np.float64).reshape(-1, ORDER, 3),))


def _counts(translation: str, reference: str) -> list[tuple[int, int, int]]:
    """Return the sequences of each length in a translation, in a reference, and in both."""
    counts = []
    for n in range(1, ORDER + 1):
        own, other = (_sequences("".join(text.split()), n) for text in (translation, reference))
        total = own.total() if other else 0  # of a reference that is too short for n, nothing counts
        counts.append((total, other.total(), (own & other).total()))
    return counts


def _sequences(text: str, n: int) -> Counter[str]:
    return Counter(text[i : i + n] for i in range(len(text) - n + 1))


def _f_score(counts: np.ndarray) -> float:
    """Return chrF from the counts of texts, (N, 6, 3)."""
    own, other, common = counts.sum(axis=0).T  # (6,) each
    occurs = (own > 0) & (other > 0)
    if not common.any():
        return 0.0
    precision, recall = (float(np.mean(common[occurs] / total[occurs])) for total in (own, other))
    return 100 * (1 + BETA**2) * precision * recall / (BETA**2 * precision + recall)
