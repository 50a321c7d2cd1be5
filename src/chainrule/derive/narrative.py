"""From a trace to an explanation: which chapters are told, at which depth, in which language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chainrule.derive.features import feature_lines
from chainrule.derive.sections import (
    backward,
    checks,
    derivatives,
    forward,
    ledger,
    matrix_form,
    summary,
    update,
)
from chainrule.derive.weight_name import weight_of
from chainrule.derive.writer import Pen
from chainrule.errors import UsageError, nearest
from chainrule.page.diagram import diagram_of
from chainrule.page.explanation import Explanation
from chainrule.page.page import Section
from chainrule.texts import LANGUAGES
from chainrule.trace import Trace

if TYPE_CHECKING:
    from chainrule.data import Cell


def explain(
    trace: Trace,
    depth: int = 2,
    lang: str = "en",
    weight: str | None = None,
    *,
    labels: Sequence[object] = (),
    features: Sequence[Cell] = (),
) -> Explanation:
    """Tell what happened to the samples of a trace, in words, formulas and numbers.

    Args:
        trace: what happened. With several samples the formulas are those of the first, the gradients are the
            means.
        depth: 1 one line for each stop; 2 a page; 3 every number.
        lang: ``"en"`` or ``"zh"``.
        weight: one number of a parameter, such as ``"dense1.weight[0,1]"``: then its ledger is told.
        labels: the classes in the order of their numbers.
        features: the cells of a table's row that the input numbers were.

    Fails:
        UsageError E101: no such language. E102: no such depth. E120, E121: no such weight.
    """
    require_telling(depth, lang)
    shape = trace.values[next(iter(trace.derivation.built.inputs.values()))].shape[1:]
    pen = Pen(trace, lang, depth, labels=labels, features=feature_lines(features, lang, shape))
    place = None if weight is None else weight_of(weight, trace.parameters)
    broken = checks.not_finite(pen)
    if place is not None:
        path, index = place
        title = pen.say("title_weight", weight=f"{path}[{','.join(map(str, index))}]")
        told = ledger.ledger(pen, path, index) if broken is None else []
        sections = [*told[:1], summary.notation(pen), *told[1:]]
    else:
        title = pen.say("title_many" if trace.samples > 1 else "title", n=trace.samples)
        sections = [] if broken is not None else summary.outline(pen) if depth == 1 else _page(pen)
    chapters = [broken] if broken is not None else sections
    other = next(known for known in LANGUAGES if known != lang)
    return Explanation(
        title,
        lang,
        tuple(section for section in chapters if section is not None),
        lambda: diagram_of(trace),
        lambda: explain(trace, depth, other, weight, labels=labels, features=features),
    )


def _page(pen: Pen) -> list[Section | None]:
    chapters: list[Section | None] = [
        forward.forward(pen),
        backward.backward(pen),
        derivatives.derivatives(pen),
    ]
    if pen.depth > 2:
        chapters += [matrix_form.letters(pen), derivatives.full(pen)]
    chapters += [update.update(pen), update.effect(pen), update.shrinking(pen)]
    if pen.trace.samples > 1:
        chapters.append(checks.samples(pen))
    if pen.depth > 2:
        chapters += [matrix_form.matrices(pen), matrix_form.pitfalls(pen)]
    chapters += [checks.checked(pen), checks.cautions(pen)]
    # Formulas of the chapters may name further values, whose letters the notation says.
    return [summary.one_line(pen), summary.notation(pen), *chapters]


def require_telling(depth: int, lang: str) -> None:
    """Refuse a depth or a language there is not.

    Fails:
        UsageError E101: no such language. UsageError E102: no such depth.
    """
    if lang not in LANGUAGES:
        close = nearest(str(lang), LANGUAGES) or LANGUAGES[0]
        raise UsageError(
            "E101",
            where="explain, lang",
            name=lang,
            expected=", ".join(LANGUAGES),
            received=lang,
            fix=f'lang="{close}"',
        )
    if depth not in (1, 2, 3) or isinstance(depth, bool):
        raise UsageError(
            "E102", where="explain", name="depth", expected="1, 2 or 3", received=repr(depth), fix="depth=2"
        )
