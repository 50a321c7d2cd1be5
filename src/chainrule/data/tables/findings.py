"""Findings about data, as values that can be printed in English or Chinese.

The reason of a column's kind, a notice about dropped rows and the result of a check have the same form: a
code, a severity and numbers. The sentences are in one table here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field

from chainrule.messages import Message, Texts, fact
from chainrule.records import frozen

# Thresholds of the data checks, shared by all modules that evaluate them.
#
# Reference: thresholds after deepchecks (duplicates 5 %), TensorFlow Data Validation's and UMLAUT's input
# rules, and class imbalance 10 : 1 as in Amazon SageMaker Debugger.

ROWS = 10_000  # maximum number of rows that are checked
SCALE_RATIO = 100.0  # largest standard deviation over smallest
OFFSET_RATIO = 3.0  # |mean| over standard deviation
TARGET_STD = 10.0
IMBALANCE = 10.0
DUPLICATES = 0.05
MOSTLY_MISSING = 0.5


# The sentences of findings about cells, by code.

CELLS: Texts = {
    "read_as_numbers": 'column "{column}" is read as numbers: {examples}',
    "ambiguous_numbers": (
        'column "{column}": no number shows whether the point or the comma is the decimal mark; "{text}" is '
        "read as {value}; if it is {other}, set {remedy}"
    ),
    "numbers_as_trained": (
        'column "{column}": "{text}" is read as {value}, with the decimal mark of the training; if it is '
        "{other}, set {remedy}"
    ),
    "other_mark": (
        'column "{column}" has the decimal mark "{mark}", but the training cells, which did not show theirs, '
        'were read with "{trained}"; if that was wrong, train again with {remedy}'
    ),
    "other_decimal": (
        'column "{column}" is read with the decimal mark "{mark}", which its numbers show, not with '
        '"{chosen}" as requested'
    ),
    "other_order": 'column "{column}" is read with the {order} first, which its dates show, not as requested',
    "dates_by_cells": (
        'column "{column}": dates such as "{text}" are read with the {order} first, as {date}; training '
        "dates were written in another form; {remedy} reads the others"
    ),
    "missing_words": '"{words}" in column "{column}" is read as missing (cells: {count})',
    "kept_marks": '"{text}" in column "{column}" is read as a value, not as missing (cells: {count})',
    "mostly_numbers": (
        'column "{column}" is not read as numbers: {share:.0%} of its values are, but not {words}; '
        "correct these, or leave them empty"
    ),
    "mixed_units": (
        'column "{column}" is not read as numbers: it mixes units; write all {count} values in one unit'
    ),
    "mixed_currencies": (
        'column "{column}" is not read as numbers: it mixes currencies; convert all {count} values to one'
    ),
    "several_numbers": (
        'column "{column}" is not read as numbers: each cell has several ({example}); write them '
        "into separate columns"
    ),
    "mixed_shares": (
        'column "{column}" is not read as numbers: it mixes percentages (12%) and shares (0.12); write all '
        "{count} values in one form"
    ),
    "unclear_dates": (
        'column "{column}" is not read as dates: its values look like dates, but some do not exist or have '
        "another order of day and month ({examples}); write them as 2020-11-05"
    ),
    "sentinel_date": (
        'column "{column}" contains {value} ({count} times), far from its other dates; if it means missing, '
        "leave these cells empty"
    ),
    "merged_spellings": 'in column "{column}", spellings of the same value are merged: {levels}',
    "case_variants": 'in column "{column}", values that differ only in case are kept apart: {levels}',
    "single_row_classes": "classes with a single row are left out: {labels} (rows: {count})",
    "count_target": (
        'the target "{column}" is predicted as a number, since {label} occurs once; {remedy} predicts classes'
    ),
    "near_copy": 'column "{column}" alone predicts the target almost without errors; is it known beforehand?',
    "formula": 'the target "{target}" is computed from other columns: {formula}; are these known beforehand?',
    "near_formula": (
        '{formula} predicts the target "{target}" with R² {r2:.5f}, which is too good to be true; are these '
        "columns known beforehand?"
    ),
    "many_columns": (
        'a linear combination of {count} columns ({column}, ...) predicts the target "{target}" with R² '
        "{r2:.5f}, which is too good to be true; are they known beforehand?"
    ),
    "missing_reveals_target": (
        'the missing cells of column "{column}" predict the target almost without errors; are they known '
        "beforehand?"
    ),
    "counter": (
        'column "{column}" counts the {count} rows by one; if it only numbers them, leave it out: {remedy}'
    ),
    "group_id": (
        'column "{column}" has {levels} values in {count} rows, like the id of a group of rows; rows of one '
        "id may be in training and test"
    ),
    "sentinel": (
        'column "{column}" contains {value} ({count} times), far from its other values; if it means missing, '
        "leave these cells empty"
    ),
    "other_unit": (
        'column "{column}" has the unit "{unit}", but had "{trained}" in training; convert its values'
    ),
    "more_columns": "and {count} more notices about other columns",
}


SENTENCES: Texts = {
    # reasons of column kinds
    "requested": "as requested",
    "numbers": "all {count} values are numbers",
    "numbers_as_text": "all {count} texts are numbers",
    "two_values": "only {no} and {yes} occur",
    "few_levels": "{levels} different values in {count}",
    "codes": "integers used as codes ({example})",
    "declared": "declared as categories, {levels} of which occur",
    "dates": "all {count} values are dates ({example})",
    "dates_day_first": "all {count} values are dates, the day first ({example})",
    "dates_month_first": "all {count} values are dates, the month first ({example})",
    "times": "all {count} values are times of day ({example})",
    "durations": "all {count} values are durations, in seconds ({example})",
    "free_text": "{levels} different texts in {count} values",
    "one_value": "always {example}",
    "names_rows": "a different value in every row ({example})",
    "unread_values": "its values are not read as numbers or dates, and differ in every row ({example})",
    "all_missing": "all {count} values are missing",
    "row_ids": "it identifies rows, as requested",
    "row_weights": "it contains the weights of the rows",
    "row_groups": "its groups divide the rows",
    "pictures": "{count} images of {height} x {width} pixels, {channels} channels",
    # features of columns
    "date_features": "{parts}",
    "time_features": "hour (cyclic), hours since midnight",
    "category_features": (
        "the {count} most frequent of {total} levels, one feature for all others, and the frequency"
    ),
    "text_words": "{count} recurring words, weighted by rarity, and the length",
    "text_sequences": "{count} recurring sequences of characters, weighted by rarity, and the length",
    "positive_class": 'the positive class is "{label}": {reason}; the option "positive" sets it',
    # reasons of tasks
    "target_levels": "the target has {levels} classes",
    "target_numbers": "the target has {levels} different numbers",
    # how cells were read
    **CELLS,
    # notices
    "left_out": 'column "{column}" is left out: {reason}',
    "test_known": "{count} of the {rows} test rows are also training rows, so the result is too optimistic",
    "target_missing": "{count} rows without a target are left out",
    "unseen_levels": '{count} values of "{column}" did not occur in training ({example})',
    "filled": '{count} missing values of "{column}" are filled with the training mean {mean:.6g}',
    "far_outside": (
        '{count} values of "{column}" are over {limit:g} standard deviations from the training mean'
    ),
    "outside_range": '{count} values of "{column}" are outside the range {low:g} to {high:g}, and clipped',
    "not_public": "columns without a public range or levels are left out: {columns} ({count})",
    "dates_missing": (
        '{count} dates of "{column}" are missing; none was in training, so the mean date is used'
    ),
    "rare_levels": (
        'column "{column}": {count} of {total} levels have one feature each; the others share one, '
        "with their frequency"
    ),
    "rare_terms": 'column "{column}": {count} of {total} recurring terms are features, those that vary most',
    "texts_missing": '{count} texts of "{column}" are missing; none was in training',
    "unknown_texts": '{count} texts of "{column}" contain no term that is a feature ({example})',
    "texts_cut": '{count} texts of "{column}" are longer than {length} tokens; the rest of them is not read',
    "dates_outside": '{count} dates of "{column}" are outside the training dates, {first} to {last}',
    "assumed_day_first": (
        'column "{column}": no date shows whether day or month is first; read with the day first '
        "(05/11/2020 is in November); if that is wrong, set {remedy}"
    ),
    "assumed_month_first": (
        'column "{column}": no date shows whether day or month is first; read with the month first '
        "(05/11/2020 is in May); if that is wrong, set {remedy}"
    ),
    "thin_class": "class {label} has {count} rows, too few for each part of the split",
    "sounds_resampled": "{count} sounds of another sample rate ({other} Hz) are resampled to {rate} Hz",
    "prices_outside": (
        "{count} of {rows} days follow a month that is calmer or wilder than every month of the training "
        "days ({low} % to {high} % a day); their predictions extrapolate"
    ),
    "rows_left_out": "{count} of {rows} rows cannot be read and have no prediction; see the column {reason}",
    "damaged_images": "{count} images cannot be decoded and are left out ({example})",
    "no_images": "{count} files are no images and are left out ({example})",
    # notices of reading
    "encoding": "{source} is read as {encoding} ({remedy} sets another)",
    "aligned_text": "{source} is read as columns separated by blanks ({remedy} sets another)",
    "lines_above": "the header of {source} is in line {header}; the lines above it are left out ({example})",
    "comment_lines": "{count} comment lines of {source} are left out, the first in line {line} ({example})",
    "units_row": "line {line} of {source} contains units and is left out ({example})",
    "label_rows": (
        "{count} rows of {source} below the names contain questions and identifiers of a survey and are "
        "left out, the first is line {line} ({example})"
    ),
    "total_row": "line {line} of {source} contains totals and is left out ({example})",
    "lines_below": (
        "{count} lines below the rows of {source} are left out, the first is line {line} ({example})"
    ),
    "empty_columns": "{count} columns of {source} have neither a name nor a value and are left out",
    "repeated_header": "{count} repetitions of the header of {source} are left out, the first in line {line}",
    "trailing_delimiters": (
        "{count} rows of {source} end in delimiters without a column, the first in line {line}"
    ),
    "trailing_columns": "{count} columns of {source} have neither a name nor a value and are left out",
    "unnamed_index": 'the first column of {source} has no name and is named "{column}"',
    "merged_cells": "{count} rows of {source} have the value of merged cells above them",
    "subtotal_rows": (
        "{count} rows of {source} contain subtotals and are left out, the first is {place} ({example})"
    ),
    "two_header_rows": "the names of the columns of {source} are in the lines {line} and {next} ({example})",
    "sheet": 'the sheet "{sheet}" of {source} is read; others are {others} ({remedy} sets another)',
    "formula_cells": (
        "{count} formulas of {source} have no stored value ({example}) and are read as missing; open the "
        "file in a spreadsheet program and save it"
    ),
    "json_rows": 'the rows of {source} are those of "{key}"; its other entries are left out: {others}',
    "error_cells": "{count} cells of {source} contain an error ({example}) and are read as missing",
    # cells that cannot be encoded
    "damaged_E311": '"{value}" in column "{column}" is not a number',
    "damaged_E312": '"{value}" in column "{column}" is not finite',
    "damaged_E318": '"{value}" in column "{column}" is neither yes nor no',
    "damaged_E332": '"{value}" in column "{column}" is not a date, time or duration',
    "damaged_skipped": "{rows} rows with {count} damaged cells have no prediction; see the column {reason}",
    "damaged_as_missing": "{count} damaged cells in {rows} rows count as missing; see the column {reason}",
    # differences from the training rows
    "drift_empty": (
        'column "{column}" is empty: all {rows} values are missing; in training {missing:.1%} were'
    ),
    # checks
    "scale_gap": 'the spread of "{large}" is {ratio:,.0f} times that of "{small}"; standardize the inputs',
    "far_from_zero": (
        'the mean of "{column}" is {ratio:.3g} standard deviations from 0; columns like this: {count}'
    ),
    "target_scale": "the target spreads by {std:.3g} (standard deviation); standardize it",
    "imbalance": "class {large} has {ratio:.3g} times as many rows as class {small}; use class weights",
    "duplicates": (
        "{count} rows ({share:.1%}) repeat an earlier row; after a random split, copies of a row may be in "
        "training and test"
    ),
    "copy_of_target": 'column "{column}" is the target under another name; drop it',
    "leak": 'column "{column}" alone determines the target ({levels} values); is it known beforehand?',
    "too_good": (
        "R² {r2:.5f} on rows that were not trained on is too good to be true: look for inputs that are "
        "computed from the target, or measured after it"
    ),
    "constant": 'column "{column}" is always {example}',
    "id_like": (
        'column "{column}" differs in every row ({example}); it identifies rows and has no information'
    ),
    "mostly_missing": 'column "{column}" is missing in {share:.1%} of the rows',
    "label_gap": "the labels from {low} to {high} lack {missing}",
    "labels_from_one": "labels count from 1 to {high}; they are mapped to 0 to {last}",
}

_MARK = ('--decimal "{mark}"', 'decimal="{mark}"')
REMEDIES: dict[str, tuple[str, str]] = {
    "ambiguous_numbers": _MARK,
    "numbers_as_trained": _MARK,
    "other_mark": _MARK,
    "dates_by_cells": ("--{other}-first", "day_first={other_is_day}"),
    "assumed_day_first": ("--month-first", "day_first=False"),
    "assumed_month_first": ("--day-first", "day_first=True"),
    "count_target": ("--task classification", 'loss="cross_entropy"'),
    "counter": ('--drop "{column}"', 'frame.drop(columns="{column}")'),
    "encoding": ("--encoding", "encoding="),
    "aligned_text": ("--delimiter", "delimiter="),
    "sheet": ("--table", "table="),
}
"""The field ``remedy`` of sentences: an option of the command line, and an argument or a call in Python."""
_ON_COMMAND_LINE: ContextVar[bool] = ContextVar("on_command_line", default=False)


def is_on_command_line() -> bool:
    """Return whether the reader of a message types commands, not calls."""
    return _ON_COMMAND_LINE.get()


@contextmanager
def command_line_remedies() -> Iterator[None]:
    """Name options of the command line as remedies, inside the block."""
    token = _ON_COMMAND_LINE.set(True)
    try:
        yield
    finally:
        _ON_COMMAND_LINE.reset(token)


SEVERITY = {"error": 0, "warning": 1, "info": 2}  # the order in which findings are listed


@frozen
class Finding:
    """A finding about data: what it is, how severe, and its numbers.

    Args:
        code: a key of ``SENTENCES``.
        severity: ``"info"``, ``"warning"`` or ``"error"``.
        facts: the values of the sentence's placeholders.
        sample: the number of rows that it was measured on and the number of all rows, where they differ.

    Example:
        >>> Finding("target_missing", "info", {"count": 3}).render("en")
        '3 rows without a target are left out'
    """

    code: str
    severity: str = "info"
    facts: Mapping[str, object] = field(default_factory=dict)
    sample: tuple[int, int] | None = None

    def render(self, lang: str = "en") -> str:
        """Return the sentence in English (``"en"``) or Chinese (``"zh"``).

        Args:
            lang: ``"en"`` or ``"zh"``.
        """
        return self.message.render(lang)

    @property
    def message(self) -> Message:
        """The sentence as a record."""
        return of_sample(
            Message(SENTENCES[self.code], {**self.facts, "remedy": self.remedy}, self.code), self.sample
        )

    @property
    def remedy(self) -> str:
        """What changes the reading, in the language of the caller: an option, or an argument in Python."""
        forms = REMEDIES.get(self.code)
        return "" if forms is None else forms[0 if _ON_COMMAND_LINE.get() else 1].format(**self.facts)

    @property
    def en(self) -> str:
        return self.render("en")

    @property
    def zh(self) -> str:
        return self.render("zh")

    def __str__(self) -> str:
        return self.render("en")


def of_sample(sentence: Message, sample: tuple[int, int] | None) -> Message:
    """Return a sentence with the number of rows that its numbers are measured on.

    Args:
        sample: these rows and all rows; ``None``: all rows were used.

    Example:
        >>> print(of_sample(fact("{rows} rows", rows=90), (1000, 4000)))
        90 rows (in a sample of 1,000 of 4,000 rows)
    """
    if sample is None:
        return sentence
    return fact(
        "{sentence} (in a sample of {rows:,} of {all_rows:,} rows)",
        sentence=sentence,
        rows=sample[0],
        all_rows=sample[1],
    )
