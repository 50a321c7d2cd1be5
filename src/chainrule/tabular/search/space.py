"""The settings that a search proposes, and the options of a training that they stand for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from chainrule.records import frozen
from chainrule.tabular.options import Options
from chainrule.train.default_table_ensemble import recipe_for

Settings = Mapping[str, float]


@frozen
class Range:
    """The values of one setting.

    Args:
        low, high: the range, both ends included.
        default: the value of the first trial, that of ``chainrule train DATA``.
        is_log: whether the logarithm is sampled uniformly.
        is_integer: whether values are integers.
    """

    low: float
    high: float
    default: float
    is_log: bool = False
    is_integer: bool = False

    def contains(self, value: object) -> bool:
        """Return whether a value from a file is one of these."""
        kinds = int if self.is_integer else (int, float)
        is_number = isinstance(value, kinds) and not isinstance(value, bool)
        return is_number and math.isfinite(value) and self.low <= value <= self.high  # type: ignore[operator]


@frozen
class SearchSpace:
    """The settings of one kind of network.

    Args:
        to_options: the options of ``chainrule train`` that settings stand for.
    """

    ranges: Mapping[str, Range]
    to_options: Callable[[Mapping[str, float]], dict[str, Any]]

    @property
    def defaults(self) -> dict[str, float]:
        """The settings of the first trial."""
        return {name: values.default for name, values in self.ranges.items()}

    def options(self, base: Options, values: Mapping[str, float]) -> Options:
        """Return the options of the training that a trial stands for.

        Args:
            base: the options of the command.
            values: a value for each setting.

        Example:
            >>> options = NETWORK.options(Options("iris"), {**NETWORK.defaults, "layers": 1, "dropout": 0.0})
            >>> options.net, options.penalty
            ('64 relu', 0.001)
        """
        return base.with_passed(self.to_options(values))


def _network_options(values: Mapping[str, float]) -> dict[str, Any]:
    dropout = _rounded(values["dropout"])
    layer = f"{int(values['units'])} relu" + (f", dropout {dropout:g}" if dropout else "")
    return {
        "net": ", ".join([layer] * int(values["layers"])),
        "penalty": _rounded(values["penalty"]),
        "learning_rate": _rounded(values["learning_rate"]),
    }


def _ensemble_options(values: Mapping[str, float]) -> dict[str, Any]:
    names = ("units", "dropout", "intervals", "weight_decay", "learning_rate")
    return {name: values[name] if isinstance(values[name], int) else _rounded(values[name]) for name in names}


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")


NETWORK = SearchSpace(
    {
        "layers": Range(1, 4, 2, is_integer=True),
        "units": Range(8, 256, 64, is_log=True, is_integer=True),
        "dropout": Range(0.0, 0.5, 0.2),
        "penalty": Range(1e-6, 0.1, 1e-3, is_log=True),
        "learning_rate": Range(2e-4, 2e-2, 2e-3, is_log=True),
    },
    _network_options,
)
"""The settings of a single network; the first trial is that of ``chainrule train DATA --quick``."""


def ensemble_space(rows: int) -> SearchSpace:
    """Return the settings of an ensemble; the first trial is the recipe for this number of rows."""
    recipe = recipe_for(rows)
    ranges = {
        "units": Range(16, 256, recipe.units, is_log=True, is_integer=True),
        "dropout": Range(0.0, 0.5, recipe.dropout),
        "intervals": Range(3, 48, recipe.intervals, is_log=True, is_integer=True),
        "weight_decay": Range(1e-3, 1.0, recipe.weight_decay, is_log=True),
        "learning_rate": Range(3e-4, 3e-2, recipe.learning_rate, is_log=True),
    }
    return SearchSpace(ranges, _ensemble_options)
