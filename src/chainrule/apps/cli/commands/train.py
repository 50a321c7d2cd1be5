"""``chainrule train``: from a table to a trained, judged and saved network."""

from __future__ import annotations

import inspect
import os
import typing
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from chainrule.apps.cli import run_writer, screen
from chainrule.apps.cli.main import FAILURES
from chainrule.apps.cli.options import CONFIG, Options, agreed, quoted, read_config, to_toml
from chainrule.apps.cli.prepared_data import Study
from chainrule.apps.cli.run_paths import HISTORY, MODEL, REPORT, claimed, new_run, refuse_occupied
from chainrule.apps.cli.tables import columns_table, net_table, positive_class, result_table
from chainrule.apps.cli.texts import say
from chainrule.apps.report.page import page
from chainrule.errors import FileError, UsageError
from chainrule.model import Model
from chainrule.nn import net_from_text
from chainrule.settings import EngineName, settings
from chainrule.store import RunFolder
from chainrule.train.callback.histograms import FILE, read_histograms
from chainrule.train.evaluation.evaluate import specs_of
from chainrule.train.monitor.progress import is_watched

_KINDS: dict[type, Any] = {str: str | None, int: int | None, float: float | None, tuple: list[str] | None}
_MANY = {"metric": "NAME"}  # options that may be given several times, besides those that name columns


def with_options(command: Callable[..., int]) -> Callable[..., int]:
    """The command with one more option for each field of ``Options``, so that these are written in one place.

    Typer reads a function's signature; here one is put together. An option that is not given is ``None``.
    """
    hints: dict[str, Any] = typing.get_type_hints(command, include_extras=True)
    own = [p for p in inspect.signature(command).parameters.values() if p.kind is not p.VAR_KEYWORD]
    parameters = [p.replace(annotation=hints[p.name]) for p in own]
    usual = Options("")
    for field in fields(Options)[1:]:
        kind = type(getattr(usual, field.name))
        many = _MANY.get(field.name, "COLUMN") if kind is tuple else None
        words = typer.Option(help=f"={field.name}", metavar=many)
        hints[field.name] = Annotated[_KINDS[kind], words]
        parameters.append(
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=hints[field.name]
            )
        )
    command.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportFunctionMemberAccess]
    command.__annotations__ = hints
    return command


@with_options
def train(
    data: Annotated[str, typer.Argument(help="=data", metavar="DATA")],
    out: Annotated[str | None, typer.Option(help="=out", metavar="RUN")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="=resume")] = False,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **options: Any,
) -> int:
    """Train, judge and save a network.

    Args:
        data: a file or the name of a set.
        out: the folder for the result.
        resume: go on with the training in ``out``.
        lang: the door has read it already.
        options: those of ``Options``; ``None`` where not given.
    """
    asked, fingerprint = _asked(data, out, resume, options)
    settings.engine = cast(EngineName, asked.engine or settings.engine)
    net_from_text(asked.net, 1)  # a slip in the net is told before the data is read
    if out and not resume and not os.path.exists(Path(out) / ".lock"):
        refuse_occupied(Path(out))
    study = Study.of(asked)
    if fingerprint and fingerprint != study.table.fingerprint:
        other = f"other rows in {study.table.source}"
        raise UsageError("E603", where="--resume", expected="the rows of before", received=other)
    model = run_writer.model_of(asked, study)
    understood(asked, study, model)
    place = Path(out) if out else new_run(data)
    spoken = f" --lang {lang}" if lang else ""
    try:
        with claimed(place, resume) as folder:
            return _trained(asked, study, model, folder, place, resume, spoken)
    except FileError as error:
        _still_there(error, place, _again(asked, place, spoken))
        raise


def _asked(data: str, out: str | None, resume: bool, options: dict[str, Any]) -> tuple[Options, str]:
    """The options of this training and, when it is resumed, the fingerprint of its rows."""
    words = {key: value for key, value in options.items() if value is not None and value != []}
    given: dict[str, Any] = {}
    given.update({key: tuple(value) if isinstance(value, list) else value for key, value in words.items()})
    if not resume:
        return Options(data, **given), ""
    if out is None:
        raise UsageError(
            "E604", where="--resume", expected="--out RUN", received="none", fix="--out RUN --resume"
        )
    saved, fingerprint = read_config(RunFolder.open(out))
    return agreed(saved, given, data), fingerprint


def understood(options: Options, study: Study, model: Model) -> None:
    """Show what was understood of the data, and the net that will learn it."""
    words = {"data": study.table.source, "rows": study.table.rows, "target": study.task.target}
    screen.line(say(study.task.kind).format(**words, classes=len(study.task.labels)), "bold")
    screen.heading(say("columns"))
    columns_table(study.columns)
    screen.notices(study.notices)
    screen.line()
    training, validation, test = study.parts.sizes
    screen.line(say("split").format(training=training, validation=validation, test=test, seed=options.seed))
    screen.heading(say("net_heading"))
    net_table(model, specs_of({"x": study.training.x}))
    screen.line()


def _again(options: Options, place: Path, spoken: str) -> str:
    """The command that goes on with a training."""
    return f"chainrule train {quoted(options.data)} --out {quoted(str(place))} --resume{spoken}"


def _still_there(error: FileError, place: Path, again: str) -> None:
    """Add to an error of the disk what is safe all the same, and how to go on from it."""
    saved = RunFolder(place).latest() if error.code in FAILURES and os.path.isdir(place) else None
    if saved is not None:
        error.notes = (*error.notes, say("still_there").format(step=saved.step, command=again))


def _trained(
    options: Options,
    study: Study,
    model: Model,
    folder: RunFolder,
    place: Path,
    resume: bool,
    spoken: str,
) -> int:
    """Train inside a claimed folder, judge, save, and show the result.

    Args:
        place: the folder as the user calls it.
        spoken: what is added to a command that is told, so that it answers in the language of this one.
    """
    if not resume:
        folder.write_text(CONFIG, to_toml(options, study.table.fingerprint))
    elif not _goes_on(folder, study, options, place):
        return 0
    watcher = run_writer.teach(model, options, study, folder, resume)
    tell(watcher)
    if watcher.was_interrupted:
        again = say("interrupted").format(command=_again(options, place, spoken))
        screen.block(again, "yellow", to_errors=True)
        return 1
    rated = run_writer.ratings(model, study, options)
    run_writer.keep_facts(model, options, study, rated)
    kept = read_histograms(folder.path / FILE, folder.path) if options.histograms else None
    run_writer.save(model, folder, page(model, options, study, rated, kept), REPORT)
    _ended(watcher, len(model.history))
    screen.heading(say("result_heading").format(test=study.parts.sizes[2]))
    result_table(rated, study.task.kind, options.metric)
    positive_class(study.preparation)
    screen.line()
    screen.line(say("written").format(run=place, files=", ".join((MODEL, HISTORY, CONFIG, REPORT))))
    screen.line(say("next").format(run=place, data=quoted(options.data)) + spoken)
    return 0


def _goes_on(folder: RunFolder, study: Study, options: Options, place: Path) -> bool:
    """Say from where an interrupted training goes on; whether there is anything left to do."""
    found = folder.latest()
    if found is None and os.path.exists(place / REPORT):
        screen.line(say("finished_already").format(run=place))
        return False
    if found is not None and found.step:
        per_epoch = -(-study.parts.sizes[0] // options.batch_size)
        screen.line(say("going_on").format(step=found.step, epoch=found.step // per_epoch + 1))
    return True


def tell(watcher: run_writer.Watcher) -> None:
    """What the training had to say, unless its progress bar has said it already."""
    if not is_watched():
        for notice in watcher.notices:
            screen.line(getattr(notice, settings.lang), "yellow", to_errors=True)


def _ended(watcher: run_writer.Watcher, epochs: int) -> None:
    end: Any = watcher.end
    screen.line(say(f"end_{end.reason}").format(epochs=epochs, best=end.best_epoch or epochs))
