"""Sanity checks of attributions: does the attribution depend on the model and on the labels?

Some methods produce convincing heat maps that hardly depend on the weights, like edge detectors of the input.
The first check randomizes the weights layer by layer, from the last to the first, and compares each
attribution with the original one by rank correlation. If the method explains the model, the correlation
decreases. The second check trains a copy on the same samples with permuted labels, which it can only
memorize; its attribution should differ, too.

Reference: Adebayo, Gilmer, Muelly, Goodfellow, Hardt and Kim (2018), Sanity checks for saliency maps
    (NeurIPS).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import prng
from chainrule.attribution.context import AttributionContext
from chainrule.attribution.request import build_context, known_method
from chainrule.data.sample_types import Samples, Targets
from chainrule.errors import TrainingError, fact
from chainrule.messages import translated
from chainrule.notation import number
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section, Table
from chainrule.page.terminal import text_page
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.texts import render
from chainrule.train.fit import fit
from chainrule.train.fit_options import FitOptions
from chainrule.train.fit_preparation import TrainingData
from chainrule.train.model_base import StateHolder
from chainrule.train.model_state import ModelState, untrained
from chainrule.validation import out_of_range, refuse_unknown

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState

RANDOM_MODELS = 3  # correlations are averaged over this many random models
MAX_CORRELATION = 0.5  # rank correlation from which two attributions are considered equal


@frozen(eq=False)
class Sanity:
    """The dependence of an attribution on the model and on the labels. Printing it gives text.

    Args:
        method: the name of the method.
        layers: the layers in the order in which they were randomized, cumulatively.
        correlations: for each the mean rank correlation with the original attribution.
        labels: the rank correlation with the attribution of a model trained on permuted labels; ``None`` if
            this check was not requested.
        lang: the language of the text.
    """

    method: str
    layers: tuple[str, ...]
    correlations: tuple[float, ...]
    labels: float | None = None
    lang: str = "en"

    @property
    def passed(self) -> bool:
        """Whether the attribution changes with the model; values that are all equal fail."""
        return all(abs(c) < MAX_CORRELATION for c in (self.correlations[-1], self.labels) if c is not None)

    def page(self) -> Page:
        """Return the result as a page."""
        rows = [(path, number(c, 3)) for path, c in zip(self.layers, self.correlations, strict=True)]
        rows += [] if self.labels is None else [(render("sanity_labels", self.lang), number(self.labels, 3))]
        head = render("sanity_layer", self.lang), render("sanity_correlation", self.lang)
        key = "sanity_passed" if self.passed else "sanity_failed"
        verdict = render(
            "sanity_empty" if np.isnan(self.correlations[-1]) else key, self.lang, limit=MAX_CORRELATION
        )
        section = Section(
            "", (Items((render("sanity_says", self.lang),)), Table(head, tuple(rows), (1,)), verdict)
        )
        title = render(
            "sanity_title", self.lang, method=translated(known_method(self.method).title, self.lang)
        )
        return Page(title, self.lang, (section,))

    def __str__(self) -> str:
        return text_page(self.page())

    def __repr__(self) -> str:
        return f"<Sanity of {self.method}: {'passed' if self.passed else 'failed'}; print it>"

    def _repr_html_(self) -> str:
        return html_page(self.page(), standalone=False)


def sanity(
    model: StateHolder,
    x: Samples,
    method: str = "integrated_gradients",
    labels: tuple[Samples, Targets] | None = None,
    epochs: int = 20,
    **options: Any,
) -> Sanity:
    """Test whether an attribution changes if the weights or the training labels are random.

    Args:
        model: a trained model.
        x: samples, as in ``Model.attribute``; a few dozen give a stable mean.
        method: the attribution method to test.
        labels: ``(x, y)`` to train a copy on, with permuted y; ``None`` omits this check.
        epochs: the epochs of the copy, enough to memorize the labels.
        options: ``target``, ``baseline``, those of the method, ``explains``, ``output``, ``seed`` and
            ``lang``.

    Raises:
        As ``Model.attribute``, except that the sum of the values is not checked.
        UsageError E102: ``labels`` is not a pair.

    Example:
        >>> import chainrule as cr
        >>> model = cr.Model(cr.Sequential(cr.Dense(8, "tanh"), cr.Dense(3)), "cross_entropy")
        >>> history = model.fit("iris", epochs=5, verbose=False)
        >>> cr.sanity(model, "iris", "saliency").layers
        ('dense2', 'dense1')
    """
    card = known_method(method)
    option_names = (*card.options, "target", "baseline", "y", "explains", "output", "seed", "lang")
    refuse_unknown(f"sanity, {method}", options, option_names)
    state = model.state
    context, *_ = build_context(
        state, x, options.get("target"), options.get("y"), options.get("baseline"), options
    )
    own = {name: value for name, value in options.items() if name in card.options}
    original = _flat(card.run(context, **own).values)
    correlations: dict[str, list[float]] = {}
    for i in range(RANDOM_MODELS):
        for path, parameters in _randomized(state, context.seed + i):
            random_model = state.with_arrays(parameters, state.states)
            values = _flat(card.run(replace(context, model=random_model), **own).values)
            correlations.setdefault(path, []).append(rank_correlation(original, values))
    means = tuple(float(np.mean(values)) for values in correlations.values())
    permuted = None if labels is None else _with_permuted_labels(state, labels, epochs, context)
    label_correlation = (
        None if permuted is None else rank_correlation(original, _flat(card.run(permuted, **own).values))
    )
    return Sanity(method, tuple(correlations), means, label_correlation, options.get("lang") or settings.lang)


def _randomized(model: ModelState, seed: int) -> list[tuple[str, dict[str, np.ndarray]]]:
    """Return the parameters with more and more randomized layers, from the last to the first."""
    assert model.network is not None
    initial, _ = model.network.initialize(seed + 1)
    current, layers = model.parameters, {}
    for path in current:
        layers.setdefault(path.rpartition(".")[0] or path, []).append(path)
    if not layers:
        raise TrainingError(
            "E541", where="sanity", what=fact("parameters"), received=str(model.recipe.net)[:200]
        )
    randomized = []
    for layer in reversed(layers):
        current = {**current, **{path: _random_like(initial[path], path, seed) for path in layers[layer]}}
        randomized.append((layer, current))
    return randomized


def _random_like(initial: np.ndarray, path: str, seed: int) -> np.ndarray:
    """Return initial values; constant ones, such as biases, with added noise."""
    if initial.size and (initial != initial.reshape(-1)[0]).any():
        return initial
    key = prng.fold(prng.key_of(seed), *path.encode())
    return initial + 0.1 * prng.normal(key, initial.size, initial.dtype.name).reshape(initial.shape)


def _with_permuted_labels(
    model: ModelState, labels: Any, epochs: int, context: AttributionContext
) -> AttributionContext:
    """Return the context of a copy trained on permuted labels."""
    if not isinstance(labels, tuple | list) or len(labels) != 2:
        raise out_of_range(
            type(labels).__name__, "labels", "sanity", fact("a pair: (x, y)"), fix="labels=(x_train, y_train)"
        )
    x, y = labels
    recipe = model.recipe
    other = untrained(recipe.net, recipe.loss, recipe.optimizer, dtype=recipe.dtype)
    order = prng.permutation(prng.key_of(context.seed + 1), len(y))
    permuted = TrainingData(x, np.asarray(y)[order])
    other = fit(other, permuted, FitOptions.repeated(model.facts, epochs, context.seed))
    return replace(context, model=model.with_arrays(other.parameters, other.states))


def _flat(values: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return (n, P) all values of each sample."""
    return np.concatenate([a.reshape(len(a), -1) for a in values.values()], 1)


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Return Spearman's rank correlation, averaged over the samples.

    Samples of ``one`` with constant values are ignored (NaN if there are no others); if those of ``other``
    are constant, the correlation is 0.

    Example:
        >>> rank_correlation(np.array([[1.0, 2.0, 3.0]]), np.array([[10.0, 30.0, 20.0]]))
        0.5
    """
    a, b = (np.apply_along_axis(_ranks, 1, values) for values in (one, other))
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    size = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    correlations = np.where(size > 0, (a * b).sum(1) / np.where(size > 0, size, 1.0), 0.0)
    is_varied = (a != 0).any(1)
    return float(correlations[is_varied].mean()) if is_varied.any() else float("nan")


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return the rank of each value; equal values have their mean rank."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]
