"""What-if branches: the effect of changed weights on everything downstream.

The forward pass is repeated on the same samples with the changed weights and everything else equal. The
result lists old and new values, and compares the change of the loss with the one that the gradient predicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import Any

import numpy as np

from chainrule.errors import fact
from chainrule.graph import Node
from chainrule.page.html import html_page
from chainrule.page.page import Cell, Page, Part, Section, Table
from chainrule.page.terminal import text_page
from chainrule.records import frozen
from chainrule.step_explanation.narrative import check_options, weight_of
from chainrule.step_explanation.sections.forward import forward_nodes
from chainrule.step_explanation.writer import Index, Writer, figure, signed
from chainrule.texts import LANGUAGES
from chainrule.trace import Trace
from chainrule.validation import out_of_range

_NUMBERS = (1, 2, 3)  # numeric columns


@frozen
class Change:
    """A changed number.

    Args:
        name: its symbol, as in an explanation.
        old, new: before and after.
    """

    name: str
    old: float
    new: float


@frozen
class WhatIf(Page):
    """A comparison of a network with the same network with changed weights.

    Printing it gives text; a notebook shows it as HTML.

    Args:
        edits: the changed weights, named as they were passed.
        loss: J before and after.
        predictions: for each output the predictions before and after.
        values: the named values of the forward pass that changed, from the weights to the loss.
        translate: returns the page in the other language.
    """

    edits: tuple[Change, ...]
    loss: Change
    predictions: Mapping[str, tuple[np.ndarray, np.ndarray]]
    values: tuple[Change, ...]
    translate: Callable[[], Page] | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return text_page(self)

    def __repr__(self) -> str:
        return f"<WhatIf {self.title!r}: {len(self.values)} values changed; print it>"

    def to_html(self) -> str:
        """Return one self-contained page in both languages, this one first."""
        return html_page(self, others=() if self.translate is None else (self.translate(),))

    def _repr_html_(self) -> str:
        return html_page(self, standalone=False)


def what_if(trace: Trace, changes: Mapping[str, Any], lang: str = "en", depth: int = 2) -> WhatIf:
    """Recompute the samples of a trace with some weights set to other values.

    Args:
        trace: the trace.
        changes: the new value of each weight, ``{"dense1.weight[0,1]": 0.7}``.
        lang: ``"en"`` or ``"zh"``.
        depth: 3 lists more changed values than 2; ``values`` holds all of them.

    Raises:
        UsageError E101, E102: unknown language, invalid depth, no change, or a change that is not a finite
            number. UsageError E120, E121: unknown weight.
    """
    check_options(depth, lang, "what_if")
    writer, edits, parameters = Writer(trace, lang, depth), [], dict(trace.parameters)
    for text, (path, index, value) in _edits(changes, trace).items():
        edits.append(Change(text, float(parameters[path][index]), value))
        parameters[path] = parameters[path].copy()
        parameters[path][index] = value
    d = trace.derivation
    nodes = list(dict.fromkeys([*forward_nodes(writer), d.sample_losses]))
    loss, predictions = trace.recompute(parameters)
    values = trace.recompute.values(parameters, nodes)
    pairs = [(node, trace.values[node], new) for node, new in zip(nodes, values, strict=True)]
    loss_changes = next(np.abs(new - old) for node, old, new in pairs if node is d.sample_losses)
    writer.sample = int(np.argmax(loss_changes))  # the sample whose loss changes most
    changed_nodes = [(node, *_changes(writer, node, old, new)) for node, old, new in pairs]
    promise = sum(
        float(np.sum(trace.gradients[p] * (a - trace.parameters[p]))) for p, a in parameters.items()
    )
    total = Change("J", trace.loss, loss)
    sections = (
        Section(writer.render("if_edits"), (_table(writer, tuple(edits), "parameter"),)),
        _effect(writer, total, promise),
        _downstream(writer, [(node, values, rows) for node, values, rows in changed_nodes if values]),
    )
    all_changes = tuple(change for _, values, _ in changed_nodes for change in values)
    old_and_new = {name: (old, predictions[name]) for name, old in trace.predictions.items()}
    other_language = next(language for language in LANGUAGES if language != lang)
    return WhatIf(
        writer.render("if_title"),
        lang,
        sections,
        tuple(edits),
        total,
        old_and_new,
        all_changes,
        lambda: what_if(trace, changes, other_language, depth),
    )


def _edits(changes: Mapping[str, Any], trace: Trace) -> dict[str, tuple[str, Index, float]]:
    """Return path, index and new value of each changed weight.

    Raises:
        UsageError E102: no change, or a value that is not a finite number; E120, E121: unknown weight.
    """
    edits = {}
    example = next((f"{path}[{','.join('0' * p.ndim)}]" for path, p in trace.parameters.items()), "weight[0]")
    for text, value in changes.items():
        path, index = weight_of(text, trace.parameters)
        is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not is_number or not np.isfinite(value):
            raise out_of_range(value, text, "what_if", fact("a finite number"), fix=f'{{"{text}": 0.5}}')
        edits[text] = (path, index, float(value))
    if not edits:
        expected = fact("at least one weight with its new number")
        raise out_of_range(fact("none"), "changes", "what_if", expected, fix=f'{{"{example}": 0.5}}')
    return edits


def _changes(
    writer: Writer, node: Node, old: np.ndarray, new: np.ndarray
) -> tuple[tuple[Change, ...], list[tuple[Cell, ...]]]:
    """Return the changed elements of a value, and the table rows of the largest changes."""
    differs = old != new
    if writer.trace.names[node].batched:
        differs &= (np.arange(len(old)) == writer.sample).reshape(-1, *(1,) * (old.ndim - 1))
    places = [tuple(int(i) for i in place) for place in np.argwhere(differs)]
    changes = [(place, float(old[place]), float(new[place])) for place in places]
    changed = tuple(Change(writer.text(writer.symbol(node, place)), a, b) for place, a, b in changes)
    ranked = sorted(changes, key=lambda change: -abs(change[2] - change[1]))[: writer.few]
    rows = [(writer.symbol(node, place), figure(a), figure(b), signed(b - a)) for place, a, b in ranked]
    return changed, rows


def _table(writer: Writer, changes: tuple[Change, ...], first: str) -> Table:
    head = tuple(writer.render(key) for key in (first, "old", "new", "if_change"))
    rows = tuple((c.name, figure(c.old), figure(c.new), signed(c.new - c.old)) for c in changes)
    return Table(head, rows, _NUMBERS, "edits")


def _effect(writer: Writer, loss: Change, promise: float) -> Section:
    """Return the section on the loss: old, new, and the change that the gradient predicts."""
    change = loss.new - loss.old
    facts = {"old": figure(loss.old), "new": figure(loss.new), "change": signed(change)}
    text = writer.render("if_loss", **facts) if change else writer.render("if_same", loss=facts["old"])
    return Section(writer.render("if_effect"), (text, writer.render("if_promise", promise=signed(promise))))


def _downstream(
    writer: Writer, changed_nodes: list[tuple[Node, tuple[Change, ...], list[tuple[Cell, ...]]]]
) -> Section:
    return Section(
        writer.render("if_downstream"),
        tuple(_changed_values(writer, changed_nodes)) or (writer.render("if_nothing"),),
    )


def _place(writer: Writer, node: Node) -> str:
    """Return the layer of a value, or what it is."""
    role = writer.trace.names[node].role
    keys = {"prediction": "if_prediction", "loss": "if_loss_value"}
    return writer.render(keys[role]) if role in keys else writer.trace.derivation.site_of(node).path or "net"


def _changed_values(
    writer: Writer, changed_nodes: list[tuple[Node, tuple[Change, ...], list[tuple[Cell, ...]]]]
) -> Iterator[Part]:
    head = tuple(writer.render(key) for key in ("if_value", "old", "new", "if_change"))
    if writer.trace.samples > 1 and changed_nodes:
        yield writer.render("shown_sample", i=writer.sample + 1)
    for node, changed, rows in changed_nodes:
        facts = {"name": writer.unindexed_name(node), "layer": _place(writer, node)}
        key = "if_many" if len(rows) < len(changed) else "if_all"
        yield writer.render(key, n=len(changed), k=len(rows), **facts, about={"node": node})
        yield Table(head, tuple(rows), _NUMBERS, "changes")
