"""The origin inside a scan: the time step, and the operation of its body, that is the first not finite."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from chainrule.graph import Constant, Node
from chainrule.ops.card import Card
from chainrule.ops.scan.scan import Scan, places
from chainrule.spec import Spec
from chainrule.train.nonfinite.check import is_finite
from chainrule.train.nonfinite.origin import Origin, rows_of

Values = dict[Node, np.ndarray]


def origin_in_scan(origin: Origin) -> Origin:
    """The first non-finite operation of the scan's body; the origin itself if it is no scan."""
    scan = origin.card
    if not isinstance(scan, Scan):
        return origin
    with np.errstate(all="ignore"):
        steps = scan.walk(origin.reads)
    nodes = [node for node in scan.body.nodes(scan.emit) if isinstance(node.op, Card)]
    firsts = ((turn, _first(nodes, values)) for turn, values in enumerate(steps))
    turn, node = next(((turn, node) for turn, node in firsts if node is not None), (0, None))
    if node is None:
        return origin
    values = steps[turn]
    reads = [values[source] for source in node.inputs]
    sizes = scan.body.sizes(scan.of_a_step([Spec.of(array) for array in origin.reads]))
    card = node.op.with_sizes(sizes)  # pyright: ignore[reportArgumentType]
    assert isinstance(card, Card)
    path, kind = (node.site.path, node.site.kind) if node.site.path else (origin.layer, origin.kind)
    rows = np.unique(np.concatenate([_new_rows(node, later) for later in steps[turn:]]))
    return replace(
        origin, node=node, card=card, value=values[node], reads=reads, mask=~np.isfinite(values[node]),
        layer=path, kind=kind, time=places(len(steps), scan.reverse)[turn], rows=rows,
    )  # fmt: skip


def _first(nodes: list[Node], values: Values) -> Node | None:
    """The first operation of a time step with a non-finite result and finite inputs."""
    for node in nodes:
        sources = [source for source in node.inputs if not isinstance(source.op, Constant)]
        if not is_finite(values[node]) and all(is_finite(values[source]) for source in sources):
            return node
    return None


def _new_rows(node: Node, values: Values) -> np.ndarray:
    """The samples whose values become non-finite in this operation at this time step."""
    rows = rows_of(node, ~np.isfinite(values[node]))
    for source in node.inputs:
        rows = np.setdiff1d(rows, rows_of(source, ~np.isfinite(values[source])))
    return rows
