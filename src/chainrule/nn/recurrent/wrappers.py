"""Layers around recurrent layers: both directions, several floors, cells that do not count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass

from chainrule.errors import UsageError
from chainrule.extension import changed
from chainrule.graph import Node
from chainrule.nn.layer import Layer, Value, layer
from chainrule.nn.layers.containers import Dropout, require_layer
from chainrule.nn.layers.merge import JOINS, merged
from chainrule.nn.recurrent.sequence_loop import Recurrent, taken
from chainrule.nn.scope import Scope
from chainrule.nn.validation import require_number, shown, unknown
from chainrule.ops import PUBLIC


@layer
class Bidirectional(Layer):
    """Reads a sequence from both ends, with two layers of one form, and joins what they say.

    Shapes: (B, T, C) -> what the layer gives, twice as wide when joined by concatenation.

    Args:
        inner: a recurrent layer, such as ``cr.LSTM(32)``; its twin reads the other way.
        merge_mode: one of the ways of ``Merge``.

    Fails:
        UsageError E104: no recurrent layer. E101: no such way to join.

    Example:
        >>> from chainrule.nn.recurrent.cells import LSTM
        >>> print(Bidirectional(LSTM(32)))
        Bidirectional(LSTM(32))

    Reference: Schuster and Paliwal (1997), Bidirectional recurrent neural networks (IEEE Trans. Signal
    Processing 45).
    """

    inner: Layer
    _: KW_ONLY
    merge_mode: str = "concatenate"

    def check(self) -> None:
        _require_recurrent("Bidirectional", self.inner)
        if self.merge_mode not in JOINS:
            raise unknown("Bidirectional, merge_mode", self.merge_mode, list(JOINS), 'merge_mode="{}"')

    def __call__(self, x: Value, scope: Scope) -> Value:
        assert isinstance(self.inner, Recurrent)
        other = changed(self.inner, reverse=not self.inner.reverse)
        said = [scope.run(self.inner, x, "forward"), scope.run(other, x, "backward")]
        if not isinstance(said[0], Mapping):
            return merged("Bidirectional", self.merge_mode, said)
        return {
            name: merged("Bidirectional", self.merge_mode, [each[name] for each in said]) for name in said[0]
        }


@dataclass(frozen=True, init=False)
class Stacked(Layer):
    """Recurrent layers one above the other: each reads what the one below says at every cell.

    A mask goes to all of them. Below the highest, what is said at every cell is handed on, whatever a layer
    itself would return.

    Shapes: (B, T, C) -> what the highest layer gives.

    Args:
        layers: recurrent layers, the lowest first; ``Bidirectional`` ones too.
        dropout: in training, the share of numbers dropped between two layers.

    Fails:
        UsageError E104: no recurrent layer. E102: a rate outside 0 to 1.

    Example:
        >>> from chainrule.nn.recurrent.cells import LSTM
        >>> print(Stacked(LSTM(32), LSTM(16)))
        Stacked(LSTM(32), LSTM(16))
    """

    layers: tuple[Layer, ...]
    dropout: float = 0.0

    def __init__(self, *layers: Layer, dropout: float = 0.0) -> None:
        object.__setattr__(self, "layers", tuple(layers))
        object.__setattr__(self, "dropout", dropout)
        self.__post_init__()

    def check(self) -> None:
        if not self.layers:
            raise UsageError("E104", where="Stacked", expected="a recurrent layer", received="none")
        for part in self.layers:
            _require_recurrent("Stacked", part)
        require_number(self, "dropout", least=0, below=1)

    def __call__(self, x: Value, scope: Scope) -> Value:
        given = dict(taken("Stacked", x, ()))
        for i, part in enumerate(self.layers):
            is_highest = i == len(self.layers) - 1
            said = scope.run(part if is_highest else _speaking(part), given, f"{part.kind}{i + 1}")
            if is_highest:
                return said
            given["sequence"] = (
                scope.run(Dropout(self.dropout), said, f"dropout{i + 1}") if self.dropout else said
            )
        raise AssertionError("check refuses an empty stack")

    def __str__(self) -> str:
        rate = [f"dropout={self.dropout}"] if self.dropout else []
        return f"Stacked({', '.join([*map(str, self.layers), *rate])})"


@layer
class Masking(Layer):
    """Cells that hold nothing but one number do not count: the layer inside is told so.

    Sequences of different lengths stand in one array by padding the short ones; ``cr.Embedding(...,
    padding_index=0)`` gives zeros for padded words.

    Shapes: (B, T, C) -> what the layer gives.

    Formula: mask[t] = some x[t,c] != mask_value.

    Args:
        inner: takes a sequence and a mask by name, such as ``cr.LSTM(32)`` or ``cr.Stacked(...)``.
        mask_value: the number.

    Fails:
        UsageError E104: no layer. E102: a value that is no number.

    Example:
        >>> from chainrule.nn.recurrent.cells import GRU
        >>> print(Masking(GRU(8)))
        Masking(GRU(8))
    """

    takes_one = True
    inner: Layer
    _: KW_ONLY
    mask_value: float = 0.0

    def check(self) -> None:
        require_layer("Masking", self.inner)
        require_number(self, "mask_value")

    def __call__(self, x: Node, scope: Scope) -> Value:  # x (B, T, C)
        differs = PUBLIC["not_equal"](x, self.mask_value).astype(x.dtype)
        mask = PUBLIC["max"](differs, tuple(range(2, x.rank))) > 0.0  # (B, T)
        return scope.run(self.inner, {"sequence": x, "mask": mask}, "inner")


def _require_recurrent(where: str, part: object) -> None:
    inner = part.inner if isinstance(part, Bidirectional) and where == "Stacked" else part
    if not isinstance(inner, Recurrent):
        raise UsageError(
            "E104", where=where, expected="a recurrent layer", received=shown(part), fix="cr.LSTM(32)"
        )


def _speaking(part: Layer) -> Layer:
    """The layer, saying something at every cell."""
    if isinstance(part, Bidirectional):
        return changed(part, inner=_speaking(part.inner))
    return changed(part, returns="sequence")
