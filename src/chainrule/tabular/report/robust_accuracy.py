"""The accuracy of a classifier under attack, as a section of the report."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.data import PreparedData
from chainrule.data.tables.encoders import Pixels
from chainrule.errors import UsageError, fact
from chainrule.model import Model
from chainrule.page.page import Items
from chainrule.records import frozen
from chainrule.robustness.allowed_cells import allowed_changes
from chainrule.robustness.result import AttackResult
from chainrule.tabular.option_names import place
from chainrule.tabular.options import Options
from chainrule.tabular.plan import TrainingPlan
from chainrule.tabular.texts import both_texts
from chainrule.texts import LANGUAGES

MAX_ROWS = 300  # attacked, evenly spaced


@frozen(eq=False)
class RobustAccuracy:
    """An attack on rows of a training.

    Args:
        part: which rows: ``"validation"``, ``"test"`` or ``"training"``.
    """

    result: AttackResult
    part: str

    @property
    def section(self) -> list[tuple[str, str]]:
        """The sentences of the report in both languages."""
        note = both_texts(f"robust_rows_{self.part}")
        pages = [replace(self.result, lang=lang).page() for lang in LANGUAGES]
        items = [next(part for part in page.sections[0].parts if isinstance(part, Items)) for page in pages]
        return [note, *zip(*(part.texts for part in items), strict=True)]


def refuse_robustness(options: Options, prepared: PreparedData) -> None:
    """Refuse a radius that cannot be attacked, before the training (E102)."""
    if not options.robustness:
        return
    expected, received = "", f"{options.robustness:g}"
    first = prepared.preparation.encodings[0]
    if not prepared.task.is_classification:
        expected, received = fact("classes"), prepared.task.kind
    elif isinstance(first, Pixels):
        expected = "0 to 1" if options.robustness > 1 else ""
    elif not allowed_changes(prepared.preparation, prepared.table, options.robustness, None, {}):
        expected, received = fact("columns of numbers or categories"), fact("none")
    if expected:
        raise UsageError(
            "E102", where=place("robustness"), name="robustness", expected=expected, received=received
        )


def robust_accuracy(model: Model, plan: TrainingPlan) -> RobustAccuracy | None:
    """Attack rows of a training with the radius of its options; ``None`` if they have none.

    The rows are validation rows; of an ensemble, which has none of its own, test rows, or else training rows.
    """
    radius, prepared = plan.options.robustness, plan.prepared
    if not radius:
        return None
    parts, table = prepared.parts, prepared.table
    part, rows = "validation", parts.validation
    if not len(rows):
        part, rows, table = "test", parts.test, prepared.tested
    if not len(rows):
        part, rows, table = "training", parts.train, prepared.table
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(MAX_ROWS, len(rows))).round().astype(np.int64))
    attack: Any = model.attack(table.take(rows[chosen]), radius=radius)
    return RobustAccuracy(attack, part)
