"""A net run word by word: what it must remember, so that a new word costs one word and not the whole text.

A net that writes text gives, for each word, a guess of the next one; the guess is appended and the net is run
again. Run anew each time, the n-th word would cost n words of work. But in a net whose layers look only
backwards, nothing that was computed for earlier words changes when a word is added. What the new word asks
of them is only their *keys and values* in each attention. So these are kept: the *cache*.

``Decoding`` is a scope like any other, so a net is built with it from the same record as for training:

* a layer that treats each place alone (``Dense``, ``LayerNorm``, ``Activation``) does not notice it;
* a layer that must know where in the text it stands asks ``places``;
* an attention that looks back hands in the keys and values of the new words with ``remember``, and gets the
  cache's, as input nodes; ``is_old`` says which of its places hold a word;
* what does not change at all while a text is written, such as the keys and values of the sentence that is
  translated, goes through ``keep`` and is computed once.

``build_decoding`` gives the nodes: the answers, one entry of the cache for each new word, and what is kept.
Whoever runs them (``chainrule.Decoder``) writes the entries into the cache. Each row of a batch has its own
number of words, ``filled``, so texts of different length are written side by side. Reordering the rows of
the cache, as beam search does, is picking rows of its arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.errors import UsageError
from chainrule.graph import Node, constant, input_node, reserve, site
from chainrule.graph.node import Site
from chainrule.nn.layer import Layer
from chainrule.nn.scope import Book, Parameter, Scope, called
from chainrule.ops import PUBLIC
from chainrule.records import frozen
from chainrule.spec import Size, Spec

FILLED = "filled"
B = Size.symbol("B")


@dataclass
class Memory:
    """What a net asked to remember while it was built, by path with the number of the call.

    Args:
        caches: inputs that hold the words so far, (B, ..., length, C).
        entries: what the new words add to each, (B, ..., T, C).
        kept: inputs that stay as they are from the first word to the last.
        sources: the nodes those are computed from, once.
    """

    caches: dict[str, Node] = field(default_factory=dict)
    entries: dict[str, Node] = field(default_factory=dict)
    kept: dict[str, Node] = field(default_factory=dict)
    sources: dict[str, Node] = field(default_factory=dict)


@frozen
class Decoding(Scope):
    """A place in a net that is run word by word.

    Args:
        length: how many words the cache has room for.
        memory: where what is to be remembered is written down.
    """

    length: int = 1
    memory: Memory = field(default_factory=Memory)

    @property
    def filled(self) -> Node:
        """How many words of each row the cache holds: whole numbers (B,)."""
        return input_node(FILLED, (B,), "int64")

    @property
    def is_old(self) -> Node:
        """Which places of the cache hold a word: true/false (B, length)."""
        return PUBLIC["less"](_counted(self.length), PUBLIC["reshape"](self.filled, (B, 1)))

    def places(self, count: int) -> Node:
        """Where in the text the new words stand, counted from 0: whole numbers (B, count).

        Words beyond the room of the cache, with which a chunk is filled up, stand in its last place.
        """
        places = PUBLIC["reshape"](self.filled, (B, 1)) + _counted(count)
        return PUBLIC["where"](PUBLIC["less"](places, self.length), places, self.length - 1)

    def distances(self, count: int) -> Node:
        """How far each new word stands behind each place of the cache: whole numbers (B, count, length)."""
        return PUBLIC["reshape"](self.places(count), (B, count, 1)) - _counted(self.length, 3)

    def remember(self, name: str, new: Node) -> Node:
        """The cache of this name; its places lie along the last axis but one.

        Args:
            name: its name within the layer, such as ``"keys"``.
            new: what the new words add, (B, ..., T, C).
        """
        path = self.in_call(name)
        shape = (*new.shape[:-2], self.length, new.shape[-1])
        self.memory.entries[path] = new
        self.memory.caches[path] = input_node(path, shape, new.dtype)
        return self.memory.caches[path]

    def keep(self, name: str, value: Node) -> Node:
        """A value that is computed before the first word and then stays, (B, ...)."""
        path = self.in_call(name)
        self.memory.sources[path] = value
        self.memory.kept[path] = input_node(path, value.shape, value.dtype)
        return self.memory.kept[path]


def _counted(count: int, rank: int = 2) -> Node:
    """The whole numbers from 0 along the last of some axes."""
    reserve(count)
    return constant(np.arange(count).reshape(*(1,) * (rank - 1), count))


def at_once(scope: Scope) -> Scope:
    """The same place for what is run over a whole text, even where the rest goes word by word."""
    return Scope(scope.book, scope.path, scope.rewrite, scope.call) if isinstance(scope, Decoding) else scope


@frozen(eq=False)
class BuiltDecoding:
    """A net for some new words at a time, as nodes.

    Args:
        inputs: what the net is given, by name.
        output: its answer for each new word, (B, T, ...).
        memory: what it remembers.
        parameters: every parameter and running value, by path.
    """

    inputs: Mapping[str, Node]
    output: Node
    memory: Memory
    parameters: Mapping[str, Parameter]


def build_decoding(net: Layer, inputs: Mapping[str, Spec], length: int, dtype: str) -> BuiltDecoding:
    """The nodes of a net for some new words at a time.

    Args:
        net: a net whose every layer looks only backwards.
        inputs: shape and number kind of each input: the new words (B, T), and whatever else the net takes.
        length: how many words the cache has room for.
        dtype: number kind of the parameters.

    Fails:
        UsageError E223: a layer looks forward, so earlier words would change when a word is added; or the net
            has several answers.
        ShapeError, DtypeError, UsageError: a layer refuses what it is given.

    Example:
        >>> from chainrule.nn.attention import MultiHeadAttention
        >>> net = MultiHeadAttention(2, causal=True)
        >>> built = build_decoding(net, {"x": Spec((B, 1, 6), "float32")}, 10, "float32")
        >>> print(*(f"{path} {node.spec}" for path, node in built.memory.caches.items()), sep=", ")
        keys float32(B, 2, 10, 3), values float32(B, 2, 10, 3)
    """
    nodes = {name: input_node(name, spec.shape, spec.dtype) for name, spec in inputs.items()}
    given: Any = nodes["x"] if list(nodes) == ["x"] else nodes
    scope = Decoding(Book(dtype, False), length=length)
    with site(Site("", getattr(net, "place", None), type(net).__name__)):
        output = called(net, given, scope)
    if not isinstance(output, Node):
        raise UsageError("E223", op=type(net).__name__, expected="one answer", received=", ".join(output))
    return BuiltDecoding(nodes, output, scope.memory, {**scope.book.parameters, **scope.book.states})
