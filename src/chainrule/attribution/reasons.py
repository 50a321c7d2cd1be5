"""Why a model predicts what it predicts: the prediction, and the inputs that mattered most, on one screen.

The contributions are those of integrated gradients, in the words of the user: columns with their cells, words
of a text, regions of an image. Below them is the sum: the score of the baseline plus all contributions is
the score of the row.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.attribution.attribution import BAR_LENGTH, Attribution, Contribution
from chainrule.attribution.plots import is_image
from chainrule.attribution.request import attribute
from chainrule.errors import ChainruleError
from chainrule.notation import number
from chainrule.page.page import Section, Table
from chainrule.records import frozen
from chainrule.texts import render
from chainrule.train.evaluation.prediction import predict, predict_proba

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState

LISTED = 8  # inputs; the others are one line
REGIONS = 3  # of an image, along each side


@frozen(eq=False)
class Reasons:
    """The prediction for one row, and the contributions of its inputs.

    Args:
        prediction: the label or the value.
        probability: of the label; ``None`` for a value.
        actual: the label or value in the row; ``None`` if unknown.
        target: the name of the predicted column; ``""`` if it has none.
        attribution: the contributions.
    """

    prediction: Any
    probability: float | None
    actual: Any
    target: str
    attribution: Attribution

    @property
    def prediction_text(self) -> str:
        """The prediction as text."""
        return _printed(self.prediction)

    def section(self, lang: str) -> Section:
        """Return the section of a page."""
        one = replace(self.attribution, lang=lang)
        listed = _contributions(one)
        largest_parts, rest = listed[:LISTED], listed[LISTED:]
        largest = max((abs(part.value) for part in largest_parts), default=0.0) or 1.0
        rows = [
            (
                part.name,
                part.input,
                signed(part.value),
                ("█" if part.value > 0 else "░") * round(BAR_LENGTH * abs(part.value) / largest),
            )
            for part in largest_parts
        ]
        if rest:
            total = sum(part.value for part in rest)
            rows.append((render("attribution_rest", lang, count=len(rest)), "", signed(total), ""))
        keys = ("attribution_input", "attribution_given", "attribution_value_head", "attribution_bar")
        table = Table(tuple(render(key, lang) for key in keys), tuple(rows), (2,), "reasons")
        meaning = render(f"why_{one.explains}", lang, target=one.targets[0])
        baseline = render("why_baseline_mean" if one.columns else "why_baseline_zero", lang)
        gap = " " if lang == "en" else ""
        parts = (self._prediction(lang), f"{meaning}{gap}{baseline}", table, self._sum(lang))
        return Section(render("why", lang), parts)

    def _prediction(self, lang: str) -> str:
        facts = {"prediction": _printed(self.prediction), "target": self.target}
        if self.probability is not None:
            facts["probability"] = f"{100 * self.probability:.1f} %"
            key = "why_class_of" if self.target else "why_class"
        else:
            key = "why_number_of" if self.target else "why_number"
        text = render(key, lang, **facts)
        if self.actual is None:
            return text
        is_same = str(self.actual) == str(self.prediction)
        key = "why_actual_same" if is_same else "why_actual"
        return text + (" " if lang == "en" else "") + render(key, lang, actual=_printed(self.actual))

    def _sum(self, lang: str) -> str:
        """The equation of the scores."""
        one = self.attribution
        assert one.base is not None
        assert one.residual is not None
        score, base, residual = float(one.scores[0]), float(one.base[0]), float(one.residual[0])
        total = number(abs(score - base + residual), 4, fixed=True)
        facts = {"base": number(base, 4), "sum": f"{'+' if score + residual >= base else '−'} {total}"}
        facts |= {"score": number(score, 4), "residual": number(abs(residual), 1)}
        return render(f"why_sum_{one.explains}", lang, **facts)


def reasons_for(model: ModelState, x: Any, actual: Any = None) -> Reasons | None:
    """Return the prediction for one row and its contributions; ``None`` if the model has no such attribution.

    Args:
        model: a trained model.
        x: one row, as for ``predict``.
        actual: the label or value of the row, if known.
    """
    if len(model.targets) != 1:
        return None
    try:
        attribution = attribute(model, x)
    except ChainruleError:
        return None
    if attribution.rows != 1 or attribution.base is None or attribution.residual is None:
        return None
    is_class = attribution.explains == "logit"
    prediction: Any = attribution.targets[0]
    probability = None
    if is_class:
        probabilities: Any = predict_proba(model, x)
        probability = float(np.max(np.asarray(probabilities).reshape(-1)))
    else:
        values: Any = np.asarray(predict(model, x)).reshape(-1)
        if len(values) != 1:
            return None
        prediction = float(values[0])
    preparation = model.preparation
    return Reasons(prediction, probability, actual, preparation.target if preparation else "", attribution)


def signed(value: float) -> str:
    """Format a contribution with its sign."""
    return ("+" if value > 0 else "") + number(value, 4, fixed=True)


def _printed(value: Any) -> str:
    return number(float(value)) if isinstance(value, float | np.floating) else str(value)


def _contributions(attribution: Attribution) -> list[Contribution]:
    """The contributions in the words of the user, the largest first."""
    if attribution.columns or attribution.words or not is_image(attribution.inputs):
        return attribution.contributions()
    (values,) = attribution.values.values()
    parts = []
    for i, band in enumerate(np.array_split(values[0], REGIONS, axis=0)):
        for j, region in enumerate(np.array_split(band, REGIONS, axis=1)):
            name = render(f"region_{i}_{j}", attribution.lang)
            parts.append(Contribution(name, "", float(region.sum())))
    return sorted(parts, key=lambda part: -abs(part.value))
