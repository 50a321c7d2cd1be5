"""A model that is served: its name and version, what it takes, and what it predicts.

Rows of several requests are computed together, and the bits of a row do not depend on the others (see
``train.evaluation.prediction``). A network in which rows depend on each other, such as one that normalizes a
batch, computes each request by itself.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.data import Finding
from chainrule.data.readers.lazy_polars import pl
from chainrule.errors import ChainruleError, Message, UsageError, fact
from chainrule.inputs import InputKind, InputRows, kind_of
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.robustness.novelty_gate import (
    has_unreadable_gate,
    is_unlike,
    marked_rows,
    marking_gate,
    unreadable_gate,
)
from chainrule.serve.forms import Columns, Encoded, Field, Form, TextForm, form_of
from chainrule.settings import Language
from chainrule.tabular.intervals_after_training import interval_columns
from chainrule.tabular.predicted_columns import PROBABILITIES, ColumnPredictor, decided_class, unknown_note
from chainrule.tabular.run_folder import MODEL, model_file
from chainrule.train.evaluation.frame_predictions import PREDICTION, PROBABILITY, probability_titles
from chainrule.train.model_state import NOVELTY_GATE
from chainrule.train.monitor.memory import couples_rows_of
from chainrule.train.nonfinite.finite_check import is_finite
from chainrule.train.private.privacy import INTERVALS
from chainrule.uncertainty.prediction_intervals import LEVELS, Intervals
from chainrule.validation import trained_network
from chainrule.web.responses import RequestError, invalid

if TYPE_CHECKING:
    from chainrule.attribution.attribution import Attribution

LOWER, UPPER = "lower", "upper"
TITLE = PROBABILITY.partition("{")[0]  # of the columns of the probabilities of several outputs
SHORT = 8  # numbers that are checked one by one, which takes less time than a call of NumPy
_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@frozen(eq=False)
class Request:
    """The rows of a request.

    Args:
        columns: values by field.
        count: number of rows.
        interval: the level of the prediction intervals; ``None``: none.
    """

    columns: Columns
    count: int
    interval: float | None = None


@frozen(eq=False)
class Predictions:
    """The predictions for a request.

    Args:
        columns: by name, a value for each row.
        frame: the rows of a table; ``None`` for other kinds.
        notices: on the model, and on how the rows were read.
    """

    columns: dict[str, np.ndarray]
    frame: pl.DataFrame | None = None
    notices: tuple[Finding | Message, ...] = ()


class ServedModel:
    """A model under a name and a version.

    Args:
        name, version: in paths.
        run: where it was loaded from.
        model: with a trained network.
        form: what it takes.
        digest: SHA-256 of its file.
    """

    def __init__(self, name: str, version: str, run: str, model: Model, digest: str) -> None:
        self.name, self.version, self.run, self.model, self.digest = name, version, run, model, digest
        self.kind: InputKind = kind_of(model)
        form = form_of(model, self.kind)
        if form is None:
            expected = fact("a model of tables, arrays, texts, images or sounds")
            fix = f"chainrule predict {run} DATA"
            raise UsageError("E622", where=run, expected=expected, received=self.kind.name, fix=fix)
        self.form: Form = form
        self.has_own_output = self.kind.has_own_output or _continues(form, self.kind)
        network = trained_network(model.state, "serve")
        self.is_coupled = couples_rows_of(network.prediction_program)
        is_ungated = NOVELTY_GATE in model.facts and has_unreadable_gate(model.state)
        self.notices = (unreadable_gate(fact("the model")),) if is_ungated else ()
        self.gate = marking_gate(model.state)
        self.example: Predictions | None = None
        self.classes: list[str] = []  # of the probabilities of a single output
        targets = model.targets.values()
        self.has_probabilities = not self.has_own_output and any(
            target.loss.task == "classification" for target in targets
        )
        self.predictor = ColumnPredictor(model, self.has_probabilities, kind=self.kind, has_matrix=True)

    @property
    def may_refuse(self) -> bool:
        """Whether a row may have no prediction, or ``"unknown"``."""
        return self.predictor.gate is not None or self.predictor.level is not None

    @property
    def fields(self) -> tuple[Field, ...]:
        """What a row has."""
        return self.form.fields

    @property
    def levels(self) -> tuple[float, ...]:
        """The levels of prediction intervals."""
        intervals = Intervals.of_fact(self.model.facts.get(INTERVALS))
        return () if intervals is None else tuple(level for level in LEVELS if level in intervals.margins)

    def warm_up(self) -> None:
        """Predict an example, so that the first request does not wait for the compiler."""
        with suppress(ChainruleError, RequestError):
            (predicted,) = self.predictions([Request(self.form.example(), 1)])
            if isinstance(predicted, Predictions):
                self.example = predicted

    def predictions(self, requests: Sequence[Request]) -> list[Any]:
        """Return the ``Predictions`` for each request, or the exception that it caused."""
        results: list[Any] = [self._encoded(request) for request in requests]
        if len(results) == 1 and isinstance(results[0], Encoded):
            (columns,) = self._predicted(results)
            return [self._with_interval(columns, requests[0], results[0])]
        for group in self._groups(results):
            for (i, part), columns in zip(group, self._predicted([part for _, part in group]), strict=True):
                results[i] = self._with_interval(columns, requests[i], part)
        return results

    def records(self, predicted: Predictions) -> list[dict[str, Any]]:
        """Return predictions as one record of JSON for each row."""
        columns = predicted.columns
        shares = columns.get(PROBABILITIES)
        if shares is None:
            return records_of(columns)
        if not self.classes:
            titles = probability_titles(self.model.state, "", shares.shape[1])
            self.classes = [title.removeprefix(TITLE) for title in titles]
        records = records_of({name: values for name, values in columns.items() if values is not shares})
        for record, row in zip(records, plain_list(shares), strict=True):
            record[PROBABILITIES] = dict(zip(self.classes, row, strict=True))
        return records

    def explain(self, request: Request, lang: Language) -> dict[str, Any]:
        """Return the reasons of the prediction for one row.

        Args:
            request: with one row.
            lang: ``"en"`` or ``"zh"``.
        """
        attribution, notices = self.attribution(request, lang)
        reasons = [
            {"name": c.name, "value": c.input, "contribution": plain(c.value)}
            for c in attribution.contributions()
        ]
        base = attribution.base
        note = unknown_note(self.model, self.form.samples(request.columns, request.count), lang)
        return {
            "target": plain(attribution.targets[0]),
            "explains": attribution.explains,
            "score": plain(float(attribution.scores[0])),
            "baseline_score": None if base is None else plain(float(base[0])),
            "method": attribution.method,
            "reasons": reasons,
            "notices": [notice.render(lang) for notice in notices],
            "text": f"{attribution}\n{note}\n" if note else str(attribution),
        }

    def attribution(
        self, request: Request, lang: Language
    ) -> tuple[Attribution, tuple[Finding | Message, ...]]:
        """Return the contributions of the inputs for one row, in the terms of the kind, and notices.

        Args:
            request, lang: as of ``explain``.
        """
        x = self.form.samples(request.columns, request.count)
        encoded = self._encoded(request)
        if isinstance(encoded, Exception):
            raise encoded
        target = None if encoded.rows is None else self.kind.attribution_target(self.model, encoded.rows)
        target = decided_class(self.model, x) if target is None else target
        attribution = self.model.attribute(x, target=target, lang=lang, strict=False)
        if encoded.rows is not None:
            attribution = self.kind.relabel(attribution, encoded.rows)
        return attribution, self._notices(encoded)

    def _notices(self, part: Encoded) -> tuple[Finding | Message, ...]:
        """Return the notices on the model, on how rows were read, and on those unlike the training rows."""
        marked = self.gate and marked_rows(self.gate, is_unlike(self.model.state, self.gate, part.x))
        return (*self.notices, *part.notices, *([marked] if marked else []))

    def _encoded(self, request: Request) -> Encoded | Exception:
        try:
            return self.form.encode(request.columns, request.count)
        except (ChainruleError, RequestError) as error:
            return error

    def _groups(self, results: Sequence[Any]) -> Iterator[list[tuple[int, Encoded]]]:
        """Yield encoded requests, with their numbers, that are computed together: of equal shapes."""
        groups: dict[Any, list[tuple[int, Encoded]]] = {}
        for i, part in enumerate(results):
            if isinstance(part, Encoded):
                is_alone = self.is_coupled or self.has_own_output
                groups.setdefault(i if is_alone else _shapes(part.x), []).append((i, part))
        yield from groups.values()

    def _predicted(self, parts: Sequence[Encoded]) -> list[dict[str, np.ndarray]]:
        """Return the columns of predictions of rows that are computed together."""
        if self.has_own_output:
            return [self._own_output(part) for part in parts]
        columns = self.predictor(_concatenated([part.x for part in parts]))
        if len(parts) == 1:
            return [columns]
        ends = np.cumsum([part.count for part in parts]).tolist()
        starts = [0, *ends[:-1]]
        return [
            {name: values[start:end] for name, values in columns.items()}
            for start, end in zip(starts, ends, strict=True)
        ]

    def _own_output(self, part: Encoded) -> dict[str, np.ndarray]:
        """Return the columns of a kind that has its own form of predictions."""
        rows = part.rows or InputRows(self.kind, part.x, None, part.count)
        output = self.kind.output(self.model, rows, None)
        assert output is not None
        columns = output.columns
        if isinstance(columns, pl.DataFrame):
            return {name: columns[name].to_numpy() for name in columns.columns}
        return {name: np.asarray(values) for name, values in columns.items()}

    def _with_interval(self, columns: dict[str, np.ndarray], request: Request, part: Encoded) -> Any:
        """Return the predictions of a request, with the interval that it requests, or the exception."""
        notices = self._notices(part)
        if request.interval is None:
            return Predictions(columns, part.frame, notices)
        try:
            ends = interval_columns(
                self.model, columns.get(PREDICTION, np.zeros(0)), request.interval, part.x
            )
            return Predictions(columns | ends, part.frame, notices)
        except UsageError as error:
            own = fact("leave out {names}", names="interval")
            error.where, error.fix = "interval", error.fix.removeprefix("--interval ") if self.levels else own
            return error


def _continues(form: Form, kind: InputKind) -> bool:
    """Return whether texts are continued: of such a kind, only arrays have predictions of the network."""
    return form.name == TextForm.name and type(kind).output is not InputKind.output


def level_of(value: Any) -> float | None:
    """Return the level of prediction intervals that a request names.

    Raises:
        RequestError 400: it is not a number between 0 and 1.
    """
    if value is not None and not (type(value) in (int, float) and 0 < value < 1):
        raise invalid(fact('"{name}" must be a number between 0 and 1', name="interval"))
    return value


def records_of(columns: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """Return predictions as one record of JSON for each row.

    Args:
        columns: of an ``Predictions``.

    Example:
        >>> records_of({"prediction": np.array(["a"]), "probability of a": np.array([1.0])})
        [{'prediction': 'a', 'probabilities': {'a': 1.0}}]
    """
    names, titles, labels, has_interval = _record_form(tuple(columns))
    predicted = [plain_list(columns[name]) for name in names]
    records = [dict(zip(names, row, strict=True)) for row in zip(*predicted, strict=True)]
    if has_interval:
        for record in records:
            record["interval"] = [record.pop(LOWER), record.pop(UPPER)]
    if titles:
        shares = zip(*[plain_list(columns[title]) for title in titles], strict=True)
        for record, row in zip(records, shares, strict=True):
            record[PROBABILITIES] = dict(zip(labels, row, strict=True))
    return records


@lru_cache(256)
def _record_form(columns: tuple[str, ...]) -> tuple[list[str], list[str], list[str], bool]:
    """Return columns other than probabilities, probabilities, their labels, whether there is an interval."""
    titles = [name for name in columns if name.startswith(TITLE)]
    names = [name for name in columns if name not in titles]
    labels = [title.removeprefix(TITLE) for title in titles]
    return names, titles, labels, LOWER in names and UPPER in names


def plain_list(values: np.ndarray) -> list[Any]:
    """Return an array as lists of JSON; numbers that are not finite are ``None``."""
    items, kind = values.tolist(), values.dtype.kind
    if kind == "f":
        is_short = len(items) <= SHORT and values.ndim == 1
        is_plain = all(map(math.isfinite, items)) if is_short else is_finite(values)
    else:
        is_plain = kind not in "OM"
    return items if is_plain else [plain(value) for value in items]


def plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list):
        return [plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def _shapes(x: Any) -> Any:
    """Return the shapes of one row of inputs, by name."""
    if isinstance(x, dict):
        return tuple((name, a.shape[1:]) for name, a in x.items())
    return x.shape[1:]


def _concatenated(parts: Sequence[Any]) -> Any:
    """Return rows behind each other: arrays, or arrays by name."""
    first = parts[0]
    if len(parts) == 1:
        return first
    if isinstance(first, dict):
        return {name: np.concatenate([part[name] for part in parts]) for name in first}
    return np.concatenate(parts)


class Repository:
    """The models of a server.

    Args:
        models: in the order in which they were named; of several versions of a name the last is the default.
    """

    def __init__(self, models: Sequence[ServedModel]) -> None:
        self.models: dict[str, dict[str, ServedModel]] = {}
        for model in models:
            self.models.setdefault(model.name, {})[model.version] = model

    def __iter__(self) -> Iterator[ServedModel]:
        for versions in self.models.values():
            yield from versions.values()

    def find(self, name: str = "", version: str = "") -> ServedModel:
        """Return a model; without a name the only one, without a version the latest.

        Raises:
            RequestError 404: there is none; 400: there are several.
        """
        if not name:
            if len(self.models) > 1:
                raise invalid(fact("which model? ?model=NAME, one of {names}", names=", ".join(self.models)))
            name = next(iter(self.models))
        versions = self.models.get(name)
        if versions is None or (version and version not in versions):
            raise self.no_model()
        return versions[version or next(reversed(versions))]

    def no_model(self) -> RequestError:
        """Return the response to the name of a model or version that the server does not have."""
        models = ", ".join(f"{model.name}/versions/{model.version}" for model in self)
        return RequestError(
            404, fact("this server has no such model or version; it has {models}", models=models)
        )


def load_models(runs: Sequence[str]) -> Repository:
    """Load the models of some RUNs.

    Args:
        runs: run folders or model files, each with or without a name before it, ``NAME=RUN``; the same name
            again is the next version of the model.

    Raises:
        FileError: a model that is missing, damaged, unfinished, or has classes of its own.
        UsageError E622: a model of a kind that is not served. TrainingError E503: one that is not trained.
    """
    models: list[ServedModel] = []
    for text in runs:
        name, run = _named(text)
        file = model_file(run)
        model = Model.load(file)
        version = str(1 + sum(known.name == name for known in models))
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        models.append(ServedModel(name, version, run, model, digest))
    return Repository(models)


def _named(text: str) -> tuple[str, str]:
    """Return the name and the path of a RUN.

    Example:
        >>> _named("runs/iris-2"), _named("flowers=runs/iris-2"), _named("runs/a/model.safetensors")
        (('iris-2', 'runs/iris-2'), ('flowers', 'runs/iris-2'), ('a', 'runs/a/model.safetensors'))
    """
    name, separator, run = text.partition("=")
    if not separator or Path(text).exists() or _NAME.search(name) or not name:
        path = Path(text)
        path = path.parent if path.name == MODEL else path
        return _NAME.sub("-", path.resolve().name.removesuffix(".safetensors")).strip("-.") or "model", text
    return name, run
