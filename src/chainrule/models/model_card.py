"""The card of a named network: its summary, reference, inputs and number of parameters."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping
from typing import Any

from chainrule.errors import fact
from chainrule.nn.build import build
from chainrule.nn.layer import Layer
from chainrule.nn.layers.containers import Sequential
from chainrule.nn.layers.dropout import Dropout
from chainrule.nn.layers.linear import Dense
from chainrule.records import frozen
from chainrule.symbolic_shape import Size, Spec
from chainrule.validation import out_of_range

BATCH = Size.symbol("B")


@frozen
class ModelCard:
    """The card of a named network.

    Args:
        net: the function that builds the network; the defaults of all its arguments are those of the
            reference.
        chinese: its Chinese name.
        says: the summary, one sentence in English and one in Chinese.
        parameters: number of trainable parameters with the defaults.
        source: the source of that number.
        reference: authors, year and title of the paper.
        inputs: shape and dtype of each input of the reference, by name; a single one is ``"x"``.

    Example:
        >>> from chainrule.models import MODELS
        >>> card = MODELS["lenet5"]
        >>> card.name, card.parameters, card.count(classes=3)
        ('lenet5', 61706, 61111)
    """

    net: Callable[..., Layer]
    chinese: str
    says: tuple[str, str]
    parameters: int
    source: str
    reference: str
    inputs: Mapping[str, Spec]

    @property
    def name(self) -> str:
        """The name of the function."""
        return self.net.__name__

    def count(self, **settings: Any) -> int:
        """Count the trainable parameters with these arguments, from shapes only.

        Args:
            **settings: arguments of the function that builds the model.
        """
        return count_parameters(self.net(**settings), self.inputs)


def count_parameters(net: Layer, inputs: Mapping[str, Spec]) -> int:
    """Count the trainable parameters of a network for given input shapes.

    Example:
        >>> from chainrule.nn.layers.linear import Dense
        >>> count_parameters(Dense(3), {"x": Spec((BATCH, 2), "float32")})
        9
    """
    sizes = [p.spec.size for p in build(net, inputs, "float32").parameters.values() if p.trainable]
    return sum(size for size in sizes if isinstance(size, int))


def image(height: int, width: int, channels: int) -> dict[str, Spec]:
    """Return the input of a network for images, (B, H, W, C)."""
    return {"x": Spec((BATCH, height, width, channels), "float32")}


def chain(**parts: Layer | None) -> Sequential:
    """Chain the named layers that are not None: ``drop=cr.Dropout(p) if p else None``."""
    return Sequential(**{name: part for name, part in parts.items() if part is not None})


def dense_head(classes: int, dropout: float) -> Sequential:
    """Return the head of AlexNet and VGG: two wide dense layers and the scores.

    Args:
        dropout: dropout rate after the two wide layers; 0 omits the layers.
    """
    return chain(
        dense6=Dense(4096, "relu"),
        drop6=Dropout(dropout) if dropout else None,
        dense7=Dense(4096, "relu"),
        drop7=Dropout(dropout) if dropout else None,
        head=Dense(classes),
    )


def require_counts(model: str, minimum: int = 1, **counts: Any) -> None:
    """Refuse arguments of a model that are not integers of at least ``minimum``, such as ``classes=0``.

    Raises:
        UsageError E102: for the first invalid one; names the model and the argument.
    """
    for name, value in counts.items():
        is_integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
        if not is_integer or int(value) < minimum:
            where = f"cr.models.{model}"
            fix = f"cr.models.{model}({name}={max(minimum, 10)})"
            raise out_of_range(value, name, where, fact("an integer >= {minimum}", minimum=minimum), fix=fix)
