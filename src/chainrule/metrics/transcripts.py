"""Error rates of transcripts: the edit distance between sequences, and the word and character error rate.

The edit distance is the smallest number of insertions, deletions and substitutions that turn one sequence
into another. With D[i, j] for the first i items of one and the first j of the other::

    D[i, j] = min(D[i-1, j] + 1, D[i, j-1] + 1, D[i-1, j-1] + [a[i] differs from b[j]])

A row is computed at once: D[i, j-1] + 1 is a running minimum of D[i, k] - k.

Reference: Wagner and Fischer (1974), The string-to-string correction problem (Journal of the ACM 21).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np

from chainrule.metrics.significance import SampledScore, ratio_score


def edit_distance(a: Sequence[Hashable], b: Sequence[Hashable]) -> int:
    """Return the smallest number of insertions, deletions and substitutions that turn ``a`` into ``b``.

    Example:
        >>> edit_distance("kitten", "sitting"), edit_distance(["two", "one"], ["one"])
        (3, 1)
    """
    numbers = {item: i for i, item in enumerate(dict.fromkeys([*a, *b]))}
    target = np.array([numbers[item] for item in b], np.int64)
    places = np.arange(len(target) + 1)
    row = places.copy()  # D[0, j] = j
    for i, item in enumerate(a, start=1):
        replaced = row[:-1] + (target != numbers[item])
        new = np.concatenate([[i], np.minimum(row[1:] + 1, replaced)])
        row = np.minimum.accumulate(new - places) + places
    return int(row[-1])


def _errors(reference: str, transcript: str, cut: Callable[[str], list[str]]) -> tuple[int, int]:
    """Return the edit distance of a transcript, and the length of the reference."""
    parts = cut(reference)
    return edit_distance(parts, cut(transcript)), len(parts)


def error_rates(
    references: Sequence[str], transcripts: Sequence[str], groups: np.ndarray | None = None
) -> dict[str, SampledScore]:
    """Return the word and the character error rate as scores whose units can be sampled.

    Args:
        references: the correct texts.
        transcripts: a text for each of them. Each wrong, missing or additional word counts 1, so that the
            rate may exceed 1.
        groups: (N,) the speaker of each text, whose texts resemble each other; ``None``: the texts are the
            units.

    Returns:
        NaN where the references contain nothing.

    Example:
        >>> {name: score.value for name, score in error_rates(["a b", "c"], ["a b", "d"]).items()}
        {'WER': 0.3333333333333333, 'CER': 0.25}
    """
    rates = {}
    for name, cut in (("WER", str.split), ("CER", list)):
        counts = [_errors(*pair, cut) for pair in zip(references, transcripts, strict=True)]
        errors, lengths = np.array(counts).reshape(-1, 2).T
        rates[name] = ratio_score(errors, lengths, groups)
    return rates
