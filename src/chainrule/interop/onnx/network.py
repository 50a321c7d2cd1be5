"""Networks of ONNX files: they run, are layers of other networks, and train.

    network = cr.load_onnx("model.onnx")
    network.run({"image": images})["logits"]
    model = cr.Model(cr.Sequential(network, cr.Dense(10)), "cross_entropy")

The graph of a file is imported for the shapes of its inputs. An input that determines shapes (the new shape
of a ``Reshape``), or whose dtype our graphs do not have (texts), is *static*: the graph is imported for each
of its values. Everything that depends on static inputs alone is computed during the import.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from weakref import WeakValueDictionary

import numpy as np

from chainrule.engines import compile as compile_graph
from chainrule.errors import ChainruleError, FileError, ShapeError, UsageError, fact
from chainrule.graph import Graph, Node, constant, input_node, order
from chainrule.graph.limits import Limits, building, reserve
from chainrule.interop.onnx.importer import LIMIT, File, Import, parsed
from chainrule.interop.onnx.tensors import FIELDS, array_of, dtype_of, invalid, text_of, unsupported
from chainrule.interop.onnx.values import TEXT, Any_, UnknownValueError, Value, as_stored, carrier
from chainrule.interop.onnx.verified import require_separate
from chainrule.memoization import Memo, cached_property
from chainrule.nn.initializer import Initializer
from chainrule.nn.layer import Layer, layer
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.store import atomic_write
from chainrule.symbolic_shape import Axis, Shape, Size, Spec, bound, count, shape_text, size_at

ELEMENTS, ELEMENTS_PER_BYTE = (2**28, 4096)  # of a value: for any file, and for each byte of its inputs
PROGRAMS = 16  # imports that a network keeps, by shapes and static values
UNPACKED = 2**30  # bytes of the description of a network in a model file
SMALL, PER_BYTE = 2**24, 64  # of a description of any size, and for each byte of it
T = TypeVar("T")
_WEIGHTS: WeakValueDictionary[str, Weights] = WeakValueDictionary()


class Weights(dict[str, np.ndarray]):
    """The weights of a file by name; all networks of the same file share them."""


@frozen
class FromFile(Initializer):
    """The values of a weight in the file that a network was loaded from.

    Args:
        name: the weight.
        digest: identifies the weights of the file.
    """

    name: str
    digest: str

    def __call__(self, key: Node, shape: Shape, dtype: str, stream: int) -> Node:
        weights = _WEIGHTS.get(self.digest)
        if weights is None:
            expected = fact("the weights of the ONNX file")
            fix = fact("load the file again: cr.load_onnx(path)")
            raise UsageError("E102", name=self.name, expected=expected, received=fact("none"), fix=fix)
        return constant(weights[self.name].astype(dtype))


@frozen(eq=False)
class Declared:
    """An input of the file: its name, dtype and shape, in which ``None`` is an unknown length."""

    name: str
    dtype: np.dtype
    shape: tuple[int | str | None, ...] | None
    is_tensor: bool = True


@layer
class OnnxNetwork(Layer):
    """The network of an ONNX file, which ``cr.load_onnx`` returns.

    Shapes: those of the file, of which the first axis is the batch: images are (B, C, H, W).

    Args:
        name: the name of the file.
        description: the graph without its weights, compressed, as text.
        digest: identifies the weights.

    Raises:
        FileError E458, E459: the description is damaged; shapes of the input that do not fit the operations.
    """

    reserved: ClassVar[tuple[str, ...]] = ("place", "weights", "static")
    name: str
    description: str
    digest: str

    def check(self) -> None:
        object.__setattr__(self, "weights", _WEIGHTS.get(self.digest))
        object.__setattr__(self, "static", set())

    def __str__(self) -> str:
        return self.line()

    def line(self) -> str:
        return f"OnnxNetwork({self.name!r})"

    @cached_property
    def file(self) -> File:
        """The content of the file without its weights."""
        try:
            packed = base64.b64decode(self.description, validate=True)
            unpacking = zlib.decompressobj()
            limit = min(UNPACKED, SMALL + PER_BYTE * len(packed))
            data = unpacking.decompress(packed, limit)
        except (ValueError, zlib.error):
            raise invalid(self.name, fact("an ONNX file"), fact("a file of another format")) from None
        if unpacking.unconsumed_tail:
            raise invalid(self.name, fact("at most {limit:,} bytes", limit=limit), fact("more"))
        return parsed(data, "")

    # --- inputs and outputs

    @cached_property
    def declared(self) -> tuple[Declared, ...]:
        """The inputs of the file that are not weights."""
        weights = {text_of(tensor.name) for tensor in self.file.graph.initializer}
        weights |= {text_of(tensor.values.name) for tensor in self.file.graph.sparse_initializer}
        inputs = (value for value in self.file.graph.input if text_of(value.name) not in weights)
        return tuple(_declared(value, self.name) for value in inputs)

    @property
    def inputs(self) -> dict[str, str]:
        """The inputs by name, each with its dtype and shape.

        Example:
            ``{'image': 'float32(B, 3, 224, 224)'}``
        """
        return {one.name: _described(one) for one in self.declared}

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs."""
        return tuple(text_of(value.name) for value in self.file.graph.output)

    @property
    def output_specs(self) -> dict[str, str]:
        """The outputs by name, each with its dtype and shape as the file states them."""
        values = self.file.graph.output
        return {text_of(value.name): _described(_declared(value, self.name)) for value in values}

    @property
    def operators(self) -> dict[str, int]:
        """The operators of the graph by name, each with the number of its nodes."""
        counts: dict[str, int] = {}
        for step in self.file.graph.node:
            kind = text_of(step.op_type)
            counts[kind] = counts.get(kind, 0) + 1
        return dict(sorted(counts.items()))

    # --- running

    def run(self, feeds: Mapping[str, Any], engine: str | None = None) -> dict[str, Any]:
        """Return the outputs of the network for some inputs.

        Args:
            feeds: an array for each input by name; a list for a sequence.
            engine: the engine; by default the setting ``engine``.

        Returns:
            arrays by the names of the outputs, in the dtypes of the file.

        Raises:
            UsageError E101: an input that is missing or unknown.
            FileError E459: shapes that do not fit the operations.

        Example:
            ``cr.load_onnx("net.onnx").run({"x": x})["y"]``
        """
        expected = [one.name for one in self.declared]
        wrong = sorted({*expected} ^ {*feeds})
        if wrong:
            names = ", ".join(expected) or fact("none")
            raise UsageError(
                "E101", where="run", name=wrong[0], expected=names, received=", ".join(map(str, feeds))
            )
        values = {one.name: _fed(one, feeds[one.name]) for one in self.declared}
        program, arrays = self._program(values, engine)
        program.require_bounded(arrays, self.name)
        return program.run(arrays)

    @cached_property
    def _programs(self) -> Memo:
        return Memo(PROGRAMS)

    def _program(
        self, values: Mapping[str, Any_], engine: str | None
    ) -> tuple[_Program, dict[str, np.ndarray]]:
        """Return the import for these inputs, and the arrays of those that are not static."""
        known_static: set[str] = self.static  # pyright: ignore[reportAttributeAccessIssue]
        while True:
            live = {
                name: value
                for name, value in values.items()
                if isinstance(value, Value) and carrier(value.dtype) and name not in known_static
            }
            static = {name: value for name, value in values.items() if name not in live}
            specs = {name: Spec(value.shape, carrier(value.dtype) or "") for name, value in live.items()}
            key = (engine, tuple(specs.items()), tuple((n, _fingerprint(v)) for n, v in static.items()))
            arrays = {
                name: np.asarray(value.array).astype(specs[name].dtype, copy=False)
                for name, value in live.items()
            }
            symbolic = self._symbolic(specs, values)
            if symbolic is not None:
                return symbolic.bound(engine), arrays
            try:
                build = partial(self._imported, specs, {**values}, static, engine)
                program = self._programs(key, build)
            except UnknownValueError as error:
                if not error.labels - known_static:
                    raise
                known_static |= error.labels
                continue
            return program, arrays

    def _symbolic(self, specs: Mapping[str, Spec], values: Mapping[str, Any_]) -> _Program | None:
        """Return the import for all lengths that the file leaves open; ``None`` if these inputs have none."""
        program = self._open
        if program is None or len(specs) != len(self.declared):
            return None
        pairs = [(program.shapes[name], bound(spec.shape)) for name, spec in specs.items()]
        return program if _match(pairs) else None

    @cached_property
    def _open(self) -> _Program | None:
        """The import with symbolic lengths; ``None`` if there are none, or an operation needs known ones."""
        specs = {}
        for one in self.declared:
            kind = carrier(one.dtype) if one.is_tensor else None
            if kind is None or one.shape is None:
                return None
            specs[one.name] = Spec(open_shape(one), kind)
        if not any(isinstance(n, Size) for spec in specs.values() for n in spec.shape):
            return None
        try:
            values: dict[str, Any_] = {one.name: Value(one.dtype) for one in self.declared}
            return self._imported(specs, values, {}, None)
        except (ChainruleError, UnknownValueError):
            return None

    def _imported(
        self,
        specs: Mapping[str, Spec],
        values: Mapping[str, Any_],
        static: Mapping[str, Any_],
        engine: str | None,
    ) -> _Program:
        inputs: dict[str, Any_] = dict(static)
        for name, spec in specs.items():
            value = values[name]
            assert isinstance(value, Value)
            inputs[name] = Value(value.dtype, None, input_node(name, spec.shape, spec.dtype))
        labels: dict[str, Node] = {}
        used_labels = set(specs)

        def parameter(name: str, array: np.ndarray) -> Node:
            if name not in labels:
                label = label_of(name, used_labels)
                labels[name] = input_node(label, array.shape, array.dtype.name, "parameter")
            return labels[name]

        size = self.file.size + sum(map(_bytes, values.values()))
        with building(Limits.of_file(size + self.weight_bytes, {})):
            importing = Import(self.file, inputs, parameter, batch=0, stored_weights=self.stored_weights)
            outputs = self._in_this_file(importing.outputs)
        return _Program(outputs, importing.weights, {n: s.shape for n, s in specs.items()}, engine)

    def _in_this_file(self, compute: Callable[[], T]) -> T:
        """Return a result; errors name the file, whose content was read without its path."""
        try:
            return compute()
        except FileError as error:
            error.where = error.where or self.name
            raise

    @property
    def stored_weights(self) -> Mapping[str, np.ndarray]:
        """The weights by their names in the file; without them, after a model file was read: none."""
        weights: Weights | None = self.weights  # pyright: ignore[reportAttributeAccessIssue]
        return {} if weights is None else weights

    @property
    def weight_bytes(self) -> int:
        """The size of the weights."""
        return sum(array.nbytes for array in self.stored_weights.values())

    # --- as a layer

    def __call__(self, x: Any, scope: Scope) -> Any:
        """Return the nodes of the network; ``x`` is a node, or nodes by the names of the inputs."""
        nodes = dict(x) if isinstance(x, Mapping) else {one.name: x for one in self.declared[:1]}
        if {*nodes} != {one.name for one in self.declared}:
            expected = ", ".join(one.name for one in self.declared)
            constraint = fact("a value for each input of the file")
            raise _unfit(self.line(), constraint, expected, ", ".join(nodes))
        values = {one.name: _as_input(one, nodes[one.name]) for one in self.declared}
        used_labels = set(values)

        def parameter(name: str, array: np.ndarray) -> Node:
            label = labels.setdefault(name, "") or label_of(name, used_labels)
            labels[name] = label
            request = scope.state if name in self.file.statistics else scope.parameter
            node = request(label, array.shape, FromFile(name, self.digest))
            return F.cast(node, array.dtype.name)

        labels: dict[str, str] = {}
        first = next((one.shape[0] for one in self.declared if one.shape), None)
        batch = first if isinstance(first, int) else 0
        importing = Import(self.file, values, parameter, batch, self.stored_weights)
        results = {}
        for name, value in self._layer_outputs(importing, batch).items():
            if not isinstance(value, Value):
                raise unsupported(self.name, name, fact("a tensor"), fact("a sequence"))
            node = value.as_node()
            results[name] = F.cast(node, scope.dtype) if node.spec.is_float else node
        return results if len(results) > 1 else next(iter(results.values()))

    def _layer_outputs(self, importing: Import, batch: int) -> dict[str, Any_]:
        """Return the outputs of a layer: shapes do not depend on values, samples stay separate."""
        try:
            outputs = self._in_this_file(importing.outputs)
            if batch:
                nodes = [v.node for v in outputs.values() if isinstance(v, Value)]
                require_separate(self.name, [node for node in nodes if node is not None])
        except UnknownValueError as error:
            expected = fact("shapes, conditions and numbers of turns that do not depend on values of inputs")
            names = ", ".join(sorted(error.labels))
            received = fact("{name} is computed from {labels}", name=error.name, labels=names)
            raise unsupported(self.name, error.step, expected, received) from error
        except FileError as error:
            if batch:
                error.fix = error.fix or fact("export the network with a batch of any length (dynamic axes)")
            raise
        return outputs


@frozen(eq=False)
class _Program:
    """An imported graph that runs.

    Args:
        outputs: the values of the outputs.
        weights: the parameters by label.
        shapes: the shapes of the inputs that are not static.
        engine: the name of the engine.
    """

    outputs: Mapping[str, Any_]
    weights: Mapping[str, np.ndarray]
    shapes: Mapping[str, Shape]
    engine: str | None

    @cached_property
    def _lengths(self) -> frozenset[Axis]:
        """The numbers of elements of all values."""
        nodes: list[Node] = []
        for value in self.outputs.values():
            _collect(value, nodes)
        return frozenset(count(node.shape) for node in order(nodes))

    def require_bounded(self, arrays: Mapping[str, np.ndarray], name: str) -> None:
        """Require values of a size that these weights and inputs can need, before any is computed.

        Raises:
            FileError E458: a larger one.
        """
        pairs = [
            (axis, n) for key, a in arrays.items() for axis, n in zip(self.shapes[key], a.shape, strict=True)
        ]
        sizes = {str(axis): n for axis, n in pairs if isinstance(axis, Size)}
        size = sum(a.nbytes for a in (*arrays.values(), *self.weights.values()))
        limit = ELEMENTS + ELEMENTS_PER_BYTE * size
        largest = max((size_at(n, sizes) for n in self._lengths), default=0)
        if largest > limit:
            raise invalid(name, fact("at most {limit:,} numbers in a value", limit=limit), f"{largest:,}")

    def bound(self, engine: str | None) -> _Program:
        return self if engine == self.engine else _Program(self.outputs, self.weights, self.shapes, engine)

    @cached_property
    def _compiled(self) -> Any:
        nodes: list[Node] = []
        for value in self.outputs.values():
            _collect(value, nodes)
        graph = Graph({str(i): node for i, node in enumerate(nodes)}) if nodes else None
        return nodes, graph and compile_graph(graph, self.engine), graph

    def run(self, arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
        nodes, program, graph = self._compiled
        results: dict[int, np.ndarray] = {}
        if program is not None:
            used = {n: a for n, a in {**self.weights, **arrays}.items() if n in graph.inputs}
            computed = program.run(used)
            results = {id(node): computed[str(i)] for i, node in enumerate(nodes)}
        return {name: _result(value, results) for name, value in self.outputs.items()}


def _collect(value: Any_, nodes: list[Node]) -> None:
    if isinstance(value, list):
        for part in value:
            _collect(part, nodes)
    elif value is not None and value.node is not None and value.node not in nodes:
        nodes.append(value.node)


def _result(value: Any_, results: Mapping[int, np.ndarray]) -> Any:
    if isinstance(value, list):
        return [_result(part, results) for part in value]
    if value is None:
        return None
    if value.node is not None:
        return as_stored(np.asarray(results[id(value.node)]), value.dtype)
    return value.array


# --- inputs


def _declared(value: Any, where: str) -> Declared:
    """Return an input of the file."""
    kind, name = value.type, text_of(value.name)
    while kind.HasField("optional_type"):
        kind = kind.optional_type.elem_type
    if not kind.HasField("tensor_type"):
        return Declared(name, np.dtype("float32"), None, is_tensor=False)
    tensor = kind.tensor_type
    dtype = dtype_of(tensor.elem_type)
    if dtype is None:
        raise unsupported(where, name, "float32, float64, ...", fact("dtype {code}", code=tensor.elem_type))
    if not tensor.HasField("shape"):
        return Declared(name, dtype, None)
    lengths = [_length(d) for d in tensor.shape.dim]
    if any(isinstance(n, int) and not 0 <= n < 2**31 for n in lengths):
        raise invalid(where, fact("lengths below {limit:,}", limit=2**31), f"{name}: {lengths}")
    return Declared(name, dtype, tuple(lengths))


def _length(dimension: Any) -> int | str | None:
    if dimension.HasField("dim_value"):
        return int(dimension.dim_value)
    return text_of(dimension.dim_param) or None if dimension.HasField("dim_param") else None


def open_shape(one: Declared) -> Shape:
    """Return the shape of an input: a symbol for each length that the file leaves open, and ``B``."""
    assert one.shape is not None
    symbols: list[int | Size] = []
    for i, n in enumerate(one.shape):
        if isinstance(n, int):
            symbols.append(n)
        else:
            name = re.sub(r"\W", "_", n) if n else f"{one.name}_{i}"
            symbols.append(Size.symbol("B" if i == 0 else f"{name}_"))
    return tuple(symbols)


def _match(pairs: Iterable[tuple[Shape, Sequence[int]]]) -> bool:
    """Return whether shapes are those of others with symbols, each of which is one length above 0."""
    sizes: dict[str, int] = {}
    for shape, lengths in pairs:
        if len(shape) != len(lengths):
            return False
        for axis, length in zip(shape, lengths, strict=True):
            is_symbol = isinstance(axis, Size)
            if (sizes.setdefault(str(axis), length) if is_symbol else axis) != length:
                return False
            if is_symbol and length == 0:
                return False
    return True


def _described(one: Declared) -> str:
    dtype = "string" if one.dtype == TEXT else str(one.dtype)
    if one.shape is None:
        return dtype if one.is_tensor else str(fact("a sequence"))
    return f"{dtype}{shape_text(open_shape(one))}"


def _fed(one: Declared, value: Any) -> Any_:
    """Return what is passed for an input, in its dtype."""
    if value is None:
        return None
    if isinstance(value, list | tuple) and not one.is_tensor:
        return [_fed(one, part) if part is not None else None for part in value]
    array = np.asarray(value)
    if not one.is_tensor:
        dtype = TEXT if array.dtype.kind in "UOS" else array.dtype
    else:
        dtype = one.dtype
    if dtype == TEXT:
        texts = np.empty(array.size, object)
        texts[:] = [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in array.ravel()]
        return Value.of(texts.reshape(array.shape))
    if one.is_tensor and one.shape is not None and len(one.shape) != array.ndim:
        constraint = fact("the shape of input {name}", name=one.name)
        raise _unfit("run", constraint, str(one.shape), shape_text(array.shape))
    return Value.of(array.astype(dtype, copy=False), dtype)


def _fingerprint(value: Any_) -> Any:
    """Return a key for a static value."""
    if isinstance(value, list):
        return tuple(map(_fingerprint, value))
    if value is None or value.array is None:
        return None
    array = value.array
    content = (
        repr(array.tolist()).encode() if array.dtype == object else np.ascontiguousarray(array).tobytes()
    )
    return str(value.dtype), array.shape, hashlib.blake2b(content, digest_size=16).digest()


def _bytes(value: Any_) -> int:
    if isinstance(value, list):
        return sum(map(_bytes, value))
    return 0 if value is None or value.array is None else value.array.nbytes


def _as_input(one: Declared, node: Any) -> Value:
    """Return a node as the value of an input of the file.

    Raises:
        ShapeError E208: another number of axes, or other lengths than the file has.
    """
    kind = carrier(one.dtype) if one.is_tensor else None
    shape = None if one.shape is None else open_shape(one)
    fits = isinstance(node, Node) and kind is not None
    if fits and shape is not None:
        pairs = list(zip(shape[1:], node.shape[1:], strict=False))
        fits = len(shape) == node.rank and all(isinstance(a, Size) or a == b for a, b in pairs)
    if not fits or kind is None:
        constraint = fact("the shape of input {name}", name=one.name)
        received = str(getattr(node, "spec", type(node).__name__))
        raise _unfit("OnnxNetwork", constraint, _described(one), received)
    return Value(one.dtype, None, F.cast(node, kind))


def _unfit(op: str, constraint: str, expected: str, received: str) -> ShapeError:
    return ShapeError("E208", op=op, constraint=constraint, expected=expected, received=received)


def label_of(name: str, used_labels: set[str]) -> str:
    """Return a path for a weight that no other has, from its name in the file.

    Example:
        >>> label_of("fc1.weight", set()), label_of("onnx::MatMul_7", set())
        ('fc1.weight', 'onnx_MatMul_7')
    """
    plain = ".".join(part for part in re.sub(r"[^A-Za-z0-9_.]+", "_", name).split(".") if part) or "weight"
    label, number = plain[:100], 1
    while label in used_labels:
        number += 1
        label = f"{plain[:100]}_{number}"
    used_labels.add(label)
    return label


# --- loading


def load_onnx(path: str | os.PathLike[str]) -> OnnxNetwork:
    """Load the network of an ONNX file.

    The network runs by itself, is a layer of other networks, and trains. Weights may be in other files in the
    same folder (external data). Nothing in the file is executed.

    Args:
        path: the file.

    Raises:
        DataError E350: the ``onnx`` library is not installed.
        FileError: E401 to E410 it cannot be read; E427 larger than any network of such a file; E458 damaged
            or too large; E459 operators that are not imported, all of them.

    Example:
        >>> import tempfile
        >>> from onnx import TensorProto, helper
        >>> x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 2]) for n in "xy")
        >>> graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "net", [x], [y])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "net.onnx")
        ...     _ = file.write_bytes(helper.make_model(graph).SerializeToString())
        ...     network = load_onnx(file)
        >>> network.run({"x": [[1.0, -2.0]]})["y"].tolist()
        [[1.0, 0.0]]
    """
    where = os.fspath(path)
    return network_of(atomic_write.read(path, LIMIT), where)


def network_of(data: bytes, where: str) -> OnnxNetwork:
    """Return the network of the content of a file; ``where`` is its path, beside which external data is."""
    file = parsed(data, where)
    weights = Weights()
    total = 0
    for tensor in file.graph.initializer:
        dtype = dtype_of(tensor.data_type)
        if dtype is None or carrier(dtype) not in ("float32", "float64"):
            if tensor.data_location == 1 or len(tensor.external_data):
                _inline(tensor, where)
            continue
        name = text_of(tensor.name)
        if name in weights:
            raise invalid(where, fact("a name of its own for each value"), name[:60])
        weights[name] = array_of(tensor, where)
        total += weights[name].nbytes
        _strip(tensor)
    content = file.proto.SerializeToString()
    digest = hashlib.blake2b(content, digest_size=16)
    for name, array in weights.items():
        digest.update(f"{name} {array.dtype} {array.shape} ".encode())
        digest.update(
            np.ascontiguousarray(array).view("uint8").data if array.size and array.ndim else array.tobytes()
        )
    key = digest.hexdigest()
    weights = _WEIGHTS.setdefault(key, weights)
    description = base64.b64encode(zlib.compress(content, 6)).decode()
    network = OnnxNetwork(Path(where).name, description, key)
    _require_importable(network, len(data) + total)
    return network


def _is_open(one: Declared) -> bool:
    """Return whether the file does not state all lengths of an input, or our graphs do not have its dtype."""
    if not one.is_tensor or one.shape is None or carrier(one.dtype) is None:
        return True
    return any(not isinstance(n, int) for n in one.shape)


def _strip(tensor: Any) -> None:
    """Remove the elements of a tensor, and keep its name, shape and dtype."""
    for field in ("raw_data", *FIELDS, "external_data", "data_location"):
        tensor.ClearField(field)


def _inline(tensor: Any, where: str) -> None:
    """Replace external data by the data itself."""
    array = array_of(tensor, where)
    _strip(tensor)
    tensor.raw_data = np.ascontiguousarray(array).tobytes()


def _require_importable(network: OnnxNetwork, size: int) -> None:
    """Import the graph once for the shapes that the file states, so that it is refused now or never.

    A graph with inputs that determine shapes, or with lengths that are not stated, is imported when it runs.
    """
    declared = network.declared
    is_open = any(_is_open(one) for one in declared)
    if is_open:
        if network._open is not None:
            _require_stated(network, network._open.outputs)
        return
    specs = {one.name: Spec(open_shape(one), carrier(one.dtype) or "") for one in declared}
    with building(Limits.of_file(size, {})):
        for spec in specs.values():
            reserve(*spec.shape)
    try:
        values = {one.name: Value(one.dtype) for one in declared}
        _require_stated(network, network._imported(specs, values, {}, None).outputs)
    except UnknownValueError as error:
        network.static.update(error.labels)  # pyright: ignore[reportAttributeAccessIssue]


def _require_stated(network: OnnxNetwork, outputs: Mapping[str, Any_]) -> None:
    """Refuse a file that states other shapes of outputs than its operations compute.

    Raises:
        FileError E458: another number of axes, or another length of one.
    """
    for value in network.file.graph.output:
        one = _declared(value, network.name)
        result = outputs[one.name]
        if not isinstance(result, Value) or not one.shape:
            continue
        lengths = zip(one.shape, result.shape, strict=False)
        if len(one.shape) != len(result.shape) or any(
            isinstance(a, int) and isinstance(b, int) and a not in (0, b) for a, b in lengths
        ):
            expected = fact("{name} of the shape {shape}", name=one.name, shape=shape_text(open_shape(one)))
            raise invalid(network.name, expected, shape_text(result.shape))


__all__: Sequence[str] = ("FromFile", "OnnxNetwork", "load_onnx", "network_of")
