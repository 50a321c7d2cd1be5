"""The settings that ``chainrule tune`` searches, and the options of a training that they stand for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from chainrule.apps.cli.options import Options
from chainrule.records import frozen


@frozen
class Range:
    """The values of one setting.

    Args:
        low, high: the range, both ends included.
        default: the value of the first trial, that of ``chainrule train DATA --quick``.
        is_log: whether the logarithm is sampled uniformly.
        is_integer: whether values are integers.
    """

    low: float
    high: float
    default: float
    is_log: bool = False
    is_integer: bool = False

    def contains(self, value: object) -> bool:
        """Whether a value from a file is one of these."""
        kinds = int if self.is_integer else (int, float)
        is_number = isinstance(value, kinds) and not isinstance(value, bool)
        return is_number and math.isfinite(value) and self.low <= value <= self.high  # type: ignore[operator]


SPACE: Mapping[str, Range] = {
    "layers": Range(1, 4, 2, is_integer=True),
    "units": Range(8, 256, 64, is_log=True, is_integer=True),
    "dropout": Range(0.0, 0.5, 0.2),
    "penalty": Range(1e-6, 0.1, 1e-3, is_log=True),
    "learning_rate": Range(2e-4, 2e-2, 2e-3, is_log=True),
}
DEFAULTS = {name: values.default for name, values in SPACE.items()}


def options_of(base: Options, values: Mapping[str, float]) -> Options:
    """The options of the training that a trial stands for.

    Args:
        base: the options of the command.
        values: a value for each setting of ``SPACE``.

    Example:
        >>> options = options_of(Options("iris"), {**DEFAULTS, "layers": 1, "dropout": 0.0})
        >>> options.net, options.penalty
        ('64 relu', 0.001)
    """
    dropout = float(f"{values['dropout']:.3g}")
    layer = f"{int(values['units'])} relu" + (f", dropout {dropout:g}" if dropout else "")
    return replace(
        base,
        net=", ".join([layer] * int(values["layers"])),
        penalty=float(f"{values['penalty']:.3g}"),
        learning_rate=float(f"{values['learning_rate']:.3g}"),
    )
