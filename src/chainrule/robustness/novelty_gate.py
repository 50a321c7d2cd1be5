"""Rows unlike those of the training: a model may store how far from them a row is predicted.

A classifier has no class for an image or a text of something else, and is often certain of a wrong one. The
distance of a row from the training rows is measured by one or several scores: ``FeatureClouds`` in features
of the network, ``TokenShares`` of the tokens of a text, and ``ColumnSurprise`` in the columns of a table. The
level of each is a quantile of the scores of validation rows: of rows like these, a stated share is above it;
several scores divide that share. ``predict`` names rows above a level ``"unknown"``, and leaves values empty.

A gate of a table does not refuse rows: their predictions have a notice. Its level comes from the training
rows, each half scored by a fit on the other, since an ensemble has no validation rows of its own.

Frames of videos need another level: their validation rows are often neighbors of training rows, so that a new
video is farther from these than all of them. Consecutive training rows are then divided into blocks, and each
block is scored by the clouds of the others, which have no neighbors of its rows except at its ends.

Reference: Vovk, Gammerman and Shafer (2005), Algorithmic learning in a random world, for the quantile.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from chainrule.data.tables.encoded_rows import EncodedRows
from chainrule.errors import Message, TrainingError, fact
from chainrule.records import frozen
from chainrule.robustness.column_surprise import ColumnSurprise, variables_of
from chainrule.robustness.feature_clouds import FeatureClouds, features_in_blocks
from chainrule.robustness.token_shares import TokenShares, kinds_of
from chainrule.train.evaluation.prediction import predict
from chainrule.train.evaluation.rows import encode_rows
from chainrule.train.model_state import NOVELTY_GATE, ModelState
from chainrule.train.monitor.progress import report_notice
from chainrule.validation import integer, number, out_of_range

Score: TypeAlias = FeatureClouds | TokenShares | ColumnSurprise
SCORES: dict[str, type[FeatureClouds] | type[TokenShares] | type[ColumnSurprise]] = {
    "clouds": FeatureClouds,
    "tokens": TokenShares,
    "columns": ColumnSurprise,
}
MIN_VALIDATION_ROWS = 10  # of the validation
MIN_TABLE = 40  # training rows of a table from which on a gate is stored
MAX_TABLE = 20_000  # of them that it is computed from
LISTED = 10  # rows in a notice
MAX_SCORES = 16
GENERATED = "target"  # the input of a network of an encoder and a decoder that contains what it generates


@frozen(eq=False)
class NoveltyGate:
    """How far a row may be from the training rows.

    Args:
        scores: the distances that are measured.
        levels: of each, the largest one of a row that is predicted.
        false_alarms: at most this share of rows like those of the validation has a larger distance.
        rows: of the validation.
        refuses: whether rows with a larger distance are not predicted; otherwise they have a notice.
    """

    scores: tuple[Score, ...]
    levels: tuple[float, ...]
    false_alarms: float
    rows: int
    refuses: bool = True

    def is_unlike(self, model: ModelState, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """Return whether each encoded row has a distance above its level, (N,)."""
        unlike = np.zeros(len(next(iter(inputs.values()))), bool)
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is unlike all others
            for score, level in zip(self.scores, self.levels, strict=True):
                unlike |= ~(score.scores(score.represented(model, inputs)) <= level)
        return unlike

    def record(self) -> dict[str, Any]:
        """Return the gate as plain data."""
        names = {kind: name for name, kind in SCORES.items()}
        scores = [
            {"name": names[type(score)], "level": level, **score.record()}
            for score, level in zip(self.scores, self.levels, strict=True)
        ]
        facts = {"false_alarms": self.false_alarms, "rows": self.rows, "refuses": self.refuses}
        return {"scores": scores, **facts}


def with_novelty_gate(
    model: ModelState, x: Any, validation: Any, *, false_alarms: float = 0.01, blocks: int = 0
) -> ModelState:
    """Return a model that predicts ``"unknown"`` or no value for rows unlike those of its training.

    Texts of a model with tokenizers are compared by their tokens, other rows by features of the network.

    Args:
        model: a trained model with one output, such as ``model.state``.
        x: training rows, as for ``predict``.
        validation: other rows like them, at least 10, from which the level is chosen.
        false_alarms: the share of rows like these that are predicted as unknown; at least 1/(n + 1).
        blocks: of consecutive training rows, such as parts of videos, each scored by a gate of the others;
            the larger of both levels is stored. 0: none.

    Raises:
        TrainingError E570: several outputs. UsageError E101, E102: a share outside 0 to 1;
        one block, more blocks than rows, or too few validation rows.
    """
    false_alarms = number(false_alarms, "false_alarms", "novelty gate", minimum=0, maximum=1)
    if len(model.targets) != 1:
        expected, received = fact("a model with one output"), ", ".join(model.targets)
        fix = fact("train a model for each output")
        raise TrainingError("E570", where="novelty gate", received=received, expected=expected, fix=fix)
    known, others = (encode_rows(model, rows, "novelty gate") for rows in (x, validation))
    if others.count < MIN_VALIDATION_ROWS:
        expected = fact("at least {minimum} rows", minimum=MIN_VALIDATION_ROWS)
        raise out_of_range(others.count, "validation", "novelty gate", expected, fix=fact("add rows"))
    blocks = integer(blocks, "blocks", "novelty gate", minimum=0, maximum=known.count)
    if blocks == 1:
        raise out_of_range(blocks, "blocks", "novelty gate", fact("0, or at least 2"), "blocks=10")
    fits = _fits(model, known.x, lambda: _classes(model, x))
    own, scores, levels, count = false_alarms / len(fits), [], [], others.count
    for values, fit in fits:
        score = fit(np.arange(known.count))
        level = _quantile(score.scores(score.represented(model, others.x)), own)
        if blocks:
            among = _quantile(_block_scores(values, fit, blocks), own)
            level, count = max((level, others.count), (among, known.count))
        scores.append(score)
        levels.append(level)
    share = sum(max(own, 1 / (count + 1)) for _ in scores)
    gate = NoveltyGate(tuple(scores), tuple(levels), share, count)
    return replace(model, facts={**model.facts, NOVELTY_GATE: gate.record()})


def with_table_gate(model: ModelState, x: np.ndarray, *, false_alarms: float = 0.01) -> ModelState:
    """Return a model of a table whose predictions for rows unlike those of the training have a notice.

    Args:
        model: a trained model with a preparation of columns.
        x: (N, F) encoded training rows; of more than ``MAX_TABLE``, evenly spaced ones are used. Of fewer
            than ``MIN_TABLE``, and of images, no gate is stored.
        false_alarms: the share of rows like these that have a notice; at least 1/(n + 1).
    """
    preparation = model.preparation
    if preparation is None or len(x) < MIN_TABLE or x.ndim != 2:
        return model
    x = x[np.linspace(0, len(x) - 1, min(len(x), MAX_TABLE)).round().astype(int)]
    variables = variables_of(preparation)
    scores, is_first = np.zeros(len(x)), np.arange(len(x)) % 2 == 0
    for half in (is_first, ~is_first):
        scores[half] = ColumnSurprise.fitted(*variables, x[~half]).scores(x[half])
    level, share = _quantile(scores, false_alarms), max(false_alarms, 1 / (len(x) + 1))
    gate = NoveltyGate((ColumnSurprise.fitted(*variables, x),), (level,), share, len(x), refuses=False)
    return replace(model, facts={**model.facts, NOVELTY_GATE: gate.record()})


Fit: TypeAlias = Callable[[np.ndarray], Score]


def _fits(
    model: ModelState, x: dict[str, np.ndarray], classes: Callable[[], np.ndarray]
) -> list[tuple[np.ndarray, Fit]]:
    """Return for each score that suits a model the representation of the rows, and its fit on some."""
    fits: list[tuple[np.ndarray, Fit]] = []
    for name, tokens in x.items():
        tokenizer = model.tokenizers.get(name) or model.tokenizers.get("")
        is_given = len(x) == 1 or name != GENERATED
        if tokenizer is not None and tokens.ndim == 2 and is_given:  # texts
            kinds = kinds_of(tokenizer)
            fits.append((tokens, lambda rows, n=name, k=kinds, t=tokens: TokenShares.fitted(n, k, t[rows])))
    if not fits:
        features, labels = features_in_blocks(model, x), classes()
        fits.append((features, lambda rows: FeatureClouds.fitted(features[rows], labels[rows])))
    return fits


def _quantile(scores: np.ndarray, false_alarms: float) -> float:
    """Return the conformal quantile of the scores of rows on which they were not fitted."""
    place = min(math.ceil((len(scores) + 1) * (1 - false_alarms)), len(scores))
    return float(np.sort(scores)[place - 1])


def _block_scores(values: np.ndarray, fit: Fit, blocks: int) -> np.ndarray:
    """Return the score of each row by a fit on all rows outside its block, (N,)."""
    block = np.arange(len(values)) * blocks // len(values)
    scores = np.empty(len(values))
    for left_out in range(blocks):
        own = block == left_out
        scores[own] = fit(np.flatnonzero(~own)).scores(values[own])
    return scores


def without_gate(model: ModelState) -> ModelState:
    """Return a model that predicts all rows."""
    return replace(model, facts={name: value for name, value in model.facts.items() if name != NOVELTY_GATE})


def has_unreadable_gate(model: ModelState) -> bool:
    """Return whether a model has a gate that counts as none: damaged, or stored in an older form."""
    return NOVELTY_GATE in model.facts and stored_gate(model) is None


def unreadable_gate(where: str) -> Message:
    """Return the notice on a model whose gate counts as none.

    Args:
        where: the file of the model.
    """
    return fact(
        "{where}: its novelty gate was stored by another version of chainrule and does not apply, so that "
        "rows unlike those of the training are predicted, too; train it again to have a gate",
        where=where,
    )


def report_unreadable_gate(model: ModelState, where: str) -> None:
    """Report that the gate of a model that was loaded counts as none, if so.

    Args:
        model: as it was loaded.
        where: its file.
    """
    if has_unreadable_gate(model):
        report_notice(unreadable_gate(where))


def stored_gate(model: ModelState) -> NoveltyGate | None:
    """Return the gate in the facts of a model; ``None`` without one that is whole."""
    record = model.facts.get(NOVELTY_GATE)
    if not isinstance(record, dict) or len(model.targets) != 1:
        return None
    entries = record.get("scores")
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_SCORES:
        return None
    if not all(isinstance(entry, dict) and entry.get("name") in SCORES for entry in entries):
        return None
    scores = [SCORES[entry["name"]].of(entry) for entry in entries]
    inputs = () if model.network is None else model.network.inputs
    readable = [s for s in scores if s is not None and (not isinstance(s, TokenShares) or s.source in inputs)]
    levels, numbers = (
        [entry.get("level") for entry in entries],
        [record.get("false_alarms"), record.get("rows")],
    )
    is_number = all(isinstance(n, int | float) and math.isfinite(n) for n in (*levels, *numbers))
    refuses = record.get("refuses", True)
    if len(readable) < len(scores) or not is_number or not isinstance(refuses, bool):
        return None
    share, rows = float(numbers[0] or 0), int(numbers[1] or 0)
    return NoveltyGate(tuple(readable), tuple(map(float, levels)), share, rows, refuses)


def refusing_gate(model: ModelState) -> NoveltyGate | None:
    """Return the gate of a model, if rows beyond it are not predicted; otherwise ``None``."""
    gate = stored_gate(model)
    return gate if gate is not None and gate.refuses else None


def marking_gate(model: ModelState) -> NoveltyGate | None:
    """Return the gate of a model, if predictions for rows beyond it have a notice; otherwise ``None``."""
    gate = stored_gate(model)
    return None if gate is None or gate.refuses else gate


def unlike_notice(model: ModelState, x: Any, index: np.ndarray | None = None) -> Message | None:
    """Return the notice on rows of a table unlike those of the training; ``None`` if there are none.

    Args:
        model: a trained model.
        x: rows, as for ``predict``.
        index: (N,) their places in the file, from 0; by default all of its rows.
    """
    gate = marking_gate(model)
    return None if gate is None else marked_rows(gate, is_unlike(model, gate, x), index)


def marked_rows(gate: NoveltyGate, unlike: np.ndarray, index: np.ndarray | None = None) -> Message | None:
    """Return the notice on the rows that ``is_unlike`` names, (N,); ``None`` if there are none."""
    places = (np.arange(len(unlike)) if index is None else index)[unlike] + 1
    if not len(places):
        return None
    names = ", ".join([*map(str, places[:LISTED].tolist()), *["..."] * (len(places) > LISTED)])
    return fact(
        "{count} of {rows} rows are unlike the training rows (row {names}), so that their predictions may be "
        "far off; of rows like those of the training, {share} are marked",
        count=len(places),
        rows=len(unlike),
        names=names,
        share=f"{gate.false_alarms:.1%}",
    )


def is_unlike(model: ModelState, gate: NoveltyGate, x: Any) -> np.ndarray:
    """Return whether each row is farther from the training rows than the levels of the gate, (N,).

    Args:
        model: that the gate was stored with.
        gate: of ``stored_gate``.
        x: rows, as for ``predict``.
    """
    blocks = x.blocks() if isinstance(x, EncodedRows) else [x]
    encoded = (encode_rows(model, part, "predict", may_be_empty=True) for part in blocks)
    parts = [gate.is_unlike(model, rows.x) for rows in encoded if rows.count]
    return np.concatenate(parts) if parts else np.zeros(0, bool)


def unlike_rows(model: ModelState, x: Any) -> np.ndarray:
    """Return whether each row is unlike those of the training, (N,); see ``Robustness.unlike``."""
    rows, gate = encode_rows(model, x, "unlike"), stored_gate(model)
    return np.zeros(rows.count, bool) if gate is None else gate.is_unlike(model, rows.x)


def _classes(model: ModelState, x: Any) -> np.ndarray:
    """Return the number of the predicted class of each row; 0 where the output is not one class."""
    predicted = np.asarray(predict(model, x))
    if model.task != "classification" or predicted.ndim != 1:
        return np.zeros(len(predicted), np.int64)
    return np.unique(predicted.astype(str), return_inverse=True)[1]
