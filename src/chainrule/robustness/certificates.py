"""Certificates: proofs by linear bounds, or by randomized smoothing, that a class does not change."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from scipy.special import betaincinv, ndtri

from chainrule.bounds.alpha_beta_crown import rectifiers
from chainrule.bounds.branch_and_bound import BranchAndBound
from chainrule.bounds.interval import UNIT
from chainrule.bounds.neuron_splitting import NeuronSplitting
from chainrule.bounds.requirement import Case
from chainrule.bounds.verification import FEW
from chainrule.bounds.verified_network import Subject
from chainrule.errors import TrainingError, UsageError, alternatives, fact
from chainrule.graph import constant
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section, Table
from chainrule.page.terminal import text_page
from chainrule.prng import key_of
from chainrule.records import frozen
from chainrule.robustness.attack_objective import Problem, Search, attack_graph
from chainrule.robustness.attack_result import Share
from chainrule.robustness.attack_samples import Samples, ball_of
from chainrule.robustness.ball import Ball, Stream
from chainrule.texts import render
from chainrule.train.evaluation.prediction import predictions
from chainrule.train.evaluation.rows import encode_rows
from chainrule.validation import (
    choice,
    integer,
    language,
    number,
    out_of_range,
    random_seed,
    refuse_unknown,
    trained_network,
)

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState

# Certificates of the network itself: linear bounds, an attack, and branch and bound.

STEPS = 40  # of the attack
SAMPLES = 16  # bounded at once


@frozen(eq=False)
class Region:
    """All changed samples, as boxes and for the Euclidean norm also as ellipsoids; rounded outward.

    Args:
        lower, upper: bounds of flat inputs, (n, inputs).
        ellipsoid: center and half axes, (n, inputs) each; ``None`` for the norm ``"inf"``.
    """

    lower: np.ndarray
    upper: np.ndarray
    ellipsoid: tuple[np.ndarray, np.ndarray] | None

    @staticmethod
    def of(ball: Ball, x: np.ndarray) -> Region:
        """Return the region of samples (n, ...) within a ball and the range of the data."""
        flat = len(x), math.prod(x.shape[1:])
        center = x.astype(np.float64)
        scale = np.broadcast_to(np.abs(np.asarray(ball.scale, np.float64)), x.shape[1:])
        change = np.broadcast_to(ball.radius * scale * (1.0 + 4.0 * UNIT), x.shape)
        low, high = ball.limits(x)
        lower = np.maximum(np.nextafter(center - change, -np.inf), low)
        upper = np.minimum(np.nextafter(center + change, np.inf), high)
        lower, upper = np.minimum(lower, center), np.maximum(upper, center)
        ellipsoid = (center.reshape(flat), change.reshape(flat)) if ball.norm == "2" else None
        return Region(lower.reshape(flat), upper.reshape(flat), ellipsoid)

    def rows(self, index: np.ndarray) -> Region:
        """Return the region of some samples."""
        ellipsoid = None if self.ellipsoid is None else tuple(part[index] for part in self.ellipsoid)
        return Region(self.lower[index], self.upper[index], ellipsoid)  # pyright: ignore[reportArgumentType]


def proven(subject: Subject, region: Region, classes: np.ndarray) -> np.ndarray:
    """Return whether linear bounds prove that each sample's class is predicted on its region, (n,)."""
    return np.asarray((lower_margins(subject, region, classes) > 0).all(1))  # NaN, no bound, is no proof


def lower_margins(subject: Subject, region: Region, classes: np.ndarray) -> np.ndarray:
    """Lower bounds of the logit of the class of each sample minus each other one, in order, (n, K - 1)."""
    count = subject.outputs
    lowest = np.zeros((len(classes), count - 1))
    for first in range(0, len(classes), SAMPLES):
        index = np.arange(first, min(first + SAMPLES, len(classes)))
        part = region.rows(index)
        ellipsoids = None if part.ellipsoid is None else {subject.label: part.ellipsoid}
        enclosure = subject.enclosure(part.lower, part.upper, ellipsoids=ellipsoids)
        own, other, boxes = [], [], []
        for box, label in enumerate(classes[index]):
            others = [k for k in range(count) if k != label]
            own += [label] * len(others)
            other += others
            boxes += [box] * len(others)
        place, rows = np.arange(len(own)), np.zeros((len(own), count))
        rows[place, own], rows[place, other] = 1.0, -1.0
        margins = enclosure.linear_bound(subject.structure.output, rows, np.array(boxes, int)).value
        lowest[index] = margins.reshape(len(index), -1)
    return lowest


def attacked(problem: Problem, rows: np.ndarray, stream: Stream) -> np.ndarray:
    """Attack the margin by projected gradient ascent from the samples and from random points.

    Args:
        problem: the network, samples, predicted classes and ball.
    """
    search, ball = Search(problem, rows), problem.ball
    starts = (
        np.zeros((len(rows), *problem.sample_shape)),
        ball.random((len(rows), *problem.sample_shape), stream),
    )
    for start in starts:
        at = search.open
        u = ball.project(problem.x[rows[at]], start[at])
        for step in range(STEPS):
            if not at.size:
                return search.points
            evaluation = problem.evaluate(u, rows[at], "margin")
            is_correct = search.record(at, u, evaluation)
            assert evaluation.gradient is not None
            length = 2.0 * ball.radius * (1.0 - step / STEPS) * 0.25
            u = (u + length * ball.steepest(evaluation.gradient))[is_correct]
            at = at[is_correct]
            u = ball.project(problem.x[rows[at]], u)
    return search.points


def can_divide(subject: Subject, region: Region) -> bool:
    """Return whether branch and bound applies: few inputs and the norm ``"inf"``, or a network with relu."""
    return bool(rectifiers(subject.structure)) or (region.ellipsoid is None and region.lower.shape[1] <= FEW)


def divided(
    subject: Subject, region: Region, row: int, label: int, seconds: float
) -> tuple[bool, np.ndarray | None]:
    """Branch and bound for one sample; see ``can_divide``.

    Returns:
        whether its class is proven, and a candidate for a counterexample, if there is one.
    """
    started = time.monotonic()
    if not (np.isfinite(region.lower[row]).all() and np.isfinite(region.upper[row]).all()):
        return False, None
    has_few = region.ellipsoid is None and region.lower.shape[1] <= FEW
    ellipsoid = None if region.ellipsoid is None else (region.ellipsoid[0][row], region.ellipsoid[1][row])
    lower, upper = (tuple(Fraction(float(v)) for v in end[row]) for end in (region.lower, region.upper))
    margins = lower_margins(subject, region.rows(np.array([row])), np.array([label]))[0]
    others = np.delete(np.arange(subject.outputs), label)
    is_open = np.flatnonzero(~(margins > 0))  # the other classes are excluded by linear bounds already
    for other in others[is_open[np.argsort(margins[is_open])]].tolist():
        coefficients = np.zeros((1, subject.outputs))
        coefficients[0, label], coefficients[0, other] = 1.0, -1.0
        case = Case(lower, upper, coefficients, (Fraction(0),))
        search = BranchAndBound(subject, case) if has_few else NeuronSplitting(subject, case, ellipsoid)
        counterexample = search.run(lambda: time.monotonic() - started > seconds)
        if counterexample is not None:
            return False, counterexample.x
        if not search.is_done:
            return False, None
    return True, None


# Randomized smoothing: a classifier that is certified by sampling.
#
# The smoothed classifier predicts the class that the network predicts most often for a sample with Gaussian
# noise of standard deviation s. If it predicts that class with probability at least p > 1/2, no change of
# Euclidean length below s Phi^-1(p) changes the smoothed prediction. p is a lower confidence limit from
# counts (Clopper and Pearson), so the statement about a sample is wrong with at most the stated probability.
# It is about the smoothed classifier, not about the network.
#
# Reference: Cohen, Rosenfeld and Kolter (2019), Certified adversarial robustness via randomized smoothing
# (ICML), theorem 1 and section 3.2; Clopper and Pearson (1934), The use of confidence or fiducial limits
# illustrated in the case of the binomial (Biometrika 26).

SELECTION = 100  # noisy samples that choose the class
BATCH = 4096  # noisy samples that are classified at once


@frozen(eq=False)
class Smoothed:
    """Predictions of the smoothed classifier.

    Args:
        classes: the index of the class of each sample.
        radii: the certified radius of each; 0 where it abstains.
    """

    classes: np.ndarray
    radii: np.ndarray


def smoothed(
    classify: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    sigma: np.ndarray,
    samples: int,
    failure: float,
    stream: Stream,
) -> Smoothed:
    """Classify samples by the smoothed classifier, with radii in units of ``sigma``'s unit 1.

    Args:
        classify: from inputs (m, ...) to class indices (m,).
        x: the samples, (n, ...).
        sigma: the standard deviation of the noise of each element, broadcast to a sample.
        samples: noisy samples for the confidence limit.
        failure: probability with which the statement about a sample may be wrong.

    Returns:
        classes and radii, as multiples of ``sigma``.
    """
    classes, radii = np.zeros(len(x), np.int64), np.zeros(len(x))
    for i, row in enumerate(x):
        first = np.bincount(_noisy_classes(classify, row, sigma, SELECTION, stream))
        classes[i] = int(first.argmax())
        count = int((_noisy_classes(classify, row, sigma, samples, stream) == classes[i]).sum())
        limit = lower_limit(count, samples, failure)
        radii[i] = ndtri(limit) if limit > 0.5 else 0.0
    return Smoothed(classes, radii)


def lower_limit(count: int, samples: int, failure: float) -> float:
    """Return the lower confidence limit of a probability, from the number of times that it occurred.

    Example:
        >>> lower_limit(100, 100, 0.001) == 0.001 ** 0.01  # all: the limit solves p^100 = 0.001
        True
        >>> lower_limit(0, 100, 0.001)
        0.0
    """
    if count == 0:
        return 0.0
    if count == samples:
        return failure ** (1.0 / samples)
    return float(betaincinv(count, samples - count + 1, failure))


def _noisy_classes(
    classify: Callable[[np.ndarray], np.ndarray],
    row: np.ndarray,
    sigma: np.ndarray,
    count: int,
    stream: Stream,
) -> np.ndarray:
    """Return the classes of one sample with noise, (count,)."""
    parts = []
    for first in range(0, count, BATCH):
        noise = stream.normal((min(BATCH, count - first), *row.shape)) * sigma
        parts.append(classify((row + noise).astype(row.dtype)))
    return np.concatenate(parts)


# The result of ``Model.certify``: a status for each sample, and the counterexamples.

Status: TypeAlias = Literal["proven", "broken", "unknown"]
STATUSES: tuple[Status, ...] = ("proven", "broken", "unknown")
MAX_LISTED = 10


@frozen(eq=False)
class Certificate:
    """A status for each sample. Printing it gives text.

    Args:
        method: ``"bounds"`` or ``"smoothing"``.
        norm: ``"inf"`` or ``"2"``.
        radius: the largest change.
        status: for each sample ``"proven"``: no change within the radius changes the predicted class;
            ``"broken"``: one does, see ``counterexamples``; ``"unknown"``: neither was shown.
        predictions: the predicted labels; of smoothing those of the smoothed classifier.
        counterexamples: the changed samples by the index of the sample, as inputs of the network.
        attacked: the predicted label of each counterexample, by the index of the sample.
        radii: of smoothing, the certified radius of each sample; 0 where it abstains.
        failure: of smoothing, the probability with which the statement about a sample is wrong; 0 for bounds.
        is_prepared: whether changes are in the units of prepared inputs, not of the table's columns.
        lang: the language of the text.
    """

    method: str
    norm: str
    radius: float
    status: tuple[Status, ...]
    predictions: np.ndarray
    counterexamples: Mapping[int, np.ndarray]
    attacked: Mapping[int, Any]
    radii: np.ndarray | None = None
    failure: float = 0.0
    is_prepared: bool = False
    lang: str = "en"

    def share(self, status: Status) -> Share:
        """Return the share of samples with a status."""
        return Share(sum(s == status for s in self.status), len(self.status))

    def page(self) -> Page:
        """Return the statuses as a page: counts, threat model, and the first counterexamples."""
        lang = self.lang

        def text(key: str, **facts: Any) -> str:
            return render(key, lang, **facts)

        lines = [
            text("certificate_changes", norm=text(f"attack_norm_{self.norm}"), radius=f"{self.radius:g}"),
            text("certificate_prepared") if self.is_prepared else "",
            *(text(f"certificate_{s}", share=self.share(s)) for s in STATUSES),
            text(f"certificate_limit_{self.method}", failure=f"{self.failure:g}"),
        ]
        sections = [Section("", (Items(tuple(line for line in lines if line)),))]
        if self.counterexamples:
            header = tuple(text(key) for key in ("attack_row", "attack_before", "attack_after"))
            rows = tuple(
                (str(i + 1), str(self.predictions[i]), str(self.attacked[i]))
                for i in list(self.counterexamples)[:MAX_LISTED]
            )
            sections.append(Section(text("certificate_counterexamples"), (Table(header, rows),)))
        return Page(text("certificate_title"), lang, tuple(sections))

    def __str__(self) -> str:
        return text_page(self.page())

    def _repr_html_(self) -> str:
        return html_page(self.page(), standalone=False)


METHODS = ("bounds", "smoothing")
LEAST = 1e-4  # the smallest threshold, and the distance of the largest from 1
ROUNDED = 1e-6  # how far a probability may be from that of the exact scores
OPTIONS = ("norm", "method", "bounds", "seed", "seconds", "threshold", "sigma", "samples", "failure", "lang")


def certify(
    model: ModelState, x: Any, *, radius: Any, advance: Callable[[int], None] | None = None, **options: Any
) -> Certificate:
    """Prove predictions within a radius; see ``Model.certify``.

    Args:
        model, x, radius, options: as of ``Model.certify``.
        advance: called by the method ``"bounds"`` with each further number of samples whose status is final.
    """
    refuse_unknown("certify", options, OPTIONS, ("x", "radius"))
    method, lang = options.get("method", "bounds"), language(options.get("lang"), "certify")
    choice(method, METHODS, "method", "certify")
    request = _Request(model, x, radius, options)
    if method == "smoothing":
        return request.smoothing(lang)
    return request.linear(lang, advance or (lambda count: None))


class _Request:
    """Encoded samples of a certificate and their predicted classes."""

    def __init__(self, model: ModelState, x: Any, radius: Any, options: Mapping[str, Any]) -> None:
        network = trained_network(model, "certify")
        (name, target), *others = model.targets.items()
        if others or not target.is_single or len(network.inputs) != 1:
            expected = fact("a classifier with one input and one class for a sample")
            received = target.loss.name if not others else ", ".join(model.targets)
            raise TrainingError("E582", where="certify", expected=expected, received=received)
        rows = encode_rows(model, x, "certify")
        graph = attack_graph(rows.network, name, len(target.labels) or target.max_classes)
        if graph.is_embedded:
            raise TrainingError(
                "E582", where="certify", expected=fact("inputs that are numbers"), received=graph.input
            )
        self.model, self.options = rows.model, options
        self.samples = Samples(graph, target, rows)
        default = "2" if options.get("method") == "smoothing" else "inf"
        try:
            self.ball = ball_of(self.samples, options.get("norm", default), radius, options.get("bounds"))
        except UsageError as error:
            error.where = error.where.replace("attack", "certify")
            if error.fix.startswith("radius="):
                error.fix = alternatives(error.fix, f"--certify {error.fix.removeprefix('radius=')}")
            raise
        self.stream = Stream(key_of(random_seed(options.get("seed", 0), "certify")))
        self.threshold = self._threshold()

    def _threshold(self) -> float | None:
        """Return the checked threshold; E582: a model whose probabilities are not those of its scores."""
        value = self.options.get("threshold")
        if value is None:
            return None
        value = number(value, "threshold", "certify", minimum=LEAST, maximum=1 - LEAST, example=0.3)
        if self.options.get("method") == "smoothing":
            raise self._refused("threshold", fact('method "bounds"'), value, 'method="bounds"')
        network, samples = self.model.network, self.samples
        assert network is not None
        output = samples.graph.output
        probabilities = network.predictions()[f"prediction.{output}"]
        is_of_scores = probabilities.inputs[:1] == (network.inference.outputs[output],)
        is_plain = is_of_scores and probabilities.op.name in ("softmax", "sigmoid")
        if len(samples.names) != 2 or not is_plain:
            expected = fact("two classes, of which a softmax or a sigmoid computes the probabilities")
            received = fact(
                "{count} classes, {loss}", count=len(samples.names), loss=samples.target.loss.name
            )
            raise TrainingError("E582", where="certify, threshold", expected=expected, received=received)
        return float(value)

    def _subjects(self) -> list[Subject]:
        """Return what is to be proven: networks whose largest score is that of the predicted class.

        With a threshold t, the second class is predicted where z_2 - z_1 >= log(t / (1 - t)). That is proven
        with this number a little smaller and a little larger, since the probabilities are rounded.

        If an operation has no rule, the error names smoothing instead.
        """
        graph, network = self.samples.graph, self.model.network
        assert network is not None
        logits, limit = network.as_predicted(graph.logits), self.threshold
        try:
            if limit is None:
                return [Subject(logits, self.model.arrays, graph.point_name)]
            center, slack = math.log(limit / (1 - limit)), ROUNDED / (limit * (1 - limit))
            moved = [logits - constant(np.array([[0.0, center + s]], logits.dtype)) for s in (-slack, slack)]
            return [Subject(node, self.model.arrays, graph.point_name) for node in moved]
        except UsageError as error:
            if error.code == "E580":
                error.fix = 'model.certify(x, radius=0.1, method="smoothing")'
            raise

    def linear(self, lang: str, advance: Callable[[int], None]) -> Certificate:
        """Certify by linear bounds; samples that are not proven are attacked."""
        samples, ball = self.samples, self.ball
        classes = self._classes(samples.x)
        subjects = self._subjects()
        region = Region.of(ball, samples.x)
        is_proven = self._bounded(subjects, region, classes, advance)
        problem = Problem(samples.graph, self.model.arrays, samples.x, classes, {}, ball)
        rows = np.flatnonzero(~is_proven)
        points = self._counterexamples(problem, rows)
        advance(len(points))
        seconds = self._number("seconds", 5.0)
        is_divided = seconds > 0 and can_divide(subjects[0], region)
        for row in rows.tolist():
            if row in points:
                continue
            if is_divided:
                is_proven[row], point = self._divided(subjects, region, problem, row, seconds)
                points |= point
            advance(1)
        statuses: list[Status] = [
            "proven" if done else "broken" if i in points else "unknown" for i, done in enumerate(is_proven)
        ]
        after = {i: samples.names[self._classes(point[None])[0]] for i, point in points.items()}
        return Certificate(
            "bounds",
            ball.norm,
            ball.radius,
            tuple(statuses),
            self._labels(classes),
            points,
            after,
            is_prepared=self._is_prepared,
            lang=lang,
        )

    def _bounded(
        self, subjects: list[Subject], region: Region, classes: np.ndarray, advance: Callable[[int], None]
    ) -> np.ndarray:
        """Return whether linear bounds prove each sample, (n,), ``SAMPLES`` of them at once."""
        is_proven = np.zeros(len(classes), bool)
        for first in range(0, len(classes), SAMPLES):
            index = np.arange(first, min(first + SAMPLES, len(classes)))
            part = region.rows(index)
            is_proven[index] = np.all([proven(s, part, classes[index]) for s in subjects], axis=0)
            advance(int(is_proven[index].sum()))
        return is_proven

    def _divided(
        self, subjects: list[Subject], region: Region, problem: Problem, row: int, seconds: float
    ) -> tuple[bool, dict[int, np.ndarray]]:
        """Divide the box of a row; return whether it is proven, and its counterexample."""
        parts = [divided(s, region, row, int(problem.labels[row]), seconds) for s in subjects]
        points: dict[int, np.ndarray] = {}
        for _, point in parts:
            points |= self._confirmed(problem, np.array([row]), point)
        return all(is_done for is_done, _ in parts), points

    def smoothing(self, lang: str) -> Certificate:
        """Certify the smoothed classifier."""
        if self.ball.norm != "2":
            fix = 'method="smoothing", norm="2"'
            raise UsageError(
                "E102", where="certify", name="norm", expected='norm="2"', received='norm="inf"', fix=fix
            )
        sigma = self._number("sigma", self.ball.radius or 0.25)
        failure = self._number("failure", 0.001)
        samples = integer(self.options.get("samples", 1000), "samples", "certify", minimum=1)
        if failure >= 0.5:
            raise self._refused("failure", fact("a probability below 0.5"), failure, "failure=0.001")
        x = self.samples.x
        noise = np.broadcast_to(sigma * np.asarray(self.ball.scale, np.float64), x.shape[1:])
        result = smoothed(self._classes, x, noise, samples, failure, self.stream)
        radii = sigma * result.radii
        statuses: tuple[Status, ...] = tuple(
            "proven" if value > 0 and value >= self.ball.radius else "unknown" for value in radii
        )
        return Certificate(
            "smoothing",
            "2",
            self.ball.radius,
            statuses,
            self._labels(result.classes),
            {},
            {},
            radii,
            failure,
            self._is_prepared,
            lang,
        )

    @property
    def _is_prepared(self) -> bool:
        return self.model.preparation is not None and self.samples.pixels is None

    def _classes(self, x: np.ndarray) -> np.ndarray:
        """Return the classes that the model predicts for inputs, (n,)."""
        values = predictions(self.model, {self.samples.graph.input: x}, "prediction")
        probabilities = self.samples.target.probabilities(values[self.samples.graph.output])
        return self.samples.target.decided(probabilities, self.threshold)

    def _labels(self, classes: np.ndarray) -> np.ndarray:
        return np.array([self.samples.names[k] for k in classes])

    def _counterexamples(self, problem: Problem, rows: np.ndarray) -> dict[int, np.ndarray]:
        """Return changed samples within the ball that the model predicts differently, by row."""
        return self._confirmed(problem, rows, attacked(problem, rows, self.stream)) if len(rows) else {}

    def _confirmed(
        self, problem: Problem, rows: np.ndarray, points: np.ndarray | None
    ) -> dict[int, np.ndarray]:
        if points is None:
            return {}
        x = problem.x[rows]
        points = self.ball.enforce(x, points.reshape(x.shape).astype(x.dtype))
        is_other = self._classes(points) != problem.labels[rows]
        return {int(row): point for row, point, other in zip(rows, points, is_other, strict=True) if other}

    def _number(self, name: str, default: float) -> float:
        """Return a number of the options, not negative."""
        return float(number(self.options.get(name, default), name, "certify", minimum=0, example=default))

    def _refused(self, name: str, expected: Any, value: Any, fix: str) -> UsageError:
        return out_of_range(value, name, "certify", expected, fix=fix)
