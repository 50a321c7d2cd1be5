"""A model of Keras as ours: the description of its network becomes layers, with the weights of its file.

A Sequential model is ``Sequential``, any other a ``LayerGraph``, whose layers have the names in the file.
Keras passes masks from an embedding to recurrent layers without a line in the description; here they are
connections.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chainrule.data.sample_types import Samples
from chainrule.errors import FileError, fact
from chainrule.extension import changed
from chainrule.graph.limits import Limits, building
from chainrule.interop.keras.files import KerasFile, read_keras
from chainrule.interop.keras.layers import RULES, Imported, Shapes, Stored, below, imported
from chainrule.interop.loading import Matches, loaded, specs_of_inputs, with_values
from chainrule.interop.settings_of_file import SettingsOfFile, invalid, unsupported
from chainrule.nn.activation.layer import Activation
from chainrule.nn.layer import Layer
from chainrule.nn.layers.containers import Sequential
from chainrule.nn.layers.convolution import Conv
from chainrule.nn.layers.layer_graph import LayerGraph
from chainrule.nn.layers.linear import Dense
from chainrule.nn.layers.merge import Merge
from chainrule.nn.layers.padding_mask import PaddingMask
from chainrule.nn.layers.pooling import GlobalAveragePool
from chainrule.nn.layers.preprocessing import Rescaling
from chainrule.nn.layers.rearrange import Identity
from chainrule.nn.layers.sequence_pool import SequencePool
from chainrule.nn.recurrent.bidirectional_and_stacked import Bidirectional
from chainrule.records import frozen
from chainrule.symbolic_shape import Size, Spec
from chainrule.train.model_state import ModelState, untrained

DEPTH = 8  # of models in models
MODELS = ("Sequential", "Functional")
CODE = fact("layers without code: it would have to be run")
SCORED = {"softmax": "cross_entropy", "sigmoid": "binary_cross_entropy"}


def state_of_keras(path: str | os.PathLike[str], x: Samples | Mapping[str, Spec] | None = None) -> ModelState:
    """Return the model in a file of Keras; see ``chainrule.load_keras``."""
    file = read_keras(path)
    described = _Described(file.config, file.where)
    net, loss = _with_scores(described, file)
    model = untrained(net, loss)
    inputs = described.inputs(x, model.recipe.dtype)
    with building(Limits.of_file(file.size, {})):
        model = model.built(inputs, are_fixed=False)
    assert model.network is not None
    built = model.network.inference
    names = file.names(described.stored())
    sources = {
        ours: [((names[i],), (change,))] for ours, (i, change) in described.part.sources.items() if i in names
    }
    report = loaded(built, file.tensors, Matches(sources), file.where, model.recipe.dtype)
    return with_values(model, built, report.values)


class _Described:
    """The description of the outermost model: its inputs and its network as one part."""

    def __init__(self, config: Mapping[str, Any], where: str) -> None:
        self.where, self.missing = where, dict[str, str]()
        self.model = _model(SettingsOfFile.of(config, where), self.missing)
        if self.missing:
            name = next(iter(self.missing))
            expected = next(iter(self.missing.values()))
            raise unsupported(where, name, self.missing, expected)
        self.part = self.model.part()

    def stored(self) -> list[tuple[str, Stored]]:
        """Return the arrays, each with the name of the outermost layer that has it."""
        names = [name for name, part in self.model.parts.items() for _ in part.stored]
        return list(zip(names, self.part.stored, strict=True))

    def inputs(self, x: Any, dtype: str) -> Mapping[str, Spec]:
        """Return the specs of the inputs, by default those that the file states."""
        if x is not None or not self.model.inputs:
            return specs_of_inputs(x, dtype)
        names = self.model.input_names()
        return {name: _spec(name, one) for name, one in zip(names, self.model.inputs.values(), strict=True)}


def _spec(name: str, config: SettingsOfFile) -> Spec:
    """Return the spec of an input; lengths that are not fixed are symbols."""
    shape = config.entries.get("batch_shape")
    if not isinstance(shape, list) or not all(
        n is None or (type(n) is int and 0 < n < 2**31) for n in shape[1:]
    ):
        raise config.wrong("batch_shape", fact("a shape"))
    dtype = str(config.entries.get("dtype", "float32"))
    kind = "bool" if dtype == "bool" else "int64" if "int" in dtype else "float32"
    rest = [Size.symbol(f"{name}_{i}") if n is None else n for i, n in enumerate(shape[1:], 1)]
    return Spec((Size.symbol("B"), *rest), kind)


# --- the connections


@frozen
class Tensor:
    """A result of a layer: the name of the layer, the number of the call, and of the result."""

    name: str
    call: int
    index: int


@dataclass
class _Call:
    """A call of a layer: what it reads, in order, with the names that our layer expects."""

    name: str
    number: int
    sources: list[tuple[str, Tensor]]
    numbers: list[tuple[int, float]] = field(default_factory=list)
    is_causal: bool = False


@dataclass
class _Model:
    """A model that is being read.

    Args:
        where: for errors.
        kind: ``"Sequential"`` or ``"Functional"``.
        parts: our layers by the names in the file, in its order.
        places: where the arrays of each are in the file.
        calls: in an order in which each reads earlier results.
        inputs: the settings of the inputs by name.
        outputs: the results that are returned.
    """

    where: str
    kind: str
    parts: dict[str, Imported] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    calls: list[_Call] = field(default_factory=list)
    inputs: dict[str, SettingsOfFile] = field(default_factory=dict)
    outputs: list[Tensor] = field(default_factory=list)
    masked: set[str] = field(default_factory=set)
    steps: dict[str, tuple[Layer, tuple[str, ...]]] = field(default_factory=dict)

    def input_names(self) -> list[str]:
        """Return our names of the inputs: a single one is ``x``."""
        names = list(self.inputs)
        return ["x"] if len(names) == 1 else [_identifier(name) for name in names]

    def part(self) -> Imported:
        """Return the model as one layer with all of its arrays."""
        _Wiring(self).connect()
        stored: list[Any] = []
        sources: dict[str, Any] = {}
        for name, part in self.parts.items():
            more, paths = below(part, self.path(name), self.places[name], len(stored))
            stored += more
            sources |= paths
        names = self.result_names()
        return Imported(self.net(), tuple(stored), sources, tuple(names) if len(names) > 1 else ())

    def path(self, name: str) -> str:
        """Return our name of a layer, which no input has."""
        own = _identifier(name)
        return f"{own}_layer" if own in self.input_names() else own

    def result_names(self) -> list[str]:
        """Return the names of the outputs in our network."""
        return [self.result(tensor) for tensor in self.outputs]

    def result(self, tensor: Tensor) -> str:
        """Return our name of a result."""
        if tensor.name in self.inputs:
            return self.input_names()[list(self.inputs).index(tensor.name)]
        name = self.path(tensor.name) + (f"#{tensor.call + 1}" if tensor.call else "")
        results = self.parts[tensor.name].results if tensor.name in self.parts else ()
        if not results and not tensor.index:
            return name
        if tensor.index >= len(results):
            raise invalid(self.where, fact("results of {name}", name=tensor.name), str(tensor.index))
        return f"{name}.{results[tensor.index]}"

    def net(self) -> Layer:
        """Return the network: a sequence where every layer reads the one before it."""
        names, before = list(self.steps), "x"
        for name, (_, sources) in self.steps.items():
            if sources != (before,) or not name.isidentifier():
                break
            before = name
        else:
            if self.result_names() == names[-1:]:
                return Sequential(**{name: layer for name, (layer, _) in self.steps.items()})
        steps = tuple((name, layer, sources) for name, (layer, sources) in self.steps.items())
        outputs = tuple(dict.fromkeys(self.result_names()))
        return LayerGraph(steps, outputs=() if outputs == (steps[-1][0],) else outputs)


def _identifier(name: str) -> str:
    text = re.sub(r"\W", "_", name)
    return text if text.isidentifier() else f"_{text}"


_ATTENTION = ("query", "key", "value")
MERGED = {
    "Add": "add",
    "Subtract": "subtract",
    "Multiply": "multiply",
    "Maximum": "maximum",
    "Minimum": "minimum",
}


class _Wiring:
    """The steps of a network from the calls of its layers, with masks as connections."""

    def __init__(self, model: _Model) -> None:
        self.model = model
        self.masks: dict[str, str] = {}  # of each result that has one, the step that computes it
        self.zeroed: set[str] = set()  # results in which masked positions are zero in Keras

    def connect(self) -> None:
        """Add the steps of all calls."""
        for call in self.model.calls:
            part = self.model.parts[call.name]
            name = self.model.result(Tensor(call.name, call.number, 0)).partition(".")[0]
            sources = [(key, self.model.result(tensor)) for key, tensor in call.sources]
            layer = changed(part.layer, causal=True) if call.is_causal else part.layer
            self._add(name, layer, part, sources)

    def _add(self, name: str, layer: Layer, part: Imported, sources: list[tuple[str, str]]) -> None:
        masks = {self.masks[source] for _, source in sources if source in self.masks}
        mask = next(iter(masks), None)
        if mask is not None and len(masks) > 1 and part.passes_mask:
            raise unsupported(
                self.model.where, name, [fact("several masks in {name}", name=name)], "one mask"
            )
        first, is_attention = sources[0][1], any(key in _ATTENTION for key, _ in sources)
        if mask is not None and part.takes_mask:
            rest = sources[1:]
            sources = [("sequence", first), *rest, ("mask", mask)]
            layer = SequencePool("mean") if isinstance(layer, GlobalAveragePool) else layer
        elif mask is not None and (is_attention or (first in self.zeroed and not part.passes_mask)):
            what = fact("{name} of a sequence with a mask", name=name)
            raise unsupported(self.model.where, name, [what], fact("recurrent layers"))
        self.model.steps[name] = (layer, tuple(f"{key}={s}" if key else s for key, s in sources))
        if name.partition("#")[0] in self.model.masked:
            self._add_mask(name, layer if isinstance(layer, PaddingMask) else PaddingMask(), first)
            if isinstance(layer, PaddingMask):  # Keras's layer Masking
                self.model.steps[name] = (Identity(), (first,))
        elif mask is not None and part.passes_mask:
            self.masks[name] = mask
            if part.results:
                self.masks[f"{name}.{part.results[0]}"] = mask
            if isinstance(layer, Bidirectional) or first in self.zeroed:
                self.zeroed.add(name)

    def _add_mask(self, name: str, layer: Layer, source: str) -> None:
        mask = f"{name.replace('#', '_')}_mask"
        self.model.steps[mask] = (layer, (source,))
        self.masks[name] = mask


# --- the description


def _model(described: SettingsOfFile, missing: dict[str, str], depth: int = 0) -> _Model:
    """Read the description of a model; layers that are not supported are added to ``missing``."""
    kind = described.text("class_name")
    kind = "Functional" if kind == "Model" else kind
    if kind not in MODELS or depth > DEPTH:
        raise unsupported(described.where, kind, [kind], ", ".join(MODELS))
    config = SettingsOfFile.of(described.entries.get("config"), described.where)
    layers = config.entries.get("layers")
    if not isinstance(layers, list) or not layers:
        raise config.wrong("layers", fact("a list of layers"))
    model = _Model(config.where, kind)
    used: dict[str, int] = {}
    for one in layers:
        _add_layer(model, SettingsOfFile.of(one, config.where), used, missing, depth)
    if missing:
        return model
    if kind == "Sequential":
        _chain(model, config)
    else:
        model.outputs = list(_tensors(config.entries.get("output_layers"), config))
        ordered = list(_tensors(config.entries.get("input_layers"), config))
        model.inputs = {one.name: model.inputs[one.name] for one in ordered if one.name in model.inputs}
        model.calls = _sorted(model)
    if not model.outputs or not model.calls:
        raise invalid(config.where, fact("a network with an output"), fact("none"))
    return model


def _add_layer(
    model: _Model, one: SettingsOfFile, used: dict[str, int], missing: dict[str, str], depth: int
) -> None:
    """Add a layer and its calls."""
    kind = one.text("class_name")
    config = SettingsOfFile.of(one.entries.get("config"), model.where)
    name = config.text("name") if "name" in config else one.text("name")
    config = replace(config, where=f'{model.where}, "{name}"')
    if kind == "InputLayer":
        model.inputs[name] = config
        return
    nodes = [node for node in one.entries.get("inbound_nodes") or () if isinstance(node, Mapping)]
    is_operation = "trainable" not in config.entries  # such as a + b; every layer has this setting
    try:
        calls = [_call((name, i), kind, node, config) for i, node in enumerate(nodes)]
        shapes = _shapes(nodes, one)
        if is_operation:
            part = _operation(kind, calls, config)
        elif kind in (*MODELS, "Model"):
            inner = _model(one, missing, depth + 1)
            part = Imported(Identity()) if missing else inner.part()
            calls = [_call_of_model(call, inner) for call in calls]
        else:
            part = _with_mask(model, name, kind, config, shapes)
    except FileError as error:
        if error.code != "E470":
            raise
        missing[str(error.received)] = str(error.expected)
        return
    if name in model.parts:
        raise invalid(model.where, fact("each name once"), name)
    model.parts[name] = part
    model.places[name] = "" if is_operation else f"layers/{_place(kind, used)}"
    model.calls += calls


def _with_mask(model: _Model, name: str, kind: str, config: SettingsOfFile, shapes: Shapes) -> Imported:
    """Return our layer for one of Keras; one that computes a mask is noted."""
    own = _identifier(name)
    if kind == "Masking":
        model.masked.add(own)
        return Imported(PaddingMask(value=config.number("mask_value", 0.0)))
    if kind == "Lambda" or kind not in RULES:
        expected = CODE if kind == "Lambda" else ", ".join(sorted(RULES))
        raise unsupported(config.where, kind, [f'{kind} "{name}"'], expected)
    if kind == "Embedding" and config.flag("mask_zero", False):
        model.masked.add(own)
    return imported(kind, config, shapes)


def _place(kind: str, used: dict[str, int]) -> str:
    """Return the name of a layer in the weights of a ``.keras`` file: its class, numbered from the second."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", kind))
    name = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
    used[name] = used.get(name, -1) + 1
    return f"{name}_{used[name]}" if used[name] else name


def _shapes(nodes: Sequence[Mapping[str, Any]], one: SettingsOfFile) -> Shapes:
    """Return the shapes of the inputs of a layer, as far as the description has them."""
    for node in nodes:
        shapes = [described.get("shape") for described in _described_tensors(node.get("args"))]
        if shapes and all(isinstance(shape, list) for shape in shapes):
            return shapes  # pyright: ignore[reportReturnType]
    built = one.entries.get("build_config")
    shape = built.get("input_shape") if isinstance(built, Mapping) else None
    return [shape] if isinstance(shape, list) and all(n is None or type(n) is int for n in shape) else []


def _described_tensors(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield the description of each tensor in the arguments of a call, in order."""
    if isinstance(value, list):
        for one in value:
            yield from _described_tensors(one)
    elif isinstance(value, Mapping) and value.get("class_name") == "__keras_tensor__":
        inner = value.get("config")
        if isinstance(inner, Mapping):
            yield inner


def _call(of: tuple[str, int], kind: str, node: Mapping[str, Any], config: SettingsOfFile) -> _Call:
    """Return a call of a layer."""
    (name, number), args, kwargs = of, node.get("args"), node.get("kwargs")
    if not isinstance(args, list) or not isinstance(kwargs, Mapping):
        raise invalid(config.where, fact("calls with args and kwargs"), str(node))
    positional = [_tensor(one, config) for one in _described_tensors(args)]
    named = {
        key: [_tensor(one, config) for one in _described_tensors([value])] for key, value in kwargs.items()
    }
    named = {key: tensors for key, tensors in named.items() if tensors}
    numbers = [(i, float(one)) for i, one in enumerate(args) if type(one) in (int, float)]
    if kwargs.get("return_attention_scores"):
        raise unsupported(config.where, name, [f"{name}: return_attention_scores"], "False")
    call = _Call(name, number, [], numbers, kwargs.get("use_causal_mask") is True)
    call.sources = list(_bound(kind, positional, named, config))
    if not call.sources:
        raise invalid(config.where, fact("a call with an input"), name)
    return call


_STATES = ("sequence", "hidden", "cell")


def _bound(
    kind: str, positional: list[Tensor], named: Mapping[str, list[Tensor]], config: SettingsOfFile
) -> Iterator[tuple[str, Tensor]]:
    """Yield each tensor of a call with the name that our layer has for it; ``""`` for a single one."""
    known: tuple[str, ...] = ()
    if kind == "MultiHeadAttention":
        known = ("key", "value", "query", "attention_mask")
        names = ("query", "value", "key")
        if len(positional) > len(names):
            raise unsupported(
                config.where,
                kind,
                [fact("{name} with {count} inputs", name=kind, count=len(positional))],
                "3",
            )
        yield from zip(names, positional, strict=False)
        for key in known:
            if key in named:
                yield ("mask" if key == "attention_mask" else key), named[key][0]
    elif kind in ("LSTM", "GRU", "SimpleRNN"):
        known = ("initial_state",)
        tensors = [*positional, *named.get("initial_state", [])]
        names = _STATES[: len(tensors)]
        yield from zip(names, tensors, strict=False) if len(tensors) > 1 else [("", t) for t in tensors]
    else:
        yield from ((f"v{i}" if len(positional) > 1 else "", t) for i, t in enumerate(positional))
    odd = named.keys() - set(known)
    if odd:
        raise unsupported(config.where, kind, [f"{kind}({', '.join(sorted(odd))}=...)"], fact("inputs alone"))


def _call_of_model(call: _Call, inner: _Model) -> _Call:
    """Return the call of a model: its inputs by name if there are several."""
    names = inner.input_names() or ["x"]
    if len(names) > 1:
        call.sources = [(name, tensor) for name, (_, tensor) in zip(names, call.sources, strict=False)]
    return call


def _tensor(described: Mapping[str, Any], config: SettingsOfFile) -> Tensor:
    return next(iter(_tensors(described.get("keras_history"), config)))


def _tensors(value: object, config: SettingsOfFile) -> Iterator[Tensor]:
    """Yield the tensors in ``[name, call, index]`` or lists or dicts of them."""
    values = list(value.values()) if isinstance(value, Mapping) else value
    if not isinstance(values, list) or not values:
        raise invalid(config.where, fact("[name, call, index]"), str(value))
    if isinstance(values[0], str):
        if len(values) < 3 or not all(type(n) is int and 0 <= n < 2**20 for n in values[1:3]):
            raise invalid(config.where, fact("[name, call, index]"), str(value))
        yield Tensor(*values[:3])
    else:
        for one in values:
            yield from _tensors(one, config)


def _operation(kind: str, calls: list[_Call], config: SettingsOfFile) -> Imported:
    """Return the layer for an operation such as ``a + b`` or ``2 * x``."""
    sources, numbers = (calls[0].sources, calls[0].numbers) if calls else ([], [])
    if kind in MERGED and len(sources) == 2 and not numbers:
        return Imported(Merge(MERGED[kind]))
    if len(sources) == 1 and len(numbers) == 1 and len(calls) == 1:
        ((place, number),) = numbers
        scaled = {"Add": (1.0, number), "Multiply": (number, 0.0), "Subtract": (1.0, -number)}
        if place == 0:
            scaled["Subtract"] = (-1.0, number)
        elif number and kind in ("TrueDivide", "Divide"):
            scaled[kind] = (1.0 / number, 0.0)
        if kind in scaled:
            return Imported(Rescaling(*scaled[kind]), passes_mask=True)
    raise unsupported(config.where, kind, [f"keras.ops {kind}"], fact("layers of keras.layers"))


def _chain(model: _Model, config: SettingsOfFile) -> None:
    """Connect the layers of a Sequential model one after another."""
    if not model.inputs:
        shape = config.entries.get("build_input_shape")
        if isinstance(shape, list):
            model.inputs["x"] = SettingsOfFile({"batch_shape": shape}, config.where)
    before = Tensor(next(iter(model.inputs), "x"), 0, 0)
    for name in model.parts:
        model.calls.append(_Call(name, 0, [("", before)]))
        before = Tensor(name, 0, 0)
    model.outputs = [before]
    if not model.inputs:
        model.inputs = {"x": SettingsOfFile({}, config.where)}


def _sorted(model: _Model) -> list[_Call]:
    """Return the calls in an order in which each reads inputs and earlier results.

    Raises:
        FileError E471: a call that reads its own result, or one of no layer.
    """
    ordered: list[_Call] = []
    known = {(name, 0) for name in model.inputs}
    readers: dict[tuple[str, int], list[_Call]] = {}  # calls that wait for a result
    ready = list(reversed(model.calls))
    while ready:
        call = ready.pop()
        lacking = next(((t.name, t.call) for _, t in call.sources if (t.name, t.call) not in known), None)
        if lacking is not None:
            readers.setdefault(lacking, []).append(call)
            continue
        known.add((call.name, call.number))
        ordered.append(call)
        ready += readers.pop((call.name, call.number), [])
    if readers:
        raise invalid(model.where, fact("connections without a cycle"), next(iter(readers))[0])
    if not all((t.name, t.call) in known for t in model.outputs):
        raise invalid(model.where, fact("outputs of layers"), str(model.outputs))
    return ordered


# --- the loss


def _with_scores(described: _Described, file: KerasFile) -> tuple[Layer, Any]:
    """Return the network and the loss of its training.

    A softmax or sigmoid at the end is part of our losses, whose networks compute scores: it is left out, and
    ``predict_proba`` has Keras's outputs.
    """
    model, part = described.model, described.part
    stated = file.loss
    if len(model.outputs) > 1:
        return part.layer, {name.replace(".", "_"): "mse" for name in dict.fromkeys(model.result_names())}
    last = model.result_names()[0]
    layer, sources = model.steps.get(last, (None, ()))
    ends = layer.name if isinstance(layer, Activation) else getattr(layer, "activation", None)
    is_scored = isinstance(ends, str) and SCORED.get(ends) is not None and stated in (None, SCORED.get(ends))
    if layer is None or not is_scored or (isinstance(layer, Activation) and layer.chosen):
        return part.layer, stated or "mse"
    if isinstance(layer, Activation):
        model.steps[last] = (Identity(), sources)
    elif isinstance(layer, Dense | Conv):
        model.steps[last] = (changed(layer, activation=None), sources)
    else:
        return part.layer, stated or "mse"
    return model.net(), SCORED[str(ends)]
