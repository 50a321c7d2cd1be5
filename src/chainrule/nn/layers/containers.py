"""Layers that combine other layers or reshape their inputs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import KW_ONLY
from typing import Any

from chainrule.errors import ShapeError, UsageError, fact, short_repr, suggest
from chainrule.graph import Node, order
from chainrule.nn.activation import ACTIVATIONS, activated, known_activation
from chainrule.nn.layer import Layer, Value, layer
from chainrule.nn.layers.merge import JOINS, merged
from chainrule.nn.scope import Scope, called, require_one
from chainrule.ops import functional as F
from chainrule.records import frozen
from chainrule.symbolic_shape import count, shape_text
from chainrule.validation import require, require_choice


def require_layer(where: str, value: object) -> None:
    """Refuse a value that is not a layer where a layer is required.

    Raises:
        UsageError E104: the value is not a layer. The fix for an activation, by name or as a function, is the
            layer that applies it; for the class of a layer it is a call of it.
    """
    if isinstance(value, Layer):
        return
    fix = "cr.Dense(10)"
    if isinstance(value, type) and issubclass(value, Layer):
        fix = _example_call(value)
    elif isinstance(value, str) or callable(value):
        fix = suggest(value, ACTIVATIONS, 'cr.Activation("{}")') or fix
    elif isinstance(value, list | tuple):
        fix = "cr.Sequential(*layers)"
    raise UsageError("E104", where=where, expected=fact("a layer"), received=short_repr(value), fix=fix)


def _example_call(kind: type[Layer]) -> str:
    """Return a call that creates a layer of a class, with as few arguments as possible."""
    for args in ((), (10,), (10, 3)):
        try:
            kind(*args)
        except (TypeError, ValueError):
            continue
        return f"cr.{kind.__name__}({', '.join(map(str, args))})"
    return "cr.Dense(10)"


@frozen
class Sequential(Layer):
    """Applies layers in sequence: the composition f(x) = f_L(... f_2(f_1(x))).

    Args:
        layers: the layers, first to last. In paths each is called by its kind and its number of that kind:
            ``dense1``, ``dropout1``, ``dense2``.
        named: layers that follow them with custom names: ``stem=...``, ``head=...``.

    A layer is a description without parameters, so each place has parameters of its own: ``Sequential(d, d)``
    has two weights, unlike in PyTorch and Keras. A custom layer shares them by calling one layer twice under
    one name: ``scope.run(d, scope.run(d, x, "d"), "d")``.

    Raises:
        UsageError E102: a name that is no word, or that two layers have.
        UsageError E104: something that is not a layer.

    Example:
        >>> from chainrule.nn.layers.linear import Dense
        >>> print(Sequential(Dense(3, activation="sigmoid"), head=Dense(1)))
        Sequential(
          dense1: Dense(3, activation='sigmoid')
          head: Dense(1)
        )
    """

    chinese = ("顺序连接", "一层接一层：函数复合。")
    layers: tuple[Layer, ...]
    names: tuple[str, ...] = ()

    def __init__(self, /, *layers: Layer, **named: Layer) -> None:
        object.__setattr__(self, "layers", (*layers, *named.values()))
        object.__setattr__(self, "names", (*_counted(layers), *named) if named else ())
        self.__post_init__()

    def check(self) -> None:
        for i, part in enumerate(self.layers):
            require_layer(fact("Sequential, position {i}", i=i), part)
        if self.names:
            fits = len(set(self.names)) == len(self.names) == len(self.layers)
            require(self, "names", fits, fact("one for each layer, none of them twice"))
            require(
                self, "names", all(name.isidentifier() for name in self.names), fact("names that are words")
            )

    def named(self) -> Iterator[tuple[str, Layer]]:
        """Yield each layer with its name in paths."""
        return zip(self.names or _counted(self.layers), self.layers, strict=True)

    def __call__(self, x: Any, scope: Scope) -> Any:
        for name, part in self.named():
            x = scope.run(part, x, name)
        return x

    def __str__(self) -> str:
        lines = [f"  {name}: {part}".replace("\n", "\n  ") for name, part in self.named()]
        return "\n".join(["Sequential(", *lines, ")"])


def _counted(layers: Iterable[Layer]) -> list[str]:
    """Return the default names of layers: their kind, numbered."""
    seen: dict[str, int] = {}
    names = []
    for part in layers:
        kind = getattr(part, "kind", "")  # what is no layer is refused, by its position, a moment later
        seen[kind] = seen.get(kind, 0) + 1
        names.append(f"{kind}{seen[kind]}")
    return names


@frozen
class Parallel(Layer):
    """Applies layers in parallel, for networks with several inputs or outputs.

    Shapes: given one node, every layer gets it; given nodes by name, each layer gets the one of its own name.
    The results are joined along the last axis, or passed on by name.

    Args:
        merge_mode: one of the ways of ``Merge``, or ``"none"`` (a node for each name: several outputs).
        branches: the layers by name.

    Raises:
        UsageError E101: unknown way to join; inputs and branches whose names differ.
        UsageError E102: no branch; a branch whose name is no word.
        UsageError E104: a branch that is not a layer.
        ShapeError E201, E207: results whose shapes do not fit.
    """

    chinese = ("并行", "并排的几个层，用于多输入或多输出的网络。")
    branches: tuple[tuple[str, Layer], ...]
    merge_mode: str = "concatenate"

    def __init__(self, /, merge_mode: str = "concatenate", **branches: Layer) -> None:
        object.__setattr__(self, "branches", tuple(branches.items()))
        object.__setattr__(self, "merge_mode", merge_mode)
        self.__post_init__()

    def check(self) -> None:
        require_choice(self, "merge_mode", [*JOINS, "none"])
        names = [name for name, _ in self.branches]
        require(
            self,
            "branches",
            bool(names) and len(set(names)) == len(names),
            fact("one branch or more, each named once"),
        )
        require(self, "branches", all(name.isidentifier() for name in names), fact("names that are words"))
        for name, part in self.branches:
            require_layer(fact('Parallel, branch "{name}"', name=name), part)

    def __call__(self, x: Value, scope: Scope) -> Value:
        if isinstance(x, Mapping):
            self._agree(x)
        results = {
            name: scope.run(part, x[name] if isinstance(x, Mapping) else x, name)
            for name, part in self.branches
        }
        if self.merge_mode == "none":
            return results
        return merged("Parallel", self.merge_mode, list(results.values()))

    def _agree(self, x: Mapping[str, Node]) -> None:
        names = [name for name, _ in self.branches]
        odd = [name for name in (*names, *x) if name not in x or name not in names]
        if odd:
            expected = fact("inputs called {names}", names=", ".join(names))
            fix = f"cr.Parallel({', '.join(f'{name}=...' for name in x)})"
            raise UsageError("E101", name=odd[0], expected=expected, received=", ".join(x), fix=fix)

    def __str__(self) -> str:
        lines = [f"  {name}: {part}".replace("\n", "\n  ") for name, part in self.branches]
        return "\n".join([f"Parallel(merge_mode={self.merge_mode!r}", *lines, ")"])


@layer
class Residual(Layer):
    """Residual connection: adds the input of a layer to its output.

    Shapes: any -> the same; with a shortcut, what both ways give. With a shortcut the input may be several
    named values.

    Formula: y = g(s(x) + f(x)), s and g the identity unless given; then the gradient by x is dy + f'(x) dy.

    Args:
        inner: the layer f, whose output has the shape of its input, or of what the shortcut makes of it.
        shortcut: the layer s on the straight way, where f changes the shape.
        activation: the name of g, or a layer; ``None`` leaves the sum as it is.

    Raises:
        UsageError E101: unknown activation.
        UsageError E104: f or s is not a layer.
        ShapeError E201: f changes the shape in another way than the shortcut. E208: several named values
        without a shortcut.

    Example:
        >>> from chainrule.nn.layers.linear import Dense
        >>> print(Residual(Dense(4, "relu"), shortcut=Dense(4, bias=False)))
        Residual(Dense(4, activation='relu'), shortcut=Dense(4, bias=False))

    Reference: He, Zhang, Ren and Sun (2016), Deep residual learning for image recognition (CVPR).
    """

    chinese = ("残差连接", "把输入加到某层的结果上，使梯度总有一条直路返回。")
    is_block = True
    inner: Layer
    _: KW_ONLY
    shortcut: Layer | None = None
    activation: str | Layer | None = None

    def check(self) -> None:
        require_layer("Residual", self.inner)
        if self.shortcut is not None:
            require_layer("Residual, shortcut", self.shortcut)
        if not isinstance(self.activation, Layer | None):
            known_activation(self.activation)

    def __call__(self, x: Node, scope: Scope) -> Node:
        if self.shortcut is None:
            require_one("Residual", x)
        y = scope.run(self.inner, x)
        straight = x if self.shortcut is None else scope.run(self.shortcut, x, "shortcut")
        if y.shape != straight.shape:
            expected = shape_text(straight.shape)
            received = shape_text(y.shape)
            fix = (
                fact("an inner layer that keeps the shape")
                if self.shortcut is None
                else fact("another shortcut")
            )
            raise ShapeError("E201", op="Residual", expected=expected, received=received, fix=(fix))
        total = straight + y
        return total if self.activation is None else activated(total, self.activation, scope)


@layer
class Flatten(Layer):
    """Flattens each sample to a vector.

    Shapes: (B, H, W, C) -> (B, H*W*C), last axis fastest.
    """

    chinese = ("展平层", "把每个样本排成一行数。")
    takes_one = True

    def __call__(self, x: Node, scope: Scope) -> Node:
        return F.reshape(x, (x.shape[0], count(x.shape[1:])))


@layer
class Reshape(Layer):
    """Reshapes each sample.

    Shapes: (B, ...) -> (B, *shape).

    Args:
        shape: the shape of one sample; one axis may be -1 and takes what is left.

    Raises:
        UsageError E102: an axis below 0, or more than one -1.
        ShapeError E204: the number of elements would change.
    """

    chinese = ("变形层", "改变每个样本的形状。")
    takes_one = True
    shape: tuple[int, ...]

    def check(self) -> None:
        if isinstance(self.shape, list):
            object.__setattr__(self, "shape", tuple(self.shape))
        are_integers = isinstance(self.shape, tuple) and all(type(n) is int for n in self.shape)
        fits = are_integers and all(n >= 0 for n in self.shape if n != -1) and self.shape.count(-1) <= 1
        require(self, "shape", fits, fact("lengths >= 0, one may be -1"), "cr.Reshape((8, -1))")

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, ...) -> (B, *shape)
        fixed = math.prod(n for n in self.shape if n != -1)
        try:
            rest = count(x.shape[1:]) // fixed
        except (ValueError, ZeroDivisionError):  # not divisible: the reshape raises the error
            rest = 0
        return F.reshape(x, (x.shape[0], *(rest if n == -1 else n for n in self.shape)))


@layer
class Remat(Layer):
    """Rematerialization (gradient checkpointing): activations inside the layer are recomputed in the backward
    pass.

    Only the input of the layer is stored. A network of many such layers needs about the memory of the largest
    one and of the values passed between them, and about a third more time. Outputs, gradients, random numbers
    and names of parameters do not change; a file saved with it can be loaded without it, and vice versa.

    Shapes: as the layer.

    Args:
        inner: the layer: a block of a deep network. Single operations give nothing: what enters them is as
            large as what they give.

    Cost: the layer's forward pass once more in each training step.

    Raises:
        UsageError E104: something that is not a layer.

    Example:
        >>> from chainrule.nn.layers.linear import Dense
        >>> from chainrule.nn.layers.containers import Residual, Sequential
        >>> print(Remat(Residual(Sequential(Dense(64, "relu"), Dense(64)))).kind)
        residual

    Reference: Chen, Xu, Zhang and Guestrin (2016), Training deep networks with sublinear memory cost.
    PyTorch: ``torch.utils.checkpoint``; JAX: ``jax.checkpoint``.
    """

    chinese = ("重计算层", "训练时不保存内层算出的值，反向传播时再算一遍：省内存，多花约三分之一的时间。")
    inner: Layer

    def check(self) -> None:
        require_layer("Remat", self.inner)

    @property
    def kind(self) -> str:
        return self.inner.kind  # the names of the parameters are those of the layer

    def __call__(self, x: Any, scope: Scope) -> Any:
        before = scope.values()  # what an earlier call has left in states is kept too
        y = called(self.inner, x, scope)
        if not scope.training:
            return y
        inputs = tuple(x.values()) if isinstance(x, Mapping) else (x,)
        read = set(order([y] if isinstance(y, Node) else y.values(), inputs)) if before else ()
        entries = (*inputs, *(node for node in before if node in read))
        if isinstance(y, Node):
            return F.remat(y, *entries)
        return {name: F.remat(node, *entries) for name, node in y.items()}


@layer
class TimeDistributed(Layer):
    """Applies a layer to each step of a sequence, with the same weights.

    Shapes: (B, T, ...) -> (B, T, ...), the rest as the inner layer makes it of (B T, ...).

    Args:
        inner: the layer. ``Dense`` and all layers that work along the last axis need no wrapping: they treat
            every leading axis as samples.

    Raises:
        ShapeError E208: no steps; an inner layer that gives several values.
        UsageError E104: the inner is not a layer.

    Example:
        >>> from chainrule.nn.layers.pooling import GlobalMaxPool
        >>> print(TimeDistributed(GlobalMaxPool()))
        TimeDistributed(GlobalMaxPool())
    """

    chinese = ("逐步应用层", "用同样的权重对序列的每一步应用一个层。")
    takes_one = True
    inner: Layer

    def check(self) -> None:
        require_layer("TimeDistributed", self.inner)

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, T, ...) -> (B, T, ...)
        if x.rank < 3:
            op = "TimeDistributed"
            constraint = fact("sequences of steps that have axes themselves")
            received = shape_text(x.shape)
            fix = f"{self.inner} alone"
            raise ShapeError(
                "E208", op=op, constraint=constraint, expected="(B, T, ...)", received=received, fix=fix
            )
        steps = F.reshape(x, (count(x.shape[:2]), *x.shape[2:]))  # (B, T, ...) -> (B T, ...)
        y = scope.run(self.inner, steps)
        if not isinstance(y, Node):
            raise ShapeError(
                "E208",
                op="TimeDistributed",
                constraint=fact("an inner layer that gives one value"),
                expected=fact("one value"),
                received=", ".join(y),
                fix=fact("cr.Merge(...) at the end of it"),
            )
        return F.reshape(y, (*x.shape[:2], *y.shape[1:]))
