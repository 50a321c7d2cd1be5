"""Is the attribution about the model at all? Two tests that a picture cannot talk its way out of.

Some methods draw convincing pictures that hardly depend on the weights: edge detectors of the input. So the
weights are made random, layer by layer from the end to the beginning; each time the attribution is computed
again and compared with the true one by the correlation of ranks. A method that explains the model must
change: the correlation falls. The second test trains a copy on the same samples with permuted labels: what
it has learned by heart is explained by other inputs than what there was to understand.

Reference: Adebayo, Gilmer, Muelly, Goodfellow, Hardt and Kim (2018), Sanity checks for saliency maps
    (NeurIPS).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import prng
from chainrule.attribution.question import Question
from chainrule.attribution.request import ask, known_method
from chainrule.errors import TrainingError, UsageError
from chainrule.notation import number
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section, Table
from chainrule.page.terminal import text_page
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.texts import render
from chainrule.train.fit import fit
from chainrule.train.model_state import ModelState, untrained
from chainrule.train.options import FitOptions, refuse_unknown
from chainrule.train.prepare import TrainingData
from chainrule.train.state_holder import StateHolder

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState

DRAWS = 3  # random models whose correlations are averaged
ALIKE = 0.5  # a correlation of ranks above which two attributions say the same


@frozen(eq=False)
class Sanity:
    """How much an attribution depends on the model and on the labels. It can be printed.

    Args:
        method: its name.
        layers: the layers in the order in which they were made random, each with those before it.
        correlations: after each, the mean rank correlation with the true attribution.
        labels: the correlation with that of a model which learned permuted labels; ``None``: not asked.
        lang: of the text.
    """

    method: str
    layers: tuple[str, ...]
    correlations: tuple[float, ...]
    labels: float | None = None
    lang: str = "en"

    @property
    def passed(self) -> bool:
        """Whether the attribution is another one when the model is; values that are all equal say nothing."""
        return all(abs(c) < ALIKE for c in (self.correlations[-1], self.labels) if c is not None)

    def page(self) -> Page:
        """The whole as sentences and a table."""
        rows = [(path, number(c, 3)) for path, c in zip(self.layers, self.correlations, strict=True)]
        rows += [] if self.labels is None else [(render("sanity_labels", self.lang), number(self.labels, 3))]
        head = render("sanity_layer", self.lang), render("sanity_correlation", self.lang)
        key = "sanity_passed" if self.passed else "sanity_failed"
        verdict = render("sanity_empty" if np.isnan(self.correlations[-1]) else key, self.lang, limit=ALIKE)
        section = Section(
            "", (Items((render("sanity_says", self.lang),)), Table(head, tuple(rows), (1,)), verdict)
        )
        title = render("sanity_title", self.lang, method=known_method(self.method).title(self.lang))
        return Page(title, self.lang, (section,))

    def __str__(self) -> str:
        return text_page(self.page())

    def __repr__(self) -> str:
        return f"<Sanity of {self.method}: {'passed' if self.passed else 'failed'}; print it>"

    def _repr_html_(self) -> str:
        return html_page(self.page(), standalone=False)


def sanity(
    model: StateHolder,
    x: Any,
    method: str = "integrated_gradients",
    labels: Any = None,
    epochs: int = 20,
    **options: Any,
) -> Sanity:
    """Whether an attribution changes when the weights of the model, or the labels it learned from, are
    random.

    Args:
        model: one that has learned.
        x: samples, as in ``Model.attribute``; a few dozen give a steady mean.
        method: the method that is put to the test.
        labels: ``(x, y)`` to train a copy on, with y permuted; ``None``: this test is left out.
        epochs: how long the copy is trained; it should learn the labels by heart.
        options: ``target``, ``baseline``, those of the method, ``explains``, ``output``, ``seed`` and
            ``lang``.

    Raises:
        As ``Model.attribute``, but a sum that is off is no reason to refuse.
        UsageError E102: ``labels`` is no pair.

    Example:
        >>> import chainrule as cr
        >>> model = cr.Model(cr.Sequential(cr.Dense(8, "tanh"), cr.Dense(3)), "cross_entropy")
        >>> history = model.fit("iris", epochs=5, verbose=False)
        >>> cr.sanity(model, "iris", "saliency").layers
        ('dense2', 'dense1')
    """
    card = known_method(method)
    known = (*card.options, "target", "baseline", "y", "explains", "output", "seed", "lang")
    refuse_unknown(f"sanity, {method}", options, known)
    state = model.state
    question, _ = ask(state, x, options.get("target"), options.get("y"), options.get("baseline"), options)
    own = {name: value for name, value in options.items() if name in card.options}
    true = _flat(card.run(question, **own).values)
    found: dict[str, list[float]] = {}
    for draw in range(DRAWS):
        for path, parameters in _randomized(state, question.seed + draw):
            other = state.with_arrays(parameters, state.states)
            values = _flat(card.run(replace(question, model=other), **own).values)
            found.setdefault(path, []).append(agreement(true, values))
    means = tuple(float(np.mean(each)) for each in found.values())
    memory = None if labels is None else _learned_by_heart(state, labels, epochs, question)
    alike = None if memory is None else agreement(true, _flat(card.run(memory, **own).values))
    return Sanity(method, tuple(found), means, alike, options.get("lang") or settings.lang)


def _randomized(model: ModelState, seed: int) -> list[tuple[str, dict[str, np.ndarray]]]:
    """The parameters with more and more layers as they were before any training, the last layer first.

    Raises:
        TrainingError E541: a net without parameters.
    """
    assert model.network is not None
    fresh, _ = model.network.start(seed + 1)
    now, layers = model.parameters, {}
    for path in now:
        layers.setdefault(path.rpartition(".")[0] or path, []).append(path)
    if not layers:
        raise TrainingError(
            "E541", where="sanity", what="parameters", what_zh="参数", received=str(model.recipe.net)[:200]
        )
    found = []
    for layer in reversed(layers):
        now = {**now, **{path: _drawn(fresh[path], path, seed) for path in layers[layer]}}
        found.append((layer, now))
    return found


def _drawn(fresh: np.ndarray, path: str, seed: int) -> np.ndarray:
    """First values; where they would all be the same, such as biases, small random numbers around them."""
    if fresh.size and (fresh != fresh.reshape(-1)[0]).any():
        return fresh
    key = prng.fold(prng.key_of(seed), *path.encode())
    return fresh + 0.1 * prng.normal(key, fresh.size, fresh.dtype.name).reshape(fresh.shape)


def _learned_by_heart(model: ModelState, labels: Any, epochs: int, question: Question) -> Question:
    """The same question to a copy that learned permuted labels."""
    if not isinstance(labels, tuple | list) or len(labels) != 2:
        raise UsageError(
            "E102", where="sanity", name="labels", expected="a pair: (x, y)", received=type(labels).__name__,
            fix="labels=(x_train, y_train)",
        )  # fmt: skip
    x, y = labels
    recipe = model.recipe
    other = untrained(recipe.net, recipe.loss, recipe.optimizer, dtype=recipe.dtype)
    order = prng.permutation(prng.key_of(question.seed + 1), len(y))
    permuted = TrainingData(x, np.asarray(y)[order])
    other = fit(other, permuted, FitOptions(epochs, 32, question.seed, verbose=False))
    return replace(question, model=model.with_arrays(other.parameters, other.states))


def _flat(values: Mapping[str, np.ndarray]) -> np.ndarray:
    """(n, P) all values of each sample."""
    return np.concatenate([a.reshape(len(a), -1) for a in values.values()], 1)


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    """The mean over the samples of Spearman's rank correlation.

    Samples of ``one`` whose values are all equal say nothing and are left out (NaN: there are no others);
    where those of ``other`` are, the correlation is 0.

    Example:
        >>> agreement(np.array([[1.0, 2.0, 3.0]]), np.array([[10.0, 30.0, 20.0]]))
        0.5
    """
    a, b = (np.apply_along_axis(_ranks, 1, values) for values in (one, other))
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    size = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    each = np.where(size > 0, (a * b).sum(1) / np.where(size > 0, size, 1.0), 0.0)
    says = (a != 0).any(1)
    return float(each[says].mean()) if says.any() else float("nan")


def _ranks(values: np.ndarray) -> np.ndarray:
    """The rank of each number; equal ones share the mean of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]
