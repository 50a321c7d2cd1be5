"""The sections on checks: numerical gradient check, comparison of samples, warnings, non-finite values."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.graph import Node
from chainrule.notation import number
from chainrule.page.page import Cell, Part, Section, Table
from chainrule.step_explanation.sections.forward import forward_nodes
from chainrule.step_explanation.writer import Writer, as_given, brief, figure, signed
from chainrule.trace import NamedLayer, Scalar

SLOPE = 0.05  # an activation whose derivative is below this is saturated
MANY_FLAT = {
    "relu": 0.9
}  # the share of saturated values that is reported; many ReLU units are normally inactive
FLAT = 0.25  # the same for all other functions
TINY = 1e-6  # a gradient norm below this changes almost nothing
AGREES = 1e-5  # relative difference below which the numerical check passes


def gradient_check(writer: Writer) -> Section | None:
    """Return the comparison of the derivatives, or of a sample of them, with central differences."""
    c = writer.trace.gradient_check
    if not c.places:
        return None
    all_of_them = "checked_one" if c.total == 1 else "checked_all"
    key = all_of_them if len(c.places) >= c.total else "checked_some"
    path, index = c.places[c.worst]
    facts = {
        "n": f"{len(c.places):,}",
        "total": f"{c.total:,}",
        "step": f"{c.step:.5f}",
        "error": number(c.error, 2),
    }
    where = writer.text(writer.gradient(path, index))
    parts = [writer.render(key, **facts, where=where, about={"weight": (path, index)})]
    if not c.error <= AGREES:
        a, n = c.analytic[c.worst], c.numeric[c.worst]
        facts = {"analytic": figure(a), "numeric": figure(n)}
        parts.append(writer.render("check_differs", **facts, about={"weight": (path, index)}))
    return Section(writer.render("checked"), tuple(parts))


def samples(writer: Writer) -> Section:
    """Compare the samples: predictions, losses, error signals and their effect on the mean."""
    t, d = writer.trace, writer.trace.derivation
    last = next((layer for layer in reversed(t.layers) if layer.z in d.cotangents), None)
    rows_shown = range(min(t.samples, writer.few))
    columns: list[tuple[str, list[str]]] = [("i", [str(i + 1) for i in rows_shown])]
    for node in (*d.network.targets.values(), *d.predictions()):
        columns += _columns(writer, node, node, list(rows_shown))
    for node in d.weights.values():
        columns += _columns(writer, node, node, list(rows_shown))
    columns.append(("J", [figure(t.values[d.sample_losses][i]) for i in rows_shown]))
    if last is not None and last.z is not None:
        columns += _columns(writer, d.cotangents[last.z], d.cotangents[last.z], list(rows_shown))
    head = tuple(name for name, _ in columns)
    rows: list[tuple[Cell, ...]] = [tuple(cells[i] for _, cells in columns) for i in range(len(rows_shown))]
    parts: list[Part] = [
        writer.render(
            "samples_weighted" if d.weights else "samples_intro", n=t.samples, sum=as_given(d.divisor)
        ),
        Table(head, tuple(rows), tuple(range(len(head))), "samples"),
    ]
    if t.samples > len(rows_shown):
        parts.append(writer.render("more_short", n=t.samples - len(rows_shown)))
    parts += _pull(writer, last) if last is not None else []
    return Section(writer.render("samples", n=t.samples), tuple(parts))


def _columns(writer: Writer, node: Node, named: Node, rows: list[int]) -> Iterator[tuple[str, list[str]]]:
    values, name = writer.trace.values[node], writer.trace.names.get(named)
    if name is None:
        return
    for inside in list(np.ndindex(values.shape[1:]))[: writer.few]:
        yield writer.text(name.symbol((0, *inside), 1)), [_number(values[(i, *inside)]) for i in rows]


def _number(value: np.generic) -> str:
    return figure(float(value)) if value.dtype.kind == "f" else str(value)


def _pull(writer: Writer, last: NamedLayer) -> Iterator[str]:
    """Report two samples whose gradients of the last bias have opposite signs."""
    t = writer.trace
    bias = next((path for path in last.parameters if path.endswith("bias")), None)
    if last.z is None or bias is None or last.is_shared:  # the gradient of a shared bias is a sum over calls
        return
    pulls = t.values[t.derivation.cotangents[last.z]].reshape(t.samples, -1)[:, 0]
    low, high = int(np.argmin(pulls)), int(np.argmax(pulls))
    if pulls[low] < 0 < pulls[high]:
        one, two = sorted((low, high))
        facts = {"one": signed(pulls[one]), "two": signed(pulls[two]), "i": one + 1, "j": two + 1}
        first = (0,) * t.gradients[bias].ndim  # (C,), or (K, C) of the members of an ensemble
        facts["mean"] = signed(float(t.gradients[bias][first]))
        about = {"weight": (bias, first), "samples": (one, two)}
        parameter = writer.text(writer.parameter(bias, first))
        yield writer.render("opposite", parameter=parameter, **facts, about=about)


def cautions(writer: Writer) -> Section | None:
    """Warn of saturated or inactive units and of a gradient that is almost 0."""
    t = writer.trace
    parts: list[str] = []
    local_derivatives = t.derivation.local_derivatives()
    for node in forward_nodes(writer):
        if node not in local_derivatives or not t.values[local_derivatives[node]].size:
            continue
        slope = np.abs(t.values[local_derivatives[node]])
        share = float(np.mean(slope < SLOPE))
        if share >= MANY_FLAT.get(node.op.name, FLAT):
            key = "silent" if node.op.name == "relu" else "saturated"
            facts = {"n": int(np.sum(slope < SLOPE)), "total": slope.size, "percent": brief(100 * share)}
            where = writer.unindexed_name(node)
            parts.append(writer.render(key, where=where, limit=SLOPE, **facts, about={"function": node}))
    length = float(np.sqrt(sum(float(np.sum(g * g)) for g in t.gradients.values())))
    if length < TINY:
        parts.append(writer.render("tiny", length=figure(length)))
    return Section(writer.render("cautions"), tuple(parts)) if parts else None


def not_finite(writer: Writer) -> Section | None:
    """Return the first NaN or infinite value, and the formula that produced it."""
    t = writer.trace
    if t.non_finite is None:
        return None
    node, index = t.non_finite
    value = float(t.values[node][index])
    card = t.cards.get(node)
    if card is None:
        label = getattr(node.op, "label", node.op.name)
        return Section(
            writer.render("not_finite"),
            (
                writer.render(
                    "given_not_finite",
                    where=f"{label}{list(index)}",
                    value=value,
                    about={"element": Scalar(node, index)},
                ),
            ),
        )
    word = card.says.forward if writer.lang == "en" else card.says.forward_zh
    tree = t.formulas.scalar(node, index)
    facts = {
        "op": card.name,
        "word": word,
        "path": t.derivation.site_of(node).path or "–",
        "index": list(index),
        "value": value,
    }
    at = Scalar(node, index)
    text = writer.render("arose_not_finite", **facts, about={"element": at})
    numbers = writer.text(t.formulas.numeric(tree, 6))
    formula = writer.text(tree)
    return Section(
        writer.render("not_finite"),
        (text, writer.render("from_numbers", formula=formula, numbers=numbers, about={"element": at})),
    )
