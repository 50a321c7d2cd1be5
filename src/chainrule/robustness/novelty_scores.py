"""Novelty: how far rows are from those that a model was trained on (out-of-distribution detection).

Three scores, each larger for stranger rows:

- ``energy``: -log sum exp z of the logits z: low where the network sees much evidence for any class;
- ``mahalanobis``: the squared distance of the features of a row (``features_of``) from their nearest class
  mean, in units of their common covariance;
- ``distance``: the mean Euclidean distance to the nearest reference rows, in the inputs of the network.

A score has no unit, so it is compared with reference rows that the score was not fitted on: the level of a
row is the share of these with at least its score. Of rows like the reference, 5 % have a level of at most
0.05.

Reference: Liu, Wang, Owens and Li (2020), Energy-based out-of-distribution detection, NeurIPS; Lee, Lee, Lee
and Shin (2018), A simple unified framework for detecting out-of-distribution samples and adversarial attacks,
NeurIPS.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.attribution.score import run
from chainrule.engines import compile
from chainrule.errors import TrainingError, alternatives, fact
from chainrule.graph import Graph, Node, order
from chainrule.notation import number
from chainrule.ops import functional as F
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section, Table
from chainrule.page.terminal import text_page
from chainrule.prng import key_of, permutation
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.symbolic_shape import bound
from chainrule.texts import LANGUAGES, render
from chainrule.train.evaluation.prediction import predictions
from chainrule.train.evaluation.rows import encode_rows
from chainrule.train.network import Network
from chainrule.validation import choice, language, out_of_range, random_seed

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState

# The result of a novelty detection: a score and a level for each row.

LEVEL = 0.05  # of a row that is counted as novel
DEVIATIONS = 3.0  # standard errors beyond which more novel rows than expected are reported
MAX_LISTED = 10


@frozen(eq=False)
class Novelty:
    """The strangeness of rows, compared with reference rows. Printing it gives text.

    Args:
        scores: (n,) larger for stranger rows.
        levels: (n,) the share of reference rows with at least this score; 0.01 is rare.
        method: the score.
        reference: the number of reference rows that the scores were compared with.
        lang: the language of the text.
    """

    scores: np.ndarray
    levels: np.ndarray
    method: str
    reference: int
    lang: str = "en"

    @property
    def share(self) -> float:
        """The share of rows with a level of at most 0.05; of rows like the reference about 0.05."""
        return float((self.levels <= LEVEL).mean()) if len(self.levels) else 0.0

    @property
    def is_shifted(self) -> bool:
        """Whether more rows are novel than chance explains: 3 standard errors above 5 %."""
        if not len(self.levels):
            return False
        variance = LEVEL * (1 - LEVEL) * (1 / len(self.levels) + 1 / self.reference)
        return self.share > LEVEL + DEVIATIONS * math.sqrt(variance)

    def page(self) -> Page:
        """Return the result as a page."""
        lang, share = self.lang, f"{100 * self.share:.1f} %"
        facts = [
            render("novelty_method", lang, method=render(f"novelty_{self.method}", lang)),
            render("novelty_share", lang, rows=len(self.scores), share=share, reference=self.reference),
            render("novelty_shifted" if self.is_shifted else "novelty_usual", lang),
        ]
        sections = [Section("", (Items(tuple(facts)),))]
        if len(self.scores):
            sections.append(Section(render("novelty_list", lang), (self._table(),)))
        return Page(render("novelty_title", lang), lang, tuple(sections))

    def _table(self) -> Table:
        strangest = np.argsort(-self.scores, kind="stable")[:MAX_LISTED].tolist()
        rows = tuple(
            (str(i + 1), number(float(self.scores[i])), number(float(self.levels[i]))) for i in strangest
        )
        heads = tuple(render(key, self.lang) for key in ("issues_row", "novelty_score", "novelty_level"))
        return Table(heads, rows, (0, 1, 2))

    def __str__(self) -> str:
        return text_page(self.page())

    def __repr__(self) -> str:
        return f"<Novelty by {self.method}: {100 * self.share:.1f} % of {len(self.scores)} rows; print it>"

    def to_html(self) -> str:
        """Return one self-contained page in all languages."""
        others = [replace(self, lang=lang).page() for lang in LANGUAGES if lang != self.lang]
        return html_page(self.page(), others=others)

    def _repr_html_(self) -> str:
        return html_page(self.page(), standalone=False)


METHODS = ("mahalanobis", "energy", "distance")
NEIGHBORS = 5  # whose mean distance is the score
MIN_ROWS = 40  # of the reference: a level of 0.05 needs 19 rows to compare with, which are one half
RIDGE = 1e-6  # added to the covariance, relative to its mean variance
BLOCK = 512  # rows whose distances are computed at once


def novelty(
    model: ModelState,
    x: Any,
    reference: Any,
    method: str = "mahalanobis",
    *,
    seed: int = 0,
    lang: str | None = None,
) -> Novelty:
    """Return how strange rows are compared with reference rows; see ``Model.novelty``."""
    choice(method, METHODS, "method", "novelty")
    seed, lang = random_seed(seed, "novelty"), language(lang, "novelty")
    own, known = (encode_rows(model, part, "novelty").x for part in (x, reference))
    rows = len(next(iter(known.values())))
    if rows < MIN_ROWS:
        expected = fact("at least {minimum} rows", minimum=MIN_ROWS)
        raise out_of_range(rows, "reference", "novelty", expected, fix=fact("add rows"))
    order_ = permutation(key_of(seed), rows)
    fitting, comparing = order_[: rows // 2], order_[rows // 2 :]
    score = _score_of(model, method, _take(known, fitting))
    scores, others = score(own), np.sort(score(_take(known, comparing)))
    above = len(others) - np.searchsorted(others, scores, side="left")
    levels = (1.0 + above) / (1.0 + len(others))
    return Novelty(scores, levels, method, len(others), lang)


def _take(arrays: dict[str, np.ndarray], index: np.ndarray) -> dict[str, np.ndarray]:
    return {name: array[index] for name, array in arrays.items()}


def _score_of(
    model: ModelState, method: str, reference: dict[str, np.ndarray]
) -> Callable[[dict[str, np.ndarray]], np.ndarray]:
    """Return the function from inputs to scores, fitted on reference rows."""
    if method == "energy":
        return lambda inputs: energy(_logits(model, inputs))
    if method == "distance":
        flat = _flat(reference)
        return lambda inputs: nearest_distance(_flat(inputs), flat)

    def features(inputs: dict[str, np.ndarray]) -> np.ndarray:
        return features_of_rows(model, inputs)

    known = features(reference)
    classes = _logits(model, reference).argmax(axis=1) if model.task == "classification" else None
    means, precision = class_gaussians(known, classes)
    return lambda inputs: mahalanobis(features(inputs), means, precision)


def _logits(model: ModelState, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """Return the raw outputs of the only output, (n, K); a single logit z as (0, z)."""
    if len(model.targets) > 1 or model.task != "classification":
        received = ", ".join(model.targets)
        expected = fact("a classifier with one output and one class for a sample")
        fix = alternatives('method="mahalanobis"', "--novelty-method mahalanobis")
        raise TrainingError("E570", where="novelty", received=received, expected=expected, fix=fix)
    raw = predictions(model, inputs, "raw")[next(iter(model.targets))].astype(np.float64)
    raw = raw.reshape(len(raw), -1)
    return raw if raw.shape[1] > 1 else np.concatenate([np.zeros_like(raw), raw], axis=1)


def features_of_rows(model: ModelState, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """Return the features of encoded rows, (N, F); see ``features_of``. The program is compiled once."""
    network = model.network
    assert network is not None
    engine = network.engine or settings.engine
    program = network.memo(
        ("features", engine), lambda: compile(Graph({"features": features_of(network)}), engine)
    )
    values = run(program, model.arrays, inputs)["features"].astype(np.float64)
    if values.ndim == 3 and next(iter(network.inference.outputs.values())).rank == 3:
        return _frame_moments(values, inputs)
    return values.reshape(len(values), -1)


def _frame_moments(values: np.ndarray, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """Return mean and standard deviation over the frames of each sequence, (N, T', F) -> (N, 2 F).

    Frames for which every input is zero are padding; of a sequence of zeros all are counted.
    """
    places = values.shape[1]
    is_filled = np.zeros(values.shape[:2], bool)
    for array in inputs.values():
        if array.ndim < 2 or array.shape[1] < places:
            return values.reshape(len(values), -1)
        frames = np.any(array.reshape(*array.shape[:2], -1), axis=2)  # (N, T)
        is_filled |= frames[:, np.arange(places) * array.shape[1] // places]
    is_filled[~is_filled.any(axis=1)] = True
    weights = (is_filled / is_filled.sum(axis=1, keepdims=True))[:, :, None]
    mean = (weights * values).sum(axis=1)
    variance = (weights * (values - mean[:, None]) ** 2).sum(axis=1)
    return np.concatenate([mean, np.sqrt(variance)], axis=1)


def features_of(network: Network) -> Node:
    """Return the features of a sample: of its maps (B, 2 C), or before the last layer, (B, ...).

    A network with convolutions one after the other has the mean and the standard deviation of each channel of
    its smallest map: what decides between the classes, which the last layers keep, is little of what makes an
    image unlike the others. So has one whose output is a map (B, H, W, K), such as a mask. Any other has the
    input of the last fully connected layer; the output if there is none. Of an output for each frame
    (B, T, K), ``features_of_rows`` returns mean and standard deviation over the frames of the features.
    """
    output = next(iter(network.inference.outputs.values()))
    deepest = _smallest_map(output)
    if deepest is not None and (output.rank == 4 or _convolutions(deepest)):
        mean = F.mean(deepest, (1, 2))  # (B, C)
        square = F.mean(F.square(deepest), (1, 2))
        return F.concatenate([mean, F.sqrt(F.maximum(square - F.square(mean), 0.0))], 1)
    products = [n for n in order([output]) if n.op.name == "matmul" and n.inputs[0].rank > 1]
    if not products:
        return output
    node = products[-1].inputs[0]
    is_sequence = output.rank == node.rank == 3 and node.shape[:2] == output.shape[:2]
    is_sized = all(isinstance(n, int) for n in node.shape[2 if is_sequence else 1 :])
    is_per_sample = node.shape[:1] == output.shape[:1] and is_sized
    return node if is_per_sample and math.prod(bound(node.shape[1:])) else output


def _smallest_map(output: Node) -> Node | None:
    """Return the input (B, H, W, C) of the last convolution on the fewest places, if there is one."""
    maps = _convolutions(output)
    if not maps:
        return None
    places = [math.prod(bound(n.shape[1:3])) for n in maps]
    last = max(i for i, count in enumerate(places) if count == min(places))
    return maps[last].inputs[0]


def _convolutions(output: Node) -> list[Node]:
    """Return the convolutions of images that a node is computed from."""
    return [n for n in order([output]) if n.op.name == "convolution" and n.rank == n.inputs[0].rank == 4]


def energy(logits: np.ndarray) -> np.ndarray:
    """Return -log sum exp of the logits of each row.

    Example:
        >>> energy(np.array([[0.0, 0.0], [10.0, -10.0]])).round(3).tolist()
        [-0.693, -10.0]
    """
    largest = logits.max(axis=1)
    return -(largest + np.log(np.exp(logits - largest[:, None]).sum(axis=1)))


def class_gaussians(features: np.ndarray, classes: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of each class (K, F), and the inverse of their common covariance (F, F)."""
    classes = np.zeros(len(features), np.int64) if classes is None else classes
    present, index = np.unique(classes, return_inverse=True)
    means = np.stack([features[classes == k].mean(axis=0) for k in present])
    deviations = features - means[index]
    covariance = deviations.T @ deviations / max(1, len(features) - len(present))
    ridge = RIDGE * (np.trace(covariance) / len(covariance) or 1.0)
    return means, np.linalg.pinv(covariance + ridge * np.eye(len(covariance)), hermitian=True)


def mahalanobis(features: np.ndarray, means: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """Return the squared Mahalanobis distance of each row from its nearest mean, (n,)."""
    distances = [
        np.einsum("ij,jk,ik->i", features - mean, precision, features - mean, optimize=True) for mean in means
    ]
    return np.min(distances, axis=0)


def nearest_distance(rows: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return the mean distance of each row to its ``NEIGHBORS`` nearest reference rows, (n,)."""
    count, squares = min(NEIGHBORS, len(reference)), (reference**2).sum(axis=1)
    results = []
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        distances = (part**2).sum(axis=1)[:, None] + squares - 2.0 * part @ reference.T
        nearest_squares = np.partition(np.maximum(distances, 0.0), count - 1, axis=1)[:, :count]
        results.append(np.sqrt(nearest_squares).mean(axis=1))
    return np.concatenate(results) if results else np.zeros(0)


def _flat(inputs: dict[str, np.ndarray]) -> np.ndarray:
    return np.concatenate([a.reshape(len(a), -1).astype(np.float64) for a in inputs.values()], axis=1)
