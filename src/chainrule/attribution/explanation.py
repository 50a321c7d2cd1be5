"""The explanation of a prediction: first why, in the words of the user, then the derivation of one network.

The derivation of an ensemble would be that of all its networks at once. By default one network is derived,
and the page states which; ``member="all"`` derives the ensemble as one network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import step_explanation, trace
from chainrule.attribution.attribution import BAR_LENGTH, Attribution, Contribution
from chainrule.attribution.plots import is_image
from chainrule.attribution.request import attribute
from chainrule.errors import ChainruleError, UsageError, fact
from chainrule.notation import number
from chainrule.page.explanation import Explanation
from chainrule.page.page import Section, Table
from chainrule.records import frozen
from chainrule.texts import LANGUAGES, render
from chainrule.train.evaluation.prediction import predict, predict_proba
from chainrule.train.evaluation.rows import encode_labeled
from chainrule.train.inputs import tabular
from chainrule.train.inputs.batch_source import samples_of
from chainrule.train.single_member import member_weights, members_of, single_member
from chainrule.validation import out_of_range, trained_network

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState

# Why a model predicts what it predicts: the prediction, and the inputs that mattered most, on one screen.
#
# The contributions are those of integrated gradients, in the words of the user: columns with their cells,
# words of a text, regions of an image, times and frequencies of a sound. Below them is the sum: the score of
# the baseline plus all contributions is the score of the row.

LISTED = 8  # inputs; the others are one line
REGIONS = 3  # of an image, along each side


@frozen
class Decision:
    """The class that ``chainrule predict`` prints for a row, where more than the largest probability decides.

    Args:
        label: the printed class; that of the network if the row is named unknown.
        probability: of that class, as printed.
        network: the same of the network, before calibration.
        threshold: from which probability ``second`` is predicted; ``None``: the larger one decides.
        second: the second of two classes.
        is_raw: whether the threshold is one of the probabilities of the network.
        is_unknown: whether the row is named unknown.
    """

    label: Any
    probability: float
    network: float
    threshold: float | None = None
    second: Any = None
    is_raw: bool = False
    is_unknown: bool = False

    @property
    def notes(self) -> list[tuple[str, dict[str, Any]]]:
        """The sentences on what decided: the key of a text, and its facts."""
        notes: list[tuple[str, dict[str, Any]]] = []
        is_calibrated = self.probability != self.network
        if self.threshold is not None:
            key = "why_threshold_raw" if self.is_raw and is_calibrated else "why_threshold"
            notes.append((key, {"label": self.second, "threshold": f"{self.threshold:.4g}"}))
        if is_calibrated:
            notes.append(("why_calibrated", {"probability": _percent(self.network)}))
        if self.is_unknown:
            notes.append(("why_unknown", {}))
        return notes


@frozen(eq=False)
class Reasons:
    """The prediction for one row, and the contributions of its inputs.

    Args:
        prediction: the label or the value.
        probability: of the label; ``None`` for a value.
        actual: the label or value in the row; ``None`` if unknown.
        target: the name of the predicted column; ``""`` if it has none.
        attribution: the contributions.
        decision: what decided beside the probabilities of the network.
    """

    prediction: Any
    probability: float | None
    actual: Any
    target: str
    attribution: Attribution
    decision: Decision | None = None

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
            facts["probability"] = _percent(self.probability)
            key = "why_class_of" if self.target else "why_class"
        else:
            key = "why_number_of" if self.target else "why_number"
        sentences = [render(key, lang, **facts)]
        if self.decision is not None:
            sentences += [render(key, lang, **facts) for key, facts in self.decision.notes]
        if self.actual is not None:
            is_same = str(self.actual) == str(self.prediction)
            key = "why_actual_same" if is_same else "why_actual"
            sentences.append(render(key, lang, actual=_printed(self.actual)))
        return (" " if lang == "en" else "").join(sentences)

    def _sum(self, lang: str) -> str:
        """Return the equation of the scores."""
        one = self.attribution
        assert one.base is not None
        assert one.residual is not None
        score, base, residual = float(one.scores[0]), float(one.base[0]), float(one.residual[0])
        total = number(abs(score - base + residual), 4, fixed=True)
        facts = {"base": number(base, 4), "sum": f"{'+' if score + residual >= base else '−'} {total}"}
        facts |= {"score": number(score, 4), "residual": number(abs(residual), 1)}
        return render(f"why_sum_{one.explains}", lang, **facts)


def reasons_for(
    model: ModelState, x: Any, actual: Any = None, decision: Decision | None = None
) -> Reasons | None:
    """Return the prediction for one row and its contributions; ``None`` if the model has no such attribution.

    Args:
        x: one row, as for ``predict``.
        actual: the label or value of the row, if known.
        decision: the printed class, which is explained; ``None``: the likeliest one.
    """
    if len(model.targets) != 1:
        return None
    try:
        attribution = attribute(model, x, target=decision.label if decision else None)
    except ChainruleError:
        return None
    if attribution.rows != 1 or attribution.base is None or attribution.residual is None:
        return None
    is_class = attribution.explains == "logit"
    prediction: Any = attribution.targets[0]
    probability = None
    if is_class and decision is not None:
        probability = decision.probability
    elif is_class:
        probabilities: Any = predict_proba(model, x)
        probability = float(np.max(np.asarray(probabilities).reshape(-1)))
    else:
        values: Any = np.asarray(predict(model, x)).reshape(-1)
        if len(values) != 1:
            return None
        prediction = float(values[0])
    target = model.preparation.target if model.preparation else ""
    return Reasons(prediction, probability, actual, target, attribution, decision)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def signed(value: float) -> str:
    """Format a contribution with its sign."""
    return ("+" if value > 0 else "") + number(value, 4, fixed=True)


def _printed(value: Any) -> str:
    return number(float(value)) if isinstance(value, float | np.floating) else str(value)


def _contributions(attribution: Attribution) -> list[Contribution]:
    """Return the contributions in the words of the user, the largest first."""
    if attribution.columns or attribution.words or not is_image(attribution.inputs):
        return attribution.contributions()
    (values,) = attribution.values.values()
    spans = [_spans(names) for names in attribution.positions]
    listed = []
    for i, band in enumerate(np.array_split(values[0], REGIONS, axis=0)):
        for j, region in enumerate(np.array_split(band, REGIONS, axis=1)):
            name = f"{spans[0][i]}, {spans[1][j]}" if spans else render(f"region_{i}_{j}", attribution.lang)
            if region.size:
                listed.append(Contribution(name, "", float(region.sum())))
    return sorted(listed, key=lambda part: -abs(part.value))


def _spans(names: Sequence[str]) -> list[str]:
    """Return the first and the last name of each region; all names have one unit.

    Example:
        >>> _spans(["0 s", "1 s", "2 s", "3 s"])
        ['0–1 s', '2 s', '3 s']
    """
    unit = f" {names[0].rpartition(' ')[2]}" if names else ""
    parts = [[name.removesuffix(unit) for name in part] for part in np.array_split(np.array(names), REGIONS)]
    return ["–".join(dict.fromkeys((part[0], part[-1]))) + unit if part else "" for part in parts]


ALL = "all"  # the ensemble as one network


@frozen(eq=False)
class Request:
    """A request for an explanation.

    Args:
        x, y: as in ``Model.explain``; ``y`` is ``None`` if unknown.
        weight: one element of a parameter, or ``None``.
        depth: 0 for the reasons alone, else the depth of the derivation.
        member: the number of a member from 1, ``"all"``, or ``None`` for the default.
        with_reasons: whether the page begins with the reasons; that of an ensemble always does.
        decision: the class that is explained, if not the likeliest one.
    """

    model: ModelState
    x: Any
    y: Any
    weight: str | None
    depth: int
    member: int | str | None
    with_reasons: bool = False
    decision: Decision | None = None


def explain_prediction(request: Request, lang: str) -> Explanation:
    """Return the explanation; see ``Model.explain``."""
    model, depth = request.model, request.depth
    trained_network(model, "explain")
    x, y, _ = samples_of(request.x, request.y)
    request = replace(request, x=x, y=y)
    count = members_of(model)
    number_of_member = _member(request, count)
    known, actual = _target_of(request)
    why = None
    if depth == 0 or ((request.with_reasons or count > 1) and request.weight is None):
        why = reasons_for(model, request.x, actual, request.decision)
    derivation = None
    if depth > 0 or why is None:
        y = request.y if known else _predicted(request)
        derived = model if number_of_member is None else single_member(model, number_of_member)
        rows = encode_labeled(derived, request.x, y, "explain")
        labels = class_names(model)
        derivation = step_explanation.explain(
            trace.trace_rows(rows), depth or 2, lang, request.weight, labels=labels, features=rows.cells
        )
    notes = [] if known else [("why_no_target", {"target": _predicted(request)})] if derivation else []
    if derivation is not None and why is None and request.decision is not None:
        one = request.decision
        printed = {"prediction": one.label, "probability": _percent(one.probability)}
        notes += [("why_printed", printed), *one.notes]
    if derivation is not None and number_of_member is not None and count > 1:
        weight = float(member_weights(model)[number_of_member - 1])
        facts = {"count": count, "number": number_of_member, "weight": number(weight)}
        notes.append(("why_member", facts))
    return _page(why, derivation, notes, lang)


def class_names(model: ModelState) -> Sequence[object]:
    """Return the names of the classes: labels, or the tokens of a model that generates text."""
    tokenizer, labels = model.tokenizers.get(""), model.labels
    is_numbered = labels == tuple(range(len(labels)))
    return tokenizer.tokens if tokenizer is not None and is_numbered else labels


def _page(
    why: Reasons | None, derivation: Explanation | None, notes: list[tuple[str, dict[str, Any]]], lang: str
) -> Explanation:
    """Return the reasons, what is derived, and the derivation as one page, with its translation."""
    sections: list[Section] = [] if why is None else [why.section(lang)]
    if notes:
        sections.append(Section("", tuple(render(key, lang, **facts) for key, facts in notes)))
    if derivation is not None:
        other = derivation.translate
        return replace(
            derivation,
            sections=(*sections, *derivation.sections),
            translate=(
                None
                if other is None
                else lambda: _page(why, _as_explanation(other()), notes, _other_language(lang))
            ),
        )
    assert why is not None
    title = render("why_title", lang, prediction=why.prediction_text)
    return Explanation(
        title, lang, tuple(sections), translate=lambda: _page(why, None, notes, _other_language(lang))
    )


def _as_explanation(page: Any) -> Explanation:
    assert isinstance(page, Explanation)
    return page


def _other_language(lang: str) -> str:
    return next(language for language in LANGUAGES if language != lang)


def _member(request: Request, count: int) -> int | None:
    """Return the number of the member that is derived; ``None``: the whole network.

    Raises:
        UsageError E102: no such member.
    """
    member = request.member
    if member is None:
        return 1 if count > 1 and request.weight is None else None
    if member == ALL:
        return None
    if isinstance(member, bool) or not isinstance(member, int) or not 1 <= member <= count:
        last = count or ALL
        expected = (
            fact('1 to {last}, or "all"', last=last) if count else fact("an ensemble: this is one network")
        )
        raise out_of_range(member, "member", "explain", expected, fix="member=1" if count else "")
    return member


def _target_of(request: Request) -> tuple[bool, Any]:
    """Return whether the target is known, and its value if it is one label or number."""
    model, y = request.model, request.y
    if y is not None:
        values = None if isinstance(y, dict) else np.asarray(y).reshape(-1)
        return True, values.tolist()[0] if values is not None and len(values) == 1 else None
    if model.preparation is None or not tabular.is_table(request.x, None):
        return False, None
    table = model.preparation.read(request.x)
    target = model.preparation.target
    if target not in table.columns or table.frame[target].null_count():
        return False, None
    if table.rows != 1:
        return True, None
    coded = model.preparation.targets(table)
    if model.preparation.task == "classification":
        return True, model.preparation.labels[int(coded[0])]
    return True, float(model.preparation.restore(coded)[0])


def _predicted(request: Request) -> Any:
    """Return the predicted classes, as targets of a derivation."""
    model = request.model
    if model.task != "classification":
        raise UsageError(
            "E122", where="explain", expected=fact("a label or a value"), fix="model.explain(x[0], y[0])"
        )
    predicted: Any = predict(model, request.x)
    labels = np.asarray(predicted)
    return labels.tolist()[0] if labels.shape == (1,) else labels
