"""What if a weight were another number: everything downstream that changes, the old value beside the new.

The net runs forward again with the other weights, on the same samples and with nothing else touched. What the
gradient had predicted for the change stands beside what happened, so that it is seen how far a derivative
reaches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import Any

import numpy as np

from chainrule.derive.narrative import require_telling
from chainrule.derive.sections.forward import forward_nodes
from chainrule.derive.weight_name import weight_of
from chainrule.derive.writer import Index, Pen, figure, signed
from chainrule.errors import UsageError
from chainrule.graph import Node
from chainrule.page.html import html_page
from chainrule.page.page import Cell, Page, Part, Section, Table
from chainrule.page.terminal import text_page
from chainrule.records import frozen
from chainrule.texts import LANGUAGES
from chainrule.trace import Trace

_NUMBERS = (1, 2, 3)  # the columns of numbers


@frozen
class Changed:
    """One number that is another one now.

    Args:
        name: its symbol, as in an explanation.
        old, new: before and after.
    """

    name: str
    old: float
    new: float


@frozen
class WhatIf(Page):
    """A net beside the same net with other weights. Printing it gives text, a notebook shows it as HTML.

    Args:
        edits: the weights that were set, as they were typed.
        loss: J before and after.
        answers: for each output what the net said and what it says.
        values: every named value on the way forward that changed, from the weights to the loss.
        translate: gives the same in the other language.
    """

    edits: tuple[Changed, ...]
    loss: Changed
    answers: Mapping[str, tuple[np.ndarray, np.ndarray]]
    values: tuple[Changed, ...]
    translate: Callable[[], Page] | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return text_page(self)

    def __repr__(self) -> str:
        return f"<WhatIf {self.title!r}: {len(self.values)} values changed; print it>"

    def to_html(self) -> str:
        """One self-contained page in both languages, this one first."""
        return html_page(self, others=() if self.translate is None else (self.translate(),))

    def _repr_html_(self) -> str:
        return html_page(self, whole=False)


def what_if(trace: Trace, changes: Mapping[str, Any], lang: str = "en", depth: int = 2) -> WhatIf:
    """Run the samples of a trace again with some weights set to other numbers.

    Args:
        trace: what happened.
        changes: the new number of each weight, ``{"dense1.weight[0,1]": 0.7}``.
        lang: ``"en"`` or ``"zh"``.
        depth: 3 lists more of the changed numbers than 2; ``values`` holds all of them.

    Fails:
        UsageError E101, E102: no such language or depth; no change, or one that is no finite number.
        UsageError E120, E121: no such weight.
    """
    require_telling(depth, lang)
    pen, edits, parameters = Pen(trace, lang, depth), [], dict(trace.parameters)
    for text, (path, index, value) in _edits(changes, trace).items():
        edits.append(Changed(text, float(parameters[path][index]), value))
        parameters[path] = parameters[path].copy()
        parameters[path][index] = value
    d = trace.derivation
    nodes = list(dict.fromkeys([*forward_nodes(pen), d.each]))
    loss, answers = trace.again(parameters)
    found = trace.again.values(parameters, nodes)
    pairs = [(node, trace.values[node], new) for node, new in zip(nodes, found, strict=True)]
    each = next(np.abs(new - old) for node, old, new in pairs if node is d.each)
    pen.sample = int(np.argmax(each))  # the sample for which it matters most
    moved = [(node, *_moved(pen, node, old, new)) for node, old, new in pairs]
    promise = sum(
        float(np.sum(trace.gradients[p] * (a - trace.parameters[p]))) for p, a in parameters.items()
    )
    total = Changed("J", trace.loss, loss)
    sections = (
        Section(pen.say("if_edits"), (_table(pen, tuple(edits), "parameter"),)),
        _effect(pen, total, promise),
        _downstream(pen, [(node, found, rows) for node, found, rows in moved if found]),
    )
    every = tuple(change for _, found, _ in moved for change in found)
    said = {name: (old, answers[name]) for name, old in trace.answers.items()}
    other = next(known for known in LANGUAGES if known != lang)
    return WhatIf(
        pen.say("if_title"), lang, sections, tuple(edits), total, said, every,
        lambda: what_if(trace, changes, other, depth),
    )  # fmt: skip


def _edits(changes: Mapping[str, Any], trace: Trace) -> dict[str, tuple[str, Index, float]]:
    """The weights that are meant, and their new numbers.

    Fails:
        UsageError E102: none at all, or a value that is no finite number; E120, E121: no such weight.
    """
    found = {}
    example = next((f"{path}[{','.join('0' * p.ndim)}]" for path, p in trace.parameters.items()), "weight[0]")
    for text, value in changes.items():
        path, index = weight_of(text, trace.parameters)
        fine = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not fine or not np.isfinite(value):
            raise UsageError(
                "E102", where="what_if", name=text, expected="a finite number", received=repr(value),
                fix=f'{{"{text}": 0.5}}',
            )  # fmt: skip
        found[text] = (path, index, float(value))
    if not found:
        raise UsageError(
            "E102", where="what_if", name="changes", expected="at least one weight with its new number",
            received="none", fix=f'{{"{example}": 0.5}}',
        )  # fmt: skip
    return found


def _moved(
    pen: Pen, node: Node, old: np.ndarray, new: np.ndarray
) -> tuple[tuple[Changed, ...], list[tuple[Cell, ...]]]:
    """The numbers of one value that changed, and as many rows as are shown, the largest changes first."""
    differs = old != new
    if pen.trace.names[node].batched:
        differs &= (np.arange(len(old)) == pen.sample).reshape(-1, *(1,) * (old.ndim - 1))
    places = [tuple(int(i) for i in place) for place in np.argwhere(differs)]
    changes = [(place, float(old[place]), float(new[place])) for place in places]
    found = tuple(Changed(pen.text(pen.symbol(node, place)), a, b) for place, a, b in changes)
    ranked = sorted(changes, key=lambda change: -abs(change[2] - change[1]))[: pen.few]
    rows = [(pen.symbol(node, place), figure(a), figure(b), signed(b - a)) for place, a, b in ranked]
    return found, rows


def _table(pen: Pen, changes: tuple[Changed, ...], first: str) -> Table:
    head = tuple(pen.say(key) for key in (first, "old", "new", "if_change"))
    rows = tuple((c.name, figure(c.old), figure(c.new), signed(c.new - c.old)) for c in changes)
    return Table(head, rows, _NUMBERS)


def _effect(pen: Pen, loss: Changed, promise: float) -> Section:
    """The loss, old beside new, and what the gradient had predicted."""
    change = loss.new - loss.old
    facts = {"old": figure(loss.old), "new": figure(loss.new), "change": signed(change)}
    text = pen.say("if_loss", **facts) if change else pen.say("if_same", loss=facts["old"])
    return Section(pen.say("if_effect"), (text, pen.say("if_promise", promise=signed(promise))))


def _downstream(pen: Pen, moved: list[tuple[Node, tuple[Changed, ...], list[tuple[Cell, ...]]]]) -> Section:
    return Section(pen.say("if_downstream"), tuple(_told(pen, moved)) or (pen.say("if_nothing"),))


def _told(pen: Pen, moved: list[tuple[Node, tuple[Changed, ...], list[tuple[Cell, ...]]]]) -> Iterator[Part]:
    head = tuple(pen.say(key) for key in ("if_value", "old", "new", "if_change"))
    if pen.trace.samples > 1 and moved:
        yield pen.say("shown_sample", i=pen.sample + 1)
    for node, found, rows in moved:
        facts = {"name": pen.whole(node), "layer": node.site.path or pen.trace.names[node].role}
        yield pen.say("if_many" if len(rows) < len(found) else "if_all", n=len(found), k=len(rows), **facts)
        yield Table(head, tuple(rows), _NUMBERS)
