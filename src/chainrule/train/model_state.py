"""``ModelState``: a model as one immutable value: recipe, graphs, arrays, labels, preparation and history.

Training, loading and freezing take a ``ModelState`` and return another one. A call that raises an error
therefore changes nothing, a copy of a model costs nothing, and a thread that predicts can use a state while
another thread trains. The arrays of a state are never written to.

Inputs that a network uses only as integers: the indices of an embedding, the words of a text.

Arrays of inputs become floating-point numbers, as most layers need them; a float32 has 24 bits, so that two
neighboring indices above 2^24 would read the same row. An input of which every use is a conversion to an
integer, or a comparison with an integer, is therefore built as int64. Whether a layer takes integers is not
declared anywhere: the graph for floating-point inputs shows it, for layers of users too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict, TypeGuard, Unpack

import numpy as np

from chainrule import data
from chainrule.errors import ChainruleError
from chainrule.events import notices
from chainrule.exact_cast import refuse_fractions
from chainrule.graph import Constant, Node
from chainrule.graph.graph import order
from chainrule.memoization import cached_property
from chainrule.messages import fact
from chainrule.metrics import MetricLike, resolve_metrics, to_name
from chainrule.nn.build import Built
from chainrule.nn.layer import Layer
from chainrule.nn.layers.containers import require_layer
from chainrule.nn.loss import Loss
from chainrule.nn.optimizer import Optimizer, known_optimizer
from chainrule.nn.regularization.clip import Clip
from chainrule.nn.regularization.penalty import Penalty
from chainrule.records import frozen
from chainrule.settings import EngineName, FloatName, PrecisionName, known_precision, settings
from chainrule.symbolic_shape import FLOATS, INTEGERS, Spec
from chainrule.train.checkpoint.computation_fingerprint import computation
from chainrule.train.inputs.input_check import in_order
from chainrule.train.inputs.target import Target, declared_classes, targets_of
from chainrule.train.int8_inference_graph import Quantization, Ranges, path_of
from chainrule.train.network import Network, Recipe
from chainrule.train.nonfinite.finite_check import is_finite
from chainrule.train.private.privacy import CALIBRATION, CHANGED, INTERVALS, PRIVACY, QUANTIZED
from chainrule.train.step_graph import Step
from chainrule.train.train_state import Row, Tensors
from chainrule.validation import choice, out_of_range, refuse_unknown

if TYPE_CHECKING:
    from chainrule.data import Preparation, Tokenizer
    from chainrule.train.monitor.probe import Probe

NOVELTY_GATE = "novelty gate"  # a fact: how far from the training rows a row is predicted as a class
THRESHOLD = "threshold"  # a fact: from which probability the second of two classes is predicted
OF_PREDICTIONS = (CALIBRATION, INTERVALS, NOVELTY_GATE)  # facts that were measured on the predictions
UNKNOWN_LEVEL = "unknown"  # a fact: the smallest probability of a class that is predicted
OF_ARRAYS = (*OF_PREDICTIONS, UNKNOWN_LEVEL, PRIVACY, QUANTIZED)  # facts that hold for these arrays alone
MAX_CHANGES = 16  # that are recorded
OTHER_SHAPES = fact(
    "inputs have another shape than those of the training: the network is built again for each new shape, "
    "which takes as long as its first call"
)
SAMPLED, GIVEN = "sampled", "given"  # origins of the initial parameters of a training


class PlainRows(NamedTuple):
    """What rows in one array need to be passed to the network without preparation.

    Args:
        name: name of the input.
        shape: of one row.
        dtype: of the array.
        output: name of the output.
    """

    name: str
    shape: tuple[Any, ...]
    dtype: np.dtype
    output: str

    def takes(self, rows: Any) -> TypeGuard[np.ndarray]:
        """Return whether rows are an array of this dtype and shape, with at least one row."""
        return (
            type(rows) is np.ndarray
            and rows.dtype == self.dtype
            and rows.ndim > 0
            and len(rows) > 0
            and rows.shape[1:] == self.shape
        )

    def were_finite(self, results: Mapping[str, np.ndarray]) -> bool:
        """Return whether rows that the prediction program has read are finite.

        Args:
            results: of the program; without the squares of the rows if they are integers.
        """
        squares = results.get(f"squares.{self.name}")
        return squares is None or is_finite(squares)


@frozen(eq=False)
class ModelState:
    """A model as a value; ``chainrule.Model`` holds one.

    Args:
        recipe: layers, loss, optimizer, penalty, clipping, dtype and frozen paths.
        metrics: names of metrics, or functions; ``None``: the default metrics of the task.
        engine: the engine that runs the graphs; ``None``: that of the settings.
        tokenizers: the tokenizers of texts, by input; ``""`` is the one for all inputs.
        classes: the declared labels by output, in the order of the scores; ``""`` is the only output.
        network: the graphs; ``None`` until the shapes of the inputs are known.
        targets: loss, spec and labels of each output, by name.
        preparation: the preparation that converts tables to arrays.
        columns: the column names of inputs that were passed as data frames of numbers, by input.
        parameters, states: arrays by path; empty until they are initialized, trained or loaded.
        is_given: whether the parameters were set by the user; the next training starts from them.
        start: the origin of the initial parameters of the last training: ``"sampled"`` by the seed,
            ``"given"`` by the user, or ``""`` without a training.
        step: the step of the last training, from which ``computation`` is derived.
        recorded: the computation of the last training, as read from a model file.
        history: one row for each epoch of the last training.
        probes: statistics of the network during the last training.
        findings: the findings of the doctor; ``None`` where it was turned off.
        facts: counts and settings of the last training, as plain data.
        is_fixed: whether the arrays are never written to; those of a ``Trainer`` between two steps are.
    """

    recipe: Recipe
    metrics: tuple[Any, ...] | None = None
    engine: str | None = None
    tokenizers: Mapping[str, Tokenizer] = field(default_factory=dict)
    classes: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    network: Network | None = None
    targets: Mapping[str, Target] = field(default_factory=dict)
    preparation: Preparation | None = None
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parameters: Tensors = field(default_factory=dict)
    states: Tensors = field(default_factory=dict)
    is_given: bool = False
    start: str = ""
    step: Step | None = None
    recorded: Mapping[str, str] = field(default_factory=dict)
    history: list[Row] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    findings: tuple[Any, ...] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    is_fixed: bool = True

    def __post_init__(self) -> None:
        network = self.network
        if network is None or network.quantization is None or network.quantization.holds_for(self.parameters):
            return
        object.__setattr__(self, "network", replace(network, quantization=None))  # of other parameters
        facts = {name: value for name, value in self.facts.items() if name != QUANTIZED}
        object.__setattr__(self, "facts", facts)

    @cached_property
    def arrays(self) -> Tensors:
        """The parameters and states by path."""
        return {**self.parameters, **self.states}

    @cached_property
    def plain_rows(self) -> PlainRows | None:
        """How rows are passed to the network; ``None`` if not as one array without indices."""
        if self.network is None or len(self.network.inputs) != 1 or len(self.targets) != 1:
            return None
        (name, spec), (output,) = *self.network.inputs.items(), self.network.inference.outputs
        if self.network.inference.book.tables or indexing_inputs(self.network):
            return None
        return PlainRows(name, tuple(spec.shape[1:]), np.dtype(spec.dtype), output)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the features of a row: of the encoded columns of a table, or of the columns of a data
        frame; empty for arrays."""
        prepared = self.preparation
        if prepared is not None:
            return prepared.feature_names if len(prepared.shape) == 1 else ()
        return next(iter(self.columns.values())) if len(self.columns) == 1 else ()

    @property
    def labels(self) -> tuple[Any, ...]:
        """The classes in the order of their indices; empty for regression."""
        return next((t.labels for t in self.targets.values() if t.labels), ())

    @property
    def task(self) -> str:
        """``"classification"`` or ``"regression"``."""
        return next((t.loss.task for t in self.targets.values()), "regression")

    @cached_property
    def computation(self) -> Mapping[str, str]:
        """Fingerprints of what the last training computed; empty where they are not known."""
        if self.network is None or self.step is None:
            return self.recorded
        return computation(self.network, self.step)

    def built(self, inputs: Mapping[str, Spec], are_fixed: bool | Collection[str] = True) -> ModelState:
        """Return the model with graphs for inputs of these specs, and without parameters.

        Args:
            inputs: the spec of each input, by name.
            are_fixed: whether the dtypes are part of the specs, or the names of the inputs of which they are;
                of the others, those that the network uses only as integers, such as the indices of an
                embedding, become int64.

        Raises:
            UsageError E101: a frozen path that does not exist. UsageError E118: a name that is used twice.
        """
        network = Network(self.recipe, dict(inputs), self.engine)
        if are_fixed is not True:
            network = with_integer_inputs(network, are_fixed or ())
        network.check()
        return replace(
            self, network=network, targets=targets_of(network, self.classes), parameters={}, states={}
        )

    def for_shapes(self, x: Any) -> ModelState:
        """Return the model for inputs of these shapes (other lengths, image sizes) with the same parameters.

        Where the parameters depend on the shapes, it is the model itself, and refuses them. ``x`` is arrays,
        or one for the first input.
        """
        network = self.network
        if network is None or self.preparation is not None:
            return self
        arrays = x if isinstance(x, Mapping) else {next(iter(network.inputs)): x}
        if arrays.keys() != network.inputs.keys():
            return self
        specs = {
            name: spec.with_shape((*spec.shape[:1], *arrays[name].shape[1:]))
            for name, spec in network.inputs.items()
        }
        if specs == dict(network.inputs) or any(
            spec.rank != network.inputs[name].rank for name, spec in specs.items()
        ):
            return self
        other = network.memo(("shapes", *specs.items()), lambda: network.with_inputs(specs))
        if other is None:
            return self
        targets = targets_of(other, {})
        labeled = {name: replace(t, labels=self.targets[name].labels) for name, t in targets.items()}
        notices.emit(OTHER_SHAPES)
        return replace(self, network=other, targets=labeled)

    def initialized(self, seed: int, known: Mapping[str, np.ndarray] | None = None) -> ModelState:
        """Return the model with initial parameters: those of ``known``, the others sampled by the seed."""
        assert self.network is not None
        parameters, states = self.network.initialize(seed, known)
        return replace(self, parameters=parameters, states=states)

    def rows_of(self, x: Any, y: Any = None, weights: Any = None) -> data.Arrays:
        """Return inputs, targets and weights as arrays in the network's dtypes; E313 and as ``Arrays.of``."""
        network, x = self.network, in_order(x, self.columns)
        if network is None:
            return data.Arrays.of(x, y, weights, self.recipe.dtype)
        dtypes = {name: spec.dtype for name, spec in network.inputs.items()}
        exact = network.memo("indexing inputs", lambda: indexing_inputs(network))
        arrays = data.Arrays.of(x, y, weights, self.recipe.dtype, dtypes, exact)
        for name in network.memo("whole inputs", lambda: whole_inputs(network)):
            if not isinstance(arrays.x, dict):
                refuse_fractions("x", arrays.x)
            elif name in arrays.x:
                refuse_fractions(f'x["{name}"]', arrays.x[name])
        return arrays

    def changed(
        self, by: str, parameters: Tensors | None = None, states: Tensors | None = None
    ) -> ModelState:
        """Return the model with arrays that no training of it computed; its next training starts with them.

        Facts that hold for the former arrays alone, such as calibration and privacy, are dropped, also a
        threshold that does not follow from a cost. The change is recorded: the rows from which the new arrays
        were computed are unknown.

        Args:
            by: the name of the function that sets the arrays.
            parameters, states: the arrays; ``None``: the present ones.
        """
        facts = {name: value for name, value in self.facts.items() if name not in OF_ARRAYS}
        threshold = facts.get(THRESHOLD)
        if not isinstance(threshold, dict) or threshold.get("rule") != "cost":
            facts.pop(THRESHOLD, None)
        earlier = facts.get(CHANGED)
        facts[CHANGED] = [*(earlier if isinstance(earlier, list) else []), by][-MAX_CHANGES:]
        return replace(
            self,
            parameters=self.parameters if parameters is None else parameters,
            states=self.states if states is None else states,
            facts=facts,
            is_given=True,
        )

    def quantized(self, ranges: Ranges, rows: int) -> ModelState:
        """Return the model with predictions in 8 bits.

        A calibration, prediction intervals and a novelty gate hold for the predictions on which they were
        measured: they are kept apart until the model returns to its float weights.

        Args:
            ranges: the range of the input of each product, as ``Quantization`` has them.
            rows: the number of samples on which they were measured.
        """
        assert self.network is not None
        weights = {path_of(key): self.parameters[path_of(key)] for key in ranges}
        network = replace(self.network, quantization=Quantization(dict(ranges), weights, rows))
        facts = dict(self.facts)
        if QUANTIZED not in facts:  # a file of a quantized model has it
            measured = {name: facts.pop(name) for name in OF_PREDICTIONS if name in facts}
            facts[QUANTIZED] = measured
        return replace(self, network=network, facts=facts)

    def in_float(self) -> ModelState:
        """Return the model without quantization, with what was measured on its predictions before."""
        if self.network is None or self.network.quantization is None:
            return self
        measured, dropped = self.facts.get(QUANTIZED), (*OF_PREDICTIONS, QUANTIZED)
        facts = {name: value for name, value in self.facts.items() if name not in dropped}
        facts |= measured if isinstance(measured, dict) else {}
        return replace(self, network=replace(self.network, quantization=None), facts=facts)

    def in_dtype(self) -> ModelState:
        """Return the model whose predictions are computed in its dtype, without rounded factors."""
        model = self.in_float()
        if model.network is None or model.network.precision == "float32":
            return model
        recipe = replace(model.network.recipe, precision="float32")
        return replace(model, network=replace(model.network, recipe=recipe))

    def with_arrays(self, parameters: Tensors, states: Tensors) -> ModelState:
        """Return the model with these parameters and states."""
        return replace(self, parameters=parameters, states=states)


class ModelOptions(TypedDict, total=False):
    """The other options of a model; see ``chainrule.Model``."""

    loss_weights: Mapping[str, float] | None

    dtype: FloatName | None
    precision: PrecisionName | None
    frozen: Sequence[str]
    engine: EngineName | None
    tokenizer: Tokenizer | Mapping[str, Tokenizer] | None
    classes: Sequence[object] | Mapping[str, Sequence[object]] | None


def untrained(
    net: Layer,
    loss: str | Loss | Mapping[str, str | Loss],
    optimizer: str | Optimizer = "adam",
    *,
    metrics: Sequence[MetricLike] | None = None,
    penalty: Penalty | None = None,
    clip: Clip | None = None,
    **options: Unpack[ModelOptions],
) -> ModelState:
    """Return the state of a new model; for the arguments and errors see ``chainrule.Model``."""
    require_layer("Model", net)
    refuse_unknown("Model", options, ModelOptions.__annotations__)
    dtype, paths = options.get("dtype") or settings.dtype, options.get("frozen", ())
    choice(dtype, FLOATS, "dtype", "Model")
    precision = options.get("precision")
    if precision is not None and known_precision(precision, "Model") != "float32" and dtype != "float32":
        expected = fact("float32 with dtype={dtype}: only float32 factors are rounded", dtype=f'"{dtype}"')
        raise out_of_range(precision, "precision", "Model", expected, fix='dtype="float32"')
    paths = (paths,) if isinstance(paths, str) else tuple(paths)
    weights = dict(options.get("loss_weights") or {})
    return ModelState(
        Recipe(net, loss, known_optimizer(optimizer), penalty, clip, dtype, paths, weights, precision),
        None if metrics is None else tuple(map(to_name, resolve_metrics(metrics))),
        options.get("engine"),
        data.tokenizers_of(tokenizer) if (tokenizer := options.get("tokenizer")) else {},
        declared_classes(options.get("classes")),
    )


_COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
_MOVES = ("reshape", "transpose", "slice", "broadcast")  # these operations move numbers and change none


def with_integer_inputs(network: Network, fixed: Collection[str] = ()) -> Network:
    """Return the network with int64 inputs that it uses only as integers, except ``fixed`` ones."""
    names = [name for name, spec in network.inputs.items() if spec.is_float and name not in fixed]
    names = [name for name in names if _is_integer(network.inference, name)]
    if not names:
        return network
    specs = {
        name: spec.with_dtype("int64") if name in names else spec for name, spec in network.inputs.items()
    }
    other = Network(network.recipe, specs, network.engine, network.limits)
    try:
        _ = other.training
        is_same = _results(other.inference) == _results(network.inference)
    except ChainruleError:
        return network  # a layer that calculates with the dtype of its input
    return other if is_same else network


def indexing_inputs(network: Network) -> frozenset[str]:
    """Return the floating-point inputs that are also used as integers: no integer may be rounded.

    A column of a row of numbers may be one.
    """
    consumers, built = _consumers(network.inference), network.inference
    floats = {name: node for name, node in built.inputs.items() if node.spec.is_float}

    def is_index(node: Node) -> bool:
        return any(
            (use.op.name == "cast" and use.dtype in INTEGERS) or (use.op.name in _MOVES and is_index(use))
            for use in consumers.get(node, [])
        )

    return frozenset(name for name, node in floats.items() if is_index(node))


def whole_inputs(network: Network) -> frozenset[str]:
    """Return the floating-point inputs that are used only as integers: no number may be a fraction.

    Such is a memory-mapped array of indices, which is read where it is.
    """
    return frozenset(name for name in indexing_inputs(network) if _is_integer(network.inference, name))


def _consumers(built: Built) -> dict[Node, list[Node]]:
    """Return the nodes that take each node of a network as an input."""
    consumers: dict[Node, list[Node]] = {}
    for node in order(_roots(built)):
        for source in node.inputs:
            consumers.setdefault(source, []).append(node)
    return consumers


def _is_integer(built: Built, name: str) -> bool:
    """Return whether an input is used, and only as integers."""
    consumers = _consumers(built)

    def is_used_as_integer(node: Node) -> bool:
        uses = consumers.get(node, [])
        return bool(uses) and all(map(takes_integer, uses, [node] * len(uses)))

    def takes_integer(use: Node, node: Node) -> bool:
        if use.op.name == "cast":
            return use.dtype in INTEGERS
        if use.op.name in _COMPARISONS:
            return all(_is_integral(other) for other in use.inputs if other is not node)
        return use.op.name in _MOVES and is_used_as_integer(use)

    return name in built.inputs and is_used_as_integer(built.inputs[name])


def _roots(built: Built) -> Iterator[Node]:
    """Yield the nodes that a network computes."""
    yield from built.outputs.values()
    yield from built.book.costs.values()
    yield from built.book.updates.values()


def _is_integral(node: Node) -> bool:
    """Return whether a node is a constant of integers."""
    if not isinstance(node.op, Constant):
        return node.op.name in ("broadcast", "cast") and _is_integral(node.inputs[0])
    return bool((node.op.array == np.floor(node.op.array)).all())


def _results(built: Built) -> tuple[object, object]:
    """Return what must not depend on the dtypes of the inputs: the specs of outputs and parameters."""
    outputs = {name: node.spec for name, node in built.outputs.items()}
    return outputs, {path: parameter.spec for path, parameter in built.parameters.items()}
