"""Import an ONNX graph: each of its nodes as nodes of our graph, in the order of the file.

The file is untrusted: it is read as data by the ``onnx`` library's parser, at most ``LIMIT`` bytes and
``NODES`` nodes; external data must lie in the folder of the file; graphs are built within the limits for
files (``graph/limits.py``), so sizes that contradict the file are refused before memory is allocated.

An operator is found by its name and the version since which it is defined so (``operators``). One that ONNX
defines as a function of others, and for which there is no shorter form here, is expanded to these. A loop
becomes the operation ``scan``, whatever its length. If its step cannot (a shape of it depends on the number
of the turn, for example), the file is imported again with a copy of each step for each turn. A condition that
is not known selects between the results of both branches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

from chainrule.errors import ChainruleError, FileError, fact
from chainrule.graph import Input, Node, Site, site
from chainrule.interop.onnx import operators
from chainrule.interop.onnx.call import Call, labeled
from chainrule.interop.onnx.tensors import (
    array_of,
    attributes_of,
    dense_of,
    dtype_of,
    invalid,
    text_of,
    unsupported,
)
from chainrule.interop.onnx.values import (
    Any_,
    OperatorError,
    UnknownValueError,
    Value,
    as_stored,
    carrier,
    evaluated,
    has_fixed_shapes,
)
from chainrule.interop.refusals import clipped
from chainrule.memoization import cached_property
from chainrule.optional_dependency import missing
from chainrule.records import frozen
from chainrule.symbolic_shape import Axis, Size

try:
    import onnx
except ImportError:
    onnx = None

LIMIT = 2**31  # bytes of a file, the limit of the format
NODES = 20_000
STEPS = 50_000  # operations of an import, with each repetition of a loop
TURNS = 1_000_000  # of a loop that is one operation, times those of the loops around it
DEPTH = 32  # subgraphs and functions in one another
OLDEST = 6  # version of the operations; earlier ones are read where they mean the same
OLDEST_FORMAT = 3  # version of the file format, from which on files state the version of the operations
LISTED = 20  # operators in an error
DOMAIN = ("", "ai.onnx")


@frozen(eq=False)
class File:
    """The content of a file that may be imported.

    Args:
        proto: the ``ModelProto``.
        where: its path, for errors and for external data.
        versions: of the operator sets by domain; ``""`` is that of ONNX.
        size: bytes of the file and its external data.
    """

    proto: Any
    where: str
    versions: Mapping[str, int]
    size: int

    @property
    def graph(self) -> Any:
        return self.proto.graph

    @cached_property
    def statistics(self) -> frozenset[str]:
        """The weights that are running means and variances, which are not trained."""
        steps = (step for step in self.graph.node if text_of(step.op_type) == "BatchNormalization")
        return frozenset(text_of(name) for step in steps for name in step.input[3:5])


def parsed(data: bytes, where: str) -> File:
    """Return the content of a file, if all of its operators can be imported.

    Raises:
        DataError E350: the ``onnx`` library is not installed.
        FileError: E458 damaged or too large; E459 not imported: all operators that are missing.
    """
    if onnx is None:
        raise missing("onnx", where)
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(data)
    except Exception as cause:  # the parser's own class, which protobuf may rename
        raise invalid(where, fact("an ONNX file"), fact("a file of another format")) from cause
    graph = proto.graph
    if not len(graph.output) or not (len(graph.node) or len(graph.input)):
        raise invalid(where, fact("an ONNX file with operations"), fact("none"))
    file = File(proto, where, _versions(proto, where), len(data))
    _require_operators(file)
    for part in (graph, *proto.functions):
        _require_order(part, frozenset(), where)
    for sparse in graph.sparse_initializer:
        dense_of(sparse, where)
    return file


def _versions(proto: Any, where: str) -> dict[str, int]:
    """Return the versions of the operator sets, which must mean what is imported.

    A version that the library does not contain may mean anything.
    """
    assert onnx is not None
    listed = [
        ("" if text_of(e.domain) == "ai.onnx" else text_of(e.domain), e.version) for e in proto.opset_import
    ]
    versions = [version for domain, version in listed if not domain]
    newest, format_version = onnx.defs.onnx_opset_version(), onnx.IR_VERSION
    if not OLDEST_FORMAT <= proto.ir_version <= format_version:
        expected = fact("a version from {oldest} to {newest}", oldest=OLDEST_FORMAT, newest=format_version)
        raise unsupported(where, "ir_version", expected, str(proto.ir_version))
    others = [version for domain, version in listed if domain and not 1 <= version <= 2**31]
    is_mixed = len(dict(listed)) != len(listed) or len(versions) > 1
    if is_mixed or others or not all(1 <= v <= newest for v in versions) or not listed:
        expected = fact("a version from {oldest} to {newest}", oldest=1, newest=newest)
        stated = ", ".join(str(version) for _, version in listed[:9]) or fact("none")
        raise unsupported(where, "opset_import", expected, stated)
    return dict(listed)


def _functions(file: File) -> dict[tuple[str, str], Any]:
    """Return the functions that the file defines, by domain and name."""
    return {(text_of(f.domain), text_of(f.name)): f for f in file.proto.functions}


def _steps(graph: Any, depth: int = 0) -> Iterator[Any]:
    """Yield the operations of a graph or function, and those of its subgraphs."""
    for step in graph.node:
        yield step
        for attribute in step.attribute:
            if attribute.HasField("g") and depth < DEPTH:
                yield from _steps(attribute.g, depth + 1)


def _require_operators(file: File) -> None:
    """Refuse a file with operators that are not imported, and list all of them.

    Raises:
        FileError: E458 too many operations; E459 operators that are not imported.
    """
    functions = _functions(file)
    steps = [*_steps(file.graph), *(step for f in functions.values() for step in _steps(f))]
    if len(steps) > NODES:
        raise invalid(file.where, fact("at most {limit:,} operations", limit=NODES), f"{len(steps):,}")
    lacking: dict[str, str] = {}
    for step in steps:
        domain, kind = text_of(step.domain), text_of(step.op_type)
        if (domain, kind) in functions:
            continue
        name = f"{domain}.{kind}" if domain not in DOMAIN else kind
        version = file.versions.get("" if domain in DOMAIN else domain)
        if version is None:
            lacking.setdefault(name, fact("{name} of an operator set without a version", name=name))
        elif not operators.covers(domain, kind, version) or not _is_current(domain, kind, version):
            node = clipped(text_of(step.name) or ", ".join(map(text_of, step.output)), 40)
            lacking.setdefault(name, f"{clipped(name, 40)} ({version}, {node})")
    if lacking:
        received = "; ".join(list(lacking.values())[:LISTED])
        expected = fact("operators that are imported (chainrule.interop.onnx.operators.supported())")
        raise unsupported(file.where, ", ".join(list(lacking)[:LISTED]), expected, received)


def _require_order(graph: Any, around: frozenset[str], where: str, depth: int = 0) -> None:
    """Refuse a graph whose operations read values that no earlier one computes, as in a cycle.

    Args:
        graph: a ``GraphProto`` or ``FunctionProto``.
        around: the names that the graphs around it have computed.
        where: the file.
        depth: the number of graphs around it.

    Raises:
        FileError E458: such a value.
    """
    if depth > DEPTH:
        raise invalid(where, fact("at most {limit} graphs in one another", limit=DEPTH), str(depth))
    sparse = (tensor.values for tensor in getattr(graph, "sparse_initializer", ()))
    known = {"", *map(_name_of, (*graph.input, *getattr(graph, "initializer", ()), *sparse))}

    def require(kind: str, names: Iterable[str]) -> None:
        absent = next((name for name in names if name not in known and name not in around), None)
        if absent is not None:
            received = f"{clipped(kind, 60)}: {clipped(absent, 60)}"
            raise invalid(where, fact("inputs that are computed before"), received)

    for step in graph.node:
        require(text_of(step.op_type), map(text_of, step.input))
        for attribute in step.attribute:
            if attribute.HasField("g"):
                _require_order(attribute.g, around | known, where, depth + 1)
        known.update(map(text_of, step.output))
    require("output", map(_name_of, graph.output))


def _name_of(value: Any) -> str:
    """Return the name of a value; a function has nothing but names of its inputs and outputs."""
    return text_of(getattr(value, "name", value))


def _is_current(domain: str, kind: str, version: int) -> bool:
    """Return whether an operator of an old version is defined as in the oldest one that is imported."""
    assert onnx is not None
    if domain not in DOMAIN or version >= OLDEST:
        return True
    try:
        schemas = [onnx.defs.get_schema(kind, v, "") for v in (version, OLDEST)]
    except onnx.defs.SchemaError:
        return False
    return schemas[0].since_version == schemas[1].since_version


class Import:
    """One import of a file.

    Args:
        file: the file.
        inputs: the values of its inputs by name.
        parameter: creates the node of a parameter from its name in the file and its values; ``None``: the
            weights are constants.
        batch: the length that the file states for the first axis of its inputs, if this axis is the batch of
            any length nevertheless; 0: lengths are as the file states them.
        stored_weights: the weights of the file by name, if the file itself no longer contains them.
        unrolls: whether loops are imported as a copy of their step for each turn.
    """

    def __init__(
        self,
        file: File,
        inputs: Mapping[str, Any_],
        parameter: Callable[[str, np.ndarray], Node] | None,
        batch: int,
        stored_weights: Mapping[str, np.ndarray] | None = None,
        *,
        unrolls: bool = False,
    ) -> None:
        self._file, self._parameter, self.batch = file, parameter, batch
        self.unrolls, self._has_loops, self._turns = unrolls, False, 1
        self._stored_weights = stored_weights
        self._functions = _functions(file)
        self.weights: dict[str, np.ndarray] = {}
        self.steps = 0
        self.path = ""
        self._inputs = inputs

    @property
    def where(self) -> str:
        return self._file.where

    def outputs(self) -> dict[str, Any_]:
        """Return the outputs of the graph by name.

        Raises:
            UnknownValueError: a shape or a branch depends on the values of inputs.
            FileError: E458 damaged; E459 not imported.
        """
        try:
            return self._outputs()
        except (FileError, UnknownValueError):
            if not self._has_loops:
                raise
        self.unrolls, self._has_loops, self.steps = True, False, 0
        return self._outputs()

    def takes_loop(self) -> bool:
        """Return whether a loop becomes a ``scan``; if the import fails then, it is repeated without."""
        self._has_loops = not self.unrolls
        return self._has_loops

    @contextmanager
    def repeating(self, turns: Axis) -> Iterator[None]:
        """Import the step of a loop; its turns are limited, as each takes time and a row of memory.

        Raises:
            OperatorError: too many turns, those of loops in one another multiplied.
        """
        around = self._turns
        self._turns *= turns if isinstance(turns, int) else 1
        try:
            if self._turns > TURNS:
                raise OperatorError(fact("at most {limit:,} turns of a loop", limit=TURNS), self._turns)
            yield
        finally:
            self._turns = around

    def _outputs(self) -> dict[str, Any_]:
        graph = _Graph(self, self._file.graph, None, self._file.versions, 0)
        for name, value in self._inputs.items():
            graph.set(name, value, "input")
        graph.run()
        return {text_of(v.name): graph.get(text_of(v.name), "output") for v in self._file.graph.output}

    def stored_weight(self, tensor: Any) -> np.ndarray | None:
        """Return the values of a weight that the file itself does not contain; zeros where there are none."""
        if self._stored_weights is None:
            return None
        name, dtype = text_of(tensor.name), dtype_of(tensor.data_type)
        if name in self._stored_weights:
            return self._stored_weights[name]
        if dtype is None or carrier(dtype) not in ("float32", "float64") or tensor.ByteSize() > 1000:
            return None
        has_data = tensor.raw_data or tensor.float_data or tensor.double_data or tensor.int32_data
        return None if has_data else np.broadcast_to(np.zeros((), dtype), tuple(tensor.dims))

    def weight(self, name: str, array: np.ndarray) -> Value:
        """Return an initializer: trainable if it is a tensor of floating-point numbers."""
        kind = carrier(array.dtype)
        if self._parameter is None or array.size <= 1 or kind not in ("float32", "float64"):
            return Value.of(array)
        node = self._parameter(name, array.astype(kind))
        if isinstance(node.op, Input):
            self.weights[node.op.label] = array.astype(kind)
        return Value(array.dtype, None if kind == array.dtype.name else array, node)

    def function(self, domain: str, kind: str) -> Any:
        return self._functions.get((domain, kind))


class _Graph:
    """The import of one graph, subgraph or function body.

    Args:
        whole: the import.
        graph: a ``GraphProto`` or ``FunctionProto``.
        around: the graph that contains it.
        versions: of the operator sets.
        depth: of graphs in one another.
        references: the attributes of the function call.
    """

    def __init__(
        self,
        importing: Import,
        graph: Any,
        around: _Graph | None,
        versions: Mapping[str, int],
        depth: int,
        references: Mapping[str, Any] | None = None,
    ) -> None:
        self._importing, self._graph, self._around = importing, graph, around
        self._versions, self._depth, self._references = versions, depth, references
        self._values: dict[str, Any_] = {}
        self._lazy: dict[str, Any] = {}
        if depth > DEPTH:
            raise invalid(
                importing.where, fact("at most {limit} graphs in one another", limit=DEPTH), str(depth)
            )
        for tensor in getattr(graph, "initializer", ()):
            self._declare(text_of(tensor.name), tensor)
        for tensor in getattr(graph, "sparse_initializer", ()):
            self._declare(text_of(tensor.values.name), tensor)

    # --- values by name

    def _declare(self, name: str, tensor: Any) -> None:
        if name in self._lazy:
            raise invalid(self._importing.where, fact("a name of its own for each value"), clipped(name, 60))
        self._lazy[name] = tensor

    def set(self, name: str, value: Any_, step: str) -> None:
        """Give a value its name.

        Raises:
            FileError E458: another value has it.
        """
        if name in self._values or name in self._lazy:
            received = f"{clipped(step, 60)}: {clipped(name, 60)}"
            raise invalid(self._importing.where, fact("a name of its own for each value"), received)
        self._values[name] = value

    def get(self, name: str, step: str) -> Any_:
        """Return the value of a name: computed before, a weight, or a value of a graph around this one."""
        graph: _Graph | None = self
        while graph is not None:
            if name in graph._values:
                return graph._values[name]
            if name in graph._lazy:
                graph._values[name] = value = graph._weight(name)
                return value
            graph = graph._around
        received = f"{clipped(step, 60)}: {clipped(name, 60)}"
        raise invalid(self._importing.where, fact("inputs that are computed before"), received)

    def _weight(self, name: str) -> Value:
        tensor = self._lazy[name]
        is_sparse = tensor.DESCRIPTOR.name == "SparseTensorProto"
        stored = None if is_sparse or self._around is not None else self._importing.stored_weight(tensor)
        if stored is not None:
            return self._importing.weight(name, stored)
        array = (dense_of if is_sparse else array_of)(tensor, self._importing.where)
        return self._importing.weight(name, array)

    # --- operations

    def run(self) -> None:
        """Import all operations."""
        for step in self._graph.node:
            self._importing.steps += 1
            if self._importing.steps > STEPS:
                expected = fact("at most {limit:,} operations, loops included", limit=STEPS)
                raise invalid(self._importing.where, expected, fact("more"))
            kind = text_of(step.op_type)
            self._add(step, "" if text_of(step.domain) in DOMAIN else text_of(step.domain), kind)

    def _add(self, step: Any, domain: str, kind: str) -> None:
        """Add the values of one operation."""
        inputs = [self.get(text_of(name), kind) if name else None for name in step.input]
        name = text_of(step.name) or kind
        with site(Site(path=clipped(name, 60), kind=kind)):
            results = self._results(step, domain, kind, inputs)
        for target, result in zip(map(text_of, step.output), results, strict=False):
            if target:
                self.set(target, result, kind)

    def _results(self, step: Any, domain: str, kind: str, inputs: Sequence[Any_]) -> Sequence[Any_]:
        where, title = self._importing.where, clipped(f"{kind} {text_of(step.name)}".strip(), 60)
        try:
            function = self._importing.function(text_of(step.domain), kind)
            if function is not None:
                return self._called(function, step, inputs)
            return self._operation(step, domain, kind, inputs)
        except UnknownValueError as error:
            error.step = error.step or title
            raise
        except OperatorError as error:
            raise unsupported(where, title, error.expected, str(error.received)) from error
        except FileError:
            raise
        except (ChainruleError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            received = getattr(error, "received", "") or str(error)
            raise unsupported(where, title, fact("shapes that fit the operation"), str(received)) from error

    def _operation(self, step: Any, domain: str, kind: str, inputs: Sequence[Any_]) -> Sequence[Any_]:
        version = self._versions.get(domain, 0)
        definition = _definition(kind, version, domain)
        if definition is None:
            expected = fact("operations of version {version}", version=version)
            raise unsupported(self._importing.where, kind, expected, kind)
        schema = definition.schema
        _require_defined(step, definition, inputs, kind, self._importing.where)
        step = self._resolved(step)
        function = operators.find(domain, kind, version)
        if domain == "" and inputs and all(_is_known(value) for value in inputs):
            has_sizes = any(map(_has_sizes, inputs))
            known = operators.KNOWN
            if has_sizes and (kind not in known or kind == "Concat" or _has_sizes(inputs[0])):
                known = operators.WITH_SIZES
            function = function if has_sizes and known is operators.KNOWN else known.get(kind, function)
        if function is None:
            return self._expanded(step, schema, version, inputs)
        call = Call(
            kind,
            tuple(inputs),
            attributes_of(step, schema, self._importing.where),
            version,
            [entry[0] for entry in definition.inputs],
            tuple(bool(name) for name in step.output),
            self._importing.weights,
            self._importing.batch,
            self._subgraph,
            self.get,
            self._importing.takes_loop,
            self._importing.repeating,
        )
        result = function(call)
        results = result if isinstance(result, tuple) else (result,)
        has_subgraph = any(attribute.HasField("g") for attribute in step.attribute)
        is_known = not has_subgraph and all(_is_known(value) for value in inputs)
        return [_as_value(r, _output_dtype(definition, i, inputs), is_known) for i, r in enumerate(results)]

    def _resolved(self, step: Any) -> Any:
        """Return the operation with the attributes that a function passes on in place of references."""
        if self._references is None or not any(a.ref_attr_name for a in step.attribute):
            return step
        copy = type(step)()
        copy.CopyFrom(step)
        del copy.attribute[:]
        for attribute in step.attribute:
            if not attribute.ref_attr_name:
                copy.attribute.append(attribute)
            elif text_of(attribute.ref_attr_name) in self._references:
                value = copy.attribute.add()
                value.CopyFrom(self._references[text_of(attribute.ref_attr_name)])
                value.name = attribute.name
        return copy

    # --- subgraphs and functions

    def _subgraph(self, graph: Any, inputs: Sequence[Any_]) -> list[Any_]:
        """Return the outputs of a subgraph, which may use the values of this graph."""
        inner = _Graph(self._importing, graph, self, self._versions, self._depth + 1, self._references)
        if len(inputs) > len(graph.input):
            raise OperatorError(fact("{count} inputs", count=len(graph.input)), len(inputs))
        for declared, value in zip(graph.input, inputs, strict=False):
            inner.set(text_of(declared.name), value, "input")
        inner.run()
        return [inner.get(text_of(output.name), "output") for output in graph.output]

    def _called(self, function: Any, step: Any, inputs: Sequence[Any_]) -> list[Any_]:
        """Return the outputs of a function that the file or ONNX defines."""
        imports = {text_of(e.domain): e.version for e in function.opset_import}
        versions = {"" if domain in DOMAIN else domain: version for domain, version in imports.items()}
        references = {text_of(a.name): a for a in getattr(function, "attribute_proto", ())}
        references |= {text_of(a.name): a for a in step.attribute}
        versions = {**self._versions, **versions}
        body = _Graph(self._importing, function, None, versions, self._depth + 1, references)
        for i, name in enumerate(map(text_of, function.input)):
            body.set(name, inputs[i] if i < len(inputs) else None, "input")
        body.run()
        names = zip(map(text_of, function.output), step.output, strict=False)
        return [body.get(name, "output") if target else None for name, target in names]

    def _expanded(self, step: Any, schema: Any, version: int, inputs: Sequence[Any_]) -> list[Any_]:
        """Return the outputs of an operator that ONNX defines as a function of others."""
        assert onnx is not None
        function = onnx.FunctionProto()
        if schema.has_function:
            latest = max((v for v in schema.function_opset_versions if v <= version), default=version)
            function.ParseFromString(schema.get_function_with_opset_version(latest))
        else:
            versions = schema.context_dependent_function_opset_versions
            latest = max((v for v in versions if v <= version), default=max(versions))
            types = [_type_of(value).SerializeToString() for value in inputs]
            data = schema.get_context_dependent_function_with_opset_version(
                latest, step.SerializeToString(), types
            )
            function.ParseFromString(data)
        references = onnx.NodeProto()
        references.CopyFrom(step)
        stated = {a.name for a in step.attribute}
        for name, definition in schema.attributes.items():
            if name not in stated and definition.default_value.type:
                references.attribute.add().CopyFrom(definition.default_value)
        return self._called(function, references, inputs)


@frozen(eq=False)
class Definition:
    """The definition of an operator at a version, with what each of its operations needs.

    Args:
        schema: of the ``onnx`` library.
        inputs: the name, the type variable, the types, and whether all of a variable number have one type.
        outputs: the type variables.
        counts: the smallest and largest number of inputs, then of outputs.
    """

    schema: Any
    inputs: tuple[tuple[str, str, frozenset[str], bool], ...]
    outputs: tuple[str, ...]
    counts: tuple[int, int, int, int]


@cache
def _definition(kind: str, version: int, domain: str) -> Definition | None:
    """Return the definition of an operator at a version; ``None`` if there is none."""
    assert onnx is not None
    try:
        schema = onnx.defs.get_schema(kind, version, domain)
    except onnx.defs.SchemaError:
        return None
    if schema.deprecated:
        return None
    inputs = tuple((p.name, p.type_str, frozenset(p.types), p.is_homogeneous) for p in schema.inputs)
    counts = (schema.min_input, schema.max_input, schema.min_output, schema.max_output)
    return Definition(schema, inputs, tuple(p.type_str for p in schema.outputs), counts)


def _require_defined(
    step: Any, definition: Definition, inputs: Sequence[Any_], kind: str, where: str
) -> None:
    """Require as many inputs and outputs as an operator has, of the dtypes that it has.

    Raises:
        FileError E459: others, which have no meaning that could be imported.
    """
    low, high, low_out, high_out = definition.counts
    if not low <= len(step.input) <= high:
        expected = fact("{low} to {high} inputs", low=low, high=high)
        raise unsupported(where, kind, expected, f"{len(step.input):,}")
    if not low_out <= len(step.output) <= high_out:
        expected = fact("{low} to {high} outputs", low=low_out, high=high_out)
        raise unsupported(where, kind, expected, f"{len(step.output):,}")
    dtypes: dict[str, np.dtype] = {}
    for i, value in enumerate(inputs):
        name, variable, types, is_homogeneous = definition.inputs[min(i, len(definition.inputs) - 1)]
        if not isinstance(value, Value) or not is_homogeneous:
            continue
        known = dtypes.setdefault(variable, value.dtype)
        if known != value.dtype:
            raise unsupported(where, f"{kind}: {name}", str(known), str(value.dtype))
        if _type_name(value.dtype) not in types:
            names = ", ".join(sorted(t.removeprefix("tensor(").removesuffix(")") for t in types))
            raise unsupported(where, f"{kind}: {name}", clipped(names, 120), str(value.dtype))


_TYPE_NAMES = {
    "float32": "float",
    "float64": "double",
    "object": "string",
    "float8_e4m3fn": "float8e4m3fn",
    "float8_e4m3fnuz": "float8e4m3fnuz",
    "float8_e5m2": "float8e5m2",
    "float8_e5m2fnuz": "float8e5m2fnuz",
    "float4_e2m1fn": "float4e2m1",
    "float8_e8m0fnu": "float8e8m0",
}


@cache
def _type_name(dtype: np.dtype) -> str:
    return f"tensor({_TYPE_NAMES.get(dtype.name, dtype.name)})"


def _output_dtype(definition: Definition, i: int, inputs: Sequence[Any_]) -> np.dtype | None:
    """Return the dtype of an output by the definition: that of the input of the same type variable."""
    if not definition.outputs:
        return None
    variable = definition.outputs[min(i, len(definition.outputs) - 1)]
    for j, value in enumerate(inputs):
        source = definition.inputs[min(j, len(definition.inputs) - 1)]
        if isinstance(value, Value) and source[1] == variable:
            return value.dtype
    return None


def _has_sizes(value: Any_) -> bool:
    return isinstance(value, Value) and value.has_sizes


def _is_known(value: Any_) -> bool:
    if isinstance(value, list):
        return all(map(_is_known, value))
    return value is None or (value.array is not None and value.node is None)


def _as_value(result: Any, dtype: np.dtype | None, is_known: bool) -> Any_:
    """Return a result of an operation as a value; computed now if all of its inputs are known."""
    if isinstance(result, np.ndarray | np.generic):
        return Value.of(result)
    if isinstance(result, Node):
        result = labeled(result, dtype or np.dtype(result.dtype))
    if isinstance(result, Value) and is_known and result.node is not None and has_fixed_shapes(result.node):
        return Value.of(as_stored(evaluated([result.node], {})[0], result.dtype))
    return result


def _type_of(value: Any_) -> Any:
    """Return the ``TypeProto`` of a value."""
    assert onnx is not None
    if value is None:
        return onnx.TypeProto()
    if isinstance(value, list):
        inner = _type_of(value[0]) if value else onnx.TypeProto()
        return onnx.helper.make_sequence_type_proto(inner)
    shape = [str(n) if isinstance(n, Size) else int(n) for n in value.shape]
    code = 8 if value.dtype == np.dtype(object) else onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
    return onnx.helper.make_tensor_type_proto(code, shape)


__all__ = ["File", "Import", "dtype_of", "parsed"]
