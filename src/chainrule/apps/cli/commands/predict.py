"""``chainrule predict``: the rows of a table with their predictions, as CSV or in the format of ``--out``.

A Parquet file with ``--out``, and a folder of such files, are read, predicted and written in blocks.

The output has the columns of the input, so that rows can be found again, and the prediction of each row.
Differences of the table from the training rows are printed to standard error. A cell that is not what its
column requires refuses the table; ``--damaged`` leaves out its row or counts it as missing, and writes the
reason beside the row. Of a detector the output has one row for each box, of a segmenter one for each class
in each image, and ``--out`` is the folder of the masks; of a model that speaks one for each line of a text,
and ``--out`` is the folder of the sounds.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import typer

from chainrule import robustness  # lazy: certificates are loaded where they are requested
from chainrule.apps.cli.frame_files import csv_of_frames, write_frames
from chainrule.apps.cli.model_and_rows import load
from chainrule.apps.cli.output_file import output_file
from chainrule.apps.cli.prediction_output import (
    REASON,
    announce_calibration,
    announce_unlike,
    beside,
    id_columns,
    prediction_frame,
    print_notice,
)
from chainrule.apps.cli.reading_options import READING, take_reading
from chainrule.apps.cli.signature import Choice, with_options
from chainrule.apps.cli.tables import print_differences
from chainrule.apps.cli.texts import text_of
from chainrule.data import Preparation, Table
from chainrule.data.readers.lazy_polars import pl
from chainrule.data.readers.read_options import ReadOptions
from chainrule.data.readers.streaming import count_rows, parquet_files, read_frames
from chainrule.data.tables.encoded_rows import EncodedRows
from chainrule.data.tables.findings import Finding
from chainrule.data.tables.fitted_preparation import (
    CODES,
    LISTED,
    damaged_cells,
    damaged_rows,
    reasons,
    refusal,
    without_damaged,
)
from chainrule.errors import DataError, Message, TrainingError, UsageError, fact
from chainrule.escaping import quoted
from chainrule.events import notices as process_notices
from chainrule.inputs import InputRows, LeftOut, Output, kind_of
from chainrule.memoization import cached_property
from chainrule.model import Model
from chainrule.page import screen
from chainrule.records import frozen
from chainrule.robustness.novelty_gate import (
    is_unlike,
    marked_rows,
    marking_gate,
    refusing_gate,
    unreadable_gate,
    without_gate,
)
from chainrule.robustness.novelty_scores import LEVEL, METHODS
from chainrule.settings import settings
from chainrule.tabular.evaluation import is_calibrated
from chainrule.tabular.intervals_after_training import interval_columns
from chainrule.tabular.options import radius_of
from chainrule.tabular.predicted_columns import (
    CERTAIN,
    CONFIDENCE,
    Uncertainty,
    prediction_columns,
    require_classes,
)
from chainrule.tabular.recorded_training import is_recorded, recorded_training
from chainrule.tabular.run_folder import model_file
from chainrule.tabular.threshold import (
    network_threshold,
    predicts_as_network,
    reads_calibrated,
    stored_threshold,
)
from chainrule.texts import render
from chainrule.train.evaluation.frame_predictions import PREDICTION, return_large_blocks
from chainrule.train.model_state import NOVELTY_GATE
from chainrule.train.monitor.memory import refuse_long_text
from chainrule.train.monitor.progress_bar import rows_done
from chainrule.train.private.ledger import has_ledger
from chainrule.train.private.refusals import private_only
from chainrule.uncertainty.conformal_sets import SET_METHODS, SetMethod
from chainrule.uncertainty.ensemble_and_dropout_sampling import disagreement, has_members
from chainrule.uncertainty.unknown_classes import stored_level
from chainrule.validation import choice

DAMAGED = ("refuse", "skip", "missing")
ENTROPY, DISAGREEMENT, SPREAD, NOVELTY = "entropy", "disagreement", "spread", "novelty"
DROPOUT_SAMPLES = 50  # of a network with dropout
MEASURES = {
    "uncertainty": Choice(bool, "predict_uncertainty"),
    "novelty": Choice(bool, "predict_novelty"),
    "novelty_method": Choice(str, "predict_novelty_method", "NAME"),
    "reference": Choice(str, "predict_reference", "FILE"),
}
REFUSALS = {"every_class": Choice(bool, "predict_every_class")}
TYPED = {"text": Choice(list[str], "predict_text", "TEXT")}
SAMPLE = 1 << 16  # rows of a stream that are compared with the training rows, evenly spaced


@with_options({**TYPED, **REFUSALS, **MEASURES, **READING})
def predict(
    run: Annotated[str, typer.Argument(help="=run", metavar="RUN")],
    data: Annotated[str, typer.Argument(help="=rows_file", metavar="DATA")] = "",
    *,
    out: Annotated[str | None, output_file("=csv", "CSV", is_or_folder=True)] = None,
    proba: Annotated[bool, typer.Option("--proba", help="=proba")] = False,
    only: Annotated[bool, typer.Option("--only-predictions", help="=only_predictions")] = False,
    damaged: Annotated[str, typer.Option(help="=damaged_cells", metavar="CHOICE")] = "refuse",
    threshold: Annotated[float | None, typer.Option(help="=predict_threshold", min=0, max=1)] = None,
    interval: Annotated[float | None, typer.Option(help="=predict_interval")] = None,
    certify: Annotated[str | None, typer.Option(help="=predict_certify", metavar="RADIUS")] = None,
    sets: Annotated[float | None, typer.Option(help="=predict_sets", metavar="LEVEL")] = None,
    sets_method: Annotated[
        str, typer.Option("--sets-method", help="=predict_sets_method", metavar="NAME")
    ] = "threshold",
    abstain: Annotated[float | None, typer.Option(help="=predict_abstain", min=0, max=1)] = None,
    raw: Annotated[bool, typer.Option("--raw", help="=raw")] = False,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **options: Any,
) -> None:
    """Print the rows of a table with their predictions, or write them to a file."""
    choice(damaged, DAMAGED, "--damaged", example="skip")
    reading, texts = take_reading(options), _take_texts(run, data, options)
    limits = {"threshold": threshold, "interval": interval, "certify": certify, "sets": sets}
    limits["abstain"] = abstain
    chosen = {"proba": proba, "damaged": damaged != "refuse"}
    chosen |= {name: value is not None for name, value in limits.items()}
    chosen |= {name: bool(value) for name, value in options.items()}
    if options.get("every_class"):
        process_notices.skip(unreadable_gate(str(model_file(run))))
    stream = Stream.of(run, data, out, chosen | dict.fromkeys(reading.changed, True))
    if stream is not None:
        stream.write(out, proba, threshold, only=only, raw=raw)
        return
    model, rows = load(run, texts or data, reading, damaged)
    _refuse_damaged(rows, damaged)
    model = _of_own_form(model, rows, only, chosen)
    output = rows.kind.output(model, rows, out)
    if output is not None:
        _write_output(model, rows, output, only, raw)
        return
    encoded = _encoded_rows(rows) if model.preparation is None else encode(model.preparation, rows.x, damaged)
    refuse_long_text(model.targets, rows.count)
    if proba:
        _require_probabilities(model, run, data)
    choice(sets_method, SET_METHODS, "--sets-method", example="threshold")
    rule = Uncertainty(sets, cast(SetMethod, sets_method), abstain, not options.get("every_class"))
    require_classes(model, rule)
    announce_calibration(model)
    _announce_decision(model, threshold, rule)
    columns = prediction_columns(model, encoded.rows, proba, threshold, rule)
    _announce_rows(model, encoded, columns, rule)
    if interval is not None:
        columns |= interval_columns(model, columns.get(PREDICTION, np.zeros(0)), interval, encoded.x)
    if certify is not None:
        radius = radius_of(certify, "chainrule predict", "certify")
        columns |= certificate_columns(model, encoded.x, radius, threshold, columns.get(PREDICTION))
    if any(options.get(name) not in (None, False) for name in MEASURES):
        columns |= measured_columns(run, model, encoded.x, options, reading)
    _write([_with_cells(model, rows, encoded.frame(columns, rows.count), only)], out, raw)


def _take_texts(run: str, data: str, options: dict[str, Any]) -> Sequence[str]:
    """Remove the typed texts from the options; requires them or a file of rows, and not both (E601)."""
    texts: Sequence[str] = options.pop("text", None) or ()
    expected, where = fact("rows, or --text"), "chainrule predict"
    if not (data or texts):
        fix = f"chainrule predict {quoted(run)} iris"
        problem = fact("is missing")
        raise UsageError("E601", where=where, option="DATA", problem=problem, expected=expected, fix=fix)
    if data and texts:
        fix, received = f"chainrule predict {quoted(run)} {quoted(data)}", f"{data} --text"
        raise UsageError("E601", where=where, option="--text", expected=expected, received=received, fix=fix)
    return texts


def _of_own_form(model: Model, rows: InputRows, only: bool, chosen: dict[str, bool]) -> Model:
    """Refuse options that do not apply to a kind with its own form of predictions (E601).

    Returns:
        the model, without its gate where ``--every-class`` is chosen.
    """
    if rows.kind.has_own_output and NOVELTY_GATE in model.facts:
        model = _announce_gate(model, chosen.pop("every_class", False))
    if expected := rows.kind.options():
        chosen["damaged"] = False  # refused before where it does not apply
        _refuse_options(expected, only_predictions=only and not rows.kind.keeps_columns, **chosen)
    return model


def _refuse_damaged(rows: InputRows, damaged: str) -> None:
    """Refuse ``--damaged`` for arrays, and ``missing`` for rows without cells (E601)."""
    has_cells = isinstance(rows.x, Table) and not rows.x.images
    if damaged == "refuse" or has_cells or (damaged == "skip" and rows.kind.skips_damaged):
        return
    expected = "--damaged skip" if rows.kind.skips_damaged else fact("a file without damaged rows")
    received = f"--damaged {damaged}"
    raise UsageError(
        "E601", where="chainrule predict", option="--damaged", expected=expected, received=received
    )


def _encoded_rows(rows: InputRows) -> Encoded:
    """Return the inputs of rows; prints how many are left out."""
    left = rows.left_out
    if left is None:
        return Encoded(rows.x)
    facts = {"count": left.count, "rows": left.table.rows, "reason": REASON}
    screen.notices([Finding("rows_left_out", "warning", facts)], to_errors=True)
    return Encoded(rows.x, left.index, left.reasons)


def _announce_rows(
    model: Model, encoded: Encoded, columns: Mapping[str, np.ndarray], uncertainty: Uncertainty
) -> None:
    """Print how many rows have no prediction, because none is certain enough, and which are unlike those of
    the training."""
    if uncertainty.abstain is not None:
        count = sum(label is None for label in columns[PREDICTION].tolist())
        words = {"count": count, "rows": len(columns[CONFIDENCE]), "limit": f"{uncertainty.abstain:g}"}
        screen.line(text_of("abstained").format(**words), "yellow", to_errors=True)
    if uncertainty.refuses_unlike:
        announce_unlike(model, encoded.rows, encoded.index)


def _write_output(model: Model, rows: InputRows, output: Output, only: bool, raw: bool) -> None:
    """Write the predictions of a kind of input that has its own form of them."""
    frame, left = output.columns, rows.left_out
    if output.is_by_row:
        assert not isinstance(frame, pl.DataFrame)
        frame = _with_cells(model, rows, _encoded_rows(rows).frame(frame, rows.count), only)
    elif not isinstance(frame, pl.DataFrame):
        frame = prediction_frame(frame, rows.count)
    _write([frame], output.file, raw)
    if left is not None and not output.is_by_row:
        _print_left_out(left)
    if output.notice:
        notice = output.notice
        screen.line(notice.render(settings.lang) if isinstance(notice, Message) else notice, to_errors=True)


@frozen(eq=False)
class Stream:
    """Rows of Parquet files that are read, predicted and written in blocks.

    Args:
        model: with a preparation of columns.
        files: at least one, in this order.
    """

    model: Model
    files: tuple[Path, ...]

    @classmethod
    def of(cls, run: str, data: str, out: str | None, chosen: Mapping[str, bool]) -> Stream | None:
        """Return the rows of a Parquet file with ``--out``, or of a folder of such files, for a model of
        tables.

        Args:
            chosen: whether options are set; most require all rows together (E601 with a folder).
        """
        others = {name: is_set for name, is_set in chosen.items() if name not in ("proba", "threshold")}
        is_folder = os.path.isdir(data)
        files = parquet_files(data) if is_folder or (out and not any(others.values())) else []
        model = Model.load(model_file(run)) if files else None
        if model is None or model.preparation is None or model.preparation.takes_images:
            return None
        _refuse_options(fact("a single file of rows"), **others)
        return cls(model, tuple(files))

    def write(self, out: str | None, proba: bool, threshold: float | None, *, only: bool, raw: bool) -> None:
        """Print the rows with their predictions, or write them to a file; then print how they differ from the
        training rows.

        Raises:
            DataError: as ``read_frames`` and ``encode``; nothing is written.
        """
        if proba:
            _require_probabilities(self.model, "RUN", str(self.files[0]))
        _announce_decision(self.model, threshold)
        announce_calibration(self.model)
        total = sum(map(count_rows, self.files))
        step, sample, unlike = -(-total // SAMPLE), [], []
        gate = marking_gate(self.model.state)
        return_large_blocks()
        with rows_done(total) as advance:

            def frames() -> Iterator[pl.DataFrame]:
                for place, frame in read_frames(self.files):
                    sample.append(frame[::step])
                    table, encoded = self._encoded(place, frame)
                    if gate is not None:
                        unlike.append(is_unlike(self.model.state, gate, encoded))
                    yield self._predicted(table, encoded, frame, proba, threshold, only)
                    advance(frame.height)

            _write(frames(), out, raw)
        assert self.model.preparation is not None
        table = self.model.preparation.read(pl.concat(sample, how="vertical_relaxed"))
        if step > 1:
            screen.line(text_of("drift_sample").format(rows=table.rows, total=total), to_errors=True)
        print_differences(self.model.preparation, table, _encoded(self.model.preparation, table)[1])
        if gate is not None and unlike:
            print_notice(marked_rows(gate, np.concatenate(unlike)))

    def _encoded(self, place: str, frame: pl.DataFrame) -> tuple[Table, np.ndarray | EncodedRows]:
        """Return rows of a file, and their inputs."""
        preparation = self.model.preparation
        assert preparation is not None
        table = replace(preparation.read(frame), source=place)
        try:
            return table, _encoded(preparation, table)[0]
        except DataError as error:
            cells = damaged_cells(preparation, table) if error.code in CODES else ()
            raise (refusal(table, cells) if cells else error) from None

    def _predicted(
        self,
        table: Table,
        encoded: np.ndarray | EncodedRows,
        frame: pl.DataFrame,
        proba: bool,
        threshold: float | None,
        only: bool,
    ) -> pl.DataFrame:
        """Return rows of a file with their predictions."""
        columns = prediction_columns(self.model, encoded, proba, threshold)
        names = id_columns(self.model, table) if only else list(table.columns)
        cells = frame.select(names).with_columns(pl.col(pl.Float32, pl.Float64).fill_nan(None))
        return beside(Table(cells, table.source), names, prediction_frame(columns, frame.height))


def _print_left_out(left: LeftOut) -> None:
    """Print which rows are left out, and why."""
    rows = [row for row, reason in enumerate(left.reasons) if reason is not None]
    for row in rows[:LISTED]:
        text = fact("{place}: {reason}", place=left.table.place(row), reason=left.reasons[row])
        screen.line(text, "yellow", to_errors=True)
    if len(rows) > LISTED:
        screen.line(text_of("drift_more").format(count=len(rows) - LISTED), to_errors=True)


def _with_cells(model: Model, rows: InputRows, frame: pl.DataFrame, only: bool) -> pl.DataFrame:
    """Return predictions beside the columns of the table, with ``only`` beside those that identify rows."""
    table = rows.table if rows.left_out is None else rows.left_out.table
    if table is None:
        return frame
    return beside(table, id_columns(model, table) if only else table.columns, frame)


def _write(frames: Iterable[pl.DataFrame], out: str | None, raw: bool) -> None:
    """Write frames to a file, or as CSV to the standard output."""
    is_terminal = out is None and sys.stdout.isatty()
    if out is not None:
        write_frames(frames, out, raw)
        return
    for part in csv_of_frames(frames, "terminal" if is_terminal else "raw" if raw else "spreadsheet"):
        sys.stdout.write(part)
    sys.stdout.flush()


def _announce_gate(model: Model, is_off: bool) -> Model:
    """Print which rows are unlike those of the training; return the model, without its gate if ``is_off``."""
    gate = refusing_gate(model.state)
    if gate is None or is_off:
        return model if gate is None else Model.of(without_gate(model.state))
    kind = kind_of(model)
    has_values = model.task == "regression" and not kind.has_own_output
    line = text_of("no_values_unlike_training" if has_values or not kind.names_unlike else "unlike_training")
    text = line.format(rows=gate.rows, share=f"{gate.false_alarms:.1%}")
    screen.line(text, "yellow", to_errors=True)
    return model


def _announce_decision(model: Model, passed: float | None, rule: Uncertainty = CERTAIN) -> None:
    """Print what decides other than the largest probability; E611: a threshold for other than two classes."""
    labels: tuple[Any, ...] = () if model.task == "regression" else tuple(model.labels or ())
    if passed is not None and len(labels) != 2:
        received = fact("{count} classes", count=len(labels)) if labels else "regression"
        raise UsageError("E611", where="--threshold", expected=fact("two classes"), received=received)
    level = stored_level(model.state)
    _announce_gate(model, not rule.refuses_unlike)
    if passed is not None:
        return
    if level is not None and rule.refuses_unlike:
        screen.line(text_of("unknown_below").format(level=f"{level:.4g}"), "yellow", to_errors=True)
    stored = stored_threshold(model)
    if stored is not None:
        is_raw = not reads_calibrated(model) and is_calibrated(model)
        text = text_of("threshold_before_calibration" if is_raw else "threshold_used")
        screen.line(text.format(value=f"{stored:.4g}", label=labels[-1]), "yellow", to_errors=True)


@frozen(eq=False)
class Encoded:
    """Inputs of the network.

    Args:
        rows: (n, ...), arrays by input name, or rows that are encoded where they are needed.
        index: (n,) the rows that they belong to; ``None`` for all.
        reasons: for each row why it is damaged, ``None`` if it is not; empty if no row is.
    """

    rows: np.ndarray | dict[str, np.ndarray] | EncodedRows
    index: np.ndarray | None = None
    reasons: tuple[str | None, ...] = ()

    @cached_property
    def x(self) -> np.ndarray | dict[str, np.ndarray]:
        """The inputs of all rows."""
        return self.rows.inputs() if isinstance(self.rows, EncodedRows) else self.rows

    def frame(self, columns: Mapping[str, np.ndarray], count: int) -> pl.DataFrame:
        """Return the predictions (n,) of these rows as columns, with the reasons where rows have none.

        Args:
            count: number of rows, if none is damaged.
        """
        frame = prediction_frame(columns, len(self.reasons) or count, self.index)
        if not self.reasons:
            return frame
        return frame.with_columns(pl.Series(REASON, self.reasons, dtype=pl.String))


def encode(preparation: Preparation, table: Table, damaged: str) -> Encoded:
    """Return the inputs of a table's rows; prints how the table differs from the training rows.

    Args:
        preparation: of the model.
        table: has its columns.
        damaged: what happens to cells that cannot be encoded; one of ``DAMAGED``.

    Raises:
        DataError E311, E312, E318, E332: damaged cells that are refused, or one in every row.
    """
    try:
        (encoded, notices), index, texts = _encoded(preparation, table), None, ()
    except DataError as error:
        cells = damaged_cells(preparation, table) if error.code in CODES else ()
        if not cells:
            raise
        is_damaged = damaged_rows(cells)
        if damaged == "refuse" or (damaged == "skip" and is_damaged.all()):
            raise refusal(table, cells) from None
        index = np.flatnonzero(~is_damaged) if damaged == "skip" else None
        texts = tuple(reasons(table, cells, settings.lang))
        table = without_damaged(table, cells) if index is None else table.take(index)
        encoded, notices = _encoded(preparation, table)
        count = sum(int(c.is_damaged.sum()) for c in cells)
        facts = {"count": count, "rows": int(is_damaged.sum()), "reason": REASON}
        code = "damaged_as_missing" if index is None else "damaged_skipped"
        screen.notices([Finding(code, "warning", facts)], to_errors=True)
    print_differences(preparation, table, notices)
    return Encoded(encoded, index, texts)


def _encoded(preparation: Preparation, table: Table) -> tuple[np.ndarray | EncodedRows, Sequence[Finding]]:
    """Return the inputs of a table's rows, and notices."""
    if preparation.takes_images:
        applied = preparation.apply(table)
        return applied.x, applied.notices
    rows = preparation.rows(table)
    return rows, rows.notices


def _require_probabilities(model: Model, run: str, data: str) -> None:
    """Require an output with classes; raises E507 if the model predicts values."""
    losses = [target.loss for target in model.state.targets.values()]
    if all(loss.task != "classification" for loss in losses):
        expected = fact("a model of classes")
        received = ", ".join(loss.name for loss in losses)
        fix = f"chainrule predict {quoted(run)} {quoted(data)}"
        raise TrainingError("E507", where="--proba", expected=expected, received=received, fix=fix)


def _refuse_options(expected: str, **options: bool) -> None:
    """Refuse options that do not apply to images, sounds or answers; E601 names the first of them."""
    names = [f"--{name.replace('_', '-')}" for name, is_set in options.items() if is_set]
    if names:
        raise UsageError(
            "E601", where="chainrule predict", option=names[0], expected=expected, received=names[0]
        )


# Certificates beside predictions: ``chainrule predict --certify RADIUS``.

CERTIFICATE, CHANGED = "certificate", "changed prediction"  # columns of the output


def certificate_columns(
    model: Model, x: Any, radius: float, threshold: float | None = None, printed: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Return the status of each row, and the prediction that a change within the radius leads to.

    Args:
        model: a trained classifier.
        x: prepared inputs, or arrays by input name.
        radius: the largest change of an element.
        threshold: as of ``prediction_columns``.
        printed: the predictions that the statuses are about, (N,). Rows that are predicted as no class,
            ``"unknown"``, have the status unknown.

    Raises:
        TrainingError E582, UsageError: as ``Model.certify``. UsageError E601: a calibration that may change
            the predicted one of more than two classes.
    """
    limit = None
    if len(model.labels) == 2:
        limit = network_threshold(model, threshold)
    elif radius >= 0 and not predicts_as_network(model):
        expected = fact("two classes, or a calibration by a temperature")
        raise UsageError(
            "E601", where="chainrule predict", option="--certify", expected=expected, received="isotonic"
        )
    options: dict[str, Any] = {"radius": radius, "threshold": limit, "lang": settings.lang}
    with rows_done(None if printed is None else len(printed)) as advance:
        certificate = robustness.certify(model.state, x, advance=advance, **options)
    if printed is not None:
        is_same = certificate.predictions.astype(str) == np.asarray(printed).astype(str)
        status = tuple(s if own else "unknown" for s, own in zip(certificate.status, is_same, strict=True))
        certificate = replace(certificate, status=status)
    unit = "certified_prepared" if certificate.is_prepared else "certified_units"
    counts = {f"{s}": certificate.status.count(s) for s in ("proven", "broken", "unknown")}
    text = text_of("certified").format(radius=f"{radius:g}", unit=text_of(unit), **counts)
    screen.line(text, "yellow", to_errors=True)
    if refusing_gate(model.state) is not None or stored_level(model.state) is not None:
        screen.line(text_of("certified_class"), "yellow", to_errors=True)
    changed = [
        str(certificate.attacked.get(i, "")) if status == "broken" else ""
        for i, status in enumerate(certificate.status)
    ]
    return {CERTIFICATE: np.array(certificate.status, object), CHANGED: np.array(changed, object)}


# Measures of each row: its uncertainty and its novelty.


def measured_columns(
    run: str, model: Model, x: Any, options: dict[str, Any], reading: ReadOptions
) -> dict[str, np.ndarray]:
    """Return the requested measures of each row, by the name of their column.

    Args:
        x: encoded inputs.
        options: those of ``MEASURES``, ``None`` if not passed.
        reading: how a table of reference rows is read.

    Raises:
        UsageError E601: measures that the model does not have; a reference without ``--novelty``.
    """
    columns: dict[str, np.ndarray] = {}
    for name in ("reference", "novelty_method"):
        option = f"--{name.replace('_', '-')}"
        if options.get(name) is not None and not options.get("novelty"):
            expected = fact("{option} with --novelty", option=option)
            fix = f"--novelty {option} {options[name]}"
            raise UsageError(
                "E601", where="chainrule predict", option=option, received=option, expected=expected, fix=fix
            )
    if options.get("uncertainty"):
        columns |= uncertainty_columns(model, x)
    if options.get("novelty"):
        known = _reference(run, model, options.get("reference"), reading)
        columns |= novelty_columns(model, x, known, options.get("novelty_method") or METHODS[0])
    return columns


def uncertainty_columns(model: Model, x: Any) -> dict[str, np.ndarray]:
    """Return entropy and disagreement of classes, in nats, or deviations of values (E601: one network)."""
    weights: np.ndarray | None = None
    if has_members(model.state):
        samples, weights = model.member_samples(x), model.member_weights
    else:
        samples = _dropout_samples(model, x)
    if model.task != "classification":
        mean = np.average(samples, axis=0, weights=weights)
        spread = np.sqrt(np.average(np.square(samples - mean), axis=0, weights=weights))
        return {SPREAD: spread.reshape(len(spread), -1).mean(axis=1)}
    result = disagreement(samples, weights)
    return {ENTROPY: result.entropy, DISAGREEMENT: result.mutual_information}


def _dropout_samples(model: Model, x: Any) -> np.ndarray:
    try:
        samples = model.dropout_samples(x, DROPOUT_SAMPLES)
    except UsageError as error:
        if error.code != "E101":
            raise
        where = "chainrule predict"
        received = fact("a single network")
        expected = fact("an ensemble, or a network with dropout")
        fix = "chainrule train DATA"
        raise UsageError(
            "E601", where=where, option="--uncertainty", received=received, expected=expected, fix=fix
        ) from None
    screen.line(text_of("uncertainty_by_dropout").format(count=DROPOUT_SAMPLES), to_errors=True)
    preparation = model.preparation
    if model.task == "classification" or preparation is None:
        return samples
    return np.stack([preparation.restore(part) for part in samples])


def _reference(run: str, model: Model, reference: str | None, reading: ReadOptions) -> Any:
    """Return the encoded rows that others are compared with: those of a file, or of the training.

    Raises:
        UsageError E601: neither a file nor a recorded training. TrainingError E591: the training is private.
    """
    if reference is not None:
        known = load(run, reference, reading)[1].x
        return known if model.preparation is None else model.preparation.inputs(known)
    if has_ledger(run):
        raise private_only("chainrule predict", "--novelty --reference FILE")
    if is_recorded(run):
        return recorded_training(run).prepared.training.x
    where = "chainrule predict"
    received = fact("none")
    expected = fact("a file of training rows")
    fix = "--novelty --reference FILE"
    raise UsageError("E601", where=where, option="--reference", received=received, expected=expected, fix=fix)


def novelty_columns(model: Model, x: Any, known: Any, methods: str) -> dict[str, np.ndarray]:
    """Return the share of reference rows at least as strange as each row; prints how many are strange.

    Args:
        x: encoded inputs.
        known: those of the reference rows.
        methods: names of scores, separated by commas; several have a column each.

    Raises:
        UsageError E101: no such score. E102: too few reference rows.
    """
    names: list[Any] = list(dict.fromkeys(name.strip() for name in methods.split(",")))
    for name in names:
        choice(name, METHODS, "--novelty-method")
    columns = {}
    for name in names:
        result = model.novelty(x, known, name)
        column = NOVELTY if len(names) == 1 else f"{NOVELTY} {name}"
        count = int((result.levels <= LEVEL).sum())
        counts = {"count": count, "rows": len(result.levels), "reference": result.reference}
        facts = {"limit": f"{LEVEL:g}", "column": column, **counts}
        score = render(f"novelty_{name}", settings.lang)
        screen.line(text_of("novelty_column").format(score=score, **facts), "yellow", to_errors=True)
        columns[column] = result.levels
    return columns
