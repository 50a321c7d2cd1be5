"""A black box in words: one line, a short table, or everything, in English or Chinese."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

from chainrule.train.nonfinite.texts import CAUSES, WORDS

if TYPE_CHECKING:
    from chainrule.train.nonfinite.record import BlackBox, Moment, Read

FEW, SOME = 3, 10  # how many numbers and rows are told at depth 2; all there are at depth 3


def black_box_lines(found: BlackBox, lang: str = "en", depth: int = 2) -> list[str]:
    """The record as lines of text.

    Args:
        found: the record.
        lang: ``"en"`` or ``"zh"``.
        depth: 0 for the cause alone; 1 where, cause and remedy; 2 with value, rows, what was read and the
            last steps; 3 with all rows, all that was read and the weights of every layer.
    """
    say = WORDS[lang]
    position = 0 if lang == "en" else 1
    cause = say["then"].join(CAUSES[each.key][position].format(**each.facts) for each in found.causes)
    if depth == 0:
        return [cause]
    rows = [(say["cause"], cause)]
    if depth > 1:
        few = SOME if depth == 2 else None
        rows = [(say["found"], _value(found, lang)), *_rows(found, lang, few)]
        rows += [(say["read"], _reads(found, lang, FEW if depth == 2 else None))] if found.reads else []
        rows.append((say["cause"], cause))
    rows.append((say["try"], found.remedy))
    lines = [headline(found, lang), *_aligned(rows)]
    if depth > 1 and found.course:
        lines += ["", *_table(_course(found.course, lang))]
    if depth > 2 and found.course and found.course[-1].weights:
        weights = [(path, _figure(value)) for path, value in found.course[-1].weights.items()]
        lines += ["", say["weights"], *_table(weights)]
    return lines


def headline(found: BlackBox, lang: str) -> str:
    """When and where, in one line."""
    say = WORDS[lang]
    when = say["step"].format(step=found.step, epoch=found.epoch, batch=found.batch)
    place = place_of(found, lang)
    made = say["made"].format(op=found.op, place=place)
    return say["beside"].join([when if found.step else say["answer"], say[found.phase], made])


def place_of(found: BlackBox, lang: str = "en") -> str:
    """The layer as errors write it, or the part of the step that belongs to none."""
    if not found.kind:
        return WORDS[lang].get(found.layer, found.layer)
    layer = f'{found.kind} "{found.layer}"'
    return f"{layer} ({found.place})" if found.place else layer


def _value(found: BlackBox, lang: str) -> str:
    say = WORDS[lang]
    text = say["value"].format(
        value=_figure(found.value), index=_index(found.index), count=found.count, size=found.size
    )
    text += say["at_time"].format(time=found.time) if found.time >= 0 else ""
    return text + (say["native"] if found.engine == "native" else "")


def _rows(found: BlackBox, lang: str, few: int | None) -> list[tuple[str, str]]:
    say = WORDS[lang]
    key, rows = ("own_rows", found.rows) if found.rows else ("heavy_rows", found.heavy_rows)
    if not rows:
        return []
    text = say["comma"].join(map(str, rows[:few]))
    more = say["more"].format(more=len(rows) - few) if few is not None and len(rows) > few else ""
    return [(say["rows"], say[key].format(rows=text, more=more))]


def _reads(found: BlackBox, lang: str, few: int | None) -> str:
    say = WORDS[lang]
    shown = [_read(each, lang) for each in found.reads[:few]]
    before = say["of_numbers"].format(of=found.of) if found.of > len(shown) else ""
    return before + say["comma"].join(shown)


def _read(each: Read, lang: str) -> str:
    row = WORDS[lang]["row"].format(row=each.row) if each.row >= 0 else ""
    return f"{each.name}{_bracketed(each.index)} = {_figure(each.value)}{row}"


def _course(course: Sequence[Moment], lang: str) -> list[tuple[str, ...]]:
    """The last steps as rows of a table, its head first."""
    head = tuple(WORDS[lang]["columns"].split("|"))
    lengths = [math.hypot(*each.weights.values()) if each.weights else math.nan for each in course]
    return [head, *((
        str(each.step), _figure(each.loss), _figure(each.rate), _figure(each.largest, "-"),
        _figure(each.gradient, "-"), _figure(length, "-"),
    ) for each, length in zip(course, lengths, strict=True))]  # fmt: skip


def _figure(value: float, unknown: str = "nan") -> str:
    return unknown if math.isnan(value) else f"{value:.6g}"


def _index(index: Sequence[int]) -> str:
    return f"({', '.join(map(str, index))})"


def _bracketed(index: Sequence[int]) -> str:
    return f"[{', '.join(map(str, index))}]" if index else ""


def _aligned(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Labels and texts in two columns."""
    width = max(_width(label) for label, _ in rows)
    return [f"  {label}{' ' * (width - _width(label))}  {text}" for label, text in rows]


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns of equal width, numbers to the right."""
    widths = [max(_width(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  " + "  ".join(" " * (w - _width(cell)) + cell for cell, w in zip(row, widths, strict=True))
        for row in rows
    ]


def _width(text: str) -> int:
    """How many columns a terminal takes; a Chinese sign takes two."""
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in text)
