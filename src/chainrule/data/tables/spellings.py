"""Spellings of the same level (``YES`` and ``yes``, ``Paris`` and ``PARIS``), and words for yes and no."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chainrule.data.cells.number_notation import FEW, level_texts, visible
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.table import Table

# Words for yes and no, in several languages.

_PAIRS = (  # yes and no
    "yes no|y n|true false|t f|on off|1 0|是 否|真 假|对 错|ja nein|wahr falsch|oui non|vrai faux|"
    "sí no|si no|verdadero falso|sim não|да нет|はい いいえ"
).split("|")
YES_NO = {word: value for pair in _PAIRS for word, value in zip(pair.split(), (1.0, 0.0), strict=True)}
"""The value of each word, in lower case."""
_SETS = tuple(set(pair.split()) for pair in _PAIRS)


def yes_no_pair(present: pl.Series, distinct: int) -> tuple[str, str] | None:
    """Return the words for no and yes if a column contains only those two.

    Args:
        present: the column without missing cells.
        distinct: the number of its different values.

    Example:
        >>> yes_no_pair(pl.Series(["Yes", "no", "no"]), 2), yes_no_pair(pl.Series(["yes", "off"]), 2)
        (('no', 'Yes'), None)
    """
    if present.dtype == pl.Boolean:
        return "false", "true"
    if distinct != 2 or not (present.dtype.is_numeric() or present.dtype == pl.String):
        return None
    words = [str(word) for word in level_texts(present.unique()).to_list()]
    if {word.lower() for word in words} not in _SETS:
        return None
    no, yes = sorted(words, key=lambda word: YES_NO[word.lower()])
    return no, yes


MAX_LEVELS = 1000  # columns with more levels are free texts or ids
SEXES = ("m", "f", "w", "d", "x", "u")
LETTERS = 3  # from which a word has one meaning in every case
RARE = 0.1  # share of a spelling in the rows of both below which it is a mistake


def key_of_level(text: str) -> str:
    """Return the level without case and invisible characters, and with single spaces.

    Example:
        >>> key_of_level("New  YORK")
        'new york'
    """
    return " ".join(visible(text).split()).casefold()


def merge_spellings(table: Table) -> Table:
    """Return the table with one spelling for each level of text columns; a notice for each column changed.

    Example:
        >>> table = Table(pl.DataFrame({"city": ["Paris", "PARIS", "Paris", "Rome"]}))
        >>> merged = merge_spellings(table)
        >>> merged.frame["city"].to_list(), len(merged.notices)
        (['Paris', 'Paris', 'Paris', 'Rome'], 1)
    """
    columns, notices = [], []
    for column in table.frame.get_columns():
        if column.dtype != pl.String or column.name in table.images or column.name in table.declared:
            continue
        merged, findings = _merge(column)
        notices += findings
        if merged is not column:
            columns.append(merged)
    if not columns and not notices:
        return table
    return replace(table, frame=table.frame.with_columns(columns), notices=(*table.notices, *notices))


def _merge(column: pl.Series) -> tuple[pl.Series, list[Finding]]:
    present = column.drop_nulls()
    distinct = present.n_unique()
    if not 1 < distinct <= min(MAX_LEVELS, max(len(present) // 2, 20)):
        return column, []
    counts = present.value_counts(sort=True)
    pairs = zip(counts[present.name].to_list(), counts["count"].to_list(), strict=True)
    groups: dict[str, list[tuple[str, int]]] = {}
    for level, count in sorted(pairs, key=lambda pair: (-pair[1], pair[0].isupper(), pair[0])):
        groups.setdefault(key_of_level(level), []).append((level, count))
    if _is_yes_no(groups):
        return _merge_yes_no(column, groups)
    several = [group for group in groups.values() if len(group) > 1]
    has_letters = groups.keys() <= {*YES_NO, *SEXES}
    same = [group for group in several if _is_one_word(group, has_letters)]
    findings = (
        []
        if groups.keys() <= {"true", "false"}
        else [
            Finding(code, "info", {"column": column.name, "levels": _listed(chosen), "count": len(chosen)})
            for code, chosen in (
                ("merged_spellings", same),
                ("case_variants", [group for group in several if group not in same]),
            )
            if chosen
        ]
    )
    if not same:
        return column, findings
    others = {level: group[0][0] for group in same for level, _ in group[1:]}
    return column.replace(list(others), list(others.values())), findings


def _is_one_word(group: Sequence[tuple[str, int]], is_yes_no: bool) -> bool:
    """Return whether the spellings of a group are one word.

    Args:
        group: the spellings with their numbers, the most frequent first.
        is_yes_no: whether all words of the column mean yes, no or a sex, so that single letters are words.
    """
    key = key_of_level(group[0][0])
    is_word = is_yes_no or (key in YES_NO and len(key) > 1)  # beside a third level: no, No, unknown
    if is_word or sum(count for _, count in group[1:]) < RARE * group[0][1]:
        return True
    if len({visible(level) for level, _ in group}) == 1:
        return True
    usual = {key, key.upper(), key.capitalize(), key.title()}
    is_usual = all(" ".join(visible(level).split()) in usual for level, _ in group)
    return is_usual and sum(letter.isalpha() for letter in key) >= LETTERS


def _is_yes_no(groups: Mapping[str, object]) -> bool:
    """Return whether the keys are more than two words for yes and no, not all of them of one character."""
    is_word = any(len(key) > 1 and key.isascii() for key in groups)
    return len(groups) > 2 and is_word and {YES_NO.get(key) for key in groups} == {0.0, 1.0}


def _merge_yes_no(
    column: pl.Series, groups: Mapping[str, Sequence[tuple[str, int]]]
) -> tuple[pl.Series, list[Finding]]:
    """Return the column with ``yes`` and ``no`` in place of all words for them."""
    words = {level: key for key, group in groups.items() for level, _ in group}
    names = {level: "yes" if YES_NO[key] else "no" for level, key in words.items()}
    same = [[pair for key in groups for pair in groups[key] if YES_NO[key] == value] for value in (1.0, 0.0)]
    facts = {"column": column.name, "levels": _listed(same), "count": 2}
    merged = column.replace(list(names), list(names.values()))
    return merged, [Finding("merged_spellings", "info", facts)]


def _listed(groups: Sequence[Sequence[tuple[str, int]]]) -> str:
    """Return the spellings of the first groups: ``"Paris", "PARIS"; "Rome", "rome"``."""
    texts = [", ".join(f'"{level}"' for level, _ in group[:4]) for group in groups[:4]]
    return "; ".join(texts) + ("; ..." if len(groups) > 4 else "")


def match_spellings(texts: pl.Series, levels: Sequence[str]) -> pl.Series:
    """Return the texts, levels in place of texts that differ from one only in case or spaces.

    Example:
        >>> match_spellings(pl.Series(["PARIS", "Oslo", None]), ["Paris"]).to_list()
        ['Paris', 'Oslo', None]
    """
    known = set(levels)
    distinct = dict.fromkeys(texts.to_list()) if len(texts) <= FEW else texts.unique().to_list()
    unknown = [text for text in distinct if text is not None and text not in known]
    if not unknown:
        return texts
    keys: dict[str, str | None] = {}
    for level in known:
        keys[key_of_level(level)] = None if key_of_level(level) in keys else level
    if len(known) == 2 and {YES_NO.get(key) for key in keys} == {0.0, 1.0}:  # y after yes
        values = {YES_NO[key]: level for key, level in keys.items()}
        keys = {word: values[value] for word, value in YES_NO.items()} | keys
    matches = {text: keys.get(key_of_level(text)) for text in unknown}
    changes = {text: level for text, level in matches.items() if level is not None}
    return texts.replace(list(changes), list(changes.values())) if changes else texts
