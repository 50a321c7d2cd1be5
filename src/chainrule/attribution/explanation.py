"""The explanation of a prediction: first why, in the words of the user, then the derivation of one network.

The derivation of an ensemble would be that of all its networks at once. By default one network is derived,
and the page states which; ``member="all"`` derives the ensemble as one network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import derive, trace
from chainrule.attribution.reasons import Reasons, reasons_for
from chainrule.errors import UsageError, fact
from chainrule.notation import number
from chainrule.page.explanation import Explanation
from chainrule.page.page import Section
from chainrule.records import frozen
from chainrule.texts import LANGUAGES, render
from chainrule.train.evaluation.prediction import predict
from chainrule.train.evaluation.rows import encode_labeled
from chainrule.train.inputs import tabular
from chainrule.train.inputs.batch_source import samples_of
from chainrule.train.single_member import member_weights, members_of, single_member
from chainrule.validation import out_of_range, trained_network

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState

ALL = "all"  # the ensemble as one network


@frozen(eq=False)
class Request:
    """What is explained.

    Args:
        model: a trained model.
        x, y: as in ``Model.explain``; ``y`` is ``None`` if unknown.
        weight: one element of a parameter, or ``None``.
        depth: 0 for the reasons alone, else the depth of the derivation.
        member: the number of a member from 1, ``"all"``, or ``None`` for the default.
        with_reasons: whether the page begins with the reasons; that of an ensemble always does.
    """

    model: ModelState
    x: Any
    y: Any
    weight: str | None
    depth: int
    member: int | str | None
    with_reasons: bool = False


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
        why = reasons_for(model, request.x, actual)
    derivation = None
    if depth > 0 or why is None:
        y = request.y if known else _predicted(request)
        derived = model if number_of_member is None else single_member(model, number_of_member)
        rows = encode_labeled(derived, request.x, y, "explain")
        labels = class_names(model)
        derivation = derive.explain(
            trace.trace_rows(rows), depth or 2, lang, request.weight, labels=labels, features=rows.cells
        )
    notes = [] if known else [("why_no_target", {"target": _predicted(request)})] if derivation else []
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
    """The number of the member that is derived; ``None``: the whole network.

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
    """Whether the target is known, and its value if it is one label or number."""
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
    """The predicted classes, as targets of a derivation.

    Raises:
        UsageError E122: the model predicts values, whose loss would be 0.
    """
    model = request.model
    if model.task != "classification":
        raise UsageError(
            "E122", where="explain", expected=fact("a label or a value"), fix="model.explain(x[0], y[0])"
        )
    predicted: Any = predict(model, request.x)
    labels = np.asarray(predicted)
    return labels.tolist()[0] if labels.shape == (1,) else labels
