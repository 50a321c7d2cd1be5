"""One step of a network, for a browser: the drawing of its values, and the derivation of each of them.

All numbers and formulas are those of ``chainrule explain``: the same trace, writer and sections. A value
has a key by which the page requests its derivation: ``w:dense1.weight:0,1`` for a weight, ``n:12:0,1`` for an
element of the node at position 12 of the trace.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.attribution.explanation import class_names
from chainrule.data import Cell
from chainrule.errors import UsageError, fact
from chainrule.graph import Node
from chainrule.memoization import cached_property
from chainrule.page.diagram import Column, Unit, Wire, diagram_of
from chainrule.page.page import Lines, Section
from chainrule.records import frozen
from chainrule.step_explanation import what_if
from chainrule.step_explanation.narrative import explain, feature_lines
from chainrule.step_explanation.replayed_step import Replay
from chainrule.step_explanation.sections.element import element
from chainrule.step_explanation.writer import Index, Writer, figure, signed
from chainrule.studio.page_records import PageRecords
from chainrule.trace import Scalar, Trace
from chainrule.trace.tracer import trace_rows
from chainrule.train.evaluation.rows import NetworkRows
from chainrule.train.model_state import ModelState


@frozen(eq=False)
class StepView:
    """The values of one step.

    Args:
        trace: the step.
        labels: the class labels by class index.
        cells: the table cells of the sample, if it is a row of a table.
        update: the number of the update whose batch it is, from 1; 0 for a row.
    """

    trace: Trace
    labels: Sequence[object] = ()
    cells: Sequence[Cell] = ()
    update: int = 0

    def drawing(self) -> dict[str, Any]:
        """Return the columns of units from the inputs to the loss, and the wires between them."""
        diagram = diagram_of(self.trace)
        return {
            "columns": [self._column(column) for column in diagram.columns],
            "wires": [self._wire(wire) for wire in diagram.wires],
            "loss": figure(self.trace.loss),
            "new_loss": figure(self.trace.new_loss),
            "samples": self.trace.samples,
            "update": self.update,
            "predictions": {name: self._prediction(a[0]) for name, a in self.trace.predictions.items()},
        }

    def derivation(self, key: str, lang: str, depth: int = 3) -> dict[str, Any]:
        """Return the derivation of a value: of a weight its gradient, of a unit its value and its gradients.

        Raises:
            UsageError E120, E121: no such weight. E102: no such value.
        """
        records = PageRecords(lang, self.key_of)
        if key.startswith("w:"):
            path, _, index = key[2:].rpartition(":")
            page = explain(
                self.trace, depth, lang, f"{path}[{index}]", labels=self.labels, features=self.cells
            )
            title, sections = page.title, page.sections
        else:
            node, index_of = self._value(key)
            writer = self._writer(lang, depth)
            title, sections = writer.text(writer.symbol(node, index_of)), element(writer, node, index_of)
        return {"key": key, "title": title, "sections": records.sections(_without_empty(sections))}

    def what_if(self, weight: str, value: float, lang: str) -> dict[str, Any]:
        """Return what follows from another value of a weight: old values beside new ones.

        Raises:
            UsageError E102, E120, E121: as ``step_explanation.what_if``.
        """
        page = what_if(self.trace, {weight: value}, lang, 3)
        records = PageRecords(lang, self.key_of)
        loss = {"old": figure(page.loss.old), "new": figure(page.loss.new)}
        return {"title": page.title, "loss": loss, "sections": records.sections(page.sections)}

    def weights(self, path: str, start: int, count: int) -> dict[str, Any]:
        """Return a part of a parameter with its gradients, so that a large one is read in pages.

        Raises:
            UsageError E120: no such parameter.
        """
        if path not in self.trace.parameters:
            raise UsageError("E120", where="weight", name=path, expected=", ".join(self.trace.parameters))
        values = self.trace.parameters[path]
        places = [np.unravel_index(i, values.shape) for i in range(start, min(start + count, values.size))]
        gradients = self.trace.gradients.get(path)
        rows = [
            {
                "key": f"w:{path}:{','.join(map(str, place))}",
                "index": ",".join(map(str, place)),
                "value": figure(float(values[place])),
                "gradient": "" if gradients is None else signed(float(gradients[place])),
            }
            for place in places
        ]
        return {
            "path": path,
            "shape": list(values.shape),
            "size": int(values.size),
            "start": start,
            "rows": rows,
        }

    def key_of(self, target: Hashable) -> str:
        """Return the key of the target of a symbol; ``""`` for what has no derivation of its own."""
        if not isinstance(target, Scalar):
            return ""
        index = ",".join(map(str, target.index))
        path = self._paths.get(target.node)
        if path is not None:
            return f"w:{path}:{index}"
        node = self._forward.get(target.node, target.node)
        position = self._positions.get(node)
        return "" if position is None or node not in self.trace.names else f"n:{position}:{index}"

    @cached_property
    def _positions(self) -> dict[Node, int]:
        return {node: i for i, node in enumerate(self.trace.values)}

    @cached_property
    def _nodes(self) -> list[Node]:
        return list(self.trace.values)

    @cached_property
    def _paths(self) -> dict[Node, str]:
        """The parameter of its node, of the node of its gradient, and of that of its new value."""
        d = self.trace.derivation
        paths = {parameter.node: path for path, parameter in d.built.parameters.items()}
        return paths | {node: path for part in (d.gradients, d.updated) for path, node in part.items()}

    @cached_property
    def _forward(self) -> Mapping[Node, Node]:
        """The forward node of each cotangent."""
        return {back: node for node, back in self.trace.derivation.cotangents.items() if node is not back}

    def _value(self, key: str) -> tuple[Node, Index]:
        """Return the node and the index of a key."""
        _, position, place = [*key.split(":"), "", ""][:3]
        if position.isdecimal() and len(position) < 9 and int(position) < len(self._nodes):
            node = self._nodes[int(position)]
            index = tuple(int(part) for part in place.split(",") if part.isdecimal() and len(part) < 9)
            shape = self.trace.values[node].shape
            is_inside = len(index) == len(shape) and all(i < n for i, n in zip(index, shape, strict=True))
            if is_inside and node in self.trace.names:
                return node, index
        expected = fact("a value of this step")
        raise UsageError("E102", where="studio", name="key", expected=expected, received=key[:60])

    def _writer(self, lang: str, depth: int) -> Writer:
        shape = self.trace.values[next(iter(self.trace.derivation.built.inputs.values()))].shape[1:]
        features = feature_lines(self.cells, lang, shape)
        return Writer(self.trace, lang, depth, labels=self.labels, features=features)

    def _column(self, column: Column) -> dict[str, Any]:
        units = [self._unit(unit) for unit in column.units]
        return {"title": column.title, "shape": column.shape, "gap": column.gap, "units": units}

    def _unit(self, unit: Unit) -> dict[str, Any]:
        back = self.trace.derivation.cotangents.get(unit.target.node)
        gradient = None if back is None else float(self.trace.values[back][unit.target.index])
        return {
            "key": self.key_of(unit.target),
            "name": unit.name,
            "value": figure(unit.value),
            "size": _plain(unit.value),
            "gradient": None if gradient is None else signed(gradient),
            "slope": None if gradient is None else _plain(gradient),
        }

    def _wire(self, wire: Wire) -> dict[str, Any]:
        return {
            "column": wire.column,
            "start": wire.start,
            "end": wire.end,
            "key": self.key_of(wire.target),
            "name": wire.name,
            "value": figure(wire.value),
            "size": _plain(wire.value),
            "gradient": signed(wire.gradient[1]),
            "slope": _plain(wire.gradient[1]),
        }

    def _prediction(self, scores: np.ndarray) -> list[dict[str, str]]:
        flat = np.asarray(scores).reshape(-1)[:12]
        named = len(self.labels) == len(flat)
        return [
            {"label": str(self.labels[i]) if named else "", "value": figure(float(v))}
            for i, v in enumerate(flat)
        ]


def of_row(rows: NetworkRows, model: ModelState) -> StepView:
    """Return the step of a row of the data with the parameters of ``rows``.

    Args:
        rows: as ``encode_labeled`` returns them.
        model: whose classes are named.
    """
    return StepView(trace_rows(rows), class_names(model), rows.cells)


def of_update(replayed: Replay) -> StepView:
    """Return the step of a recorded batch.

    Args:
        replayed: an update of the training, as ``Model.replay`` returns it.
    """
    update = replayed.update
    return StepView(replayed.trace, class_names(update.model), update=update.number)


def _plain(value: float) -> float | None:
    """Return a number for JSON; ``None`` if it is not finite."""
    return float(value) if np.isfinite(value) else None


def _without_empty(sections: Sequence[Section]) -> list[Section]:
    """Return the sections that have content."""
    return [
        section for section in sections if any(not isinstance(p, Lines) or p.equations for p in section.parts)
    ]
