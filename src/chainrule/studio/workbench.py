"""The workbench: the one project of a studio, its training, and what a page requests of them.

All pages of a studio see the same project, so that two tabs never disagree. Requests are computed one after
the other, in a thread beside that of the server.
"""

from __future__ import annotations

import base64
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.attribution.explanation import Request as ExplanationRequest
from chainrule.attribution.explanation import class_names, explain_prediction
from chainrule.errors import ChainruleError, UsageError, fact
from chainrule.model import Model
from chainrule.page.page import Section
from chainrule.serve.forms import Field
from chainrule.serve.models import Request, ServedModel, plain, records_of
from chainrule.settings import settings
from chainrule.store import RunFolder
from chainrule.studio.model_project import ModelProject, model_of
from chainrule.studio.page_records import PageRecords
from chainrule.studio.points import DIGIT_IMAGES, SETS, write_set
from chainrule.studio.project import Project, language
from chainrule.studio.step_view import StepView
from chainrule.studio.trainings import Training, start_process
from chainrule.tabular.options import Options
from chainrule.tabular.predicted_columns import decision_of, threshold_option
from chainrule.tabular.recorded_training import is_recorded, recorded_runs
from chainrule.tabular.recorded_training import replay as replay_run
from chainrule.tabular.remedies import changed_options
from chainrule.tabular.run_folder import MODEL, model_file, new_run, read_config, read_history
from chainrule.trace.tracer import trace_rows
from chainrule.train.model_state import ModelState

MAX_VIEWS = 8  # steps whose values are kept
MAX_NUMBERS = 4096  # of an array that is edited as a text


class Workbench:
    """The project of a studio.

    Args:
        source: a file, a RUN, the name of a data set, or ``""``.
    """

    def __init__(self, source: str = "") -> None:
        self.lock = threading.RLock()
        self.project: Any = None  # a Project or a ModelProject
        self.training: Training | None = None
        self.version = 0
        self._spare: Any = None  # a process that waits for the next training
        self._views: OrderedDict[Any, StepView] = OrderedDict()
        if source:
            self.open(source)

    def close(self) -> None:
        """End the training: it saves a checkpoint."""
        self._close_training()
        if self._spare is not None:
            self._spare.kill()
            self._spare.wait()

    def _close_training(self) -> None:
        if self.training is not None:
            self.training.close()

    # --- the project

    def open(self, source: str) -> None:
        """Open a file, a RUN, or a data set by name.

        Raises:
            ChainruleError: it cannot be read.
        """
        if is_recorded(source):
            project = _project_of_run(source)
        elif source.endswith(".safetensors") or os.path.isfile(Path(source) / MODEL):
            self.show(model_of(source))
            return
        else:
            is_set = source in (*SETS, DIGIT_IMAGES) and not os.path.exists(source)
            project = Project.of_data(str(write_set(source)) if is_set else source)
        _ = project.plan
        self._replace(project)

    def show(self, project: ModelProject) -> None:
        """Show a model without its training."""
        with self.lock:
            self._close_training()
            self.project, self.training = project, None
            self.version += 1
            self._views.clear()

    def change(self, changes: Mapping[str, Any]) -> None:
        """Change options; the training of the previous ones ends.

        Raises:
            ChainruleError: an invalid option; nothing is changed.
        """
        self._replace(self._project().changed(changes))

    def apply_fix(self, rule: str, column: str) -> None:
        """Change the option that fixes a finding of the doctor.

        Raises:
            UsageError E102: no option fixes it.
        """
        project = self._project()
        options = changed_options(rule, column, project.options)
        if options is None:
            expected = fact("a rule that an option fixes")
            raise UsageError("E102", where="studio", name="rule", expected=expected, received=rule[:40])
        self._replace(Project(options))

    def _replace(self, project: Project) -> None:
        with self.lock:
            self._close_training()
            self.project, self.training = project, None
            self._prepare_process()
            self.version += 1
            self._views.clear()

    def _prepare_process(self) -> None:
        """Start the process of the next training, so that its first step comes at once."""
        if self._spare is None or self._spare.poll() is not None:
            self._spare = start_process()

    def _project(self) -> Any:
        self._follow_options()
        if self.project is None:
            fix = "chainrule studio iris"
            raise UsageError(
                "E102", where="studio", name="project", expected=fact("open data first"), fix=fix
            )
        return self.project

    def _follow_options(self) -> None:
        """Take the options of the training, whose learning rate may have changed."""
        training = self.training
        if training is not None and training.options != self.project.options:
            self.project = self.project.with_options(training.options)
            self._views.clear()

    def project_record(self, lang: str) -> dict[str, Any]:
        """Return data, network, options and programs."""
        with self.lock:
            self._follow_options()
            project = self.project
            if project is None:
                return {"version": self.version, "is_open": False}
            return {"version": self.version, "is_open": True, **project.record(lang)}

    def rows_record(self, start: int, count: int) -> dict[str, Any]:
        """Return a part of the rows."""
        with self.lock:
            return self._project().rows_record(start, count)

    def scatter_record(self) -> dict[str, Any]:
        """Return the rows as points, if there are two inputs that are numbers."""
        with self.lock:
            return self._project().scatter_record()

    # --- the training

    def command(self, record: Mapping[str, Any]) -> None:
        """Start, continue or pause the training.

        Args:
            record: as ``Training.command`` takes it; ``new`` starts another one.
        """
        with self.lock:
            project = self._project()
            if project.is_ensemble:
                expected = fact("a single network; change the network to train one")
                raise UsageError("E102", where="studio", name="net", expected=expected)
            training = self.training
            has_ended = training is None or not training.is_alive
            if has_ended and (record.get("new") or training is None or training.status == "stopped"):
                self._start(project)
            if self.training is not None:
                self.training.command({k: v for k, v in record.items() if k != "new"})

    def _start(self, project: Project) -> None:
        stopped = self.training is not None and self.training.status == "stopped"
        engine = project.options.engine
        if project.run and project.trained is None:
            run, resume = project.run, True
        elif stopped and self.training is not None:
            run, resume, engine = self.training.run, True, self.training.options.engine
        else:
            run, resume = str(new_run(project.options.data)), False
            engine = engine or (settings.engine if settings.engine != "native" else "")
        self._prepare_process()
        process, self._spare = self._spare, None
        self.training = Training(replace(project.options, engine=engine), run, resume, process)
        self._prepare_process()
        self._views.clear()

    def training_record(self, lang: str, since: Mapping[str, int]) -> dict[str, Any]:
        """Return the state of the training, with what is new.

        Args:
            lang: of its texts.
            since: what the page has: ``step`` of its frame, ``losses`` and ``epochs``: numbers of points, and
                ``losses_every`` and ``epochs_every``: of the curves when it received them.
        """
        training = self.training
        if training is None:
            return {"version": self.version, "status": "none"}
        with training.lock:
            record: dict[str, Any] = {
                "version": self.version,
                "status": training.status,
                "run": training.run,
                **training.facts,
                "changes": len(training.options.learning_rate_at),
                "scores": training.scores,
                "error": None if training.error is None else training.error[lang],
                "notices": [self._notice(notice, lang) for notice in training.notices],
            }
            for name, curve in (("losses", training.losses), ("epochs", training.epochs)):
                is_new = since.get(f"{name}_every") != curve.every
                start = 0 if is_new else max(since.get(name, 0) - 1, 0)
                record[name] = {"every": curve.every, "start": start, "points": curve.points[start:]}
            if training.frames and (latest := max(training.frames)) != since.get("step", -1):
                record["frame"] = training.frames[latest]
        return record

    def _notice(self, notice: Mapping[str, Any], lang: str) -> dict[str, Any]:
        """Return a notice with the command that fixes it, if an option does."""
        rule, column = notice["rule"], notice["facts"].get("column", "")
        assert self.project is not None
        try:
            fixed = changed_options(rule, column, self.project.options) if rule else None
        except ChainruleError:
            fixed = None
        changed = "" if fixed is None else _difference(self.project.options, fixed)
        return {"text": notice[lang], "rule": rule, "column": column, "fix": changed}

    def runs_record(self) -> dict[str, Any]:
        """Return the trainings in the folder ``runs`` to compare with, without that of the page."""
        return {"runs": [run for run in recorded_runs() if self.training is None or run != self.training.run]}

    def run_record(self, run: str) -> dict[str, Any]:
        """Return the history of another training, and the options in which it differs.

        Args:
            run: one of ``runs_record``.

        Raises:
            UsageError E102: there is no such training in ``runs``.
        """
        known = recorded_runs()
        if run not in known:
            expected = ", ".join(known[:8]) or fact("none")
            raise UsageError("E102", where="studio", name="run", expected=expected, received=run[:80])
        folder = RunFolder.open(run)
        options, _ = read_config(folder)
        with self.lock:
            differs = _difference(self._project().options, options)
        data = "" if options.data == self._project().options.data else options.data
        return {"run": run, "rows": read_history(folder), "options": " ".join(filter(None, (data, differs)))}

    def frame(self, step: int) -> dict[str, Any]:
        """Return the frame of a step, or the nearest one."""
        frame = None if self.training is None else self.training.frame_at(step)
        return {} if frame is None else frame

    # --- one step

    def view(self, step: int, row: int) -> StepView:
        """Return the values of a row after a number of updates.

        Args:
            step: the number of updates; -1: all so far.
            row: of the data, from 1; 0: the recorded batch of the update after ``step``.

        Raises:
            UsageError E606: no such row. E530: no such step.
        """
        with self.lock:
            step = self._latest() if step < 0 else step
            key = (self.version, None if self.training is None else id(self.training), step, row)
            if key in self._views:
                self._views.move_to_end(key)
            else:
                self._views[key] = self._new_view(step, row)
                while len(self._views) > MAX_VIEWS:
                    self._views.popitem(last=False)
            return self._views[key]

    def _new_view(self, step: int, row: int) -> StepView:
        if row == 0:
            replayed = self._replayed(step + 1)
            return StepView(replayed.trace, class_names(replayed.update.model))
        state, rows = self.state_at(step), self._project().labeled_row(row)
        rows = replace(rows, model=replace(rows.model, parameters=state.parameters))
        return StepView(trace_rows(rows), class_names(state), rows.cells)

    def _latest(self) -> int:
        training = self.training
        if training is not None and training.frames:
            return max(training.frames)
        return 0

    def state_at(self, step: int) -> ModelState:
        """Return the model after a number of updates; -1: all so far."""
        project, training = self._project(), self.training
        initial = project.initial
        if training is None:
            return initial
        step = self._latest() if step < 0 else step
        if step == 0 and 0 not in training.frames:
            return initial
        weights = training.weights_at(step, initial.parameters)
        if weights is None:
            weights = dict(self._replayed(step).update.after)
        return replace(initial, parameters=weights)

    def _replayed(self, step: int) -> Any:
        """Return an update of the training, repeated with the same bits."""
        project, training = self._project(), self.training
        run = training.run if training is not None else project.run
        if run and os.path.isfile(Path(run) / MODEL):
            return replay_run(run, project.options.data, step)
        plan, rows = project.plan, project.plan.prepared.training
        labels = plan.prepared.labels(rows)
        return Model.of(project.initial).replay(step, rows.x, labels, **plan.fit_options())

    # --- predictions and files

    def model(self) -> Model:
        """Return the model of this moment."""
        project = self._project()
        trained = project.trained if self.training is None else None
        return Model.of(self.state_at(-1) if trained is None else trained)

    def served(self) -> ServedModel:
        """Return the model of this moment as a server has it: its fields, predictions and reasons.

        Raises:
            UsageError E622: a model of a kind that is not served.
        """
        project = self._project()
        return ServedModel("studio", "1", project.run or project.options.data, self.model(), "")

    def form_record(self, row: int) -> dict[str, Any]:
        """Return the fields that a prediction needs, filled with the cells of a row, or with an example.

        A kind of input without a form has the command that predicts instead.
        """
        with self.lock:
            project = self._project()
            try:
                served = self.served()
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
        with self.lock:
            served = self.served()
            columns = _columns(served, cells)
            (predicted,) = served.predictions([Request(columns, 1)])
            if isinstance(predicted, Exception):
                raise predicted
            record = {"predictions": records_of(predicted.columns), "sections": []}
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
        with self.lock:
            served = self.served()
            columns = _columns(served, cells)
            if _media(served) == "image":
                return {"map": _map(served, columns, lang)}
            return {"reasons": served.explain(Request(columns, 1), lang)["reasons"]}

    def counterfactual(self, cells: Mapping[str, Any], lang: Any) -> dict[str, Any]:
        """Return the smallest changes of a row that change its prediction.

        Raises:
            UsageError E546 to E549: there are none.
        """
        with self.lock:
            model = self.served().model
            page = model.counterfactual(dict(cells), lang=lang, **threshold_option(model))
            return {"sections": PageRecords(lang).sections(page.sections)}

    def attack(self, row: int, radius: float, lang: Any) -> dict[str, Any]:
        """Return the result of an attack on a row of the data.

        Args:
            row: from 1.
            radius: the largest change of each column, in standard deviations.
            lang: of the texts.

        Raises:
            TrainingError E570: the model predicts values. UsageError E606: no such row.
        """
        with self.lock:
            project = self._project()
            if not isinstance(project, Project):
                expected = fact("open data first")
                raise UsageError(
                    "E102", where="studio", name="project", expected=expected, received=project.run
                )
            model = self.served().model
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


def _project_of_run(run: str) -> Project:
    """Return the project of a run folder, trained or unfinished."""
    options, _ = read_config(RunFolder.open(run))
    trained = None
    if os.path.isfile(Path(run) / MODEL):
        trained = Model.load(model_file(run)).state
    return Project(options, run, trained)


def _difference(before: Options, after: Options) -> str:
    """Return the options that differ, as words of the command line."""
    words = [
        f"--{name.replace('_', '-')} {value}"
        for name in (
            "net",
            "learning_rate",
            "penalty",
            "patience",
            "batch_size",
            "seed",
            "class_weight",
            "drop",
        )
        if (value := getattr(after, name)) != getattr(before, name)
    ]
    return " ".join(words)


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
        attribution = served.attribution(Request(columns, 1), lang)
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
