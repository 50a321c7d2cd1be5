"""The convolutional layer: one small table of weights that looks at every place of an image."""

from __future__ import annotations

from typing import TypeAlias

from chainrule.errors import ShapeError
from chainrule.graph import Node
from chainrule.nn.activation import Activation, fitting_initialiser, known_activation
from chainrule.nn.initialiser import ZEROS, Initialiser, known_initialiser
from chainrule.nn.layer import Layer, layer
from chainrule.nn.penalty import Penalty
from chainrule.nn.scope import Scope
from chainrule.nn.setting import require, require_whole
from chainrule.ops import PUBLIC
from chainrule.ops.window import are_whole, known_padding, per_axis, sides_of, space_of

Widths: TypeAlias = "int | tuple[int, ...]"
Padding: TypeAlias = "str | int | tuple[int | tuple[int, int], ...]"


@layer
class Conv(Layer):
    """Every output channel lays its own kernel over each place of an image; an activation may bend the sums.

    The same weights serve all places, so a pattern is found wherever it stands, and far fewer weights are
    needed than by a ``Dense`` layer. 1-D, 2-D or 3-D is decided by the input.

    Shapes: (B, *space, C) -> (B, *places, channels).

    Formula: z[i, o] = sum over t, c of x[i * stride + t * dilation, c] W[o, t, c] + b[o], a = g(z).

    Args:
        channels: how many kernels, and so channels of the output.
        kernel: how many cells a kernel has, one number or one for each spatial axis.
        stride: how far a step moves it, likewise.
        padding: ``"valid"`` (none), ``"same"`` (as many places as cells, divided by the stride), a number, or
            for each axis a number or a pair (before, after).
        dilation: how far neighbouring weights lie apart, one number or one for each spatial axis.
        groups: into how many parts the channels are divided; each part of the output sees one part of the
            input.
        activation: the name of g, or a layer; ``None`` leaves the sum as it is.
        bias: whether there is a b.
        weight_init: first values of W, a record or a name such as ``"he"``; by default He's spread before
            relu, else Xavier's.
        penalty: what the size of W costs, such as ``cr.L2(1e-4)``.

    Cost: 2 B places channels kernel C / groups flops forward, twice that backward.

    Fails:
        ShapeError E213, E214, E215, E218: no image; channels that groups do not divide; an image that is too
            small; settings for another number of axes.
        UsageError E101: no such activation, initialiser or word for padding.
        UsageError E102: a number out of its range.

    Example:
        >>> print(Conv(6, 5, padding="same", activation="relu"))
        Conv(6, 5, padding='same', activation='relu')

    Reference: LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to document
    recognition (Proceedings of the IEEE). PyTorch and Keras name one layer for each number of axes (Conv1d,
    Conv2d, ...).
    """

    takes_one = True
    channels: int
    kernel: Widths
    stride: Widths = 1
    padding: Padding = "valid"
    dilation: Widths = 1
    groups: int = 1
    activation: str | Layer | None = None
    bias: bool = True
    weight_init: str | Initialiser | None = None
    penalty: Penalty | None = None

    def check(self) -> None:
        require_whole(self, "channels", 1, fix="cr.Conv(6, 5)")
        require_whole(self, "groups", 1, fix="groups=1")
        for name in ("kernel", "stride", "dilation"):
            require_widths(self, name, f"{name}=3")
        require_padding(self, self.padding)
        shared = self.channels % self.groups == 0
        require(
            self,
            "channels",
            shared,
            f"a multiple of the {self.groups} groups",
            f"cr.Conv({self.groups * 2}, 5)",
        )
        if not isinstance(self.activation, Layer | None):
            known_activation(self.activation)
        if self.weight_init is not None:
            known_initialiser(self.weight_init)
        require(self, "penalty", isinstance(self.penalty, Penalty | None), "a penalty such as cr.L2(1e-4)")

    def __call__(self, x: Node, scope: Scope) -> Node:  # x (B, *space, C) -> (B, *places, O)
        space, given = space_of("Conv", x.spec), x.shape[-1]
        kernel = per_axis("Conv", "kernel", self.kernel, len(space))
        if not isinstance(given, int) or given % self.groups:
            raise ShapeError(
                "E214", op="Conv", expected=f"channels that {self.groups} groups divide",
                received=f"{given} channels", fix="groups=1",
            )  # fmt: skip
        init = known_initialiser(self.weight_init or fitting_initialiser(self.activation))
        shape = (int(self.channels), *kernel, given // int(self.groups))  # (O, *kernel, C/groups)
        weight = scope.parameter("weight", shape, init, self.penalty)
        z = PUBLIC["convolution"](x, weight, self.stride, self.padding, self.dilation, self.groups)
        if self.bias:
            z = z + scope.parameter("bias", (int(self.channels),), ZEROS)
        scope.note("z", z)
        if isinstance(self.activation, str):
            return Activation(self.activation)(z, scope)
        return scope.note("a", z if self.activation is None else scope.run(self.activation, z))


def require_widths(owner: Layer, name: str, fix: str) -> None:
    """Refuse what is neither a whole number >= 1 nor one for each spatial axis; a list becomes a tuple.

    Fails:
        UsageError E102: anything else.
    """
    value = _frozen(getattr(owner, name))
    object.__setattr__(owner, name, value)
    each = value if isinstance(value, tuple) else (value,)
    fits = are_whole(each, 1) and (not isinstance(value, tuple) or 1 <= len(value) <= 3)
    require(owner, name, fits, "a whole number >= 1, or one for each of one to three spatial axes", fix)


def require_padding(owner: Layer, padding: Padding) -> None:
    """Refuse a field ``padding`` that is no padding; lists become tuples.

    Fails:
        UsageError E101: a word other than ``"valid"`` and ``"same"``.
        UsageError E102: a number below 0, or neither word, number, nor numbers or pairs for each axis.
    """
    value = _frozen(padding)
    object.__setattr__(owner, "padding", value)
    known_padding(value, f"{type(owner).__name__}, padding")
    fits = isinstance(value, str) or 1 <= len(sides_of(value, 1)) <= 3
    expected = '"valid", "same", a number >= 0, or for each axis a number or a pair (before, after)'
    require(owner, "padding", fits, expected, 'padding="same"')


def _frozen(value: object) -> object:
    """Lists as tuples, so that the record can be compared and kept."""
    return tuple(_frozen(part) for part in value) if isinstance(value, list | tuple) else value
