"""Baselines whose settings are chosen on validation rows, as those of a network are.

A comparison with a method whose settings were not chosen shows little. The validation rows decide the
settings and nothing else: the method is then fitted to the rows that the network is trained on, and the test
rows are predicted once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sklearn.base import clone
from sklearn.model_selection import ParameterGrid

from chainrule import settings
from chainrule.errors import fact
from chainrule.messages import Text, translated
from chainrule.page import screen

_CHOSEN: Text = "{method}: {settings}, chosen on validation rows"


E = TypeVar("E")


def best_settings(
    method: Text, grid: Mapping[str, Sequence[Any]], measure: Callable[..., float]
) -> dict[str, Any]:
    """The combination of settings with the highest score on validation rows, which is printed.

    Args:
        method: its name.
        grid: the values of each setting.
        measure: the score on the validation rows for settings passed as keyword arguments; the first of equal
            ones is taken.

    Example:
        >>> best_settings("neighbors", {"count": [1, 3, 5]}, lambda count: -abs(count - 3))
        neighbors: count = 3, chosen on validation rows
        {'count': 3}
    """
    choices = list(ParameterGrid(grid))
    best = max(choices, key=lambda own: measure(**own))
    text = ", ".join(f"{name.rpartition('__')[2]} = {value}" for name, value in best.items())
    screen.line(translated(_CHOSEN, settings.lang).format(method=_name(method), settings=text))
    return best


def tuned(
    method: Text,
    estimator: E,
    grid: Mapping[str, Sequence[Any]],
    rows: tuple[Any, Any],
    validation: tuple[Any, Any],
    *,
    measure: Callable[[Any, Any, Any], float] | None = None,
    final: tuple[Any, Any] | None = None,
) -> E:
    """An estimator of scikit-learn with its best settings, fitted.

    Args:
        method: its name.
        estimator: with ``fit``, ``predict`` and ``score``.
        grid: the values of each setting; ``"step__setting"`` for a step of a pipeline.
        rows: inputs and targets of the training.
        validation: inputs and targets that the settings are chosen on.
        measure: the score of a fitted estimator on inputs and targets; by default its ``score``.
        final: rows that the result is fitted to; by default ``rows``.

    Example:
        >>> from sklearn.neighbors import KNeighborsClassifier
        >>> x, y = [[0.0], [1.0], [9.0]], [0, 0, 1]
        >>> grid = {"n_neighbors": [3, 1]}
        >>> model = tuned("neighbors", KNeighborsClassifier(), grid, (x, y), (x, y))
        neighbors: n_neighbors = 1, chosen on validation rows
        >>> model.predict([[8.0]]).tolist()
        [1]
    """

    def fitted(own: Mapping[str, Any], x: Any, y: Any) -> E:
        copied: Any = clone(estimator)  # pyright: ignore[reportArgumentType]
        return copied.set_params(**own).fit(x, y)

    score = measure or (lambda own, x, y: own.score(x, y))
    best = best_settings(method, grid, lambda **own: score(fitted(own, *rows), *validation))
    return fitted(best, *(final or rows))


def _name(method: Text) -> str:
    return fact(method).render(settings.lang)
