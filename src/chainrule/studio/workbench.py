"""The workbench: the one project of a studio, its training, and what a page requests of them.

All pages of a studio see the same project, so that two tabs never disagree. Requests are computed one after
the other, in a thread beside that of the server.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.data.readers.read_options import NO_OPTIONS, ReadOptions
from chainrule.diagnosis import DIAGNOSIS_FILE, Diagnosis, Finding
from chainrule.errors import ChainruleError, DataError, UsageError, fact, nearest
from chainrule.model import Model
from chainrule.settings import settings
from chainrule.store import RunFolder
from chainrule.studio.frames import FrameWriter
from chainrule.studio.model_project import ModelProject, model_of
from chainrule.studio.points import (
    DIGIT_IMAGES,
    SETS,
    known_sets,
    paths_first,
    write_points,
    write_set,
    write_upload,
)
from chainrule.studio.project import Project, language
from chainrule.studio.trainings import Training, start_process
from chainrule.tabular.display import metric_title
from chainrule.tabular.options import Options
from chainrule.tabular.recorded_training import is_recorded, recorded_runs
from chainrule.tabular.recorded_training import replay as replay_run
from chainrule.tabular.remedies import changed_options
from chainrule.tabular.run_folder import MODEL, model_file, new_run, read_config, read_history
from chainrule.tabular.texts import text_of
from chainrule.train.checkpoint.resume import probes_in
from chainrule.train.model_state import ModelState
from chainrule.train.monitor.probe import Probe

if TYPE_CHECKING:
    from chainrule.studio.step_view import StepView

MAX_VIEWS = 8  # steps whose values are kept
MAX_FINDINGS = 2**24  # bytes of a file of findings
INCOMPLETE = ("stopped", "failed")  # trainings that continue, or begin again without a checkpoint


class Workbench:
    """The project of a studio.

    Args:
        source: a file, a RUN, the name of a data set, or ``""``.
        reading: how a file is read.
    """

    def __init__(self, source: str = "", reading: ReadOptions = NO_OPTIONS) -> None:
        self.lock = threading.RLock()
        self.project: Any = None  # a Project or a ModelProject
        self.training: Training | None = None
        self.version = 0
        self._spare: Any = None  # a process that waits for the next training
        self._views: OrderedDict[Any, StepView] = OrderedDict()
        self._model: tuple[str, ModelState] | None = None  # of the training that ended at last
        self._probes: tuple[tuple[str, float], list[Probe]] | None = None  # of the first update of a training
        self._replay: Any = None  # the update that was replayed at last, with what it is of
        if source:
            self.open(source, reading)

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

    def open(self, source: str, reading: ReadOptions = NO_OPTIONS) -> None:
        """Open a file, a RUN, or a data set by name.

        Args:
            source: as of the class.
            reading: how a file is read.

        Raises:
            ChainruleError: it cannot be read. UsageError E128: a RUN, which stores how its file is read, or a
                data set with options of reading.
        """
        options = read_config(RunFolder.open(source))[0] if is_recorded(source) else None
        is_model = source.endswith(".safetensors") or os.path.isfile(Path(source) / MODEL)
        if options is not None or is_model:
            reading.require_only((), source, fact("a RUN or a model file"))
        is_private = options is not None and bool(options.epsilon)  # its rows stay closed
        if is_private or (options is None and is_model):
            self.show(model_of(source))
            return
        if options is not None:
            project = _project_of_run(source, options)
        else:
            project = _project_of_data(source, reading)
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
        options = self._fixed(rule, column)
        if options is None:
            expected = fact("a rule that an option fixes")
            raise UsageError("E102", where="studio", name="rule", expected=expected, received=rule[:40])
        self._replace(Project(options))

    def _fixed(self, rule: str, column: str) -> Options | None:
        """Return the options with the fix of a rule, which ``chainrule doctor`` prints for the RUN, too."""
        return changed_options(rule, column, self._project().options, self._first_probes())

    def _first_probes(self) -> Sequence[Probe]:
        """Return the probes of the first update; empty until the training has stored them."""
        training = self.training
        if training is None or not training.run:
            return ()
        key = training.run, training.options.learning_rate
        if self._probes is None or self._probes[0] != key:
            with suppress(ChainruleError):
                probes = [probe for probe in probes_in(RunFolder.open(training.run)) if probe.step == 0]
                self._probes = (key, probes) if probes else None
        return self._probes[1] if self._probes is not None and self._probes[0] == key else ()

    def _replace(self, project: Project) -> None:
        with self.lock:
            self._close_training()
            self.project, self.training = project, _recorded_training(project)
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
            record = {"version": self.version, "is_open": project is not None, "paths": paths_first()}
            return record if project is None else {**record, **project.record(lang)}

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
            has_ended = training is None or training.status in (*INCOMPLETE, "ended") or not training.is_alive
            if has_ended and (record.get("new") or training is None or training.status in INCOMPLETE):
                self._start(project)
            if self.training is not None:
                self.training.command({k: v for k, v in record.items() if k != "new"})

    def _start(self, project: Project) -> None:
        self._close_training()  # a process that reported its end may still be ending
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
        previous, self.training = self.training, Training(replace(project.options, engine=engine), run)
        if resume and previous is not None:
            self.training.continue_from(previous)
        self.training.start(resume, process)
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
        self._add_last_frame(training)
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
                known = since.get(name, 0)
                is_new = since.get(f"{name}_every") != curve.every or known > len(curve.points)
                start = 0 if is_new else max(known - 1, 0)
                record[name] = {"every": curve.every, "start": start, "points": curve.points[start:]}
            frame = training.frames[max(training.frames)] if training.frames else {"step": -1}
            is_final = bool(frame.get("is_final"))
            if frame["step"] != since.get("step", -1) or is_final > bool(since.get("final", 0)):
                record["frame"] = _without_weights(frame)
            record["titles"] = _titles(training, lang)
        return record

    def _notice(self, notice: Mapping[str, Any], lang: str) -> dict[str, Any]:
        """Return a notice with the command that fixes it, if an option does."""
        rule, column = notice["rule"], notice["facts"].get("column", "")
        assert self.project is not None
        try:
            fixed = self._fixed(rule, column) if rule else None
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

    def frame(self, step: int, is_exact: bool = False) -> dict[str, Any]:
        """Return the frame of a step.

        Args:
            step: the number of updates.
            is_exact: whether the updates of a training that runs, or ran, in this studio are repeated where
                no frame is of this step; otherwise the nearest frame is returned.
        """
        with self.lock:
            frame = None if self.training is None else self._frame(self.training, step, is_exact)
        return {} if frame is None else _without_weights(frame)

    def _frame(self, training: Training, step: int, is_exact: bool = False) -> dict[str, Any] | None:
        """Return the frame of a step.

        That of a RUN that was opened is computed, and that of the end: a training may end with the weights of
        its best epoch.
        """
        nearest = training.frame_at(step)
        is_missing = nearest is None or nearest["step"] != step
        is_end = self._is_end(training, step)
        is_computed = is_exact or training.process is None
        if (is_missing and is_computed) or (is_end and not (nearest or {}).get("is_final")):
            frame = {**self._new_frame(training, step), "is_final": is_end}
            if nearest is not None and not is_missing:
                frame["histograms"] = nearest["histograms"]
            training.add_frame(frame)
        return training.frame_at(step)

    def _add_last_frame(self, training: Training) -> None:
        """Add the frame of the end, or of a RUN that was opened, unless other requests are computed now."""
        if training.process is not None and training.status != "ended":
            return
        step = self._latest()
        known = training.frame_at(step)
        is_known = known is not None and known.get("is_final", training.status != "ended")
        if not is_known and self.lock.acquire(blocking=False):
            try:
                with suppress(ChainruleError):  # a RUN whose files are no longer there
                    self._frame(training, step)
            finally:
                self.lock.release()

    def _is_end(self, training: Training, step: int) -> bool:
        """Return whether a step is the end of a complete training, whose weights are those of the model."""
        return training.status == "ended" and step == self._latest()

    def _new_frame(self, training: Training, step: int) -> dict[str, Any]:
        project, model = self._project(), self.state_at(step)
        arrays = {f"weights/{path}": value for path, value in model.parameters.items()}
        content = FrameWriter(project.plan.prepared, model).frame(model.parameters, arrays)
        facts = {name: training.facts[name] for name in ("epoch", "loss", "rate")}
        if step != self._latest():
            update = self._replayed(max(step, 1)).update
            facts = {"epoch": update.epoch, "loss": update.loss, "rate": update.learning_rate}
        return {"step": step, **facts, **content}

    # --- one step

    def view(self, step: int, row: int) -> StepView:
        """Return the values of a row after a number of updates.

        Args:
            step: the number of updates; -1: all so far.
            row: of the data, from 1; 0: the recorded batch of the update after ``step``, or of the last one
                at the end of a complete training.

        Raises:
            UsageError E606: no such row. E530: no such step.
        """
        with self.lock:
            step = self._latest() if step < 0 else step
            training = self.training
            is_end = training is not None and self._is_end(training, step)
            key = (self.version, training and id(training), step, row, is_end)
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
            is_end = self.training is not None and self._is_end(self.training, step)
            return step_view.of_update(self._replayed(max(step, 1) if is_end else step + 1))
        state, rows = self.state_at(step), self._project().labeled_row(row)
        rows = replace(rows, model=replace(rows.model, parameters=state.parameters))
        return step_view.of_row(rows, state)

    def _latest(self) -> int:
        training = self.training
        if training is not None and training.process is None:
            return int(training.facts["step"])
        if training is not None and training.frames:
            return max(training.frames)
        return 0

    def state_at(self, step: int) -> ModelState:
        """Return the model after a number of updates; -1: all so far."""
        project, training = self._project(), self.training
        initial: ModelState = project.initial
        step = self._latest() if step < 0 else step
        if training is None:
            return initial
        if self._is_end(training, step):
            return initial if training.process is None else self._saved(training.run)
        weights = training.weights_at(step, initial.parameters)
        if weights is None and step == 0 and project.trained is None:
            return initial
        if weights is None:
            update = self._replayed(max(step, 1)).update
            weights = dict(update.after) if step else {path: update.arrays[path] for path in update.after}
        return replace(initial, parameters=weights)

    def _saved(self, run: str) -> ModelState:
        """Return the model of a training that ended; the latest one is kept."""
        if self._model is None or self._model[0] != run:
            self._model = (run, Model.load(model_file(run)).state)
        return self._model[1]

    def _replayed(self, step: int) -> Any:
        """Return an update of the training, repeated with the same bits; the latest one is kept."""
        key = (self.version, self.training and id(self.training), step)
        if self._replay is None or self._replay[0] != key:
            self._replay = (key, self._new_replay(step))
        return self._replay[1]

    def _new_replay(self, step: int) -> Any:
        project, training = self._project(), self.training
        run = training.run if training is not None else project.run
        if run and os.path.isfile(Path(run) / MODEL):
            return replay_run(run, project.options.data, step)
        plan, rows = project.plan, project.plan.prepared.training
        labels, options = plan.prepared.labels(rows), plan.fit_options()
        if training is not None and training.process is None:  # a RUN without a model: from its checkpoint
            options["run"] = RunFolder.open(run)
        return Model.of(project.initial).replay(step, rows.x, labels, **options)

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


def _recorded_training(project: Project) -> Training | None:
    """Return the training of a RUN that was opened, complete or not, if it is one of a single network."""
    if not project.run or project.is_ensemble:
        return None
    if project.trained is None:
        return Training.stopped(project.options, project.run, RunFolder.open(project.run).latest())
    findings: Sequence[Finding] = ()
    if os.path.isfile(Path(project.run) / DIAGNOSIS_FILE):
        text = RunFolder.open(project.run).read_text(DIAGNOSIS_FILE, MAX_FINDINGS)
        findings = Diagnosis.of_json(text, "en", str(Path(project.run) / DIAGNOSIS_FILE)).findings
    return Training.recorded(project.options, project.run, project.trained, findings)


def _titles(training: Training, lang: str) -> dict[str, str]:
    """Return the titles of the metrics of a training, by name."""
    names = {name for values in (training.scores or {}).values() for name in values}
    names |= set(training.epochs.points[-1]) if training.epochs.points else set()
    with language(lang):
        return {name: _metric_title(name) for name in names - {"epoch", "step"}}


def _metric_title(name: str) -> str:
    part = name.removeprefix("val_")
    title = text_of(f"history_{part}") if part in ("loss", "data_loss") else metric_title(part)
    return title if part == name else text_of("history_validation") + title


def _has_checkpoint(training: Training) -> bool:
    """Return whether a training that has not completed can continue."""
    if training.status == "failed":  # such as on a full disk
        return any(Path(training.run, "checkpoints").glob("*.safetensors"))
    return training.status == "stopped"


def _without_weights(frame: Mapping[str, Any]) -> dict[str, Any]:
    """Return a frame without its weights, from which the server computes what the page shows."""
    return {name: value for name, value in frame.items() if name != "weights"}


def _project_of_data(source: str, reading: ReadOptions) -> Project:
    """Return the project of a file or a data set; its error lists the sets of the studio, too."""
    is_set = source in (*SETS, DIGIT_IMAGES) and not os.path.exists(source)
    if is_set:
        reading.require_only((), source, fact("a data set"))
    try:
        return Project.of_data(str(write_set(source)) if is_set else source, reading)
    except DataError as error:
        if error.code != "E302":
            raise
        known = known_sets()
        raise DataError(
            "E302",
            where=source,
            name=source,
            expected=", ".join(known),
            received=source,
            fix=nearest(source, known),
        ) from error


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
