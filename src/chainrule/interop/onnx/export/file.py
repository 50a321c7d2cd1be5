"""Models as ONNX files: preparation, network, probabilities and labels in one graph.

The inputs are those of ``model.predict``: the columns of a table (see ``preparation.py``) or the arrays of
the network, with the batch as symbolic first axis. The outputs are

    label, probabilities    of a classifier: the label (B,) and the probability of each class (B, K)
    value                   of a regression, in the units of the target

with several outputs of the network ``NAME.label`` and so on. The metadata of the file are texts: the labels,
the inputs, the SHA-256 of the parameters, and example rows with the outputs of the model (``examples.py``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import FileError, fact
from chainrule.graph import Graph, Node
from chainrule.interop.export.formats import Draft
from chainrule.interop.export.served_predictions import served_predictions
from chainrule.interop.onnx.examples import KEY, packed
from chainrule.interop.onnx.export import OPSET, TEXTS, arrays, elementwise, loop, windows
from chainrule.interop.onnx.export.graph import Rule
from chainrule.optional_dependency import missing
from chainrule.validation import integer, trained_network

if TYPE_CHECKING:
    from chainrule.interop.export.example_rows import ExampleRows
    from chainrule.interop.onnx.export.graph import OnnxGraph
    from chainrule.train.inputs.target import Target
    from chainrule.train.model_state import ModelState

try:
    import onnx
except ImportError:
    onnx = None


ML_OPSET = 3
LIMIT = 2**31 - 2**20  # bytes of a file


def draft(model: ModelState, where: str, rows: ExampleRows, *, opset: int | None = None) -> Draft:
    """Return a trained model as an ONNX file that is not written yet.

    Args:
        model: with parameters.
        where: the path of the file.
        rows: example rows with the outputs of the model.
        opset: version of the operations, from 18 on; by default 18, or 20 if the table has columns of texts.

    Raises:
        DataError E350: the ``onnx`` library is not installed.
        UsageError E102: an opset that the library does not know.
        FileError E462: an operation or a column that ONNX cannot express; more parameters than a file holds.
    """
    if opset is None:
        encodings = model.preparation.encodings if model.preparation else ()
        opset = TEXTS if any(encoding.kind == "text" for encoding in encodings) else OPSET
    content = onnx_bytes(model, opset, where, rows)
    run, program = _runtime(content, opset)
    return Draft(content, lambda: run(_fed(model, rows)), program)


def _runtime(
    content: bytes, opset: int
) -> tuple[Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]], str]:
    """Return what computes the outputs of a file, and its name: ONNX Runtime, or the ``onnx`` library.

    The library computes them if the runtime is not installed, or older than the version of the operations.
    """
    session: Any = _runtime_session(content, opset)
    if session is None:
        from onnx.reference import ReferenceEvaluator  # noqa: PLC0415

        session, program = ReferenceEvaluator(content), "onnx.reference"
        names = [str(name) for name in session.output_names]
    else:
        program, names = "onnxruntime", [output.name for output in session.get_outputs()]

    def run(feeds: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        return dict(zip(names, session.run(None, dict(feeds)), strict=True))

    return run, program


def _runtime_session(content: bytes, opset: int) -> Any:
    """Return a session of ONNX Runtime; ``None`` if it is not installed, or has older versions only."""
    try:
        import onnxruntime  # noqa: PLC0415
    except ImportError:
        return None
    try:
        return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    except Exception:  # its own classes, which have no common base
        if opset == OPSET:
            raise
        return None


def _fed(model: ModelState, rows: ExampleRows) -> dict[str, np.ndarray]:
    """Return the rows of example rows as inputs of the file."""
    if model.preparation is None:
        return dict(rows.arrays)
    from chainrule.interop.onnx.export.preparation import cells_of  # noqa: PLC0415

    return {e.column: cells_of(e, rows.columns[e.column]) for e in model.preparation.encodings}


def onnx_bytes(
    model: ModelState, opset: int = OPSET, where: str = "export", rows: ExampleRows | None = None
) -> bytes:
    """Return a trained model as the bytes of an ONNX file; see ``draft``."""
    if onnx is None:
        raise missing("onnx", where)
    newest = onnx.defs.onnx_opset_version()
    integer(opset, "opset", "export", minimum=OPSET, maximum=newest)
    trained_network(model, "export")
    from chainrule.interop.onnx.export.graph import OnnxGraph  # noqa: PLC0415

    size = sum(array.nbytes for array in model.arrays.values())
    if size > LIMIT:
        expected = fact("at most {limit:,} bytes of parameters", limit=LIMIT)
        raise FileError("E462", where=where, name="onnx", expected=expected, received=f"{size:,}")
    graph = OnnxGraph(model.arrays, OPERATIONS, opset=opset)
    _write_inputs(graph, model)
    outputs = _write_outputs(graph, model)
    versions = [onnx.helper.make_opsetid("", opset), onnx.helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    proto = onnx.helper.make_model(
        graph.proto("chainrule", outputs),
        producer_name="chainrule",
        producer_version=import_module("chainrule").__version__,
        opset_imports=versions,
        ir_version=onnx.helper.find_min_ir_version_for(versions),
    )
    metadata = dict(_metadata(model))
    if rows is not None:
        metadata[KEY] = packed(_fed(model, rows), rows.outputs)
    onnx.helper.set_model_props(proto, metadata)
    onnx.checker.check_model(proto, full_check=True)
    return proto.SerializeToString(deterministic=True)


def _write_inputs(graph: OnnxGraph, model: ModelState) -> None:
    """Add the inputs: the columns of a table, or the arrays of the network."""
    assert model.network is not None
    inputs = model.network.inference.inputs
    if model.preparation is None:
        for name, node in inputs.items():
            graph.add_input(graph.unique(name), node)
        return
    from chainrule.interop.onnx.export.preparation import write_preparation  # noqa: PLC0415

    (node,) = inputs.values()
    graph.names[node] = write_preparation(graph, model.preparation)


def _write_outputs(graph: OnnxGraph, model: ModelState) -> list[Any]:
    """Write the network; return the descriptions of its outputs."""
    network = model.network
    assert network is not None
    predicted = served_predictions(model)
    graph.write(Graph(predicted).nodes, ())
    described = []
    for name in network.inference.outputs:
        node, prefix = predicted[f"prediction.{name}"], "" if len(predicted) == 1 else f"{name}."
        described += _write_output(graph, model, model.targets[name], node, prefix)
    return described


def _write_output(graph: OnnxGraph, model: ModelState, target: Target, node: Node, prefix: str) -> list[Any]:
    """Write what users see of one output: label and probabilities, or the value."""
    from chainrule.interop.onnx.export.graph import TYPES  # noqa: PLC0415

    value = graph.value(node)
    if target.is_classes:
        spec, labels = node.spec, np.array(target.labels or range(target.max_classes))
        if target.max_classes != target.scores:
            p = graph.add("Reshape", value, graph.integers(-1, 1))
            value = graph.add(
                "Concat", graph.add("Sub", graph.constant(1, np.dtype(spec.dtype)), p), p, axis=1
            )
            spec = spec.with_shape((spec.shape[0], 2))
        elif len(labels) < target.scores:
            ends = (graph.integers(0), graph.integers(len(labels)), graph.integers(-1))
            value = graph.add("Slice", value, *ends)
            spec = spec.with_shape((*spec.shape[:-1], len(labels)))
        number = graph.add("ArgMax", value, axis=-1, keepdims=0)
        label = graph.add("Gather", graph.labels(labels), number)
        kind = "string" if labels.dtype.kind == "U" else labels.dtype.name
        return [
            graph.named(label, f"{prefix}label", spec.with_shape(spec.shape[:-1]).with_dtype(kind)),
            graph.named(value, f"{prefix}probabilities", spec),
        ]
    spec = node.spec
    if target.loss.task == "classification":
        half = graph.constant(0.5, np.dtype(spec.dtype))
        chosen = graph.add("Cast", graph.add("Greater", value, half), to=TYPES["int64"])
        return [
            graph.named(chosen, f"{prefix}label", spec.with_dtype("int64")),
            graph.named(value, f"{prefix}probabilities", spec),
        ]
    if spec.rank == 2 and spec.shape[1] == 1:
        value, spec = graph.add("Squeeze", value, graph.integers(1)), spec.with_shape(spec.shape[:1])
    if model.preparation is not None and model.preparation.task == "regression":
        value, spec = _restored(graph, model, value), spec.with_dtype("float64")
    return [graph.named(value, f"{prefix}value", spec)]


def _restored(graph: OnnxGraph, model: ModelState, value: str) -> str:
    """Return a standardized prediction in the units of the target, float64."""
    assert model.preparation is not None
    from chainrule.interop.onnx.export.graph import TYPES  # noqa: PLC0415

    wide = graph.add("Cast", value, to=TYPES["float64"])
    scaled = graph.add("Mul", wide, graph.constant(model.preparation.target_std, np.float64))
    return graph.add("Add", scaled, graph.constant(model.preparation.target_mean, np.float64))


def _metadata(model: ModelState) -> Mapping[str, str]:
    """Return the metadata of the file: labels, columns with their units, the hash of the parameters."""
    digest = hashlib.sha256()
    for path, array in sorted(model.arrays.items()):
        digest.update(f"{path} {array.dtype} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    labels = {name: list(target.labels) for name, target in model.targets.items() if target.labels}
    record: dict[str, Any] = {"task": model.task, "labels": labels}
    if model.preparation is not None:
        record["target"] = model.preparation.target
        record["columns"] = [
            {"name": e.column, "kind": e.kind, "unit": getattr(e, "unit", "")}
            for e in model.preparation.encodings
        ]
    return {
        "chainrule.parameters_sha256": digest.hexdigest(),
        "chainrule.model": json.dumps(record, ensure_ascii=False),
    }


OPERATIONS: dict[str, Rule] = {
    **elementwise.OPERATIONS,
    **arrays.OPERATIONS,
    **windows.OPERATIONS,
    **loop.OPERATIONS,
}
"""The function that writes an operation, by the name of its card."""
