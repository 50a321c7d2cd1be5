"""Wrappers of recurrent layers: both directions, stacks, masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass

from chainrule.errors import UsageError, fact, short_repr
from chainrule.extension import changed
from chainrule.graph import Node
from chainrule.nn.layer import Layer, Value, layer
from chainrule.nn.layers.containers import require_layer
from chainrule.nn.layers.dropout import Dropout
from chainrule.nn.layers.merge import JOINS, merged
from chainrule.nn.recurrent.sequence_loop import Recurrent, inputs_of
from chainrule.nn.scope import Scope
from chainrule.ops import functional as F
from chainrule.validation import require_choice, require_number


@layer
class Bidirectional(Layer):
    """Reads a sequence in both directions, with two layers of the same form, and merges their outputs.

    Shapes: (B, T, C) -> what the layer gives, twice as wide when joined by concatenation.

    Args:
        inner: a recurrent layer, such as ``cr.LSTM(32)``; its twin reads the other way.
        merge_mode: one of the ways of ``Merge``.

    Raises:
        UsageError E104: no recurrent layer. E101: unknown way to join.

    Example:
        >>> from chainrule.nn.recurrent.rnn_lstm_and_gru import LSTM
        >>> print(Bidirectional(LSTM(32)))
        Bidirectional(LSTM(32))

    Reference: Schuster and Paliwal (1997), Bidirectional recurrent neural networks (IEEE Trans. Signal
    Processing 45).
    """

    chinese = ("双向循环层", "同时从前往后和从后往前读序列。")
    inner: Layer
    _: KW_ONLY
    merge_mode: str = "concatenate"

    def check(self) -> None:
        _require_recurrent("Bidirectional", self.inner)
        require_choice(self, "merge_mode", JOINS)

    def __call__(self, x: Value, scope: Scope) -> Value:
        assert isinstance(self.inner, Recurrent)
        other = changed(self.inner, reverse=not self.inner.reverse)
        outputs = [scope.run(self.inner, x, "forward"), scope.run(other, x, "backward")]
        if not isinstance(outputs[0], Mapping):
            return merged("Bidirectional", self.merge_mode, outputs)
        return {
            name: merged("Bidirectional", self.merge_mode, [part[name] for part in outputs])
            for name in outputs[0]
        }


@dataclass(frozen=True, init=False)
class Stacked(Layer):
    """A stack of recurrent layers: each reads the output sequence of the one below.

    A mask goes to all of them. Below the highest, the outputs at every cell are passed on, whatever a layer
    itself would return.

    Shapes: (B, T, C) -> what the highest layer gives.

    Args:
        layers: recurrent layers, the lowest first; ``Bidirectional`` ones too.
        dropout: in training, the share of numbers dropped between two layers.

    Raises:
        UsageError E104: no recurrent layer. E102: a rate outside 0 to 1.

    Example:
        >>> from chainrule.nn.recurrent.rnn_lstm_and_gru import LSTM
        >>> print(Stacked(LSTM(32), LSTM(16)))
        Stacked(LSTM(32), LSTM(16))
    """

    chinese = ("多层循环层", "几个循环层叠起来，上层读下层的输出。")
    layers: tuple[Layer, ...]
    dropout: float = 0.0

    def __init__(self, *layers: Layer, dropout: float = 0.0) -> None:
        object.__setattr__(self, "layers", tuple(layers))
        object.__setattr__(self, "dropout", dropout)
        self.__post_init__()

    def check(self) -> None:
        if not self.layers:
            raise UsageError(
                "E104", where="Stacked", expected=fact("a recurrent layer"), received=fact("none")
            )
        for part in self.layers:
            _require_recurrent("Stacked", part)
        require_number(self, "dropout", minimum=0, below=1)

    def __call__(self, x: Value, scope: Scope) -> Value:
        inputs = dict(inputs_of("Stacked", x, ()))
        for i, part in enumerate(self.layers):
            is_highest = i == len(self.layers) - 1
            output = scope.run(part if is_highest else _with_sequence(part), inputs, f"{part.kind}{i + 1}")
            if is_highest:
                return output
            inputs["sequence"] = (
                scope.run(Dropout(self.dropout), output, f"dropout{i + 1}") if self.dropout else output
            )
        raise AssertionError("check refuses an empty stack")

    def __str__(self) -> str:
        rate = [f"dropout={self.dropout}"] if self.dropout else []
        return f"Stacked({', '.join([*map(str, self.layers), *rate])})"


@layer
class Masking(Layer):
    """Masks the cells that contain only a given number, and passes the mask to the inner layer.

    Sequences of different lengths are stored in one array by padding the short ones; ``cr.Embedding(...,
    padding_index=0)`` gives zeros for padded words.

    Shapes: (B, T, C) -> what the layer gives.

    Formula: mask[t] = some x[t,c] != mask_value.

    Args:
        inner: takes a sequence and a mask by name, such as ``cr.LSTM(32)`` or ``cr.Stacked(...)``.
        mask_value: the number.

    Raises:
        UsageError E104: no layer. E102: a value that is not a number.

    Example:
        >>> from chainrule.nn.recurrent.rnn_lstm_and_gru import GRU
        >>> print(Masking(GRU(8)))
        Masking(GRU(8))
    """

    chinese = ("遮蔽层", "标出序列中不算数的位置。")
    takes_one = True
    inner: Layer
    _: KW_ONLY
    mask_value: float = 0.0

    def check(self) -> None:
        require_layer("Masking", self.inner)
        require_number(self, "mask_value")

    def __call__(self, x: Node, scope: Scope) -> Value:  # x (B, T, C)
        differs = F.not_equal(x, self.mask_value).astype(x.dtype)
        mask = F.max(differs, tuple(range(2, x.rank))) > 0.0  # (B, T)
        return scope.run(self.inner, {"sequence": x, "mask": mask}, "inner")


def _require_recurrent(where: str, part: object) -> None:
    inner = part.inner if isinstance(part, Bidirectional) and where == "Stacked" else part
    if not isinstance(inner, Recurrent):
        expected = fact("a recurrent layer")
        raise UsageError("E104", where=where, expected=expected, received=short_repr(part), fix="cr.LSTM(32)")


def _with_sequence(part: Layer) -> Layer:
    """Return the layer with an output at every cell."""
    if isinstance(part, Bidirectional):
        return changed(part, inner=_with_sequence(part.inner))
    return changed(part, returns="sequence")
