"""A layer: a frozen record of hyperparameters that builds nodes when it is called with nodes.

A layer holds no arrays. It requests parameters from its scope where it uses them, when the shapes are known,
so that the number of inputs need not be specified. The same record can be used in many networks, compared,
printed and saved.

A custom layer takes ten lines::

    @cr.layer
    class Scale(cr.Layer):
        start: float = 1.0

        def __call__(self, x, scope):                               # x (B, I) -> (B, I)
            return x * scope.parameter("factor", (x.shape[-1],), cr.Fill(self.start))
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from typing import Any, ClassVar, NamedTuple, TypeAlias, TypeVar, dataclass_transform

import numpy as np

from chainrule.errors import Place
from chainrule.extension import Extensible, complete
from chainrule.graph import Node, current_site
from chainrule.nn.scope import Scope, called
from chainrule.records import frozen


class Sample(NamedTuple):
    """Settings of a layer that the property tests of layers are run with.

    Args:
        shape: of one input sample, without the batch axis.
        settings: the arguments of the layer.

    Example:
        >>> Sample((4,), {"units": 3})
        Sample(shape=(4,), settings={'units': 3})
    """

    shape: tuple[int, ...]
    settings: Mapping[str, Any] = {}


Value: TypeAlias = "Node | Mapping[str, Node]"
C = TypeVar("C", bound=type)
WIDTH = 100  # columns up to which a layer that holds others is written in one line


@frozen
class Layer(Extensible):
    """Base of every layer. A subclass is decorated with ``@layer``, has fields and defines ``__call__``.

    ``samples`` are settings for the property tests: derivatives against finite differences, native against
    reference engine, batch axis, saved records and more. Layers whose case needs more than settings and one
    shape, such as a counterpart in PyTorch, have it in ``tests/layer_cases``.
    """

    samples: ClassVar[tuple[Sample, ...]] = ()

    fits_targets: ClassVar[bool] = False  # whether its states are computed from the targets, too
    takes_one: ClassVar[bool] = False  # whether several named values are refused before the layer is called
    reserved: ClassVar[tuple[str, ...]] = ("place",)
    is_block: ClassVar[bool] = False  # whether it is a repeated block of deep networks, used by ``recompute``

    def __post_init__(self) -> None:
        # A layer that another layer creates while a network is built is attributed to the line of that layer.
        around = current_site()
        place = Place.of_caller(called.__code__) or (around and around.place)
        object.__setattr__(self, "place", place)
        self.check()

    def check(self) -> None:
        """Validate the hyperparameters when the layer is created rather than when it runs."""

    def __call__(self, x: Any, scope: Scope) -> Any:
        """Build the nodes of this layer applied to ``x``."""
        raise TypeError(f"the layer {type(self).__name__} defines no __call__(self, x, scope)")

    def fitted_states(self, x: np.ndarray, weights: np.ndarray | None) -> dict[str, np.ndarray]:
        """Return the states of this layer, computed from the training rows before the first update.

        Called for a layer that requests it by ``scope.fit_states(x)``.

        Args:
            x: the values of that input for all training rows, (N, ...).
            weights: the sample weights, (N,), or for members of an ensemble (N, K); ``None``: all are 1.

        Returns:
            states by the names under which the layer requested them.
        """
        raise TypeError(f"the layer {type(self).__name__} defines no fitted_states(self, x, weights)")

    def fitted_to_targets(
        self, x: np.ndarray, target: np.ndarray, weights: np.ndarray | None
    ) -> dict[str, np.ndarray]:
        """Return states as ``fitted_states`` does, for a layer with ``fits_targets = True``.

        Args:
            x, weights: as for ``fitted_states``.
            target: the targets of these rows as the loss reads them: indices of classes (N,), or (N, C).
        """
        raise TypeError(
            f"the layer {type(self).__name__} defines no fitted_to_targets(self, x, target, weights)"
        )

    @property
    def kind(self) -> str:
        """The name of the layer in a path: ``Dense`` is ``dense``, ``BatchNorm`` is ``batch_norm``."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(self).__name__).lower()

    @property
    def settings(self) -> dict[str, Any]:
        """The fields that differ from their defaults, and those that have none."""
        return {f.name: value for f in fields(self) if (value := getattr(self, f.name)) != _default(f)}

    def __str__(self) -> str:
        entries, line = list(self._shown_fields()), self.line()
        has_parts = any(isinstance(getattr(self, f.name), Layer) for f in fields(self))
        if not has_parts or len(entries) == 1 or (len(line) <= WIDTH and "\n" not in line):
            return line
        parts = [f"  {name}: {text}".replace("\n", "\n  ") for name, text, _ in entries]
        return "\n".join([f"{type(self).__name__}(", *parts, ")"])

    def line(self) -> str:
        """Return the layer as one line, except if it contains layers that print as several."""
        words = [
            text if is_positional else f"{name}={text}" for name, text, is_positional in self._shown_fields()
        ]
        return f"{type(self).__name__}({', '.join(words)})"

    def _shown_fields(self) -> Iterator[tuple[str, str, bool]]:
        """Yield the fields that differ from defaults: name, value as text, and whether it is positional."""
        for f in fields(self):
            value = getattr(self, f.name)
            is_needed = f.default is MISSING and f.default_factory is MISSING
            if is_needed or value != _default(f):
                yield f.name, _text(value), is_needed and not f.kw_only


def _default(f: Any) -> Any:
    return f.default_factory() if f.default_factory is not MISSING else f.default


def _text(value: Any) -> str:
    return str(value) if isinstance(value, Layer) else repr(value)


@dataclass_transform(frozen_default=True)
def layer(cls: C) -> C:
    """Turn a class into a layer: a frozen record that compares by its fields.

    Args:
        cls: the class; its annotated fields are the settings.

    Example:
        >>> @layer
        ... class Twice(Layer):
        ...     def __call__(self, x, scope):
        ...         return x + x
        >>> print(Twice())
        Twice()
    """
    return complete(cls)
