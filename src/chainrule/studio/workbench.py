"""The workbench: the one project of a studio, its training, and what a page requests of them.

All pages of a studio see the same project, so that two tabs never disagree. Requests are computed one after
the other, in a thread beside that of the server.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.errors import ChainruleError, UsageError, fact
from chainrule.model import Model
from chainrule.settings import settings
from chainrule.store import RunFolder
from chainrule.studio.model_project import ModelProject, model_of
from chainrule.studio.points import DIGIT_IMAGES, SETS, write_points, write_set, write_upload
from chainrule.studio.project import Project
from chainrule.studio.trainings import Training, start_process
from chainrule.tabular.options import Options
from chainrule.tabular.recorded_training import is_recorded, recorded_runs
from chainrule.tabular.recorded_training import replay as replay_run
from chainrule.tabular.remedies import changed_options
from chainrule.tabular.run_folder import MODEL, model_file, new_run, read_config, read_history
from chainrule.train.model_state import ModelState

if TYPE_CHECKING:
    from chainrule.studio.step_view import StepView

MAX_VIEWS = 8  # steps whose values are kept
INCOMPLETE = ("stopped", "failed")  # trainings that continue, or begin again without a checkpoint


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
        options = read_config(RunFolder.open(source))[0] if is_recorded(source) else None
        is_model = source.endswith(".safetensors") or os.path.isfile(Path(source) / MODEL)
        is_private = options is not None and bool(options.epsilon)  # its rows stay closed
        if is_private or (options is None and is_model):
            self.show(model_of(source))
            return
        if options is not None:
            project = _project_of_run(source, options)
        else:
            is_set = source in (*SETS, DIGIT_IMAGES) and not os.path.exists(source)
            project = Project.of_data(str(write_set(source)) if is_set else source)
        _ = project.plan
        self._replace(project)

    def open_upload(self, name: str, content: bytes) -> None:
        """Open a file of the user's machine, which is written into the folder ``studio``.

        Raises:
            ChainruleError: it cannot be written or read.
        """
        self.open(str(write_upload(name, content)))

    def open_points(self, points: Any) -> None:
        """Open drawn points, as of ``write_points``.

        Raises:
            ChainruleError: they are no such points.
        """
        self.open(str(write_points(points)))

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
            self.version += 1
            self._views.clear()

    def prepare_process(self) -> None:
        """Start the process of the next training, so that its first step comes at once."""
        with self.lock:
            if self._spare is None or self._spare.poll() is not None:
                self._spare = start_process()

    @property
    def is_prepared(self) -> bool:
        """Whether a process trains, or waits for the next training, or there is nothing to train."""
        if self.project is None or self.project.is_ensemble:
            return True
        is_training = self.training is not None and self.training.is_alive
        return is_training or (self._spare is not None and self._spare.poll() is None)

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
            has_ended = training is None or not training.is_alive or training.status == "failed"
            if has_ended and (record.get("new") or training is None or training.status in INCOMPLETE):
                self._start(project)
            if self.training is not None:
                self.training.command({k: v for k, v in record.items() if k != "new"})

    def _start(self, project: Project) -> None:
        self._close_training()  # a process that failed may still be ending
        stopped = self.training is not None and _has_checkpoint(self.training)
        engine = project.options.engine
        if project.run and project.trained is None:
            run, resume = project.run, True
        elif stopped and self.training is not None:
            run, resume, engine = self.training.run, True, self.training.options.engine
        else:
            run, resume = str(new_run(project.options.data)), False
            engine = engine or (settings.engine if settings.engine != "native" else "")
        self.prepare_process()
        process, self._spare = self._spare, None
        self.training = Training(replace(project.options, engine=engine), run, resume, process)
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
                record["frame"] = _without_weights(training.frames[latest])
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
        return {} if frame is None else _without_weights(frame)

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
        step_view = import_module("chainrule.studio.step_view")  # imported once the page is shown
        if row == 0:
            replayed = self._replayed(step + 1)
            return step_view.of_update(replayed)
        state, rows = self.state_at(step), self._project().labeled_row(row)
        rows = replace(rows, model=replace(rows.model, parameters=state.parameters))
        return step_view.of_row(rows, state)

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

    def predictions(self) -> Any:
        """Return the predictions of the model of this moment; the caller holds the lock.

        Their module is imported at the first prediction, so that the page is shown sooner.
        """
        module = import_module("chainrule.studio.predictions")
        return module.Predictions(self._project(), self.model())

    def form_record(self, row: int) -> dict[str, Any]:
        """Return the fields that a prediction needs; see ``Predictions``, also for the following methods."""
        with self.lock:
            return self.predictions().form(row)

    def predict(self, cells: Mapping[str, Any], lang: str) -> dict[str, Any]:
        """Return the prediction for a row and the contributions of its inputs."""
        with self.lock:
            return self.predictions().predict(cells, lang)

    def reasons(self, cells: Mapping[str, Any], lang: str) -> dict[str, Any]:
        """Return the contributions of the inputs of a row."""
        with self.lock:
            return self.predictions().reasons(cells, lang)

    def counterfactual(self, cells: Mapping[str, Any], lang: str) -> dict[str, Any]:
        """Return the smallest changes of a row that change its prediction."""
        with self.lock:
            return self.predictions().counterfactual(cells, lang)

    def attack(self, row: int, radius: float, lang: str) -> dict[str, Any]:
        """Return the result of an attack on a row of the data."""
        with self.lock:
            return self.predictions().attack(row, radius, lang)


def _has_checkpoint(training: Training) -> bool:
    """Return whether a training that has not completed can continue."""
    if training.status == "failed":  # such as on a full disk
        return any(Path(training.run, "checkpoints").glob("*.safetensors"))
    return training.status == "stopped"


def _without_weights(frame: Mapping[str, Any]) -> dict[str, Any]:
    """Return a frame without its weights, from which the server computes what the page shows."""
    return {name: value for name, value in frame.items() if name != "weights"}


def _project_of_run(run: str, options: Options) -> Project:
    """Return the project of a run folder, trained or unfinished."""
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
