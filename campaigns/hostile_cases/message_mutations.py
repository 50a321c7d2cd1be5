"""Mutations of a message of protobuf: a field of any depth is changed, deleted, doubled or exchanged."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import onnx
from onnx import TensorProto, helper

INTEGERS = (
    0,
    1,
    2,
    3,
    -1,
    -2,
    5,
    7,
    8,
    64,
    127,
    255,
    1000,
    2**15,
    2**16,
    2**24,
    2**31 - 1,
    2**31,
    -(2**31),
    2**32,
    2**62,
    2**63 - 1,
    -(2**63),
)
FLOATS = (
    0.0,
    -0.0,
    1.0,
    -1.0,
    1e-45,
    1e-30,
    1e30,
    3.4e38,
    -3.4e38,
    float("nan"),
    float("inf"),
    -float("inf"),
)
NAMES = (
    "",
    "x",
    "y",
    "nothing",
    "Loop",
    "If",
    "Relu",
    "Constant",
    "axis",
    "value",
    "\x1b[31m",
    "名",
    "a" * 300,
)
DEPTHS = (3, 30, 90, 150)  # of graphs in one another; the parser of protobuf allows about 30


def _messages(message: Any) -> Iterator[Any]:
    """The message and all messages in it."""
    yield message
    for field, value in message.ListFields():
        if field.cpp_type == field.CPPTYPE_MESSAGE:
            for part in value if field.is_repeated else [value]:
                yield from _messages(part)


def _scalar(draw: random.Random, field: Any, old: Any, model: Any) -> Any:
    """Another value of a field that is not a message."""
    if field.cpp_type in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE):
        return draw.choice(FLOATS)
    if field.type == field.TYPE_BYTES:
        return _bytes(draw, bytes(old or b"\0\0\0\0"))
    if field.type == field.TYPE_STRING:
        names = [name for node in model.graph.node for name in (*node.input, *node.output, node.op_type)]
        return draw.choice([*names, *NAMES])
    if field.cpp_type == field.CPPTYPE_BOOL:
        return not old
    if field.cpp_type == field.CPPTYPE_ENUM:
        return draw.choice(list(field.enum_type.values_by_number))
    number = draw.choice((*INTEGERS, int(old or 0) + 1, int(old or 0) - 1))
    bits = 32 if field.cpp_type in (field.CPPTYPE_INT32, field.CPPTYPE_UINT32) else 64
    is_unsigned = field.cpp_type in (field.CPPTYPE_UINT32, field.CPPTYPE_UINT64)
    number %= 2**bits
    return number if is_unsigned or number < 2 ** (bits - 1) else number - 2**bits


def _bytes(draw: random.Random, old: bytes) -> bytes:
    """Bytes, often the numbers of a tensor, with a number or a bit changed, or fewer or more of them."""
    if not old:
        return draw.choice((b"\0", b"NOTSET", b"\xff\xfe"))
    kind, data = draw.randrange(4), bytearray(old)
    if kind == 0:
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    elif kind == 1 and len(data) >= 4:
        place = draw.randrange(len(data) // 4) * 4
        data[place : place + 4] = struct.pack("<f", draw.choice(FLOATS))
    elif kind == 2:
        del data[draw.randrange(len(data)) :]
    else:
        data *= draw.choice((2, 3))
    return bytes(data)


def change_field(draw: random.Random, model: Any) -> None:
    """Change a field that has a value."""
    message = draw.choice(list(_messages(model)))
    fields = [(f, v) for f, v in message.ListFields() if f.cpp_type != f.CPPTYPE_MESSAGE]
    if not fields:
        return
    field, value = draw.choice(fields)
    if not field.is_repeated:
        setattr(message, field.name, _scalar(draw, field, value, model))
        return
    place, kind = draw.randrange(len(value)), draw.randrange(4)
    if kind == 0:
        del value[place]
    elif kind == 1:
        value.append(_scalar(draw, field, value[place], model))
    else:
        value[place] = _scalar(draw, field, value[place], model)


def set_field(draw: random.Random, model: Any) -> None:
    """Set a field that has no value."""
    message = draw.choice(list(_messages(model)))
    fields = [f for f in message.DESCRIPTOR.fields if f.cpp_type != f.CPPTYPE_MESSAGE]
    field = draw.choice(fields) if fields else None
    if field is not None and field.is_repeated:
        getattr(message, field.name).append(_scalar(draw, field, None, model))
    elif field is not None:
        setattr(message, field.name, _scalar(draw, field, None, model))


def clear_field(draw: random.Random, model: Any) -> None:
    """Delete the value of a field, with all messages in it."""
    message = draw.choice(list(_messages(model)))
    fields = [f for f, _ in message.ListFields()]
    if fields and message is not model:
        message.ClearField(draw.choice(fields).name)


def repeat(draw: random.Random, model: Any) -> None:
    """Delete, double or exchange the messages of a list: weights, operations, attributes, axes."""
    lists = [
        value
        for message in _messages(model)
        for field, value in message.ListFields()
        if field.is_repeated and field.cpp_type == field.CPPTYPE_MESSAGE
    ]
    if not lists:
        return
    chosen = draw.choice(lists)
    kind, place = draw.randrange(4), draw.randrange(len(chosen))
    if kind == 0:
        del chosen[place]
    elif kind == 1:
        chosen.add().CopyFrom(chosen[place])
    else:
        other = draw.randrange(len(chosen))
        first, second = type(chosen[0])(), type(chosen[0])()
        first.CopyFrom(chosen[place])
        second.CopyFrom(chosen[other])
        chosen[place].CopyFrom(second)
        chosen[other].CopyFrom(first)


def copy_message(draw: random.Random, model: Any) -> None:
    """Replace a message by another one of its kind."""
    messages = list(_messages(model))
    target = draw.choice(messages[1:] or messages)
    others = [m for m in messages if m is not target and m.DESCRIPTOR is target.DESCRIPTOR]
    if others and target is not model:
        copied = type(target)()
        copied.CopyFrom(draw.choice(others))
        target.CopyFrom(copied)


def rename(draw: random.Random, model: Any) -> None:
    """Exchange the name of an input or output: a cycle, a name twice, a missing value."""
    node = draw.choice(list(model.graph.node)) if len(model.graph.node) else None
    names = [name for step in model.graph.node for name in (*step.input, *step.output)] or [""]
    if node is None:
        return
    side = draw.choice((node.input, node.output))
    if len(side):
        side[draw.randrange(len(side))] = draw.choice(names)


def nest(draw: random.Random, model: Any) -> None:
    """Give an operation a graph as attribute, with graphs in it."""
    if not len(model.graph.node):
        return
    graph = onnx.GraphProto()
    graph.CopyFrom(model.graph)
    for _ in range(draw.choice(DEPTHS)):
        outer = onnx.GraphProto()
        node = outer.node.add(op_type="If")
        node.attribute.add(name="then_branch", type=onnx.AttributeProto.GRAPH).g.CopyFrom(graph)
        graph = outer
    attribute = draw.choice(list(model.graph.node)).attribute.add(type=onnx.AttributeProto.GRAPH)
    attribute.name = draw.choice(("then_branch", "value", "axis"))
    attribute.g.CopyFrom(graph)


def place_outside(draw: random.Random, model: Any) -> None:
    """Place the numbers of a tensor in another file."""
    if not len(model.graph.initializer):
        return
    tensor = draw.choice(list(model.graph.initializer))
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", draw.choice(("/etc/passwd", "../x", "net.onnx"))), ("offset", "0")):
        tensor.external_data.add(key=key, value=value)


def retype(draw: random.Random, model: Any) -> None:
    """Give a tensor another dtype, or make one of a scalar or of a scalar one of a vector."""
    if not len(model.graph.initializer):
        return
    tensor = draw.choice(list(model.graph.initializer))
    kind = draw.randrange(3)
    if kind == 0:
        tensor.data_type = draw.randrange(24)
    elif kind == 1:
        size = len(tensor.raw_data) // 4
        tensor.dims[:] = draw.choice(([size], [], [1, size], [size, 1], [0], [0, size], [-1]))
    else:
        name = tensor.name
        values = [draw.choice(FLOATS[:9])] * draw.randint(0, 3)
        tensor.CopyFrom(helper.make_tensor(name, TensorProto.FLOAT, [len(values)], values))


Mutation = Callable[[random.Random, Any], None]
MUTATIONS: tuple[Mutation, ...] = (
    change_field,
    change_field,
    change_field,
    change_field,
    set_field,
    clear_field,
    repeat,
    repeat,
    copy_message,
    rename,
    rename,
    nest,
    place_outside,
    retype,
    retype,
)


def mutate(draw: random.Random, model: Any) -> list[str]:
    """Change a message by one to four mutations; return their names."""
    chosen = [draw.choice(MUTATIONS) for _ in range(draw.choice((1, 1, 2, 4)))]
    for mutation in chosen:
        with suppress(UnicodeError):  # the parser accepts names that are not UTF-8 and does not write them
            mutation(draw, model)
    return [mutation.__name__ for mutation in chosen]
