"""What a layer may ask for while it builds: parameters, state, random numbers, names.

A ``Scope`` is a place in the net (``block1.dense2``) together with the ``Book`` in which everything asked for
is written down. After the build the book says what must be given to the graph to run it.

A layer may be called several times at one path: a tower for two inputs, a cell in a Python loop. All calls
share its parameters and states. In the order of the calls, each state goes from call to call, costs are
summed, and every request for random numbers has a stream of its own. Notes and results are kept for each
call: the first has the plain path, further ones have their number behind it (``tower.norm#2``).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeAlias

from chainrule.errors import ShapeError, UsageError
from chainrule.graph import Input, Node, Site, constant, input_node, site
from chainrule.graph.limits import count_parameter
from chainrule.nn.initializer import Initializer
from chainrule.ops import PUBLIC
from chainrule.ops.scan import loop_variables
from chainrule.prng import KEY
from chainrule.records import frozen
from chainrule.spec import Shape, Spec, shape_text

if TYPE_CHECKING:
    from chainrule.nn.regularization.penalty import Penalty

LISTED = 12  # places up to so many are all told
_CALL = re.compile(r"#[0-9]+(?=\.|$)")


AnyLayer: TypeAlias = Any  # a chainrule.nn.layer.Layer, whose __call__ takes the Scope defined here


@frozen
class Parameter:
    """A number array that training changes.

    Args:
        node: the graph's input that stands for it.
        initializer: how its first values are drawn.
        penalty: what its size costs, if anything.
        trainable: whether the optimizer moves it.
    """

    node: Node
    initializer: Initializer
    penalty: Penalty | None = None
    trainable: bool = True

    @property
    def spec(self) -> Spec:
        return self.node.spec


@dataclass
class Book:
    """Everything a net asked for while it was built, by path.

    Args:
        dtype: number kind of parameters.
        training: whether the graph is for training.
        parameters, states: what must be given, by path.
        updates: the value of each state after the step, by path.
        costs: what layers add to what training makes small, by path, summed over the calls.
        layers: the layer of each path.
        calls: how often each path was called.
        inside: for each call the call of the layer around it, ``""`` for the whole net.
        notes, results: named values and what layers return, by path and call (``call_path``).
        draws: how often random numbers were requested, by path.
        needed: the samples that a layer needs in a batch of training, by path.
        tables: the rows of each table, by its path and the name of the input that is looked up.
        key: the input from which random numbers are drawn, if any are.
        frozen: paths of parts that do not learn (``is_at``): they act as in inference.
    """

    dtype: str
    training: bool
    parameters: dict[str, Parameter] = field(default_factory=dict)
    states: dict[str, Parameter] = field(default_factory=dict)
    updates: dict[str, Node] = field(default_factory=dict)
    notes: dict[str, Node] = field(default_factory=dict)
    layers: dict[str, AnyLayer] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    needed: dict[str, int] = field(default_factory=dict)
    tables: dict[tuple[str, str], int] = field(default_factory=dict)
    costs: dict[str, Node] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    inside: dict[str, str] = field(default_factory=dict)
    draws: dict[str, int] = field(default_factory=dict)
    key: Node | None = None
    frozen: tuple[str, ...] = ()

    def calls_of(self, path: str) -> list[str]:
        """The paths of all calls of the layer at a path, for ``results``."""
        return [call_path(path, i) for i in range(1, self.calls.get(path, 0) + 1)]


Rewrite: TypeAlias = "Callable[[Scope, str, Parameter], Node]"


@frozen
class Scope:
    """A place in the net, handed to each layer when it is called.

    Args:
        book: where what is asked for is written down.
        path: the place, such as ``"block1.dense2"``; ``""`` is the whole net.
        rewrite: what a layer around makes of each parameter asked for here, given the scope that asks, the
            name and the parameter; the innermost such layer counts.
        call: which call at this path it is, from 1.
    """

    book: Book
    path: str = ""
    rewrite: Rewrite | None = None
    call: int = 1

    @property
    def training(self) -> bool:
        """Whether this part is built for training (dropout acts) or for inference (it does not).

        A frozen part is built for inference: its running statistics are used, and stay.
        """
        return self.book.training and not any(is_at(self.path, pattern) for pattern in self.book.frozen)

    @property
    def dtype(self) -> str:
        """The number kind of parameters."""
        return self.book.dtype

    def named(self, name: str) -> str:
        """The full path of a name in this scope."""
        return f"{self.path}.{name}" if self.path else name

    def in_call(self, name: str) -> str:
        """The full path of a name in this call: ``tower.norm.z``, in the second call ``tower.norm#2.z``."""
        place = call_path(self.path, self.call)
        return f"{place}.{name}" if place else name

    def beside(self, name: str) -> Scope:
        """The place of a part that stands beside this one; what is asked for there is shared with it."""
        around, dot, _ = self.path.rpartition(".")
        return replace(self, path=f"{around}{dot}{name}", call=1)

    def parameter(
        self, name: str, shape: Shape, initializer: Initializer, penalty: Penalty | None = None
    ) -> Node:
        """A trainable array. Asked for twice under one name, it is the same one: that is weight sharing.

        Args:
            name: its name within the layer, such as ``"weight"``.
            shape: axis lengths, all known.
            initializer: how its first values are drawn.
            penalty: what its size costs (L1, L2).

        Fails:
            UsageError E102: a length that is not known.
            UsageError E103: the name is taken by a parameter of another shape.
        """
        path = self.named(name)
        if not all(isinstance(length, int) and length >= 0 for length in shape):
            raise UsageError(
                "E102", name=f'the shape of "{path}"', expected="integers, known before the net runs",
                received=shape_text(shape), fix="x.shape[-1]: the batch has no parameters of its own",
            )  # fmt: skip
        known = self.book.parameters.get(path)
        if known is not None and known.spec.shape != tuple(shape):
            raise UsageError(
                "E103", name=path, expected=known.spec.shape, received=tuple(shape),
                fix="another name for one of the two",
            )  # fmt: skip
        if known is None:
            count_parameter(path, shape)  # pyright: ignore[reportArgumentType]
            node = input_node(path, tuple(shape), self.dtype, "parameter")
            known = self.book.parameters[path] = Parameter(node, initializer, penalty)
        return known.node if self.rewrite is None else self.rewrite(self, name, known)

    def state(self, name: str, shape: Shape, initializer: Initializer) -> Node:
        """An array that is carried from step to step without a gradient, such as a running mean.

        Its value is that of the step before, or what an earlier ``update`` of this step has left: so a layer
        that is called twice in a step goes on, in its second call, from where its first call ended.
        """
        path = self.named(name)
        if path not in self.book.states:
            count_parameter(path, shape)  # pyright: ignore[reportArgumentType]
            node = input_node(path, tuple(shape), self.dtype, "state")
            self.book.states[path] = Parameter(node, initializer, trainable=False)
        node = self.book.states[path].node
        value = loop_variables.read(self.book.updates, path, node) if self.training else node
        return value if value is node else PUBLIC["stop_gradient"](value)

    def update(self, name: str, value: Node) -> None:
        """Set a state; without effect in inference and in frozen parts, whose states stay as they are.

        Fails:
            UsageError E101: no such state was asked for.
        """
        path = self.named(name)
        known = self.book.states.get(path)
        if known is None:
            raise UsageError(
                "E101", where="scope.update", name=path, expected=", ".join(self.book.states) or "none",
                received=path, fix=f'scope.state("{name}", shape, cr.Fill(0.0)) before it',
            )  # fmt: skip
        if self.training:
            loop_variables.write(self.book.updates, path, value, known.node)

    def cost(self, name: str, value: Node) -> None:
        """Add a number to what training makes small, such as a price of activity: the mean over the batch."""
        path, nothing = self.named(name), constant(0.0, value.dtype)
        so_far = loop_variables.read(self.book.costs, path, nothing)
        total = value if so_far is nothing else so_far + value
        loop_variables.write(self.book.costs, path, total, nothing)

    def values(self) -> tuple[Node, ...]:
        """What states have become so far in this step, where they are no longer what they were before it."""
        return tuple(loop_variables.values(self.book.updates))

    def require_samples(self, least: int) -> None:
        """Say that a batch of training must hold so many samples for this layer to make sense."""
        self.book.needed[self.path] = max(least, self.book.needed.get(self.path, least))

    def require_rows(self, words: Node, rows: int) -> None:
        """Say that a table of so many rows is read: data that is looked up can be checked before it runs."""
        while words.op.name == "cast":
            (words,) = words.inputs
        if isinstance(words.op, Input) and words.op.role == "data":
            key = self.path, words.op.label
            self.book.tables[key] = min(rows, self.book.tables.get(key, rows))

    def rewriting(self, rewrite: Rewrite) -> Scope:
        """The same place, where parameters are handed out as ``rewrite`` makes them."""
        return replace(self, rewrite=rewrite)

    def uniform(self, name: str, shape: Shape) -> Node:
        """Random numbers in [0, 1), new at each step and for each request.

        They are a function of the seed, the step, this place and how many requests of this name came before.
        In the step of a loop over time they are new at every cell.
        """
        return self._draw("uniform", name, shape)

    def normal(self, name: str, shape: Shape) -> Node:
        """Standard normal random numbers, otherwise as ``uniform``."""
        return self._draw("normal", name, shape)

    def _draw(self, distribution: str, name: str, shape: Shape) -> Node:
        def sample(every: Shape) -> Node:
            return PUBLIC[distribution](self._key(), every, self.dtype, self._stream(name))

        return loop_variables.draw(sample, shape)

    def _key(self) -> Node:
        if self.book.key is None:
            self.book.key = input_node(KEY, (2,), "uint32", "key")
        return self.book.key

    def _stream(self, name: str) -> int:
        """The stream of the next request of this name."""
        path = self.named(name)
        count = self.book.draws[path] = self.book.draws.get(path, 0) + 1
        return stream_of(call_path(path, count))

    def note(self, name: str, value: Node) -> Node:
        """Name a value (``z`` the weighted sum, ``a`` the activation) for explanations; returns the value."""
        self.book.notes[self.in_call(name)] = value
        return value

    def run(self, layer: AnyLayer, x: Any, name: str | None = None) -> Any:
        """Call a layer inside this one, under its own name; errors inside say the layer and its line."""
        path = self.named(name or layer.kind)
        call = self.book.calls[path] = self.book.calls.get(path, 0) + 1
        self.book.layers.setdefault(path, layer)
        with site(Site(path, getattr(layer, "place", None), type(layer).__name__, call)):
            result = called(layer, x, replace(self, path=path, call=call))
        place = call_path(path, call)
        self.book.results[place], self.book.inside[place] = result, call_path(self.path, self.call)
        return result


def call_path(path: str, call: int) -> str:
    """The path of one call of a layer: the plain path for the first call, with its number for further ones.

    Example:
        >>> call_path("tower.norm", 1), call_path("tower.norm", 2)
        ('tower.norm', 'tower.norm#2')
    """
    return path if call == 1 else f"{path}#{call}"


def plain_path(path: str) -> str:
    """A path without the numbers of calls: that of the layer, of a parameter or of a state.

    Example:
        >>> plain_path("tower.norm#2"), plain_path("tower.dense#2.z")
        ('tower.norm', 'tower.dense.z')
    """
    return _CALL.sub("", path)


def is_at(path: str, pattern: str) -> bool:
    """Whether a place is meant: by its path, by the beginning of it, or by a pattern with ``*``.

    Example:
        >>> is_at("part1.conv.bias", "part1"), is_at("part1.conv.bias", "*.bias"), is_at("part10", "part1")
        (True, True, False)
    """
    return path == pattern or path.startswith(f"{pattern}.") or fnmatchcase(path, pattern)


def outline(paths: Iterable[str]) -> str:
    """The places of a net for a person to choose from: all, or where they are many the outermost.

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
    return f"{', '.join(outer)}, or one of the {len(known)} paths in them"


def called(layer: AnyLayer, x: Any, scope: Scope) -> Any:
    """What a layer makes of a value, once it is known that both are what they must be.

    Fails:
        ShapeError E208: several values by name for a layer that takes one.
        UsageError E119: the layer gives something that is no node.
    """
    if layer.takes_one and isinstance(x, Mapping):
        raise ShapeError(
            "E208", op=type(layer).__name__, constraint="one value, not several by name",
            expected="one value", received=", ".join(x) or "none",
            fix="cr.Parallel(...) before it, which joins its branches",
        )  # fmt: skip
    result = layer(x, scope)
    nodes = list(result.values()) if isinstance(result, Mapping) else [result]
    if not nodes or not all(isinstance(node, Node) for node in nodes):
        raise UsageError(
            "E119", expected="a node, or a dict of nodes by name", received=type(result).__name__,
            fix="return the result at the end of __call__" if result is None else "cr.constant(...)",
        )  # fmt: skip
    return result


def stream_of(path: str) -> int:
    """The random stream of a path: a number that the path alone decides."""
    return zlib.crc32(path.encode())
