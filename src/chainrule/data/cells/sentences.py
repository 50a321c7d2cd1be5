"""The sentences of findings about cells, by code."""

from __future__ import annotations

from chainrule.messages import Texts

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
