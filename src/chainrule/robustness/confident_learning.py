"""Label issues: rows whose label probably is wrong, found by confident learning.

A network that has seen a row reproduces its label, so each row is predicted by a network trained on the
other folds. Class j is *confident* for a row if its probability reaches the mean probability of j over the
rows labeled j; this threshold adapts to classes on which the network is less sure. A row is an issue if the
most probable of its confident classes is not its label. The counts of (label, confident class) estimate the
joint distribution of labels and true classes, and so the share of wrong labels.

Few rows have few confident classes, so rows are issues by the noise rates, too: of the rows with label i
those with the largest margin of class j, as many as the joint distribution expects of (i, j).

Example: rows labeled "cat" have the mean probability 0.8 for "cat", rows labeled "dog" 0.6 for "dog". A row
labeled "cat" with probabilities 0.3 and 0.7 is confident for "dog" only: an issue. One with 0.45 and 0.55 is
confident for neither, and no issue.

Reference: Northcutt, Jiang and Chuang (2021), Confident learning: estimating uncertainty in dataset labels,
Journal of Artificial Intelligence Research 70, sections 3.1 and 3.2 (methods 2 and 4).
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import UsageError, fact
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section, Table
from chainrule.page.terminal import text_page
from chainrule.prng import fold, key_of, permutation
from chainrule.records import frozen
from chainrule.robustness.attack_samples import Samples, read_samples
from chainrule.texts import LANGUAGES, render
from chainrule.train.evaluation.prediction import predict_proba
from chainrule.train.fit import fit
from chainrule.train.fit_options import FitOptions
from chainrule.train.fit_preparation import TrainingData
from chainrule.validation import integer, language, random_seed

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState

# The result of the search for wrong labels: rows in the order in which they should be checked.

MAX_LISTED = 30  # rows on a page


@frozen(eq=False)
class LabelIssues:
    """Rows whose label probably is wrong, the most suspicious first. Printing it gives text.

    Args:
        rows: (m,) their indices, from 0.
        labels, suggested: (m,) the class of the label, and the confident class.
        label_probability, suggested_probability: (m,) of both classes.
        classes: the names of the classes.
        total: the number of rows that were examined.
        noise: the estimated share of wrong labels.
        folds: the number of folds of the cross-validation.
        lang: the language of the text.
    """

    rows: np.ndarray
    labels: np.ndarray
    suggested: np.ndarray
    label_probability: np.ndarray
    suggested_probability: np.ndarray
    classes: tuple[Any, ...]
    total: int
    noise: float
    folds: int
    lang: str = field(default="en")

    def page(self) -> Page:
        """Return the result as a page."""
        lang = self.lang
        facts = [
            render("issues_count", lang, count=len(self.rows), rows=self.total, folds=self.folds),
            render("issues_noise", lang, share=f"{100 * self.noise:.1f} %"),
            render("issues_limit", lang),
        ]
        sections = [Section("", (Items(tuple(facts)),))]
        if len(self.rows):
            sections.append(Section(render("issues_list", lang), (self._table(),)))
        return Page(render("issues_title", lang), lang, tuple(sections))

    def _table(self) -> Table:
        keys = ("issues_row", "issues_label", "issues_label_p", "issues_suggested", "issues_suggested_p")
        columns = self.labels, self.label_probability, self.suggested, self.suggested_probability
        rows = [
            (str(row + 1), str(self.classes[a]), f"{100 * p:.1f} %", str(self.classes[b]), f"{100 * q:.1f} %")
            for row, a, p, b, q in zip(self.rows.tolist(), *(c.tolist() for c in columns), strict=True)
        ]
        heads = tuple(render(key, self.lang) for key in keys)
        return Table(heads, tuple(rows[:MAX_LISTED]), (0, 2, 4))

    def __str__(self) -> str:
        return text_page(self.page())

    def __repr__(self) -> str:
        return f"<LabelIssues: {len(self.rows)} of {self.total} rows; print it>"

    def to_html(self) -> str:
        """Return one self-contained page in all languages."""
        others = [replace(self, lang=lang).page() for lang in LANGUAGES if lang != self.lang]
        return html_page(self.page(), others=others)

    def _repr_html_(self) -> str:
        return html_page(self.page(), standalone=False)


MAX_FOLDS = 50


def label_issues(
    model: ModelState,
    x: Any,
    y: Any = None,
    *,
    folds: int = 5,
    epochs: int | None = None,
    seed: int = 0,
    lang: str | None = None,
) -> LabelIssues:
    """Return the rows whose label probably is wrong; see ``Model.label_issues``."""
    folds = integer(folds, "folds", "label_issues", minimum=2, maximum=MAX_FOLDS, example=5)
    seed, lang = random_seed(seed, "label_issues"), language(lang, "label_issues")
    samples = read_samples(model, x, y, "label_issues")
    counts = np.bincount(samples.labels, minlength=samples.graph.classes)
    rarest = int(np.where(counts > 0, counts, len(samples.labels) + 1).argmin())  # of those that occur
    if counts[rarest] < 2:
        received = f"{samples.names[rarest]}: {counts[rarest]}"
        expected = fact("at least {minimum} rows of each class", minimum=2)
        fix = fact("add rows")
        raise UsageError(
            "E102", where="label_issues", name="y", received=received, expected=expected, fix=fix
        )
    options = FitOptions.repeated(model.facts, epochs, seed)
    probabilities = out_of_sample(samples, folds, options)
    confident, joint = confident_classes(probabilities, samples.labels)
    noise = float(1.0 - np.trace(joint) / total) if (total := joint.sum()) else 0.0
    suggested = np.where(
        confident != samples.labels, confident, classes_by_noise_rate(probabilities, samples.labels, joint)
    )
    own = probabilities[np.arange(len(confident)), samples.labels]
    rows = np.flatnonzero(suggested != samples.labels)
    margin = own - _largest_other(probabilities, samples.labels)
    rows = rows[np.argsort(margin[rows], kind="stable")]
    labels, likeliest, own_p = samples.labels[rows], suggested[rows], own[rows]
    p = probabilities[rows, likeliest]
    return LabelIssues(rows, labels, likeliest, own_p, p, samples.names, len(own), noise, folds, lang)


def out_of_sample(samples: Samples, folds: int, options: FitOptions) -> np.ndarray:
    """Return the probability of each class of each row by a network that was trained on other rows: (n, K).

    Args:
        samples: the rows; network, loss and optimizer of their model are trained once for each fold.
        folds: the number of folds, in which the classes are distributed evenly.
    """
    x, labels = samples.x, samples.labels
    part = _folds(labels, folds, options.seed)
    start = replace(samples.model, preparation=None, is_given=False, classes={})
    probabilities = np.zeros((len(x), samples.graph.classes))
    for k in range(int(part.max()) + 1):
        inside = part == k
        trained = fit(start, TrainingData(x[~inside], labels[~inside]), options)
        predicted: Any = predict_proba(trained, x[inside])
        columns = np.array(trained.labels, np.int64)
        probabilities[np.ix_(np.flatnonzero(inside), columns)] = predicted[:, : len(columns)]
    return probabilities


def _folds(labels: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Return the fold of each row, (n,): each class is distributed evenly, in random order."""
    part = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        order = permutation(fold(key_of(seed), int(label)), len(rows))
        part[rows[order]] = np.arange(len(rows)) % folds
    return part


def confident_classes(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the confident class of each row, its label if there is none, and the joint distribution.

    The joint distribution, (K, K), has the expected number of rows of each label and true class.

    Args:
        probabilities: (n, K), of networks that have not seen the row.
        labels: (n,) class indices.

    Example:
        >>> p = np.array([[0.9, 0.1], [0.7, 0.3], [0.1, 0.9], [0.9, 0.1]])
        >>> confident, joint = confident_classes(p, np.array([0, 0, 1, 1]))
        >>> confident.tolist(), joint.tolist()
        ([0, 0, 1, 0], [[2.0, 0.0], [1.0, 1.0]])
    """
    classes = probabilities.shape[1]
    thresholds = np.array(
        [probabilities[labels == j, j].mean() if (labels == j).any() else np.inf for j in range(classes)]
    )
    reached = probabilities >= thresholds
    best = np.where(reached, probabilities, -np.inf).argmax(axis=1)
    is_confident = reached.any(axis=1)
    confident = np.where(is_confident, best, labels)
    joint = np.zeros((classes, classes))
    np.add.at(joint, (labels[is_confident], best[is_confident]), 1.0)
    totals, counts = joint.sum(axis=1), np.bincount(labels, minlength=classes)
    joint *= np.divide(counts, totals, out=np.zeros(classes), where=totals > 0)[:, None]
    return confident, joint


def classes_by_noise_rate(probabilities: np.ndarray, labels: np.ndarray, joint: np.ndarray) -> np.ndarray:
    """Return the class that each row probably belongs to by the noise rates, (n,); its label if none.

    For each pair of label i and class j the rows labeled i with the largest margins p_j - p_i above 0, as
    many as the joint distribution expects, rounded.

    Args:
        probabilities: (n, K), of networks that have not seen the row.
        labels: (n,) class indices.
        joint: (K, K) of ``confident_classes``.

    Example:
        >>> p = np.array([[0.9, 0.1], [0.45, 0.55], [0.1, 0.9], [0.3, 0.7]])
        >>> classes_by_noise_rate(p, np.array([0, 0, 0, 1]), np.array([[1.6, 1.4], [0.0, 1.0]])).tolist()
        [0, 0, 1, 1]

    Reference: Northcutt, Jiang and Chuang (2021), section 3.2, method 4 (prune by noise rate).
    """
    suggested, largest = labels.copy(), np.zeros(len(labels))
    for i, j in np.argwhere(joint > 0).tolist():
        rows = np.flatnonzero(labels == i)
        margin = probabilities[rows, j] - probabilities[rows, i]
        first = np.argsort(-margin, kind="stable")[: round(float(joint[i, j]))]
        chosen = first[margin[first] > largest[rows[first]]]
        suggested[rows[chosen]], largest[rows[chosen]] = j, margin[chosen]
    return suggested


def _largest_other(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    others = probabilities.copy()
    others[np.arange(len(labels)), labels] = -np.inf
    return others.max(axis=1)
