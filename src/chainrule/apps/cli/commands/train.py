"""``chainrule train``: train, evaluate and save a network."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from chainrule.apps.cli.main import FAILURES
from chainrule.apps.cli.process_supervisor import Processes, is_supervised, member, require_xla, supervise
from chainrule.apps.cli.reading_options import READING
from chainrule.apps.cli.score_lines import interval_line, print_curve, print_scores
from chainrule.apps.cli.signature import Choice, with_options
from chainrule.apps.cli.tables import columns_table, model_table, positive_class, result_table
from chainrule.apps.cli.texts import text_in, text_of
from chainrule.apps.cli.trackers import tracker_of
from chainrule.data.tables.public_columns import is_range
from chainrule.errors import FileError, UsageError, fact
from chainrule.escaping import quoted
from chainrule.messages import LANGUAGES
from chainrule.model import Model
from chainrule.page import screen
from chainrule.settings import EngineName, settings
from chainrule.store import RunFolder
from chainrule.tabular.evaluation import metric_names, results_of
from chainrule.tabular.options import OF_ENSEMBLE, OF_RECIPE, PASSED, Options, is_private, require_equal
from chainrule.tabular.private_training import PrivatePlan, fit_private, require_same_epochs, test_scores
from chainrule.tabular.report.analysis import RobustAccuracy
from chainrule.tabular.run_folder import (
    CONFIG,
    HISTORY,
    MODEL,
    REPORT,
    claimed,
    new_run,
    read_config,
    require_free,
)
from chainrule.tabular.training import EventRecorder, end_of, evaluate, fit_model, prepare_training
from chainrule.tabular.training_plan import TrainingPlan, has_pixels, is_image_source
from chainrule.tabular.training_status import ending, weights_of_kinds
from chainrule.texts.sentence import text_of_pair
from chainrule.train.callback import Callback
from chainrule.train.default_table_ensemble import LARGE, MIDDLE, SMALL, recipe_for
from chainrule.train.evaluation.evaluate import specs_of
from chainrule.train.monitor.progress import is_verbose

_OF_A_PROCESS = ("data", "test", "public", "engine", "passed")
"""Options that may differ between processes: paths, whose rows are compared, and what follows from others."""
FEWEST = 8  # rows of the smallest table of an ensemble
_REPEATED = {
    "metric": "NAME",
    "learning_rate_at": "STEP:RATE",
    "missing": "WORD",
}  # other options that can be passed several times name columns
_TEXTS = {
    "test": "test_file",
    "split": "division",
    "positive": "positive_label",
    "weight": "row_weight",
    "id": "row_id",
    "missing": "read_missing",
    "public": "public_file",
}
_VALUES = {
    "test": "FILE",
    "split": "random|time:COLUMN|group:COLUMN",
    "robust": "NAME",
    "radius": "R",
    "positive": "LABEL",
    "weight": "COLUMN",
    "public": "FILE",
}


def option_choices() -> dict[str, Choice]:
    """Return the fields of ``Options`` as options of the command."""
    defaults, choices = Options(""), {}
    for field in (field for field in fields(Options)[1:] if field.name != PASSED):
        kind: type = type(getattr(defaults, field.name))
        if kind is tuple:
            text = _TEXTS.get(field.name, field.name)
            choices[field.name] = Choice(list[str], text, _REPEATED.get(field.name, "COLUMN"))
        else:
            text = _TEXTS.get(field.name, field.name)
            choice = READING.get(field.name) or Choice(kind, text, _VALUES.get(field.name))
            choices[field.name] = choice._replace(default=default_of(field.name))
    return choices


def default_of(name: str) -> tuple[str, str]:
    """Return the default of an option in English and Chinese; of a recipe, by the size of the table."""
    value = getattr(Options(""), name)
    if name not in OF_RECIPE:
        is_stated = bool(value) or name == "seed"
        return (str(value), str(value)) if is_stated and not isinstance(value, bool) else ("", "")
    sizes = (FEWEST, SMALL, MIDDLE, LARGE)
    chosen = {"optimizer": ["adamw"], "penalty": ["0"]}.get(name) or [
        f"{getattr(recipe_for(rows), name):g}" for rows in sizes
    ]
    values, single = list(dict.fromkeys(chosen)), str(value) if isinstance(value, str) else f"{value:g}"
    key = "default_of_ensemble" if name in OF_ENSEMBLE else "default_of_both"
    english, chinese = (
        text_in(key, lang).format(
            values=" / ".join(values) + (text_in("by_rows", lang) if values[1:] else ""), single=single
        )
        for lang in LANGUAGES
    )
    return english, chinese


PLACES = {
    "processes": Choice(int, "processes"),
    "process": Choice(int, "process"),
    "coordinator": Choice(str, "coordinator", "HOST:PORT"),
    "devices": Choice(int, "devices"),
    "parallel": Choice(str, "plan_parallel"),
    "mesh": Choice(str, "mesh", "AXIS=N,..."),
    "sharding": Choice(str, "sharding", "LAYER=AXIS,..."),
}
"""Options of trainings of several processes and devices."""
TRACKER = {"tracker": Choice(str, "tracker", "NAME:PROJECT")}


@with_options({**option_choices(), **PLACES, **TRACKER})
def train(
    data: Annotated[str, typer.Argument(help="=rows_file", metavar="DATA")],
    out: Annotated[str | None, typer.Option(help="=out", metavar="RUN")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="=resume_out")] = False,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **options: Any,
) -> int:
    """Train, evaluate and save a network; ``data`` is a file or the name of a data set."""
    processes, process, coordinator, *places = (options.pop(name) for name in PLACES)
    trackers = tracker_of(options.pop("tracker"), data)
    lang_option = f" --lang {lang}" if lang else ""
    chosen, fingerprint = _training_options(data, out, resume, options)
    for name, value in zip(list(PLACES)[3:], places, strict=True):
        if value is not None:
            require_xla(f"--{name}", chosen.engine)
            setattr(settings, name, value)
    path = Path(out) if out else None
    several = Processes.of(processes, process, coordinator, chosen.engine)
    for option in ("--tracker",) * bool(trackers) + ("--processes",) * (several is not None):
        if is_private(chosen):
            problem = fact("does not apply to a private training")
            raise UsageError("E601", option=option, problem=problem, where=option)
    if several is None:
        return run_training(chosen, path, resume, fingerprint, lang_option, callbacks=trackers)
    return _train_in_processes(several, chosen, path, resume, fingerprint, lang_option, trackers)


def _common_options(chosen: Options, processes: Processes, resume: bool) -> dict[str, object]:
    """Return the options that all processes of a training must have in common, by their names."""
    own = {name: value for name, value in asdict(chosen).items() if name not in _OF_A_PROCESS}
    shared = {name: getattr(settings, name) for name in ("devices", "parallel", "mesh", "sharding")}
    values = {"processes": processes.total, **own, **shared, "resume": resume}
    return {"--" + name.replace("_", "-"): value for name, value in values.items()}


def _train_in_processes(
    processes: Processes,
    chosen: Options,
    path: Path | None,
    resume: bool,
    fingerprint: str,
    lang_option: str,
    trackers: Sequence[Callback],
) -> int:
    """Supervise the processes of a training, or be one of them; the first one records it in trackers."""
    if is_supervised():
        settings.engine = "xla"
        with member(path, _common_options(chosen, processes, resume), resume=resume) as own:
            callbacks = trackers if own == path else ()
            several = f" --engine xla {processes.options}".rstrip()
            return run_training(
                chosen, own, resume, fingerprint, lang_option, callbacks=callbacks, resume_options=several
            )
    if path is not None and not resume:
        require_free(path)
    words = sys.argv[1:]
    if path is None and processes.writes:
        path = new_run(chosen.data)
        words = [*words, "--out", str(path)]
    path = path or Path("RUN")  # named by the machine of process 0
    command = f"{_resume_command(chosen, path, lang_option)} --engine xla {processes.options}"
    return supervise(processes, words, command.rstrip())


def run_training(
    chosen: Options,
    out: Path | None,
    resume: bool,
    fingerprint: str,
    lang_option: str = "",
    *,
    callbacks: Sequence[Callback] = (),
    resume_options: str = "",
) -> int:
    """Train, evaluate and save a network.

    Args:
        chosen: the options; if the training is resumed, ``epochs`` may be more than before.
        out: the run folder; ``None``: a new one.
        fingerprint: the fingerprint of the table of the training to resume.
        lang_option: the language option for printed commands.
        callbacks: further ones, which do not change the result.
        resume_options: further options of the command that resumes the training.
    """
    settings.engine = cast(EngineName, chosen.engine or settings.engine)
    private = is_private(chosen)
    chosen.require_network()
    if out and not resume:
        require_free(out)
    if private:
        return _train_privately(chosen, out, resume, lang_option)
    plan = prepare_training(chosen)
    if fingerprint and fingerprint != plan.prepared.fingerprint:
        other = fact("other rows in {data}", data=plan.prepared.table.source)
        raise UsageError("E603", where="--resume", expected=fact("the rows of the training"), received=other)
    model = plan.model()
    if not resume:
        print_setup(plan, model)
    path = out or new_run(chosen.data)
    try:
        with claimed(path, resume) as folder:
            if _run_training(plan, model, folder, path, resume, lang_option, callbacks):
                return 0
    except FileError as error:
        _note_progress(error, path, _resume_command(chosen, path, lang_option + resume_options))
        raise
    return _print_interrupted(chosen, path, lang_option + resume_options)


def _training_options(
    data: str, out: str | None, resume: bool, options: dict[str, Any]
) -> tuple[Options, str]:
    """Return the options of the training and, if it is resumed, the fingerprint of its table."""
    words = {key: value for key, value in options.items() if value is not None and value != []}
    passed: dict[str, Any] = {}
    passed.update({key: tuple(value) if isinstance(value, list) else value for key, value in words.items()})
    if not resume:
        return Options(data).with_passed(passed), ""
    if out is None:
        raise UsageError(
            "E604", where="--resume", expected="--out RUN", received=fact("none"), fix="--out RUN --resume"
        )
    saved, fingerprint = read_config(RunFolder.open(out))
    return require_equal(saved, passed, data, out, is_image_source(data)), fingerprint


def print_setup(plan: TrainingPlan, model: Model) -> None:
    """Print the columns, the use of the rows, and the model."""
    prepared = plan.prepared
    words = {"data": prepared.table.source, "rows": prepared.table.rows, "target": prepared.task.target}
    screen.line(text_of(prepared.task.kind).format(**words, classes=len(prepared.task.labels)), "bold")
    screen.heading(text_of("columns"))
    columns_table(prepared.columns, prepared.preparation)
    screen.notices(prepared.notices)
    screen.line()
    options = plan.options
    screen.line(plan.row_use.text)
    if options.robust:
        units = text_of("robust_pixels" if has_pixels(prepared) else "robust_prepared")
        screen.line(text_of("robust_setup").format(name=options.robust, radius=options.radius, units=units))
    screen.heading(text_of("net_heading"))
    model_table(model, specs_of({"x": prepared.training.x}))
    screen.line()


def _resume_command(options: Options, path: Path, lang_option: str) -> str:
    """Return the command that resumes a training."""
    return f"chainrule train {quoted(options.data)} --out {quoted(str(path))} --resume{lang_option}"


def _note_progress(error: FileError, path: Path, command: str) -> None:
    """Add the saved progress and the command that resumes from it to an error of the disk."""
    saved = RunFolder(path).latest() if error.code in FAILURES and os.path.isdir(path) else None
    if saved is not None:
        error.notes = (*error.notes, text_of("progress_saved").format(step=saved.step, command=command))


def _run_training(
    plan: TrainingPlan,
    model: Model,
    folder: RunFolder,
    path: Path,
    resume: bool,
    lang_option: str,
    callbacks: Sequence[Callback],
) -> bool:
    """Train inside a claimed folder, evaluate, save, and print the result; returns whether it has ended.

    Args:
        path: the folder as passed by the user.
        lang_option: the language option for printed commands.
    """
    is_repeated = os.path.exists(path / MODEL) and not plan.scored.is_cross_validated
    if resume and not _print_resumption(folder, plan, path):
        return True
    recorder = fit_model(model, plan, folder, resume, callbacks=callbacks)
    print_notices(recorder)
    if recorder.was_interrupted:
        return False
    _finish(plan, model, folder, path, is_repeated)
    data = quoted(plan.options.data) + plan.options.reading_words
    screen.line(text_of("next").format(run=path, data=data) + lang_option)
    return True


def _print_interrupted(options: Options, path: Path, lang_option: str) -> int:
    command = _resume_command(options, path, lang_option)
    screen.block(text_of("interrupted").format(command=command), "yellow", to_errors=True)
    return 1


def _finish(plan: TrainingPlan, model: Model, folder: RunFolder, path: Path, is_repeated: bool) -> None:
    """Evaluate a trained model, save it, and print the result.

    Args:
        path: the folder as passed by the user.
        is_repeated: whether the test rows have been used before.
    """
    run = evaluate(model, plan, folder, screen.note)
    texts = run.write(folder)
    _print_end(model)
    heading = "result_heading_folds" if plan.scored.is_cross_validated else "result_heading"
    screen.heading(text_of(heading).format(test=len(plan.scored.rows.y)))
    if is_repeated:
        screen.line(text_of("test_again"), "yellow")
    result_table(run.results, plan.prepared.task.kind, plan.options.metric)
    positive_class(plan.prepared.preparation)
    print_scores(run)
    if run.analysis.robustness:
        _print_robustness(run.analysis.robustness)
    print_curve(run.learning_curve)
    screen.heading(text_of("summary_heading"))
    for sentence in run.sentences:
        screen.line(sentence)
    screen.line()
    screen.line(text_of("written").format(run=path, files=", ".join((MODEL, HISTORY, CONFIG, *texts))))


def _print_resumption(folder: RunFolder, plan: TrainingPlan, path: Path) -> bool:
    """Print where a training resumes; returns whether anything is left to do."""
    checkpoint = folder.latest()
    epochs, is_stopped = end_of(checkpoint)
    if os.path.exists(path / REPORT) and (checkpoint is None or is_stopped or epochs >= plan.epochs):
        if is_stopped and epochs < plan.epochs:
            longer = plan.options.with_passed({"epochs": plan.epochs, "patience": 0}).command()
            screen.block(text_of("stopped_early").format(run=path, epochs=epochs, command=longer))
        else:
            more = f"chainrule resume {quoted(str(path))} --epochs {2 * plan.epochs}"
            screen.block(text_of("finished_already").format(run=path, command=more))
        return False
    if checkpoint is not None and checkpoint.step:
        per_epoch = -(-plan.prepared.parts.sizes[0] // plan.fit_options()["batch_size"])
        screen.line(text_of("resuming").format(step=checkpoint.step, epoch=checkpoint.step // per_epoch + 1))
    return True


def print_notices(recorder: EventRecorder) -> None:
    """Print the notices of the training, unless the progress bar has printed them."""
    if not is_verbose():
        for notice in recorder.notices:
            screen.line(getattr(notice, settings.lang), "yellow", to_errors=True)


def _print_end(model: Model) -> None:
    """Print how the training ended, and the weights of the kinds of networks."""
    screen.line(text_of_pair(ending(model)))
    if kinds := weights_of_kinds(model):
        screen.line(text_of("kinds").format(kinds=text_of_pair(kinds)))


def _print_robustness(robustness: RobustAccuracy) -> None:
    result = robustness.result
    words = {"share": result.robust_accuracy, "rows": result.rows, "radius": f"{result.radius:g}"}
    screen.line(text_of(f"robust_line_{robustness.part}").format(**words))


def _train_privately(options: Options, out: Path | None, resume: bool, lang_option: str) -> int:
    """Train a private model, save it in a run folder, and print what was spent."""
    plan = PrivatePlan.of(options)
    model = plan.model()
    _print_private_setup(plan)
    path = out or new_run(options.data)
    with claimed(path, resume) as folder:
        if resume and os.path.exists(path / MODEL):
            model = Model.load(path / MODEL)
            require_same_epochs(plan, model)
            screen.line(text_of("private_finished").format(run=path, spent=model.privacy_spent))
            return 0
        recorder = fit_private(plan, model, folder, resume)
    for notice in recorder.notices:
        screen.line(getattr(notice, settings.lang), "yellow", to_errors=True)
    if recorder.was_interrupted:
        return _print_interrupted(options, path, lang_option)
    if model.facts["ended"] == "budget":
        screen.line(text_of("private_budget"), "yellow")
    screen.line(text_of("private_spent").format(spent=model.privacy_spent))
    _print_test(plan, model)
    screen.line(text_of("written").format(run=path, files=", ".join((MODEL, HISTORY, CONFIG))))
    screen.line(text_of("private_next").format(run=path) + lang_option)
    return 0


def _print_private_setup(plan: PrivatePlan) -> None:
    """Print the task, the public columns and the guarantee."""
    options, preparation, public = plan.options, plan.preparation, plan.privacy.public
    assert public is not None
    kind = text_of(f"private_{preparation.task}")
    words = {"rows": plan.table.rows, "data": plan.table.source, "target": preparation.target, "kind": kind}
    screen.line(text_of("private_setup").format(**words), "bold")
    screen.heading(text_of("private_columns"))
    titles = [text_of("private_column"), text_of("private_values").format(file=options.public)]
    listed = [*public.columns, (preparation.target, public.target)]
    screen.table(titles, [(name, _stated_text(values)) for name, values in listed])
    screen.notices(plan.unused)
    screen.line()
    epochs, batch_size, _ = plan.schedule
    numbers = {"epsilon": options.epsilon, "delta": options.delta, "epochs": epochs, "batch_size": batch_size}
    screen.line(text_of("private_guarantee").format(**numbers))
    screen.line(text_of("private_withheld"))
    screen.line()


def _stated_text(public: Any) -> str:
    """Return a range or the first levels."""
    if is_range(public):
        return text_of("private_range").format(low=public[0], high=public[1])
    return ", ".join(public[:5]) + (f", … +{len(public) - 5}" if len(public) > 5 else "")


def _print_test(plan: PrivatePlan, model: Model) -> None:
    """Print the scores of the test rows, which are not protected."""
    options, task = plan.options, plan.preparation.task
    if not options.test:
        screen.line(text_of("private_no_test"))
        return
    scores, notices = test_scores(plan, model)
    screen.line()
    screen.line(text_of("private_test").format(file=options.test, rows=len(scores.target)))
    screen.notices(notices)
    result_table(results_of(scores, metric_names(task, options.metric)), task, options.metric)
    positive_class(plan.preparation)
    interval_line(scores)
    screen.line()
