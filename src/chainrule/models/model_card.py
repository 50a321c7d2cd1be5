"""What is known of a named network before anybody builds it."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping
from typing import Any

from chainrule.errors import UsageError
from chainrule.nn.build import build
from chainrule.nn.layer import Layer
from chainrule.nn.layers.containers import Dropout, Sequential
from chainrule.nn.layers.linear import Dense
from chainrule.nn.validation import shown
from chainrule.records import frozen
from chainrule.spec import Size, Spec

BATCH = Size.symbol("B")


@frozen
class Model:
    """The card of a named network.

    Args:
        net: the function that writes the net; all its arguments have defaults, those of the reference.
        chinese: its Chinese name.
        says: what it is, one sentence in English and one in Chinese.
        parameters: how many numbers the reference learns.
        source: where that count comes from.
        reference: authors, year and title of the paper.
        inputs: the shape and number kind of each input of the reference, by name; a single one is ``"x"``.

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
        """What the function is called."""
        return self.net.__name__

    def count(self, **settings: Any) -> int:
        """How many numbers the net learns with these settings; from shapes alone, nothing is allocated."""
        return count_parameters(self.net(**settings), self.inputs)


def count_parameters(net: Layer, inputs: Mapping[str, Spec]) -> int:
    """How many numbers a net learns, given the shape of its inputs.

    Example:
        >>> from chainrule.nn.layers.linear import Dense
        >>> count_parameters(Dense(3), {"x": Spec((BATCH, 2), "float32")})
        9
    """
    sizes = [p.spec.size for p in build(net, inputs, "float32").parameters.values() if p.trainable]
    return sum(size for size in sizes if isinstance(size, int))


def image(height: int, width: int, channels: int) -> dict[str, Spec]:
    """The inputs of a net that looks at images: one input, (B, H, W, C)."""
    return {"x": Spec((BATCH, height, width, channels), "float32")}


def chain(**parts: Layer | None) -> Sequential:
    """Named layers one after the other, those that are there: ``drop=cr.Dropout(p) if p else None``."""
    return Sequential(**{name: part for name, part in parts.items() if part is not None})


def dense_head(classes: int, dropout: float) -> Sequential:
    """The end of AlexNet and VGG: two wide dense layers and the scores.

    Args:
        classes: how many answers there are.
        dropout: the chance to be dropped of each number of the two wide layers; 0 leaves it out.
    """
    return chain(
        dense6=Dense(4096, "relu"),
        drop6=Dropout(dropout) if dropout else None,
        dense7=Dense(4096, "relu"),
        drop7=Dropout(dropout) if dropout else None,
        head=Dense(classes),
    )


def require_counts(model: str, least: int = 1, **counts: Any) -> None:
    """Refuse numbers given to a model that are no whole numbers from ``least`` on, such as ``classes=0``.

    Fails:
        UsageError E102: the first that is none; it names the model and the argument.
    """
    for name, value in counts.items():
        whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
        if not whole or int(value) < least:
            raise UsageError(
                "E102", where=f"cr.models.{model}", name=name, expected=f"a whole number >= {least}",
                received=shown(value), fix=f"cr.models.{model}({name}={max(least, 10)})",
            )  # fmt: skip
