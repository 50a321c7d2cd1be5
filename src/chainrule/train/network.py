"""``Network``: the graphs, parameters and losses of a recipe for inputs of known shapes.

Initial values of parameters and states: graphs of random numbers, evaluated for a key.

The values must be the same on every machine. The reference engine computes them, except for

- products of matrices (orthogonal initial values): those of the library that NumPy calls depend on the
  processor, those of the native engine do not;
- many uniform random numbers, if the native engine runs the network: it samples the same bits as the
  reference implementation in a tenth of the time. Arithmetic on them that IEEE 754 rounds correctly is
  compiled together with them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import field
from numbers import Real

import numpy as np

from chainrule.engines import compile
from chainrule.engines.dispatch import Program
from chainrule.errors import UsageError, fact
from chainrule.graph import Graph, Limits, Node, building, input_node, order, rebuild
from chainrule.graph.limits import active
from chainrule.memoization import Memo, cached_property
from chainrule.nn.build import Built, build, initial_values, total_penalty
from chainrule.nn.layer import Layer
from chainrule.nn.loss import Loss, known_loss, known_losses, refuse_mismatch
from chainrule.nn.loss.ensemble_loss import member_parts
from chainrule.nn.loss.loss import divisor, require_rows
from chainrule.nn.optimizer import Optimizer, Slot
from chainrule.nn.regularization.clip import Clip
from chainrule.nn.regularization.penalty import Penalty
from chainrule.nn.schedule import REDUCTIONS, plateau_of
from chainrule.nn.scope import Parameter, is_at, outline, stream_of
from chainrule.ops import functional as F
from chainrule.plan.passes.bfloat16_products import with_bfloat16_products
from chainrule.prng import KEY, fold, key_of
from chainrule.records import frozen
from chainrule.settings import FloatName, PrecisionName, settings
from chainrule.symbolic_shape import Shape, Spec, bound, size_at
from chainrule.train.int8_inference_graph import Quantization, with_int8_products
from chainrule.train.monitor.compiled_update import EXACT
from chainrule.validation import out_of_range, unknown

SAMPLE_WEIGHT = "sample_weight"  # the input of a step with the weights of its samples
MAX_CACHED = 32  # maximum number of steps and programs in the cache of a network
MAX_KEPT = 1 << 22  # parameters of a network whose initial values are kept
INITIAL_VALUES = 1  # the stream of a seed for initial parameters
RESERVED = (KEY, SAMPLE_WEIGHT, "step")  # inputs of a step besides parameters, inputs and targets


@frozen
class Recipe:
    """The description of a model: everything except its arrays.

    Args:
        loss: one loss, or one for each output by name.
        penalty: the penalty on every weight matrix, in addition to the penalties of layers.
        clip: the rule that limits the gradients.
        dtype: the dtype of parameters and inputs.
        frozen: paths of layers or parameters that are not trained, or patterns of paths (``is_at``).
        loss_weights: the factor of each output's loss in J, by output; 1 for an output without a factor.
        precision: of products in trainings and predictions; ``None``: that of the settings.
    """

    net: Layer
    loss: str | Loss | Mapping[str, str | Loss]
    optimizer: Optimizer
    penalty: Penalty | None = None
    clip: Clip | None = None
    dtype: FloatName = "float32"
    frozen: tuple[str, ...] = ()
    loss_weights: Mapping[str, float] = field(default_factory=dict)
    precision: PrecisionName | None = None

    def __post_init__(self) -> None:
        for loss in self.loss.values() if isinstance(self.loss, Mapping) else (self.loss,):
            known_loss(loss)  # refuse an unknown name now, not when the training starts
        for name, weight in self.loss_weights.items():
            if isinstance(weight, bool) or not isinstance(weight, Real) or not 0 <= weight < math.inf:
                raise out_of_range(weight, name, "loss_weights", ">= 0")


@frozen
class Network:
    """A recipe applied to inputs of known shape: its graphs.

    Args:
        inputs: the spec of each input by name, batch axis first.
        engine: the engine that runs the graphs; ``None``: that of the settings.
        limits: limits of the size of all graphs, for a recipe that was read from a file.
        quantization: how products are computed in predictions; ``None``: with the float weights.
    """

    recipe: Recipe
    inputs: Mapping[str, Spec]
    engine: str | None = field(default=None, compare=False)
    limits: Limits | None = field(default_factory=active, compare=False)
    quantization: Quantization | None = field(default=None, compare=False)

    @cached_property
    def inference(self) -> Built:
        """The nodes of the network in inference: dropout is inactive."""
        with building(self.limits):
            return build(self.recipe.net, self.inputs, self.recipe.dtype, training=False)

    @cached_property
    def training(self) -> Built:
        """The nodes of the network in training; frozen layers are built as for inference."""
        with building(self.limits):
            return build(self.recipe.net, self.inputs, self.recipe.dtype, True, self.recipe.frozen)

    @cached_property
    def losses(self) -> dict[str, Loss]:
        """The loss of each output."""
        outputs = self.inference.outputs
        losses = known_losses(self.recipe.loss, {name: node.spec for name, node in outputs.items()})
        for name, loss in losses.items():
            refuse_mismatch(loss, outputs[name])
        return losses

    @cached_property
    def targets(self) -> dict[str, Node]:
        """The input node of each output's target: ``target``, or ``target.NAME`` with several outputs. Where
        the network has an input ``target``, as sequence-to-sequence networks do, it is ``expected``.
        """
        outputs = self.inference.outputs
        is_single, label = len(outputs) == 1, "expected" if "target" in self.inputs else "target"
        specs = {name: self.losses[name].target(node.spec) for name, node in outputs.items()}
        return {
            name: input_node(label if is_single else f"{label}.{name}", spec.shape, spec.dtype)
            for name, spec in specs.items()
        }

    @property
    def target_names(self) -> dict[str, str]:
        """The name of the input for the target of each output."""
        return {output: node.op.attributes["label"] for output, node in self.targets.items()}

    def check(self) -> None:
        """Refuse names that are unknown or used twice, before anything is computed.

        Raises:
            UsageError E101: a frozen path that is neither a layer nor a parameter; a loss weight of an
                unknown output.
            UsageError E102: all loss weights are 0. UsageError E118: two inputs or parameters of the step
                with the same name.
        """
        known = [*self.parameters, *self.inference.book.layers]
        for path in self.recipe.frozen:
            if not any(is_at(name, path) for name in known):
                expected = outline(self.parameters)
                raise unknown("frozen", path, known, 'frozen=["{}"]', expected=expected)
        outputs, weights = list(self.inference.outputs), self.recipe.loss_weights
        if not any(weights.get(name, 1.0) for name in outputs):
            raise out_of_range(0, "the sum of the weights", "loss_weights", "> 0")
        for name in weights:
            if name not in outputs:
                raise unknown("loss_weights", name, outputs, 'loss_weights={"{}": 2.0}', example=outputs[0])
        names = [*self.inputs, *self.parameters, *self.inference.states]
        reserved = (*RESERVED, *self.target_names.values())
        duplicates = [name for i, name in enumerate(names) if name in reserved or name in names[:i]]
        if duplicates:
            expected = fact("names other than {names}, each once", names=", ".join(reserved))
            received = ", ".join(duplicates)
            fix = fact('"{name}_1" for the input or parameter', name=duplicates[0])
            raise UsageError(
                "E118", where="Model", name=duplicates[0], expected=expected, received=received, fix=fix
            )

    def with_inputs(self, inputs: Mapping[str, Spec]) -> Network | None:
        """Return the network for inputs of other shapes; ``None``: its parameters or states differ then."""
        other = Network(self.recipe, inputs, self.engine, self.limits, self.quantization)
        return None if self._changed(other) else other

    def fixed_by(self, inputs: Mapping[str, Spec]) -> dict[str, tuple[Shape, Shape | None]]:
        """Return the parameters and states that do not fit inputs of other shapes, by path.

        Args:
            inputs: the spec of each input by name.

        Returns:
            the shape of each, and the one that these inputs need; ``None``: they need none.
        """
        return self._changed(Network(self.recipe, inputs, self.engine, self.limits))

    def _changed(self, other: Network) -> dict[str, tuple[Shape, Shape | None]]:
        """Return the shapes of variables that another network has in another shape, or not at all."""
        own, others = (
            {path: p.spec for book in (net.parameters, net.inference.states) for path, p in book.items()}
            for net in (self, other)
        )
        changed = {path: spec for path, spec in own.items() if others.get(path) != spec}
        return {
            path: (spec.shape, others[path].shape if path in others else None)
            for path, spec in changed.items()
        }

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The parameters of the network by path."""
        return self.inference.parameters

    @property
    def trainable(self) -> dict[str, Parameter]:
        """The parameters that the optimizer updates."""
        return {
            path: p
            for path, p in self.parameters.items()
            if p.trainable and not any(is_at(path, pattern) for pattern in self.recipe.frozen)
        }

    @property
    def count(self) -> int:
        """The number of elements of all parameters."""
        return sum(size_at(p.spec.size, {}) for p in self.parameters.values())

    @cached_property
    def initial_values(self) -> Graph:
        """The graph that samples the initial values of all parameters and states."""
        variables = {**self.parameters, **self.inference.states}
        with building(self.limits, is_extended=True):
            return initial_values(variables, {path: stream_of(path) for path in variables})

    def initialize(
        self, seed: int, known: Mapping[str, np.ndarray] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Return the initial parameters and states: those of ``known``, the others sampled by the seed."""
        if known or self.count > MAX_KEPT:
            arrays = self._sample(seed, known or {})
        else:
            arrays = self._cached_sample(seed)
        return {path: arrays[path] for path in self.parameters}, {
            path: arrays[path] for path in self.inference.states
        }

    def _cached_sample(self, seed: int) -> dict[str, np.ndarray]:
        """Return all values sampled by a seed; keeps those of the last seed, which is often used again."""
        key = seed, self.engine or settings.engine, settings.vector_bytes, settings.portable_bits
        arrays = self._last_sample.get(key)
        if arrays is None:
            self._last_sample.clear()  # before the new values are allocated
            arrays = self._last_sample[key] = self._sample(seed, {})
        return arrays

    def _sample(self, seed: int, known: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        paths = (*self.parameters, *self.inference.states)
        nodes = {path: self.initial_values.outputs[path] for path in paths if path not in known}
        return {**known, **sample(nodes, fold(key_of(seed), INITIAL_VALUES), self.engine, self.memo)}

    @cached_property
    def _last_sample(self) -> dict[tuple[object, ...], dict[str, np.ndarray]]:
        """The initial values of the last seed, by seed and settings."""
        return {}

    @property
    def precision(self) -> PrecisionName:
        """The precision of products in trainings and predictions."""
        return self.recipe.precision or settings.precision

    @property
    def prediction_program(self) -> Program:
        """The program from inputs to raw outputs (``raw.NAME``), predictions (``prediction.NAME``) and
        ``input_squares``."""
        engine, precision, programs = (
            self.engine or settings.engine,
            self.precision,
            self._prediction_programs,
        )
        program = programs.get((engine, precision))
        if program is None:
            graph = Graph({**self._prediction_graph().outputs, **self.input_squares()})
            program = programs[engine, precision] = compile(self._served(graph), engine, precision)
        return program

    @property
    def traced_predictions(self) -> Program:
        """``prediction_program`` without ``input_squares``, which overflow for finite rows: the program whose
        values are compared and searched for the first one that is not finite."""
        return self.compiled("traced predictions", self._prediction_graph)

    def _prediction_graph(self) -> Graph:
        raw = {f"raw.{name}": node for name, node in self.inference.outputs.items()}
        return Graph({**raw, **self.predictions()})

    @cached_property
    def _prediction_programs(self) -> dict[tuple[str, PrecisionName], Program]:
        """``prediction_program`` by engine and precision."""
        return {}

    def compiled(self, name: object, graph: Callable[[], Graph]) -> Program:
        """Return a program on this network's engine, in its precision, and keep it.

        Args:
            name: identifies it among the programs of this network.
            graph: returns its graph when it must be compiled.
        """
        engine, precision = self.engine or settings.engine, self.precision
        return self.memo(
            ("program", name, engine, precision), lambda: compile(self._served(graph()), engine, precision)
        )

    def as_predicted(self, node: Node) -> Node:
        """Return a node as predictions compute it: its products have rounded factors if theirs have."""
        graph = self._served(Graph({"": node}))
        if self.precision == "bfloat16":
            graph, _ = with_bfloat16_products(graph)
        return graph.outputs[""]

    def _served(self, graph: Graph) -> Graph:
        """Return the graph as it is computed in predictions: in 8 bits if the network is quantized."""
        if self.quantization is None:
            return graph
        with building(self.limits, is_extended=True):
            return with_int8_products(graph, self.inference, self.quantization)

    @cached_property
    def memo(self) -> Memo:
        """A cache of training steps and programs of these graphs, by the values that they depend on."""
        return Memo(MAX_CACHED)

    def predictions(self) -> dict[str, Node]:
        """Return the node of each output's prediction: probabilities, or values."""
        with building(self.limits, is_extended=True):
            outputs = self.inference.outputs
            return {
                f"prediction.{name}": self.losses[name].prediction(node) for name, node in outputs.items()
            }

    def input_squares(self) -> dict[str, Node]:
        """Return the sum of the squares of each row, (B,), of the only input as ``squares.NAME``.

        It is finite only if the row is, and reads the rows where the program does: a pass of its own over 256
        rows of 784 numbers takes a sixth of the time of a small network. Empty for several inputs and for
        integers.
        """
        nodes = {name: node for name, node in self.inference.inputs.items() if "float" in node.dtype}
        if len(self.inputs) != 1 or not nodes:
            return {}
        with building(self.limits, is_extended=True):
            return {f"squares.{n}": F.sum(x * x, axis=tuple(range(1, x.rank))) for n, x in nodes.items()}

    def sample_loss(self, built: Built) -> Node:
        """Return the loss of each sample, (B,): the sum over the outputs, with their loss weights."""
        return self.memo(("sample loss", *built.outputs.items()), lambda: self._sample_loss(built))

    def _sample_loss(self, built: Built) -> Node:
        total: Node | None = None
        with building(self.limits, is_extended=True):
            for name, node in built.outputs.items():
                loss = self.weigh(name, self.loss_of(name, node))
                total = loss if total is None else total + loss
        assert total is not None
        return total

    def loss_of(self, output: str, node: Node) -> Node:
        """Return the loss of each sample for an output, (B,), unweighted; ``node`` as for ``parts``."""
        if node.rank == self.inference.outputs[output].rank:
            loss = self.losses[output](node, self.targets[output])
            require_rows(self.losses[output], loss, node)
            return loss
        total, count = self.parts(output, node)
        return total if count is None else total / divisor(count)

    def parts(self, output: str, node: Node, weight: Node | None = None) -> tuple[Node, Node | None]:
        """Return numerator and denominator of each sample's loss, (B,) each, without loss weights.

        Args:
            node: the node of the output, in training or inference; in training of an ensemble it has an
                axis of members.
            weight: the weight of each sample, (B,), or of its positions or members, (B, ...).
        """
        loss, target = self.losses[output], self.targets[output]
        if node.rank > self.inference.outputs[output].rank:
            return member_parts(loss, node, target, weight)
        if weight is not None and weight.rank == 2 and self.members(output):
            weight = F.mean(weight, 1)  # (B, K) -> (B,): what is measured is the mean of the members
        return loss.parts(node, target, weight)

    def members(self, output: str) -> int:
        """Return the number of members of an output in training, by ``EnsembleMean``; 0: no ensemble."""
        node = self.training.outputs[output]
        is_ensemble = node.rank > self.inference.outputs[output].rank
        return bound(node.shape[1:2])[0] if is_ensemble else 0

    def weigh(self, output: str, loss: Node) -> Node:
        """Return the loss of an output times its loss weight."""
        weight = float(self.recipe.loss_weights.get(output, 1.0))
        return loss if weight == 1.0 else loss * weight

    @property
    def has_penalty(self) -> bool:
        """Whether the objective has a penalty besides the losses of the outputs."""
        return self.recipe.penalty is not None or bool(self.training.book.costs)

    def penalty(self, built: Built) -> Node | None:
        """Return the sum of all penalties on parameters and activity; ``None`` where there are none."""
        trainable, common = self.trainable, None  # a penalty on a frozen parameter would be a constant
        if self.recipe.penalty is not None:
            common = {path: self.recipe.penalty for path, p in trainable.items() if p.is_weight}
        parameters = {path: p for path, p in built.parameters.items() if path in trainable}
        return total_penalty(parameters, common, built.book.costs)

    @property
    def slots(self) -> dict[str, Slot]:
        """The optimizer state, and the state of the schedule, by label."""
        optimizer = self.recipe.optimizer
        slots = optimizer.memory({path: p.spec.shape for path, p in self.trainable.items()})
        return slots if plateau_of(optimizer.schedule) is None else {**slots, REDUCTIONS: Slot(())}


COPIED = {"input", "constant", "broadcast", "uniform"}
"""Other operations of which every implementation has the same bits."""
MANY = 1 << 15  # uniform random numbers that compiled code samples
SMALL, KEPT = 1 << 14, 16  # elements of a compiled program that networks share, and the number of these

_shared = Memo(KEPT)
"""Programs of small products of matrices: a search creates many networks with the same layers."""


def sample(
    nodes: Mapping[str, Node], key: np.ndarray, engine: str | None, memo: Memo
) -> dict[str, np.ndarray]:
    """Return the values of some nodes for a random key, by path.

    Args:
        nodes: by path; functions of the random key alone.
        engine: the engine of the network; ``None``: that of the settings.
        memo: keeps the programs.
    """
    is_native = (engine or settings.engine) == "native"
    values: dict[str, np.ndarray] = {}
    groups: dict[str, dict[str, Node]] = {"reference": {}, "native": {}}
    for path, node in nodes.items():
        inside = order([node])
        draws = [n for n in inside if n.op.name == "uniform" and size_at(n.spec.size, {}) >= MANY]
        if any(n.op.name == "matmul" for n in inside):
            groups["native"][path] = node
        elif is_native and draws and all(n.op.name in EXACT | COPIED for n in inside):
            # The program is not kept: it has an array for its result.
            values[path] = compile(Graph({"value": node}), "native").run({KEY: key})["value"]
        elif is_native and draws:
            values[path] = _from_draws(node, draws, key, memo)
        else:
            groups["reference"][path] = node
    for name, group in groups.items():
        if group:
            results = _program(group, name, memo).run({KEY: key})
            values |= {path: np.array(results.pop(path)) for path in group}  # in turn: they may be large
    return values


def _program(nodes: Mapping[str, Node], engine: str, memo: Memo) -> Program:
    elements = sum(size_at(node.spec.size, {}) for node in nodes.values())
    target = settings.vector_bytes, settings.portable_bits, settings.cores
    programs = _shared if engine == "native" and elements <= SMALL else memo
    return programs(("initial values", engine, target, *nodes.items()), lambda: compile(Graph(nodes), engine))


def _from_draws(node: Node, draws: list[Node], key: np.ndarray, memo: Memo) -> np.ndarray:
    """Return the value of a node whose uniform random numbers the native engine samples."""
    inputs = {draw: input_node(f"draw {i}", draw.shape, draw.dtype) for i, draw in enumerate(draws)}
    sampled = {  # the program is not kept: it has an array for its result
        inputs[draw].op.attributes["label"]: compile(Graph({"u": draw}), "native").run({KEY: key})["u"]
        for draw in draws
    }
    program = memo(
        ("initial value", node), lambda: compile(Graph({"value": rebuild([node], inputs)[0]}), "reference")
    )
    arrays = {**sampled, KEY: key}
    result = program.run({name: arrays[name] for name in program.graph.inputs})["value"]
    return result if result.base is None and result.flags.c_contiguous else np.array(result)
