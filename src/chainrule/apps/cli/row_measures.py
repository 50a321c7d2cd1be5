"""Columns of ``chainrule predict`` that measure each row: its uncertainty and its novelty."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.apps.cli.model_and_rows import load
from chainrule.apps.cli.signature import Choice
from chainrule.apps.cli.texts import text_of
from chainrule.data.readers.read_options import ReadOptions
from chainrule.errors import UsageError, fact
from chainrule.model import Model
from chainrule.page import screen
from chainrule.robustness.novelty_scores import LEVEL, METHODS
from chainrule.settings import settings
from chainrule.tabular.recorded_training import is_recorded, recorded_training
from chainrule.texts import render
from chainrule.train.private.ledger import has_ledger
from chainrule.train.private.refusals import private_only
from chainrule.uncertainty.ensemble_and_dropout_sampling import disagreement, has_members
from chainrule.validation import choice

# Certificates beside predictions: ``chainrule predict --certify RADIUS``.

CERTIFICATE, CHANGED = "certificate", "changed prediction"  # columns of the output


def certificate_columns(model: Model, x: Any, radius: float) -> dict[str, np.ndarray]:
    """Return the status of each row, and the prediction that a change within the radius leads to.

    Args:
        model: a trained classifier.
        x: prepared inputs, or arrays by input name.
        radius: the largest change of an element.

    Raises:
        TrainingError E582, UsageError: as ``Model.certify``.
    """
    certificate = model.certify(x, radius=radius, lang=settings.lang)
    unit = "certified_prepared" if certificate.is_prepared else "certified_units"
    counts = {f"{s}": certificate.status.count(s) for s in ("proven", "broken", "unknown")}
    text = text_of("certified").format(radius=f"{radius:g}", unit=text_of(unit), **counts)
    screen.line(text, "yellow", to_errors=True)
    changed = [str(certificate.attacked.get(i, "")) for i in range(len(certificate.status))]
    return {CERTIFICATE: np.array(certificate.status, object), CHANGED: np.array(changed, object)}


ENTROPY, DISAGREEMENT, SPREAD, NOVELTY = "entropy", "disagreement", "spread", "novelty"
SAMPLES = 50  # of a network with dropout
MEASURES = {
    "uncertainty": Choice(bool, "predict_uncertainty"),
    "novelty": Choice(bool, "predict_novelty"),
    "novelty_method": Choice(str, "predict_novelty_method", "NAME"),
    "reference": Choice(str, "predict_reference", "FILE"),
}


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
        samples = model.dropout_samples(x, SAMPLES)
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
    screen.line(text_of("uncertainty_by_dropout").format(count=SAMPLES), to_errors=True)
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
