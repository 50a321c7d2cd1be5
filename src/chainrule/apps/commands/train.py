"""``chainrule train``: from a table to a trained, judged and saved network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from chainrule.apps import course, screen
from chainrule.apps.option import CONFIG, Options, agreed, quoted, read_config, to_toml
from chainrule.apps.report.page import page
from chainrule.apps.run import HISTORY, MODEL, REPORT, claimed, new_run, refuse_occupied
from chainrule.apps.study import Study
from chainrule.apps.view import columns_table, net_table, result_table
from chainrule.apps.word import say
from chainrule.errors import UsageError
from chainrule.nn import net_from_text
from chainrule.settings import settings
from chainrule.store import RunFolder
from chainrule.train.learner import Learner

Words = list[str] | None


def train(
    context: typer.Context,
    data: Annotated[str, typer.Argument(help="=data", metavar="DATA")],
    target: Annotated[str | None, typer.Option(help="=target")] = None,
    net: Annotated[str | None, typer.Option(help="=net")] = None,
    epochs: Annotated[int | None, typer.Option(help="=epochs")] = None,
    seed: Annotated[int | None, typer.Option(help="=seed")] = None,
    engine: Annotated[str | None, typer.Option(help="=engine")] = None,
    task: Annotated[str | None, typer.Option(help="=task")] = None,
    batch_size: Annotated[int | None, typer.Option(help="=batch_size")] = None,
    rate: Annotated[float | None, typer.Option(help="=rate")] = None,
    optimizer: Annotated[str | None, typer.Option(help="=optimizer")] = None,
    penalty: Annotated[float | None, typer.Option(help="=penalty")] = None,
    patience: Annotated[int | None, typer.Option(help="=patience")] = None,
    class_weight: Annotated[str | None, typer.Option(help="=class_weight")] = None,
    category: Annotated[Words, typer.Option(help="=category", metavar="COLUMN")] = None,
    number: Annotated[Words, typer.Option(help="=number", metavar="COLUMN")] = None,
    drop: Annotated[Words, typer.Option(help="=drop", metavar="COLUMN")] = None,
    out: Annotated[str | None, typer.Option(help="=out", metavar="RUN")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="=resume")] = False,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
) -> int:
    given = {
        k: v
        for k, v in context.params.items()
        if k not in ("data", "out", "resume", "lang") and v not in (None, [], ())
    }
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    if resume and out is None:
        raise UsageError(
            "E604", where="--resume", expected="--out RUN", received="none", fix="--out RUN --resume"
        )
    options = (
        agreed(read_config(RunFolder.open(out)), given, data) if resume and out else Options(data, **given)
    )
    settings.engine = options.engine or settings.engine
    net_from_text(options.net, 1)  # a slip in the net is told before the data is read
    if out and not resume and not (Path(out) / ".lock").exists():
        refuse_occupied(Path(out))
    study = Study.of(options)
    learner = course.learner_of(options, study)
    understood(options, study, learner)
    place = Path(out) if out else new_run(data)
    with claimed(place, resume) as folder:
        return _trained(options, study, learner, folder, place, resume)


def understood(options: Options, study: Study, learner: Learner) -> None:
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
    net_table(learner, study)
    screen.line()


def _trained(
    options: Options, study: Study, learner: Learner, folder: RunFolder, place: Path, resume: bool
) -> int:
    """Train inside a claimed folder, judge, save, and show the result.

    Args:
        place: the folder as the user calls it.
    """
    if resume and (place / REPORT).exists() and folder.latest() is None:
        screen.line(say("finished_already").format(run=place))
        return 0
    if not resume:
        folder.write_text(CONFIG, to_toml(options))
    watcher = course.teach(learner, options, study, folder, resume)
    for notice in watcher.notices:
        screen.line(getattr(notice, settings.lang), "yellow", to_errors=True)
    if watcher.was_interrupted:
        again = f"chainrule train {quoted(options.data)} --out {quoted(str(place))} --resume"
        screen.line(say("interrupted").format(command=again), "yellow", to_errors=True)
        return 1
    rated = course.ratings(learner, study, options)
    course.keep_facts(learner, options, study, rated)
    course.save(learner, folder, page(learner, options, study, rated), REPORT)
    _ended(watcher, len(learner.history))
    screen.heading(say("result_heading").format(test=study.parts.sizes[2]))
    result_table(rated, study.task.kind)
    screen.line()
    screen.line(say("written").format(run=place, files=", ".join((MODEL, HISTORY, CONFIG, REPORT))))
    screen.line(say("next").format(run=place, data=quoted(options.data)))
    return 0


def _ended(watcher: course.Watcher, epochs: int) -> None:
    end: Any = watcher.end
    screen.line(say(f"end_{end.reason}").format(epochs=epochs, best=end.best_epoch or epochs))
