"""Example rows in the metadata of an exported ONNX file: inputs and outputs, to test any runtime with.

The value of ``chainrule.examples`` is the base64 text of a ``GraphProto`` whose initializers are the arrays:
``input/NAME`` and ``output/NAME``. They can be read by any program that reads ONNX files:

    graph = onnx.GraphProto.FromString(base64.b64decode(text))
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import fact
from chainrule.interop.onnx.tensors import array_of, invalid, text_of
from chainrule.records import frozen

try:
    import onnx
except ImportError:
    onnx = None

if TYPE_CHECKING:
    from chainrule.interop.onnx.network import OnnxNetwork

KEY = "chainrule.examples"
LIMIT = 2**18  # bytes of all rows; fewer rows are stored of larger ones
_TEXT = 8  # the code of the dtype


@frozen(eq=False)
class Examples:
    """Example rows of a file.

    Args:
        inputs: arrays by the names of the inputs.
        outputs: the outputs of the exported model by name.
    """

    inputs: Mapping[str, np.ndarray]
    outputs: Mapping[str, np.ndarray]

    @property
    def count(self) -> int:
        """The number of rows."""
        return len(next(iter(self.outputs.values())))


def packed(inputs: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]) -> str:
    """Return example rows as a text."""
    arrays = {f"input/{name}": array for name, array in inputs.items()}
    arrays |= {f"output/{name}": array for name, array in outputs.items()}
    size = sum(8 * array.size if array.dtype == object else array.nbytes for array in arrays.values())
    rows = len(next(iter(outputs.values())))
    row_count = max(1, min(rows, rows * LIMIT // max(size, 1)))
    assert onnx is not None
    graph = onnx.GraphProto(initializer=[_tensor(name, array[:row_count]) for name, array in arrays.items()])
    return base64.b64encode(graph.SerializeToString(deterministic=True)).decode()


def _tensor(name: str, array: np.ndarray) -> Any:
    assert onnx is not None
    if array.dtype.kind not in "OU":
        return onnx.numpy_helper.from_array(np.ascontiguousarray(array), name)
    texts = [str(text).encode() for text in array.ravel()]
    return onnx.TensorProto(name=name, data_type=_TEXT, dims=array.shape, string_data=texts)


def examples_of(network: OnnxNetwork) -> Examples | None:
    """Return the example rows in the file of a network; ``None`` without.

    Raises:
        FileError E458: they are damaged, or not those of its inputs and outputs.
    """
    assert onnx is not None
    entries = {text_of(entry.key): text_of(entry.value) for entry in network.file.proto.metadata_props}
    if KEY not in entries:
        return None
    expected = fact("example rows with the inputs and outputs of the network")
    try:
        graph = onnx.GraphProto.FromString(base64.b64decode(entries[KEY], validate=True))
    except Exception as cause:  # of base64, or the parser's own class
        raise invalid(network.name, expected, fact("a text of another format")) from cause
    arrays = {text_of(tensor.name): array_of(tensor, "") for tensor in graph.initializer}
    inputs = {name: arrays.get(f"input/{name}") for name in network.inputs}
    outputs = {name: arrays.get(f"output/{name}") for name in network.outputs}
    stored = [array for array in (*inputs.values(), *outputs.values()) if array is not None and array.ndim]
    if len(stored) < len(inputs) + len(outputs) or len({len(array) for array in stored}) != 1:
        raise invalid(network.name, expected, ", ".join(arrays) or fact("none"))
    return Examples({**inputs}, {**outputs})  # pyright: ignore[reportArgumentType]
