"""What a layer can request while it builds nodes: parameters, state, random numbers, named values.

A ``Scope`` is a position in the network (``block1.dense2``) together with the ``Collected`` requests of all
layers, which define the inputs of the graph.

A layer may be called several times at one path: a tower for two inputs, a cell in a Python loop. All calls
share its parameters and states. In the order of the calls, each state is passed from call to call, costs are
summed, and every request for random numbers has its own stream. Notes and results are stored for each call:
the first has the plain path, further ones are numbered (``tower.norm#2``).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeAlias

from chainrule.errors import ShapeError, UsageError, fact
from chainrule.graph import Input, Node, Site, constant, input_node, site
from chainrule.graph.limits import count_parameter
from chainrule.nn.initializer import Initializer
from chainrule.ops import functional as F
from chainrule.ops.scan import scan_builder
from chainrule.prng import KEY
from chainrule.records import frozen
from chainrule.symbolic_shape import Shape, Spec, shape_text

if TYPE_CHECKING:
    from chainrule.nn.regularization.penalty import Penalty

LISTED = 12  # maximum number of paths that are listed
_CALL = re.compile(r"#[0-9]+(?=\.|$)")


AnyLayer: TypeAlias = Any  # a chainrule.nn.layer.Layer, whose __call__ takes the Scope defined here


@frozen
class Parameter:
    """An array that training changes.

    Args:
        node: the input of the graph that represents it.
        initializer: samples its initial values.
        penalty: its regularization penalty, if any.
        trainable: whether the optimizer updates it.
    """

    node: Node
    initializer: Initializer
    penalty: Penalty | None = None
    trainable: bool = True

    @property
    def spec(self) -> Spec:
        return self.node.spec

    @property
    def is_weight(self) -> bool:
        """Whether it multiplies inputs, as a matrix or kernel does; a bias has one axis in each member."""
        return self.spec.rank - self.initializer.member_axes >= 2


@dataclass
class Collected:
    """Everything that the layers of a network requested while it was built, by path.

    Args:
        dtype: dtype of parameters.
        training: whether the graph is for training.
        parameters, states: the requested arrays, by path.
        updates: the value of each state after the step, by path.
        costs: terms that layers add to the loss, by path, summed over the calls.
        layers: the layer of each path.
        calls: number of calls of each path.
        inside: for each call the call of the enclosing layer, ``""`` for the network itself.
        notes, arguments, results: named values, and inputs and outputs of layers, by path and call
            (``call_path``).
        draws: number of requests for random numbers, by path.
        needed: the minimum batch size in training, by path.
        tables: the rows of each table, by its path and the name of the input that indexes it.
        fitted: the input of each layer whose states are computed from the training rows, by path.
        key: the input of the random key, if random numbers are sampled.
        frozen: paths of parts that are built for inference (``is_at``).
    """

    dtype: str
    training: bool
    parameters: dict[str, Parameter] = field(default_factory=dict)
    states: dict[str, Parameter] = field(default_factory=dict)
    updates: dict[str, Node] = field(default_factory=dict)
    notes: dict[str, Node] = field(default_factory=dict)
    layers: dict[str, AnyLayer] = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    needed: dict[str, int] = field(default_factory=dict)
    tables: dict[tuple[str, str], int] = field(default_factory=dict)
    costs: dict[str, Node] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    inside: dict[str, str] = field(default_factory=dict)
    draws: dict[str, int] = field(default_factory=dict)
    fitted: dict[str, Node] = field(default_factory=dict)
    key: Node | None = None
    frozen: tuple[str, ...] = ()

    def calls_of(self, path: str) -> list[str]:
        """Return the paths of all calls of the layer at a path, for ``results``."""
        return [call_path(path, i) for i in range(1, self.calls.get(path, 0) + 1)]


Rewrite: TypeAlias = "Callable[[Scope, str, Parameter], Node]"


@frozen
class Scope:
    """A position in the network, passed to each layer when it is called.

    Args:
        book: collects the requests.
        path: the position, such as ``"block1.dense2"``; ``""`` is the network itself.
        rewrite: replaces each parameter requested here; called with the requesting scope, the name and the
            parameter; the innermost enclosing layer that sets it counts.
        call: number of the call at this path, from 1.
    """

    book: Collected
    path: str = ""
    rewrite: Rewrite | None = None
    call: int = 1

    @property
    def training(self) -> bool:
        """Whether this part is built for training (dropout is active) or for inference (it is not).

        A frozen part is built for inference: its running statistics are used and do not change.
        """
        return self.book.training and not any(is_at(self.path, pattern) for pattern in self.book.frozen)

    @property
    def dtype(self) -> str:
        """The dtype of parameters."""
        return self.book.dtype

    def named(self, name: str) -> str:
        """Return the full path of a name in this scope.

        Args:
            name: a name inside this part.
        """
        return f"{self.path}.{name}" if self.path else name

    def in_call(self, name: str) -> str:
        """Return the full path of a name in this call: ``tower.norm.z``, in the second ``tower.norm#2.z``.

        Args:
            name: a name inside this part.
        """
        place = call_path(self.path, self.call)
        return f"{place}.{name}" if place else name

    def beside(self, name: str) -> Scope:
        """Return the scope of a sibling of this part, which shares parameters with it.

        Args:
            name: the name of the sibling.
        """
        around, dot, _ = self.path.rpartition(".")
        return replace(self, path=f"{around}{dot}{name}", call=1)

    def parameter(
        self, name: str, shape: Shape, initializer: Initializer, penalty: Penalty | None = None
    ) -> Node:
        """Return a trainable array. Requesting the same name again returns the same array: weight sharing.

        Args:
            name: name within the layer, such as ``"weight"``.
            shape: axis lengths, all known.
            initializer: samples its initial values.
            penalty: its regularization penalty (L1, L2).

        Raises:
            UsageError E102: a length that is not known.
            UsageError E103: the name belongs to a parameter of another shape.
        """
        path = self.named(name)
        if not all(isinstance(length, int) and length >= 0 for length in shape):
            raise UsageError(
                "E102",
                name=fact('the shape of "{path}"', path=path),
                expected=fact("integers, known before the network runs"),
                received=shape_text(shape),
                fix=fact("x.shape[-1]: the batch has no parameters of its own"),
            )
        known = self.book.parameters.get(path)
        if known is not None and known.spec.shape != tuple(shape):
            fix = fact("another name for one of the two")
            raise UsageError("E103", name=path, expected=known.spec.shape, received=tuple(shape), fix=fix)
        if known is None:
            count_parameter(path, shape)  # pyright: ignore[reportArgumentType]
            node = input_node(path, tuple(shape), self.dtype, "parameter")
            known = self.book.parameters[path] = Parameter(node, initializer, penalty)
        return known.node if self.rewrite is None else self.rewrite(self, name, known)

    def state(self, name: str, shape: Shape, initializer: Initializer) -> Node:
        """Return an array that is passed from step to step without a gradient, such as a running mean.

        Its value is that of the previous step, or that of an earlier ``update`` in this step: the second call
        of a layer within a step continues where its first call ended.

        Args:
            name: its name.
            shape: its shape.
            initializer: its value before the first step.
        """
        path = self.named(name)
        if path not in self.book.states:
            count_parameter(path, shape)  # pyright: ignore[reportArgumentType]
            node = input_node(path, tuple(shape), self.dtype, "state")
            self.book.states[path] = Parameter(node, initializer, trainable=False)
        node = self.book.states[path].node
        value = scan_builder.read(self.book.updates, path, node) if self.training else node
        return value if value is node else F.stop_gradient(value)

    def update(self, name: str, value: Node) -> None:
        """Set a state; without effect in inference and in frozen parts, whose states stay as they are.

        Args:
            name: the name of the state.
            value: its new value.

        Raises:
            UsageError E101: no such state was requested.
        """
        path = self.named(name)
        known = self.book.states.get(path)
        if known is None:
            expected = ", ".join(self.book.states) or fact("none")
            fix = fact('scope.state("{name}", shape, cr.Fill(0.0)) before it', name=name)
            raise UsageError(
                "E101", where="scope.update", name=path, expected=expected, received=path, fix=fix
            )
        if self.training:
            scan_builder.write(self.book.updates, path, value, known.node)

    def fit_states(self, x: Node) -> None:
        """Request that the states of this layer are computed from its input ``x`` on all training rows.

        ``Layer.fitted_states`` computes them before the first update of a training.

        Args:
            x: the input of the layer, (B, ...).
        """
        self.book.fitted.setdefault(self.path, x)

    def cost(self, name: str, value: Node) -> None:
        """Add a term to the loss, such as an activity penalty: the mean over the batch.

        Args:
            name: the name of the term, for explanations.
            value: the mean of the term over the batch, ().
        """
        path, nothing = self.named(name), constant(0.0, value.dtype)
        so_far = scan_builder.read(self.book.costs, path, nothing)
        total = value if so_far is nothing else so_far + value
        scan_builder.write(self.book.costs, path, total, nothing)

    def values(self) -> tuple[Node, ...]:
        """Return the states that were updated so far in this step."""
        return tuple(scan_builder.values(self.book.updates))

    def require_samples(self, minimum: int) -> None:
        """Require a minimum batch size in training for this layer.

        Args:
            minimum: the number of samples.
        """
        self.book.needed[self.path] = max(minimum, self.book.needed.get(self.path, minimum))

    def require_rows(self, words: Node, rows: int) -> None:
        """Declare that a table of ``rows`` rows is indexed, so that input data can be validated.

        Args:
            words: the node of the indices.
            rows: the number of rows of the table.
        """
        while words.op.name == "cast":
            (words,) = words.inputs
        if isinstance(words.op, Input) and words.op.role == "data":
            key = self.path, words.op.label
            self.book.tables[key] = min(rows, self.book.tables.get(key, rows))

    def rewriting(self, rewrite: Rewrite) -> Scope:
        """Return the same scope with parameters replaced by ``rewrite``.

        Args:
            rewrite: maps the scope, the name and the parameter to a node.
        """
        return replace(self, rewrite=rewrite)

    def uniform(self, name: str, shape: Shape) -> Node:
        """Return random numbers in [0, 1), new at each step and for each request.

        They are a function of the seed, the step, the path and the number of earlier requests of this name.
        In a loop over time they are new at every time step.

        Args:
            name: the name of the request.
            shape: the shape of the numbers, batch axis first.
        """
        return self._draw("uniform", name, shape)

    def normal(self, name: str, shape: Shape) -> Node:
        """Return standard normal random numbers, otherwise like ``uniform``.

        Args:
            name, shape: as in ``uniform``.
        """
        return self._draw("normal", name, shape)

    def _draw(self, distribution: str, name: str, shape: Shape) -> Node:
        def sample(every: Shape) -> Node:
            return getattr(F, distribution)(self._key(), every, self.dtype, self._stream(name))

        return scan_builder.draw(sample, shape)

    def _key(self) -> Node:
        if self.book.key is None:
            self.book.key = input_node(KEY, (2,), "uint32", "key")
        return self.book.key

    def _stream(self, name: str) -> int:
        """Return the stream of the next request with this name."""
        path = self.named(name)
        count = self.book.draws[path] = self.book.draws.get(path, 0) + 1
        return stream_of(call_path(path, count))

    def note(self, name: str, value: Node) -> Node:
        """Name a value (``z`` the weighted sum, ``a`` the activation) for explanations, and return it.

        Args:
            name: the name, without the path of the layer.
            value: the node.
        """
        self.book.notes[self.in_call(name)] = value
        return value

    def run(self, layer: AnyLayer, x: Any, name: str | None = None) -> Any:
        """Call a layer inside this one, under its own name; errors inside state the layer and its line.

        Args:
            layer: the layer.
            x: its input.
            name: its name; by default that of its class.
        """
        path = self.named(name or layer.kind)
        call = self.book.calls[path] = self.book.calls.get(path, 0) + 1
        self.book.layers.setdefault(path, layer)
        with site(Site(path, getattr(layer, "place", None), type(layer).__name__, call)):
            result = called(layer, x, replace(self, path=path, call=call))
        place = call_path(path, call)
        self.book.arguments[place], self.book.results[place] = x, result
        self.book.inside[place] = call_path(self.path, self.call)
        return result


def call_path(path: str, call: int) -> str:
    """Return the path of one call of a layer: the plain path for the first call, numbered for further ones.

    Example:
        >>> call_path("tower.norm", 1), call_path("tower.norm", 2)
        ('tower.norm', 'tower.norm#2')
    """
    return path if call == 1 else f"{path}#{call}"


def plain_path(path: str) -> str:
    """Return a path without call numbers: that of the layer, of a parameter or of a state.

    Example:
        >>> plain_path("tower.norm#2"), plain_path("tower.dense#2.z")
        ('tower.norm', 'tower.dense.z')
    """
    return _CALL.sub("", path)


def is_at(path: str, pattern: str) -> bool:
    """Return whether a path matches: equal to the pattern, below it, or by a pattern with ``*``.

    Example:
        >>> is_at("part1.conv.bias", "part1"), is_at("part1.conv.bias", "*.bias"), is_at("part10", "part1")
        (True, True, False)
    """
    return path == pattern or path.startswith(f"{pattern}.") or fnmatchcase(path, pattern)


def outline(paths: Iterable[str]) -> str:
    """Return the paths of a network as a list of choices: all, or only the outermost if there are many.

    Example:
        >>> outline(["conv1.weight", "conv1.bias"])
        'conv1.weight, conv1.bias'
        >>> outline([f"stage{i}.conv{j}.weight" for i in (1, 2) for j in range(10)])
        'stage1, stage2, or one of the 20 paths in them'
    """
    known = list(paths)
    if len(known) <= LISTED:
        return ", ".join(known)
    outer = dict.fromkeys(path.partition(".")[0] for path in known)
    return fact("{names}, or one of the {count} paths in them", names=", ".join(outer), count=len(known))


def called(layer: AnyLayer, x: Any, scope: Scope) -> Any:
    """Call a layer after validating its input, and validate its result.

    Raises:
        ShapeError E208: several named values for a layer that takes one.
        UsageError E119: the layer returns something other than nodes.
    """
    if layer.takes_one:
        require_one(type(layer).__name__, x)
    result = layer(x, scope)
    nodes = list(result.values()) if isinstance(result, Mapping) else [result]
    if not nodes or not all(isinstance(node, Node) for node in nodes):
        expected = fact("a node, or a dict of nodes by name")
        fix = fact("return the result at the end of __call__") if result is None else "cr.constant(...)"
        raise UsageError("E119", expected=expected, received=type(result).__name__, fix=fix)
    return result


def require_one(op: str, x: Any) -> None:
    """Refuse several named values.

    Raises:
        ShapeError E208: there are.
    """
    if isinstance(x, Mapping):
        constraint = fact("one value, not several by name")
        expected = fact("one value")
        received = ", ".join(x) or fact("none")
        fix = fact("cr.Parallel(...) before it, which combines its branches")
        raise ShapeError("E208", op=op, constraint=constraint, expected=expected, received=received, fix=fix)


def stream_of(path: str) -> int:
    """Return the random stream of a path, a hash of the path."""
    return zlib.crc32(path.encode())
