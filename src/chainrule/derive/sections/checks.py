"""Second thoughts: the numerical check, the samples beside one another, what should make one careful."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.derive.sections.forward import forward_nodes
from chainrule.derive.writer import Pen, brief, figure, given, signed
from chainrule.graph import Node
from chainrule.notation import number
from chainrule.page.page import Cell, Part, Section, Table
from chainrule.trace import NamedLayer

SLOPE = 0.05  # a curve flatter than this passes next to nothing on
MANY_FLAT = {
    "relu": 0.9
}  # the share of such numbers that is worth a word; half the units of a relu are off by nature
FLAT = 0.25  # the same for all other curves
TINY = 1e-6  # a gradient shorter than this moves nothing
AGREES = 1e-5  # the numerical check is trusted up to this relative difference


def checked(pen: Pen) -> Section | None:
    """Every derivative, or a sample of them, beside a central difference."""
    c = pen.trace.checked
    if not c.places:
        return None
    key = "checked_all" if len(c.places) >= c.total else "checked_some"
    path, index = c.places[c.worst]
    facts = {
        "n": len(c.places),
        "total": f"{c.total:,}",
        "step": f"{c.step:.5f}",
        "error": number(c.error, 2),
    }
    parts = [pen.say(key, **facts, where=pen.text(pen.gradient(path, index)))]
    if not c.error <= AGREES:
        a, n = c.analytic[c.worst], c.numeric[c.worst]
        parts.append(pen.say("check_differs", analytic=figure(a), numeric=figure(n)))
    return Section(pen.say("checked"), tuple(parts))


def samples(pen: Pen) -> Section:
    """The samples beside one another: answers, losses, signals, and how they pull."""
    t, d = pen.trace, pen.trace.derivation
    last = next((layer for layer in reversed(t.layers) if layer.z in d.cotangents), None)
    shown = range(min(t.samples, pen.few))
    columns: list[tuple[str, list[str]]] = [("i", [str(i + 1) for i in shown])]
    for node in (*d.network.targets.values(), *d.answers()):
        columns += _columns(pen, node, node, list(shown))
    for node in d.weights.values():
        columns += _columns(pen, node, node, list(shown))
    columns.append(("J", [figure(t.values[d.each][i]) for i in shown]))
    if last is not None and last.z is not None:
        columns += _columns(pen, d.cotangents[last.z], d.cotangents[last.z], list(shown))
    head = tuple(name for name, _ in columns)
    rows: list[tuple[Cell, ...]] = [tuple(cells[i] for _, cells in columns) for i in range(len(shown))]
    parts: list[Part] = [
        pen.say("samples_weighted" if d.weights else "samples_intro", n=t.samples, sum=given(d.divisor)),
        Table(head, tuple(rows), tuple(range(len(head)))),
    ]
    if t.samples > len(shown):
        parts.append(pen.say("more_short", n=t.samples - len(shown)))
    parts += _pull(pen, last) if last is not None else []
    return Section(pen.say("samples", n=t.samples), tuple(parts))


def _columns(pen: Pen, node: Node, named: Node, rows: list[int]) -> Iterator[tuple[str, list[str]]]:
    values, name = pen.trace.values[node], pen.trace.names.get(named)
    if name is None:
        return
    for inside in list(np.ndindex(values.shape[1:]))[: pen.few]:
        yield pen.text(name.symbol((0, *inside), 1)), [_number(values[(i, *inside)]) for i in rows]


def _number(value: np.generic) -> str:
    return figure(float(value)) if value.dtype.kind == "f" else str(value)


def _pull(pen: Pen, last: NamedLayer) -> Iterator[str]:
    """Whether two samples disagree about the last bias; the smallest lesson of an average."""
    t = pen.trace
    bias = next((path for path in last.parameters if path.endswith("bias")), None)
    if last.z is None or bias is None or last.is_shared:  # of a shared one it is a sum over its calls
        return
    pulls = t.values[t.derivation.cotangents[last.z]].reshape(t.samples, -1)[:, 0]
    low, high = int(np.argmin(pulls)), int(np.argmax(pulls))
    if pulls[low] < 0 < pulls[high]:
        one, two = sorted((low, high))
        facts = {"one": signed(pulls[one]), "two": signed(pulls[two]), "i": one + 1, "j": two + 1}
        facts["mean"] = signed(float(t.gradients[bias][0]))
        yield pen.say("opposite", parameter=pen.text(pen.parameter(bias, (0,))), **facts)


def cautions(pen: Pen) -> Section | None:
    """What should make one careful: flat curves, silent units, a gradient that is nearly nothing."""
    t = pen.trace
    parts: list[str] = []
    slopes = t.derivation.slopes()
    for node in forward_nodes(pen):
        if node not in slopes or not t.values[slopes[node]].size:
            continue
        slope = np.abs(t.values[slopes[node]])
        share = float(np.mean(slope < SLOPE))
        if share >= MANY_FLAT.get(node.op.name, FLAT):
            key = "silent" if node.op.name == "relu" else "saturated"
            facts = {"n": int(np.sum(slope < SLOPE)), "total": slope.size, "percent": brief(100 * share)}
            parts.append(pen.say(key, where=pen.whole(node), limit=SLOPE, **facts))
    length = float(np.sqrt(sum(float(np.sum(g * g)) for g in t.gradients.values())))
    if length < TINY:
        parts.append(pen.say("tiny", length=figure(length)))
    return Section(pen.say("cautions"), tuple(parts)) if parts else None


def not_finite(pen: Pen) -> Section | None:
    """Where the first NaN or infinity arose, and from what."""
    t = pen.trace
    if t.non_finite is None:
        return None
    node, index = t.non_finite
    value = float(t.values[node][index])
    card = t.cards.get(node)
    if card is None:
        label = getattr(node.op, "label", node.op.name)
        return Section(
            pen.say("not_finite"), (pen.say("given_not_finite", where=f"{label}{list(index)}", value=value),)
        )
    word = card.says.forward if pen.lang == "en" else card.says.forward_zh
    tree = t.unfolder.scalar(node, index)
    facts = {
        "op": card.name,
        "word": word,
        "path": node.site.path or "–",
        "index": list(index),
        "value": value,
    }
    text = pen.say("arose_not_finite", **facts)
    numbers = pen.text(t.unfolder.numeric(tree, 6))
    return Section(
        pen.say("not_finite"), (text, pen.say("from_numbers", formula=pen.text(tree), numbers=numbers))
    )
