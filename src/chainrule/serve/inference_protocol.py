"""Tensors of the Open Inference Protocol, version 2, over HTTP.

A tensor has a name, a datatype, a shape and its elements in row-major order: as JSON, flat or nested, or,
with the extension for binary data, as bytes behind the JSON. Then the header
``Inference-Header-Content-Length`` is the length of the JSON, and ``binary_data_size`` in the parameters of a
tensor that of its bytes. Numbers are little-endian; a text has its length before it, in four bytes.

    {"inputs": [{"name": "x", "shape": [2, 2], "datatype": "FP32", "data": [1, 2, 3, 4]}]}

Reference: KServe, Open Inference Protocol, REST; NVIDIA Triton, binary tensor data extension.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from itertools import chain
from math import prod
from typing import Any

import numpy as np

from chainrule.errors import fact
from chainrule.records import frozen
from chainrule.serve.forms import BYTES, DATATYPES, DTYPES, Field, are_within
from chainrule.serve.models import PROBABILITIES, TITLE, Predictions, Request, level_of, plain_list
from chainrule.train.evaluation.frame_predictions import PREDICTION
from chainrule.web.bodies import parse_json
from chainrule.web.responses import invalid

HEADER_LENGTH = "inference-header-content-length"
MAX_AXES = 16
BODY = fact("the body")
_DATATYPES = {np.dtype(name): datatype for name, datatype in DATATYPES.items()}
_DTYPES = {datatype: np.dtype(name) for datatype, name in DTYPES.items()}
_TYPES: dict[str, tuple[type, ...]] = {"BOOL": (bool,), BYTES: (str,)}  # of values of JSON; others: numbers


@frozen(eq=False)
class Inference:
    """A request for inference.

    Args:
        request: its rows.
        id: that the response repeats; ``None``: none.
        outputs: the outputs that are requested, with whether each is requested as bytes; empty for all.
        is_binary: whether outputs are requested as bytes by default.
    """

    request: Request
    id: str | None
    outputs: Mapping[str, bool]
    is_binary: bool


def read_inference(content: bytes, header_length: str | None, fields: Sequence[Field]) -> Inference:
    """Read a request for inference.

    Args:
        content: the body.
        header_length: the header of that name; ``None`` without binary data.
        fields: of the model.

    Raises:
        RequestError 400: it is not as the protocol or the model needs it.
    """
    end = len(content)
    if header_length is not None:
        if not (header_length.isdecimal() and len(header_length) < 12 and int(header_length) <= end):
            raise invalid(fact("the header {name} is not the length of JSON", name=HEADER_LENGTH))
        end = int(header_length)
    body = parse_json(content[:end], may_repeat_keys=False)
    record = _object(body, BODY)
    rest = memoryview(content)[end:]
    columns, count = _columns(record, rest, fields)
    parameters = _object(record.get("parameters", {}), "parameters")
    request_id = record.get("id")
    if request_id is not None and not isinstance(request_id, str):
        raise invalid(fact('"{name}" must be a text', name="id"))
    interval = level_of(parameters.get("interval"))
    is_binary = parameters.get("binary_data_output") is True
    outputs = {}
    for output in _list(record.get("outputs", []), "outputs"):
        requested = _object(output, "outputs")
        own = _object(requested.get("parameters", {}), "parameters").get("binary_data", is_binary)
        outputs[_name(requested)] = own is True
    return Inference(Request(columns, count, interval), request_id, outputs, is_binary)


def _columns(
    record: Mapping[str, Any], rest: memoryview, fields: Sequence[Field]
) -> tuple[dict[str, Any], int]:
    """Return the values of each field, and the number of rows."""
    known = {field.name: field for field in fields}
    columns: dict[str, Any] = {}
    counts = set()
    for tensor in _list(record.get("inputs"), "inputs"):
        entry = _object(tensor, "inputs")
        name = _name(entry)
        if name not in known or name in columns:
            raise invalid(fact('"{name}" is no input of the model, or was sent twice', name=name[:80]))
        values, rest = _tensor(entry, rest)
        field = known[name]
        is_column = values.ndim == 2 and values.shape[1] == 1 and not field.shape
        columns[name] = values[:, 0] if is_column else values
        counts.add(len(values))
    missing = [name for name in known if name not in columns]
    if missing:
        raise invalid(fact('the input "{name}" is missing', name=missing[0]))
    if len(counts) != 1 or len(rest):
        raise invalid(fact("the inputs differ in their rows, or bytes are left over"))
    return columns, counts.pop()


def _tensor(entry: Mapping[str, Any], rest: memoryview) -> tuple[np.ndarray, memoryview]:
    """Return the values of a tensor, and the bytes behind its own."""
    name, datatype = _name(entry), entry.get("datatype")
    if datatype != BYTES and (not isinstance(datatype, str) or datatype not in DTYPES):
        known = ", ".join([*DTYPES, BYTES])
        raise invalid(fact('the datatype of "{name}" is none of {known}', name=name, known=known))
    shape = entry.get("shape")
    if (
        not isinstance(shape, list)
        or not 1 <= len(shape) <= MAX_AXES
        or not all(type(size) is int and 0 <= size < 1 << 40 for size in shape)
    ):
        raise invalid(fact('the shape of "{name}" is not a list of sizes', name=name))
    size = _object(entry.get("parameters", {}), "parameters").get("binary_data_size")
    if size is None:
        values = _of_json(name, datatype, entry.get("data"))
    else:
        if type(size) is not int or not 0 <= size <= len(rest) or "data" in entry:
            raise invalid(fact('"{name}" has another number of bytes', name=name))
        values, rest = _of_bytes(name, datatype, rest[:size]), rest[size:]
    if prod(shape) != len(values):
        words = {"name": name, "shape": str(shape), "count": len(values)}
        raise invalid(fact('"{name}" has the shape {shape}, but {count} elements', **words))
    return values.reshape(shape), rest


def _of_json(name: str, datatype: str, data: Any) -> np.ndarray:
    """Return the elements of a tensor in JSON, (n,)."""
    values = _list(data, "data")
    for _ in range(MAX_AXES):
        if not values or not isinstance(values[0], list):
            break
        if not all(isinstance(part, list) for part in values):
            raise invalid(fact('the data of "{name}" are nested unevenly', name=name))
        values = list(chain.from_iterable(values))
    array = _converted(values, datatype)
    if array is None:
        words = {"name": name, "datatype": datatype}
        raise invalid(fact('the data of "{name}" are not all {datatype}', **words))
    return array


def _converted(values: list[Any], datatype: str) -> np.ndarray | None:
    """Return values of JSON as an array of a datatype; ``None`` if one of them is of another type."""
    allowed = _TYPES.get(datatype, (int, float))
    if not set(map(type, values)).issubset(allowed):
        return None
    if datatype == BYTES:
        return np.array(values, object)
    dtype = _DTYPES[datatype]
    try:
        if are_within(values, dtype):
            return np.array(values, dtype)
        array = np.array(values, np.float64 if dtype.kind == "f" else None)
        with np.errstate(all="ignore"):
            converted = array.astype(dtype)
    except (OverflowError, ValueError, TypeError):
        return None
    return converted if dtype.kind == "f" or bool((converted == array).all()) else None


def _of_bytes(name: str, datatype: str, content: memoryview) -> np.ndarray:
    """Return the elements of a tensor in bytes, (n,)."""
    if datatype != BYTES:
        dtype = _DTYPES[datatype].newbyteorder("<")
        if len(content) % dtype.itemsize:
            raise invalid(fact('"{name}" has another number of bytes', name=name))
        return np.frombuffer(content, dtype).astype(DTYPES[datatype])
    texts, place = [], 0
    while place < len(content):
        length = struct.unpack_from("<I", content, place)[0] if place + 4 <= len(content) else len(content)
        place += 4 + length
        if place > len(content):
            raise invalid(fact('"{name}" has another number of bytes', name=name))
        texts.append(bytes(content[place - length : place]))
    array = np.empty(len(texts), object)
    array[:] = texts
    return array


def outputs_of(columns: Mapping[str, np.ndarray], may_refuse: bool = False) -> dict[str, np.ndarray]:
    """Return predictions as tensors by name; the probabilities of all classes are one.

    Args:
        columns: of an ``Predictions``.
        may_refuse: whether a prediction may be ``"unknown"`` or empty: all are then texts, so that the
            datatype is that of the description.
    """
    tensors = dict(columns)
    if titles := [name for name in columns if name.startswith(TITLE)]:
        tensors[PROBABILITIES] = np.stack([tensors.pop(title) for title in titles], 1)
    if PROBABILITIES in tensors:
        tensors[PROBABILITIES] = tensors.pop(PROBABILITIES).astype(np.float32, copy=False)  # (N, K), last
    return {
        name: _texts(values) if may_refuse and name == PREDICTION else _plain_array(values)
        for name, values in tensors.items()
    }


def _plain_array(values: np.ndarray) -> np.ndarray:
    """Return an array of a datatype of the protocol."""
    if values.dtype in _DATATYPES:
        return values
    cells = values.tolist()
    if values.ndim == 1 and cells and {type(cell) for cell in cells} <= {int}:
        return np.array(cells, np.int64)
    if values.ndim == 1 and cells and {type(cell) for cell in cells} <= {bool}:
        return np.array(cells, bool)
    return _texts(values)


def _texts(values: np.ndarray) -> np.ndarray:
    texts = np.empty(values.shape, object)
    texts.reshape(-1)[:] = ["" if cell is None else str(cell) for cell in values.reshape(-1).tolist()]
    return texts


def describe_outputs(example: Predictions | None, may_refuse: bool = False) -> list[dict[str, Any]]:
    """Return name, datatype and shape of the outputs; empty if no example could be predicted."""
    tensors = {} if example is None else outputs_of(example.columns, may_refuse)
    return [
        {"name": name, "datatype": datatype_of(values), "shape": [-1, *values.shape[1:]]}
        for name, values in tensors.items()
    ]


def datatype_of(values: np.ndarray) -> str:
    """Return the datatype of an output."""
    return _DATATYPES.get(values.dtype, BYTES)


def write_inference(
    inference: Inference, tensors: Mapping[str, np.ndarray], name: str, version: str
) -> tuple[dict[str, Any], bytes]:
    """Return the JSON of a response, and the bytes behind it.

    Args:
        inference: the request.
        tensors: the outputs.
        name, version: of the model.

    Raises:
        RequestError 400: an output is requested that the model does not have.
    """
    requested = inference.outputs or dict.fromkeys(tensors, inference.is_binary)
    unknown = [output for output in requested if output not in tensors]
    if unknown:
        raise invalid(fact('the model has no output "{name}"', name=unknown[0][:80]))
    outputs, parts = [], []
    for output, is_binary in requested.items():
        values = tensors[output]
        entry: dict[str, Any] = {"name": output, "datatype": datatype_of(values), "shape": list(values.shape)}
        if is_binary:
            parts.append(_to_bytes(values))
            entry["parameters"] = {"binary_data_size": len(parts[-1])}
        else:
            entry["data"] = plain_list(values.reshape(-1))
        outputs.append(entry)
    record: dict[str, Any] = {"model_name": name, "model_version": version}
    if inference.id is not None:
        record["id"] = inference.id
    return {**record, "outputs": outputs}, b"".join(parts)


def _to_bytes(values: np.ndarray) -> bytes:
    if values.dtype.kind != "O":
        return values.astype(values.dtype.newbyteorder("<")).tobytes()
    texts = [text.encode("utf-8", "backslashreplace") for text in values.reshape(-1).tolist()]
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise invalid(fact("{where} must be an object of JSON", where=where))
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise invalid(fact("{where} must be a list of JSON", where=where))
    return value


def _name(entry: Mapping[str, Any]) -> str:
    name = entry.get("name")
    if not isinstance(name, str):
        raise invalid(fact("a tensor has no name"))
    return name
