"""Layers that arrange other layers or reshape what passes: Sequential, Residual, Flatten, Reshape, Parallel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chainrule.errors import ShapeError, UsageError, nearest
from chainrule.graph import Node
from chainrule.nn.layer import Layer, Value, layer
from chainrule.nn.scope import Scope
from chainrule.ops import PUBLIC
from chainrule.spec import count, shape_text


@dataclass(frozen=True, init=False)
class Sequential(Layer):
    """Layers one after the other: the function composition f(x) = f_L(... f_2(f_1(x))) of the article.

    Args:
        layers: the layers, first to last. In paths each is called by its kind and its number of that kind: ``dense1``,
            ``dropout1``, ``dense2``.

    Example:
        >>> from chainrule.nn.dense import Dense
        >>> print(Sequential(Dense(3, activation="sigmoid"), Dense(1)))
        Sequential(
          dense1: Dense(3, activation='sigmoid')
          dense2: Dense(1)
        )
    """

    layers: tuple[Layer, ...]

    def __init__(self, *layers: Layer) -> None:
        object.__setattr__(self, "layers", tuple(layers))
        self.__post_init__()

    def check(self) -> None:
        for i, part in enumerate(self.layers):
            if not isinstance(part, Layer):
                raise UsageError(
                    "E104", where=f"Sequential, position {i}", expected="a layer", received=repr(part),
                    fix='cr.Activation("relu")' if isinstance(part, str) else "cr.Dense(10)",
                )  # fmt: skip

    def named(self) -> Iterator[tuple[str, Layer]]:
        """Each layer with its name in paths."""
        seen: dict[str, int] = {}
        for part in self.layers:
            seen[part.kind] = seen.get(part.kind, 0) + 1
            yield f"{part.kind}{seen[part.kind]}", part

    def __call__(self, x: Any, scope: Scope) -> Any:
        for name, part in self.named():
            x = scope.run(part, x, name)
        return x

    def __str__(self) -> str:
        lines = [f"  {name}: {part}".replace("\n", "\n  ") for name, part in self.named()]
        return "\n".join(["Sequential(", *lines, ")"])


@dataclass(frozen=True, init=False)
class Parallel(Layer):
    """Layers side by side, for nets with several inputs or outputs.

    Shapes: given one node, every layer gets it; given nodes by name, each layer gets the one of its own name. The
    results are joined along the last axis, or handed on by name.

    Args:
        join: ``"concatenate"``, ``"add"`` or ``"none"`` (a node for each name: several outputs).
        branches: the layers by name.

    Fails:
        UsageError E101: no such way to join; an input without a branch of its name.
    """

    branches: tuple[tuple[str, Layer], ...]
    join: str

    def __init__(self, join: str = "concatenate", **branches: Layer) -> None:
        object.__setattr__(self, "branches", tuple(branches.items()))
        object.__setattr__(self, "join", join)
        self.__post_init__()

    def check(self) -> None:
        ways = ("concatenate", "add", "none")
        if self.join not in ways:
            raise UsageError(
                "E101", where="Parallel, join", name=self.join, expected=", ".join(ways), received=self.join,
                fix=f'join="{nearest(self.join, ways) or ways[0]}"',
            )  # fmt: skip

    def __call__(self, x: Value, scope: Scope) -> Value:
        results = {name: scope.run(part, self._input(x, name), name) for name, part in self.branches}
        if self.join == "none":
            return results
        if self.join == "add":
            total, *rest = results.values()
            for value in rest:
                total = total + value
            return total
        return PUBLIC["concatenate"](list(results.values()), -1)

    def _input(self, x: Value, name: str) -> Node:
        if not isinstance(x, Mapping):
            return x
        if name not in x:
            raise UsageError("E101", where="Parallel", name=name, expected=", ".join(x), received=name)
        return x[name]

    def __str__(self) -> str:
        lines = [f"  {name}: {part}".replace("\n", "\n  ") for name, part in self.branches]
        return "\n".join([f"Parallel(join={self.join!r}", *lines, ")"])


@layer
class Residual(Layer):
    """Adds the input to what a layer makes of it, so that a gradient always has a straight way back.

    Shapes: any -> the same.

    Formula: y = x + f(x); the gradient by x is dy + f'(x) dy.

    Args:
        inner: the layer f, whose output has the shape of its input.

    Fails:
        ShapeError E201: f changes the shape.

    Reference: He, Zhang, Ren and Sun (2016), Deep residual learning for image recognition (CVPR).
    """

    inner: Layer

    def __call__(self, x: Node, scope: Scope) -> Node:
        y = scope.run(self.inner, x)
        if y.shape != x.shape:
            raise ShapeError(
                "E201", op="Residual", expected=shape_text(x.shape), received=shape_text(y.shape),
                fix="an inner layer that keeps the shape",
            )  # fmt: skip
        return x + y


@layer
class Flatten(Layer):
    """Makes one row of numbers of each sample.

    Shapes: (B, H, W, C) -> (B, H*W*C), last axis fastest.
    """

    def __call__(self, x: Node, scope: Scope) -> Node:
        return PUBLIC["reshape"](x, (x.shape[0], count(x.shape[1:])))


@layer
class Reshape(Layer):
    """Gives each sample another shape.

    Shapes: (B, ...) -> (B, *shape).

    Args:
        shape: the shape of one sample; one axis may be -1 and takes what is left.

    Fails:
        ShapeError E204: the number of elements would change.
    """

    shape: tuple[int, ...]

    def __call__(self, x: Node, scope: Scope) -> Node:
        fixed = count(n for n in self.shape if n != -1)
        inside = count(x.shape[1:])
        shape = tuple(inside // fixed if n == -1 else n for n in self.shape) if fixed else self.shape
        return PUBLIC["reshape"](x, (x.shape[0], *shape))


@layer
class Dropout(Layer):
    """Drops each number with a chance in training, so that no unit can rely on one other alone.

    Shapes: any -> the same. In inference it changes nothing.

    Formula: y = x m / (1 - rate), with m = 1 with probability 1 - rate, else 0; the mean stays.

    Args:
        rate: the chance to be dropped, 0 <= rate < 1.

    Fails:
        UsageError E102: a rate outside the range.

    Reference: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014), Dropout (JMLR 15).
    """

    rate: float = 0.5

    def check(self) -> None:
        if not 0 <= self.rate < 1:
            raise UsageError(
                "E102", where="Dropout", name="rate", expected="0 <= rate < 1", received=self.rate,
                fix="cr.Dropout(0.5)",
            )  # fmt: skip

    def __call__(self, x: Node, scope: Scope) -> Node:
        if not scope.training or self.rate == 0:
            return x
        kept = (scope.uniform("mask", x.shape) >= self.rate).astype(x.dtype)
        return x * (kept / (1.0 - self.rate))
