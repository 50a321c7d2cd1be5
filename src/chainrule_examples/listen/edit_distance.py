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

from chainrule.errors import UsageError, fact


def edit_distance(a: Sequence[Hashable], b: Sequence[Hashable]) -> int:
    """The smallest number of insertions, deletions and substitutions that turn ``a`` into ``b``.

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


def word_error_rate(references: Sequence[str], transcripts: Sequence[str]) -> float:
    """The edit distance in words, divided by the number of words of the references.

    Args:
        references: the correct texts.
        transcripts: a text for each of them. Each wrong, missing or additional word counts 1, so that the
            rate may exceed 1.

    Returns:
        NaN if the references contain no word.

    Raises:
        UsageError E102: another number of transcripts.

    Example:
        >>> word_error_rate(["stop now", "go"], ["stop", "go"])
        0.3333333333333333
    """
    return _error_rate("word_error_rate", references, transcripts, str.split)


def character_error_rate(references: Sequence[str], transcripts: Sequence[str]) -> float:
    """The edit distance in characters, divided by the number of characters; otherwise as ``word_error_rate``.

    Example:
        >>> character_error_rate(["abcd"], ["abd"])
        0.25
    """
    return _error_rate("character_error_rate", references, transcripts, list)


def _error_rate(
    where: str, references: Sequence[str], transcripts: Sequence[str], cut: Callable[[str], list[str]]
) -> float:
    if len(references) != len(transcripts):
        expected = fact("{count} values", count=len(references))
        received = len(transcripts)
        raise UsageError("E102", where=where, name="transcripts", expected=expected, received=received)
    parts = [cut(text) for text in references]
    total = sum(map(len, parts))
    errors = [edit_distance(part, cut(text)) for part, text in zip(parts, transcripts, strict=True)]
    return sum(errors) / total if total else float("nan")
