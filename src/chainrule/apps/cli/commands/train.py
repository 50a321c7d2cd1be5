"""``chainrule train``: train, evaluate and save a network."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from chainrule.apps.cli import decision_threshold, learning_curves, run_writer, screen
from chainrule.apps.cli.config_file import CONFIG, MAX_BYTES, read_config, to_toml
from chainrule.apps.cli.main import FAILURES
from chainrule.apps.cli.options import (
    ENSEMBLE,
    OF_ENSEMBLE,
    OF_RECIPE,
    PASSED,
    Options,
    quoted,
    require_equal,
)
from chainrule.apps.cli.prediction_intervals import intervals_of
from chainrule.apps.cli.private_options import is_private
from chainrule.apps.cli.private_training import train_privately
from chainrule.apps.cli.reading import READING
from chainrule.apps.cli.robust_options import has_pixels
from chainrule.apps.cli.run_paths import CARD, HISTORY, MODEL, REPORT, claimed, new_run, require_free
from chainrule.apps.cli.score_lines import print_scores
from chainrule.apps.cli.signature import Choice, with_options
from chainrule.apps.cli.table_of_options import is_image_source, prepare_data
from chainrule.apps.cli.tables import columns_table, model_table, positive_class, result_table
from chainrule.apps.cli.texts import text_in, text_of
from chainrule.apps.cli.training_plan import TrainingPlan, plan_of
from chainrule.apps.cli.training_status import ending, weights_of_kinds
from chainrule.apps.report.analysis import analyze
from chainrule.apps.report.evaluation_rows import EvaluationRows
from chainrule.apps.report.model_card import model_card
from chainrule.apps.report.page import page
from chainrule.apps.report.robust_accuracy import refuse_robustness
from chainrule.apps.report.summary import Summary, summarize
from chainrule.errors import FileError, UsageError, fact
from chainrule.messages import LANGUAGES
from chainrule.model import Model
from chainrule.nn import net_from_text
from chainrule.settings import EngineName, settings
from chainrule.store import Checkpoint, RunFolder, atomic_write
from chainrule.train.callback.histograms import FILE, read_histograms
from chainrule.train.ensemble import LARGE, MIDDLE, SMALL, recipe_for
from chainrule.train.evaluation.evaluate import specs_of
from chainrule.train.monitor.progress import is_verbose
from chainrule.train.private.privacy import INTERVALS

FEWEST = 8  # rows of the smallest table of an ensemble
MANY_CELLS = 20_000_000  # of the rows that baselines are trained on, from which this takes many seconds
_REPEATED = {"metric": "NAME"}  # other options that can be passed several times name columns
_TEXTS = {
    "test": "test_file",
    "split": "division",
    "weight": "row_weight",
    "id": "row_id",
    "public": "public_file",
}
_VALUES = {
    "test": "FILE",
    "split": "random|time:COLUMN|group:COLUMN",
    "robust": "NAME",
    "radius": "R",
    "weight": "COLUMN",
    "public": "FILE",
}


def option_choices() -> dict[str, Choice]:
    """The fields of ``Options`` as options of the command."""
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
    """The default of an option in English and Chinese: of a recipe, its values by the size of the table."""
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


@with_options(option_choices())
def train(
    data: Annotated[str, typer.Argument(help="=rows_file", metavar="DATA")],
    out: Annotated[str | None, typer.Option(help="=out", metavar="RUN")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="=resume_out")] = False,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **options: Any,
) -> int:
    """Train, evaluate and save a network.

    Args:
        data: a file or the name of a data set.
        out: the run folder.
        resume: resume the training in ``out``.
        lang: language; already set by ``main``.
        options: those of ``Options``; ``None`` if not passed.
    """
    chosen, fingerprint = _training_options(data, out, resume, options)
    lang_option = f" --lang {lang}" if lang else ""
    return run_training(chosen, Path(out) if out else None, resume, fingerprint, lang_option)


def run_training(
    chosen: Options, out: Path | None, resume: bool, fingerprint: str, lang_option: str = ""
) -> int:
    """Train, evaluate and save a network.

    Args:
        chosen: the options; if the training is resumed, ``epochs`` may be more than before.
        out: the run folder; ``None``: a new one.
        resume: resume the training in ``out``.
        fingerprint: the fingerprint of the table of the training to resume.
        lang_option: the language option for printed commands.
    """
    settings.engine = cast(EngineName, chosen.engine or settings.engine)
    private = is_private(chosen)
    if chosen.net != ENSEMBLE:
        net_from_text(chosen.net, 1)  # refuses an invalid network before the data is read
    if out and not resume:
        require_free(out)
    if private:
        return train_privately(chosen, out, resume, lang_option)
    prepared = prepare_data(chosen)
    if fingerprint and fingerprint != prepared.fingerprint:
        other = fact("other rows in {data}", data=prepared.table.source)
        raise UsageError("E603", where="--resume", expected=fact("the rows of the training"), received=other)
    decision_threshold.require_two_classes(chosen, len(prepared.task.labels))
    refuse_robustness(chosen, prepared)
    plan = plan_of(chosen, prepared)
    model = plan.model()
    if not resume:
        print_setup(plan, model)
    path = out or new_run(chosen.data)
    try:
        with claimed(path, resume) as folder:
            return _run_training(plan, model, folder, path, resume, lang_option)
    except FileError as error:
        _note_progress(error, path, _resume_command(chosen, path, lang_option))
        raise


def _training_options(
    data: str, out: str | None, resume: bool, options: dict[str, Any]
) -> tuple[Options, str]:
    """The options of the training and, if it is resumed, the fingerprint of its table."""
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
    """The command that resumes a training."""
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
) -> int:
    """Train inside a claimed folder, evaluate, save, and print the result.

    Args:
        path: the folder as passed by the user.
        lang_option: the language option for printed commands.
    """
    options, prepared = plan.options, plan.prepared
    config = to_toml(options, prepared.fingerprint, plan.used)
    is_repeated = not plan.is_cross_validated and os.path.exists(path / MODEL)  # its test rows have been used
    if not resume:
        folder.write_text(CONFIG, config)
    elif not _is_unfinished(folder, plan, path):
        return 0

    recorder = run_writer.fit_model(model, plan, folder, resume, lambda: _save_config(folder, config))
    print_notices(recorder)
    if recorder.was_interrupted:
        command = _resume_command(options, path, lang_option)
        screen.block(text_of("interrupted").format(command=command), "yellow", to_errors=True)
        return 1
    _finish(plan, model, folder, path, is_repeated)
    data = quoted(options.data) + options.reading_words
    screen.line(text_of("next").format(run=path, data=data) + lang_option)
    return 0


def _finish(
    plan: TrainingPlan,
    model: Model,
    folder: RunFolder,
    path: Path,
    is_repeated: bool,
) -> None:
    """Evaluate a trained model, save it, and print the result.

    Args:
        path: the folder as passed by the user.
        is_repeated: whether the test rows have been used before.
    """
    options, kind = plan.options, plan.prepared.task.kind
    _announce_baselines(plan)
    scores = run_writer.evaluate_models(model, plan)
    results = run_writer.results_of(scores, run_writer.metric_names(kind, options.metric))
    threshold = decision_threshold.choose(plan, model, scores)
    intervals = intervals_of(plan, model)
    run_writer.add_facts(model, plan, results, {
        **({decision_threshold.FACT: threshold.fact} if threshold else {}),
        **({INTERVALS: intervals.intervals.fact} if intervals else {}),
    })  # fmt: skip
    analysis = analyze(model, plan, scores, EvaluationRows.of(model, plan), intervals)
    summary = summarize(analysis)
    histograms = read_histograms(folder.path / FILE, folder.path) if options.histograms else None
    texts = {CARD: model_card(analysis, summary), REPORT: page(analysis, summary, histograms)}
    run_writer.save(model, folder, texts)
    _print_end(model)
    heading = "result_heading_folds" if plan.is_cross_validated else "result_heading"
    screen.heading(text_of(heading).format(test=len(plan.scored.y)))
    if is_repeated:
        screen.line(text_of("test_again"), "yellow")
    result_table(results, kind, options.metric)
    positive_class(plan.prepared.preparation)
    print_scores(plan, model, scores, threshold, intervals)
    if analysis.robustness:
        analysis.robustness.print_line()
    learning_curves.print_curve(learning_curves.measure(plan, scores))
    print_summary(summary)
    screen.line()
    screen.line(text_of("written").format(run=path, files=", ".join((MODEL, HISTORY, CONFIG, *texts))))


def _announce_baselines(plan: TrainingPlan) -> None:
    """Print that the baselines are being trained, if that takes long."""
    rows, features = plan.baseline_fits[0][0].flat.shape
    if rows * features * len(plan.baseline_fits) >= MANY_CELLS:
        screen.line(text_of("comparing").format(rows=rows, features=features), to_errors=True)


def print_summary(summary: Summary) -> None:
    """Print how good the model is and which columns matter most."""
    i, blank = (1, "") if settings.lang == "zh" else (0, " ")
    screen.heading(text_of("summary_heading"))
    for sentences in (summary.quality[:1] + summary.scope, summary.columns):
        if sentences:
            screen.line(blank.join(pair[i] for pair in sentences))


def _is_unfinished(folder: RunFolder, plan: TrainingPlan, path: Path) -> bool:
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
        per_epoch = -(-plan.prepared.parts.sizes[0] // plan.batch_size)
        screen.line(text_of("resuming").format(step=checkpoint.step, epoch=checkpoint.step // per_epoch + 1))
    return True


def end_of(checkpoint: Checkpoint | None) -> tuple[int, bool]:
    """The number of complete epochs in a checkpoint, and whether a stopping rule has ended the training."""
    record = {} if checkpoint is None else checkpoint.record
    epochs, watch = record.get("epoch"), record.get("watch")
    rules = watch.values() if isinstance(watch, dict) else ()
    is_stopped = any(isinstance(counters, dict) and bool(counters.get("stop")) for counters in rules)
    return epochs if isinstance(epochs, int) else 0, is_stopped


def _save_config(folder: RunFolder, config: str) -> None:
    """Save another number of epochs, and mark the training as unfinished by deleting its report."""
    if config != folder.read_text(CONFIG, MAX_BYTES):
        atomic_write.remove(folder.path / REPORT, folder.path)
        folder.write_text(CONFIG, config)


def print_notices(recorder: run_writer.EventRecorder) -> None:
    """Print the notices of the training, unless the progress bar has printed them."""
    if not is_verbose():
        for notice in recorder.notices:
            screen.line(getattr(notice, settings.lang), "yellow", to_errors=True)


def _print_end(model: Model) -> None:
    """Print how the training ended, and the weights of the kinds of networks."""
    position = settings.lang == "zh"
    screen.line(ending(model)[position])
    if kinds := weights_of_kinds(model):
        screen.line(text_of("kinds").format(kinds=kinds[position]))
