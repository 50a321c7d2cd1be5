"""The entry point of certificates: check the options, encode the samples, prove or refute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from chainrule.bounds.subject import Subject
from chainrule.errors import TrainingError, UsageError, alternatives, fact
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section, Table
from chainrule.page.terminal import text_page
from chainrule.prng import key_of
from chainrule.records import frozen
from chainrule.robustness.certificates.linear import Region, attacked, can_divide, divided, proven
from chainrule.robustness.certificates.smoothing import smoothed
from chainrule.robustness.objective import attack_graph
from chainrule.robustness.problem import Problem
from chainrule.robustness.result import Share
from chainrule.robustness.samples import Samples, ball_of
from chainrule.robustness.stream import Stream
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
OPTIONS = ("norm", "method", "bounds", "seed", "seconds", "sigma", "samples", "failure", "lang")


def certify(model: ModelState, x: Any, *, radius: Any, **options: Any) -> Certificate:
    """Prove predictions within a radius; see ``Model.certify``."""
    refuse_unknown("certify", options, OPTIONS, ("x", "radius"))
    method, lang = options.get("method", "bounds"), language(options.get("lang"), "certify")
    choice(method, METHODS, "method", "certify")
    request = _Request(model, x, radius, options)
    return request.smoothing(lang) if method == "smoothing" else request.linear(lang)


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

    def _subject(self) -> Subject:
        """Return the network for bounds; if an operation has no rule, the error names smoothing instead."""
        graph = self.samples.graph
        try:
            return Subject(graph.logits, self.model.arrays, graph.point_name)
        except UsageError as error:
            if error.code == "E580":
                error.fix = 'model.certify(x, radius=0.1, method="smoothing")'
            raise

    def linear(self, lang: str) -> Certificate:
        """Certify by linear bounds; samples that are not proven are attacked."""
        samples, ball = self.samples, self.ball
        classes = self._classes(samples.x)
        subject = self._subject()
        region = Region.of(ball, samples.x)
        is_proven = proven(subject, region, classes)
        problem = Problem(samples.graph, self.model.arrays, samples.x, classes, {}, ball)
        points = self._counterexamples(problem, np.flatnonzero(~is_proven))
        seconds = self._number("seconds", 5.0)
        if seconds > 0 and can_divide(subject, region):
            for row in np.flatnonzero(~is_proven):
                if int(row) not in points:
                    is_proven[row], point = divided(subject, region, int(row), int(classes[row]), seconds)
                    points |= self._confirmed(problem, np.array([row]), point)
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
        return self.samples.target.probabilities(values[self.samples.graph.output]).argmax(axis=1)

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
