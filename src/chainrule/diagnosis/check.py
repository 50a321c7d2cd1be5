"""``Model.check``: the rules that run before a training and at its first steps, without training.

All computations use a copy; the model is not changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule import data
from chainrule.diagnosis.callback import apply_rules, findings_before
from chainrule.diagnosis.context import collect_context
from chainrule.diagnosis.diagnosis import Diagnosis
from chainrule.diagnosis.finding import Finding
from chainrule.diagnosis.first_steps import first_steps
from chainrule.diagnosis.rule import BEFORE, FIRST, RULES, Evidence
from chainrule.diagnosis.rules.output_activation import mismatch
from chainrule.errors import ChainruleError, ShapeError, fact
from chainrule.symbolic_shape import shape_text
from chainrule.train.callback.training_view import TrainingView
from chainrule.train.fit_options import FitOptions, checked_options
from chainrule.train.fit_preparation import TrainingData, prepare_rows
from chainrule.train.inputs.tabular import is_table, join_target
from chainrule.train.model_state import ModelState

Gradients = Mapping[str, Any]


def diagnose(
    model: ModelState,
    x: Any,
    y: Any,
    lang: str,
    gradients: Gradients | None = None,
    previous: Gradients | None = None,
    **options: Any,
) -> Diagnosis:
    """Return the findings before a training and at its first steps; see ``Model.check``."""
    validation = options.pop("validation", None)
    size, seed = options.pop("batch_size", 32), options.pop("seed", 0)
    if gradients is not None:
        size = None  # they are the gradients of all rows as one batch
    fit_options = FitOptions(1, size, seed, **checked_options(options))
    try:
        run = prepare_rows(model, TrainingData(x, y, validation), fit_options)
    except ChainruleError as error:
        if error.code not in _REFUSALS:
            raise
        return Diagnosis.of([_REFUSALS[error.code](error, y)], lang)
    validation_rows = None if run.evaluator is None else run.evaluator.rows
    context = collect_context(
        run.network, run.model.targets, run.data, run.order, validation_rows, _table_findings(x, y)
    )
    stored, before = (_checked_gradients(passed, run.state.parameters) for passed in (gradients, previous))
    first = first_steps(context, TrainingView(run), stored, before)
    names = dict.fromkeys([*BEFORE, *FIRST])
    return Diagnosis.of(
        [*findings_before(context), *apply_rules(names, "first", lambda check: check(first))], lang
    )


def _too_many(error: ChainruleError, y: Any) -> Finding:
    """Return the refusal of more classes than scores as a finding."""
    scores, classes = (int(str(error.details[key])) for key in ("outputs", "classes"))
    low, high = (str(error.details[key]) for key in ("first_label", "last_label"))
    facts = {"scores": scores, "classes": classes, "low": low, "high": high}
    remedy = f"cr.Sequential(net, cr.Dense({classes}))"
    evidence = Evidence(classes, scores, facts, form="too_many", severity="error", remedy=remedy)
    return Finding(RULES["label-numbers"], evidence)


def _repeated_activation(error: ChainruleError, y: Any) -> Finding:
    """Return the refusal of a repeated output activation as a finding."""
    classes = 2 if isinstance(y, str | Mapping) or y is None else len(np.unique(np.asarray(y)))
    names = {name: str(error.details[name]) for name in ("loss", "activation")}
    return Finding(
        RULES["loss-activation"], mismatch(names["loss"], names["activation"], classes, error.where)
    )


_REFUSALS = {"E502": _too_many, "E105": _repeated_activation}


def _table_findings(x: Any, y: Any) -> tuple[data.Finding, ...] | None:
    """Return the findings in a table; ``None`` for arrays."""
    x, y = join_target(x, y)
    return tuple(data.check(data.read_table(x), y)) if is_table(x, y) else None


def _checked_gradients(
    gradients: Gradients | None, parameters: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Check gradients passed by the user against the parameters of the network."""
    arrays = {name: np.asarray(value) for name, value in (gradients or {}).items()}
    mismatched = [
        fact(
            "{name} {received} not {expected}",
            name=name,
            received=shape_text(a.shape),
            expected=shape_text(parameters[name].shape),
        )
        if name in parameters
        else f"{name} {shape_text(a.shape)}"
        for name, a in arrays.items()
        if name not in parameters or a.shape != parameters[name].shape
    ]
    if mismatched or (gradients is not None and not arrays):
        expected = ", ".join(parameters)
        received = mismatched[0] if mismatched else fact("none")
        fix = fact("the names and shapes of model.parameters()")
        raise ShapeError(
            "E551", where="check", expected=expected, received=received, notes=mismatched[1:], fix=fix
        )
    return arrays
