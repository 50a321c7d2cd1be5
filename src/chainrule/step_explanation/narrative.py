"""Explanations of traces: which sections are included, at which depth, in which language."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from chainrule.errors import UsageError, fact, nearest
from chainrule.messages import rendered
from chainrule.nn.scope import outline
from chainrule.notation import number
from chainrule.notation.unicode import lowered
from chainrule.page.diagram import diagram_of
from chainrule.page.explanation import Explanation
from chainrule.page.page import Section
from chainrule.step_explanation.sections import (
    checks,
    forward,
    gradients,
    matrix_form,
    summary,
    update,
    weight_derivation,
)
from chainrule.step_explanation.writer import Writer
from chainrule.symbolic_shape import shape_text
from chainrule.texts import LANGUAGES, render
from chainrule.texts.sentence import Sentence
from chainrule.trace import Trace
from chainrule.validation import language, out_of_range

if TYPE_CHECKING:
    from chainrule.data import Cell

# Descriptions of the inputs that were encoded from a table row.

IN_ORDER = 12  # inputs
MAX_RAW = 60  # characters of a cell


def feature_lines(cells: Sequence[Cell], lang: str, shape: tuple[int, ...] = ()) -> tuple[Sentence, ...]:
    """Return one line per input (symbol, name, raw text, encoded value), or one line for an image.

    Beyond ``IN_ORDER`` inputs, those that are 0 (other levels, words that do not occur) come last.

    Args:
        cells: the inputs of one row.
        lang: ``"en"`` or ``"zh"``.
        shape: the shape of the encoded row.
    """
    if len(shape) > 1 and cells:
        values = [cell.value for cell in cells]
        facts: dict[str, object] = {
            "low": number(min(values)),
            "high": number(max(values)),
            "shape": "×".join(map(str, shape)),
        }
        facts |= {"column": cells[0].column, "raw": cells[0].raw or "–"}
        text = render("feature_whole", lang, **facts)
        return (Sentence.of(text, "feature_whole", lang, facts, {}),)
    numbered = list(enumerate(cells, 1))
    if len(numbered) > IN_ORDER:
        numbered.sort(key=lambda pair: pair[1].value == 0)
    return tuple(_line(i, cell, lang) for i, cell in numbered)


def _line(number_of_input: int, cell: Cell, lang: str) -> Sentence:
    facts: dict[str, object] = {
        "i": lowered(str(number_of_input)),
        "name": rendered(cell.feature, lang),
        "raw": _cut(cell.raw) or "–",
        "value": number(cell.value),
    }
    return Sentence.of(
        render("feature", lang, **facts), "feature", lang, facts, {"index": number_of_input - 1}
    )


def _cut(text: str) -> str:
    return text if len(text) <= MAX_RAW else text[: MAX_RAW - 1] + "…"


def explain(
    trace: Trace,
    depth: int = 2,
    lang: str = "en",
    weight: str | None = None,
    *,
    labels: Sequence[object] = (),
    features: Sequence[Cell] = (),
) -> Explanation:
    """Explain a trace in sentences, formulas and numbers.

    Args:
        trace: the trace. With several samples, formulas are those of the first and gradients are means.
        depth: 1 for one line per stop; 2 for a page; 3 for every number.
        lang: ``"en"`` or ``"zh"``.
        weight: one element of a parameter, such as ``"dense1.weight[0,1]"``, whose derivation is returned
            instead.
        labels: the class labels by class index.
        features: the table cells from which the inputs were encoded.

    Raises:
        UsageError E101: unknown language. E102: invalid depth. E120, E121: unknown weight.
    """
    check_options(depth, lang)
    shape = trace.values[next(iter(trace.derivation.built.inputs.values()))].shape[1:]
    writer = Writer(trace, lang, depth, labels=labels, features=feature_lines(features, lang, shape))
    entry = None if weight is None else weight_of(weight, trace.parameters)
    not_finite = checks.not_finite(writer)
    if entry is not None:
        path, index = entry
        title = writer.render("title_weight", weight=f"{path}[{','.join(map(str, index))}]")
        steps = weight_derivation.weight_derivation(writer, path, index) if not_finite is None else []
        sections = [*steps[:1], summary.notation(writer), *steps[1:]]
    else:
        title = writer.render("title_many" if trace.samples > 1 else "title", n=trace.samples)
        sections = [] if not_finite is not None else summary.outline(writer) if depth == 1 else _page(writer)
    chapters = [not_finite] if not_finite is not None else sections
    other_language = next(language for language in LANGUAGES if language != lang)
    return Explanation(
        title,
        lang,
        tuple(section for section in chapters if section is not None),
        lambda: diagram_of(trace),
        lambda: explain(trace, depth, other_language, weight, labels=labels, features=features),
        is_outline=depth == trace.samples == 1 and entry is None and not_finite is None,
    )


def _page(writer: Writer) -> list[Section | None]:
    chapters: list[Section | None] = [
        forward.forward(writer),
        gradients.backward(writer),
        gradients.derivatives(writer),
    ]
    if writer.depth > 2:
        chapters += [matrix_form.letters(writer), gradients.full(writer)]
    chapters += [update.update(writer), update.effect(writer), update.shrinking(writer)]
    if writer.trace.samples > 1:
        chapters.append(checks.samples(writer))
    if writer.depth > 2:
        chapters += [matrix_form.matrices(writer), matrix_form.pitfalls(writer)]
    chapters += [checks.gradient_check(writer), checks.cautions(writer)]
    # Evaluated last: the formulas of the sections may name further values, which the notation lists.
    return [summary.one_line(writer), summary.notation(writer), *chapters]


def check_options(depth: int, lang: str | None, where: str = "explain") -> str:
    """Return the language of an explanation, after a check of its depth.

    Args:
        depth: 1, 2 or 3.
        lang: the language; ``None``: that of the settings.
        where: the function that received them.

    Raises:
        UsageError E101: unknown language. UsageError E102: invalid depth.
    """
    if depth not in (1, 2, 3) or isinstance(depth, bool):
        raise out_of_range(depth, "depth", where, fact("1, 2 or 3"), 2)
    return language(lang, where)


_FORM = re.compile(r"\s*([^\[\]\s]+)\s*(?:\[([^\[\]]*)\])?\s*")


def weight_of(text: str, parameters: Mapping[str, np.ndarray]) -> tuple[str, tuple[int, ...]]:
    """Return the path and the index of one element of a parameter.

    Args:
        text: a name such as ``"dense1.weight[0,1]"``; indices count from 0 and may be negative, as in NumPy.

    Raises:
        UsageError E120: unknown parameter; the message suggests the nearest name.
        UsageError E121: the index does not select one element of it.

    Example:
        >>> weight_of("dense1.weight[0,-1]", {"dense1.weight": np.zeros((3, 2))})
        ('dense1.weight', (0, 1))
    """
    match = _FORM.fullmatch(text)
    path = match[1] if match else text
    if path not in parameters:
        suggestion = nearest(path, parameters)
        example = f"{suggestion}[{','.join('0' * parameters[suggestion].ndim)}]" if suggestion else ""
        expected = outline(parameters) or fact("a network with parameters")
        fix = f'weight="{example}"' if suggestion else ""
        raise UsageError("E120", where="weight", name=path, expected=expected, received=text, fix=fix)
    shape = parameters[path].shape
    index = _index(match[2] if match else None, shape)
    if index is None:
        expected = fact("an index inside {shape}, from 0", shape=shape_text(shape))
        fix = f'weight="{path}[{",".join("0" * len(shape))}]"'
        raise UsageError("E121", where="weight", name=path, expected=expected, received=text, fix=fix)
    return path, index


def _index(text: str | None, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the index in the brackets, or ``None`` if it is not a valid index of this shape."""
    parts = [part.strip() for part in (text or "").split(",")] if (text or "").strip() else []
    if len(parts) != len(shape) or not all(re.fullmatch(r"-?[0-9]{1,9}", part) for part in parts):
        return None
    index = tuple(int(part) + (n if int(part) < 0 else 0) for part, n in zip(parts, shape, strict=True))
    return index if all(0 <= i < n for i, n in zip(index, shape, strict=True)) else None
