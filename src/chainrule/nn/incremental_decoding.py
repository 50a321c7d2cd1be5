"""Incremental decoding: process one new word at a time, with a cache of keys and values of earlier words.

A language model predicts, for each word, the next one; the prediction is appended and the network is run
again. If all words were recomputed each time, the n-th word would cost n words of work. But in a network
whose layers are causal, the activations of earlier words do not change when a word is added. The new word
only depends on their *keys and values* in each attention, which are therefore stored: the *cache*.

``Decoding`` is a scope, so a network is built with it from the same record as for training:

* a layer that processes each position independently (``Dense``, ``LayerNorm``, ``Activation``) is unaffected;
* a layer that depends on the position in the text calls ``places``;
* causal attention passes the keys and values of the new words to ``remember``, which returns those of the
  cache as input nodes; ``is_old`` marks the valid positions of the cache;
* values that do not change while a text is generated, such as the keys and values of the sentence that is
  translated, are passed to ``keep`` and computed once.

``build_decoding`` returns the nodes: the outputs, the cache entries of each new word, and the constant
values. ``chainrule.Decoder`` runs them and writes the entries into the cache. Each row of a batch has its own
number of words, ``filled``, so texts of different length are generated in one batch. Beam search reorders the
rows of the cache by gathering rows of its arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.errors import UsageError, fact
from chainrule.graph import Node, constant, input_node, reserve, site
from chainrule.graph.node import Site
from chainrule.nn.layer import Layer
from chainrule.nn.scope import Collected, Parameter, Scope, called
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import Size, Spec

FILLED = "filled"
B = Size.symbol("B")


@dataclass
class Memory:
    """The cached values that a network requested while it was built, by path with the number of the call.

    Args:
        caches: inputs that hold the values of earlier words, (B, ..., length, C).
        entries: the values of the new words to add to each cache, (B, ..., T, C).
        constants: inputs that are constant during the generation.
        sources: the nodes from which these are computed, once.
    """

    caches: dict[str, Node] = field(default_factory=dict)
    entries: dict[str, Node] = field(default_factory=dict)
    constants: dict[str, Node] = field(default_factory=dict)
    sources: dict[str, Node] = field(default_factory=dict)


@frozen
class Decoding(Scope):
    """The scope of a network for incremental decoding.

    Args:
        length: capacity of the cache in words.
        memory: collects the cached values.
    """

    length: int = 1
    memory: Memory = field(default_factory=Memory)

    @property
    def filled(self) -> Node:
        """The number of words in the cache for each row: integers (B,)."""
        return input_node(FILLED, (B,), "int64")

    @property
    def is_old(self) -> Node:
        """Whether each position of the cache is valid: booleans (B, length)."""
        return F.less(_counted(self.length), F.reshape(self.filled, (B, 1)))

    def places(self, count: int) -> Node:
        """Return the positions of the new words in the text, from 0: integers (B, count).

        Words beyond the capacity of the cache, which pad a chunk, get its last position.
        """
        places = F.reshape(self.filled, (B, 1)) + _counted(count)
        return F.where(F.less(places, self.length), places, self.length - 1)

    def distances(self, count: int) -> Node:
        """Return the distances of new words from positions of the cache: integers (B, count, length)."""
        return F.reshape(self.places(count), (B, count, 1)) - _counted(self.length, 3)

    def remember(self, name: str, new: Node) -> Node:
        """Add values of the new words to a cache; returns the cache, whose positions are the last axis but
        one.

        Args:
            name: name within the layer, such as ``"keys"``.
            new: the values of the new words, (B, ..., T, C).
        """
        path = self.in_call(name)
        shape = (*new.shape[:-2], self.length, new.shape[-1])
        self.memory.entries[path] = new
        self.memory.caches[path] = input_node(path, shape, new.dtype)
        return self.memory.caches[path]

    def keep(self, name: str, value: Node) -> Node:
        """Return a value that is computed before the first word and then constant, (B, ...)."""
        path = self.in_call(name)
        self.memory.sources[path] = value
        self.memory.constants[path] = input_node(path, value.shape, value.dtype)
        return self.memory.constants[path]


def _counted(count: int, rank: int = 2) -> Node:
    """Return the integers from 0 along the last of ``rank`` axes."""
    reserve(count)
    return constant(np.arange(count).reshape(*(1,) * (rank - 1), count))


def at_once(scope: Scope) -> Scope:
    """Return a normal scope for parts that process a complete text, even during incremental decoding."""
    return Scope(scope.book, scope.path, scope.rewrite, scope.call) if isinstance(scope, Decoding) else scope


@frozen(eq=False)
class BuiltDecoding:
    """A network for some new words at a time, as nodes.

    Args:
        inputs: the inputs, by name.
        output: the output for each new word, (B, T, ...).
        memory: the cached values.
        parameters: every parameter and state, by path.
    """

    inputs: Mapping[str, Node]
    output: Node
    memory: Memory
    parameters: Mapping[str, Parameter]


def build_decoding(net: Layer, inputs: Mapping[str, Spec], length: int, dtype: str) -> BuiltDecoding:
    """Build the nodes of a network for some new words at a time.

    Args:
        net: a network whose layers are all causal.
        inputs: shape and dtype of each input: the new words (B, T), and all other inputs of the network.
        length: capacity of the cache in words.
        dtype: dtype of the parameters.

    Raises:
        UsageError E223: a layer is not causal, so earlier words would change when a word is added; or the
            network has several outputs.
        ShapeError, DtypeError, UsageError: a layer refuses its input.

    Example:
        >>> from chainrule.nn.attention import MultiHeadAttention
        >>> net = MultiHeadAttention(2, causal=True)
        >>> built = build_decoding(net, {"x": Spec((B, 1, 6), "float32")}, 10, "float32")
        >>> print(*(f"{path} {node.spec}" for path, node in built.memory.caches.items()), sep=", ")
        keys float32(B, 2, 10, 3), values float32(B, 2, 10, 3)
    """
    nodes = {name: input_node(name, spec.shape, spec.dtype) for name, spec in inputs.items()}
    value: Any = nodes["x"] if list(nodes) == ["x"] else nodes
    scope = Decoding(Collected(dtype, False), length=length)
    with site(Site("", getattr(net, "place", None), type(net).__name__)):
        output = called(net, value, scope)
    if not isinstance(output, Node):
        raise UsageError(
            "E223", op=type(net).__name__, expected=fact("one output"), received=", ".join(output)
        )
    return BuiltDecoding(nodes, output, scope.memory, {**scope.book.parameters, **scope.book.states})
