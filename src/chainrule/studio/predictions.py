"""What the view "Predict" requests: the prediction for a row, its reasons, counterfactuals and attacks."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.attribution.explanation import Request as ExplanationRequest
from chainrule.attribution.explanation import explain_prediction
from chainrule.errors import ChainruleError, UsageError, fact
from chainrule.memoization import cached_property
from chainrule.model import Model
from chainrule.page.page import Section
from chainrule.records import frozen
from chainrule.serve.forms import Field
from chainrule.serve.models import Request, ServedModel, plain
from chainrule.studio.page_records import PageRecords
from chainrule.studio.project import Project, language
from chainrule.tabular.predicted_columns import decision_of, threshold_option, unknown_note

MAX_NUMBERS = 4096  # of an array that is edited as a text


@frozen(eq=False)
class Predictions:
    """The predictions of a model for rows that the page edits.

    Args:
        project: of the studio.
        model: of the project, at some step.
    """

    project: Any
    model: Model

    @cached_property
    def served(self) -> ServedModel:
        """The model as a server has it: its fields, predictions and reasons.

        Raises:
            UsageError E622: a model of a kind that is not served.
        """
        project = self.project
        return ServedModel("studio", "1", project.run or project.options.data, self.model, "")

    def form(self, row: int) -> dict[str, Any]:
        """Return the fields that a prediction needs, filled with the cells of a row, or with an example.

        A kind of input without a form has the command that predicts instead.
        """
        project = self.project
        try:
            served = self.served
        except UsageError as error:
            if error.code != "E622":
                raise
            return {"row": row, "form": "none", "media": "", "fields": [], "command": error.fix}
        cells = project.row_cells(row) or _example(served)
        preparation = served.model.preparation
        profiles = {} if preparation is None else {p.column: p for p in preparation.profiles}
        fields = [_field(f, cells.get(f.name), profiles.get(f.name)) for f in served.fields]
        record = {"row": row, "form": served.form.name, "media": _media(served), "fields": fields}
        return record | {"has_own_output": served.has_own_output}

    def predict(self, cells: Mapping[str, Any], lang: str) -> dict[str, Any]:
        """Return the prediction for a row and the contributions of its inputs.

        The contributions for a kind that has its own form of predictions are those of ``reasons``.
        """
        served = self.served
        columns = _columns(served, cells)
        (predicted,) = served.predictions([Request(columns, 1)])
        if isinstance(predicted, Exception):
            raise predicted
        record: dict[str, Any] = {"predictions": served.records(predicted), "sections": []}
        record["notices"] = [finding.render(lang) for finding in predicted.notices]
        if served.has_own_output:
            return record
        with language(lang):
            record["sections"] = PageRecords(lang).sections(_reasons(served, columns, lang))
        return record if _media(served) != "image" else record | {"map": _map(served, columns, lang)}

    def reasons(self, cells: Mapping[str, Any], lang: Any) -> dict[str, Any]:
        """Return the contributions of the inputs of a row, as of the server, which can take long.

        Raises:
            ChainruleError: as of ``Model.attribute``.
        """
        served = self.served
        columns = _columns(served, cells)
        if _media(served) == "image":
            return {"map": _map(served, columns, lang)}
        return {"reasons": served.explain(Request(columns, 1), lang)["reasons"]}

    def counterfactual(self, cells: Mapping[str, Any], lang: Any) -> dict[str, Any]:
        """Return the smallest changes of a row that change its prediction.

        Raises:
            UsageError E546 to E549: there are none.
        """
        served, model = self.served, self.served.model
        rows = self.project.table if isinstance(self.project, Project) else None
        try:
            page = model.counterfactual(dict(cells), data=rows, lang=lang, **threshold_option(model))
        except UsageError as error:
            error.fix = fact("another row") if error.code == "E546" else error.fix  # the page has no options
            raise
        note = unknown_note(model, served.form.samples(_columns(served, cells), 1), lang)
        sections = (Section("", (note,)), *page.sections) if note else page.sections
        return {"sections": PageRecords(lang).sections(sections)}

    def attack(self, row: int, radius: float, lang: Any) -> dict[str, Any]:
        """Return the result of an attack on a row of the data.

        Args:
            row: from 1.
            radius: the largest change of each column, in standard deviations.
            lang: of the texts.

        Raises:
            TrainingError E570: the model predicts values. UsageError E606: no such row.
        """
        project = self.project
        if not isinstance(project, Project):
            expected = fact("open data first")
            raise UsageError("E102", where="studio", name="project", expected=expected, received=project.run)
        model = self.served.model
        options: Any = {"radius": radius, "lang": lang, **threshold_option(model)}
        result = model.attack(project.table_row(row), **options)
        cells = [list(change) for change in result.cells[0]] if result.cells else []
        classes = result.classes
        return {
            "success": bool(result.success[0]),
            "before": str(classes[int(result.clean[0])]),
            "after": str(classes[int(result.attacked[0])]),
            "confidence": float(result.confidence[0]),
            "actual": str(classes[int(result.labels[0])]),
            "cells": cells if result.success[0] else [],
        }


def _example(served: ServedModel) -> dict[str, Any]:
    """Return the values of an example; none for files and for arrays that are too large to edit."""
    if served.form.media_types:
        return {}
    values = {name: column[0] for name, column in served.form.example().items()}
    small = {name: value for name, value in values.items() if np.size(value) <= MAX_NUMBERS}
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in small.items()}


def _media(served: ServedModel) -> str:
    """Return which files a model takes: ``"image"``, ``"audio"``, or ``""``."""
    return next((name.partition("/")[0] for name in served.form.media_types), "")


def _map(served: ServedModel, columns: Mapping[str, Any], lang: Any) -> list[list[float]] | None:
    """Return the contribution of each pixel of an image, (H, W); ``None`` where there is no such map."""
    try:
        attribution, _ = served.attribution(Request(columns, 1), lang)
    except ChainruleError:
        return None
    values = next(iter(attribution.values.values()))[0]
    return values.sum(axis=-1).tolist() if values.ndim == 3 else None


def _columns(served: ServedModel, cells: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the values of a row of the page by field."""
    return {field.name: [_value(served, cells.get(field.name))] for field in served.fields}


def _value(served: ServedModel, value: Any) -> Any:
    """Return a value of the page: a file is sent as text of base 64.

    Raises:
        UsageError E102: a file that is no such text.
    """
    if not served.form.media_types:
        return value
    try:
        return base64.b64decode(str(value or ""), validate=True)
    except ValueError as error:
        expected = fact("a file")
        raise UsageError("E102", where="studio", name="file", expected=expected, received="") from error


def _reasons(served: ServedModel, columns: Mapping[str, Any], lang: Any) -> Sequence[Section]:
    """Return the reasons of a prediction; none for kinds of input that have no attribution."""
    samples = served.form.samples(columns, 1)
    try:
        decision = decision_of(served.model, samples)
        request = ExplanationRequest(served.model.state, samples, None, None, 0, None, decision=decision)
        return explain_prediction(request, lang).sections
    except ChainruleError:
        if served.form.name == "table":
            raise
        return ()


def _field(field: Field, cell: Any, profile: Any) -> dict[str, Any]:
    """Return a field of the form of a prediction, with the value of the row."""
    value = base64.b64encode(cell).decode() if isinstance(cell, bytes) else plain(cell)
    low, high = (None, None) if profile is None else (profile.low, profile.high)
    return {
        "name": field.name,
        "type": field.datatype,
        "shape": list(field.shape),
        "choices": list(field.choices),
        "value": value,
        "low": low,
        "high": high,
    }
