"""``chainrule train --epsilon``: a private training of one small network on a table.

Rows are read for noisy gradients only. There is no split, no early stopping, no baseline, no report and no
fingerprint of the rows; the run folder contains what the user stated, the number of rows and the parameters.
Another file may be scored with ``--test``; its rows are not protected.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from chainrule.apps.cli import run_writer, screen
from chainrule.apps.cli.config_file import CONFIG, to_toml
from chainrule.apps.cli.model_output import model_output
from chainrule.apps.cli.options import ENSEMBLE, Options, quoted
from chainrule.apps.cli.private_options import schedule_of
from chainrule.apps.cli.public_file import missing_file, read_privacy
from chainrule.apps.cli.run_paths import HISTORY, MODEL, claimed, new_run
from chainrule.apps.cli.score_lines import interval_line
from chainrule.apps.cli.tables import positive_class, result_table
from chainrule.apps.cli.texts import text_of
from chainrule.data import Preparation, Table, public_preparation, unused_columns
from chainrule.data.readers.sources import read_source
from chainrule.data.tables.public_columns import is_range
from chainrule.errors import ChainruleError, DataError, UsageError, fact
from chainrule.model import Model
from chainrule.nn import OPTIMIZERS, net_from_text
from chainrule.records import frozen
from chainrule.settings import EngineName, settings
from chainrule.store import RunFolder
from chainrule.train.private import Privacy

NET = "32 tanh"  # the default of --net


@frozen(eq=False)
class PrivatePlan:
    """A private training.

    Args:
        options: the options of the command.
        privacy: the guarantee and the public columns.
        table: the rows, with the columns that are used.
        preparation: from the public columns.
        unused: the notice about other columns.
    """

    options: Options
    privacy: Privacy
    table: Table
    preparation: Preparation
    unused: tuple[Any, ...]

    @staticmethod
    def of(options: Options) -> PrivatePlan:
        """Read the table and the file of ``--public``.

        Raises:
            UsageError E601: no ``--public``. DataError E313: no target, or a column that the table lacks.
        """
        table = read_source(options.data, options.reading)
        target = options.target or table.target
        if not target:
            raise DataError(
                "E313", where=table.source, name="", expected=fact("the name of the target column"),
                received=fact("none"), fix="--target COLUMN",
            )  # fmt: skip
        if not options.public:
            raise missing_file(table, target)
        privacy = read_privacy(options.epsilon, options.delta, options.public)
        public = privacy.public
        assert public is not None
        preparation = public_preparation(public, table, target)
        used = table.frame.select([*preparation.columns, target])
        unused = unused_columns(preparation, table)
        return PrivatePlan(options, privacy, replace(table, frame=used, notices=()), preparation, unused)

    @property
    def schedule(self) -> tuple[int, int, float]:
        """Epochs, batch size and learning rate."""
        return schedule_of(self.options, self.table.rows)

    def model(self) -> Model:
        """The untrained model."""
        labels, options = self.preparation.labels, self.options
        outputs = len(labels) if len(labels) > 2 else 1
        loss = "mse" if not labels else "cross_entropy" if outputs > 1 else "binary_cross_entropy"
        optimizer_class: Any = OPTIMIZERS[options.optimizer]  # all have a learning rate
        net = net_from_text(NET if options.net == ENSEMBLE else options.net, outputs)
        engine = cast(EngineName | None, options.engine or None)
        return Model(net, loss, optimizer_class(learning_rate=self.schedule[2]), engine=engine)


def train_privately(options: Options, out: Path | None, resume: bool, lang_option: str) -> int:
    """Train a private model, save it in a run folder, and print what was spent.

    Args:
        options: the options of the command.
        out: the run folder; ``None``: a new one.
        resume: resume the training in ``out``.
        lang_option: the language option for printed commands.
    """
    plan = PrivatePlan.of(options)
    model = plan.model()
    _print_setup(plan)
    path = out or new_run(options.data)
    with claimed(path, resume) as folder:
        if resume and os.path.exists(path / MODEL):
            return _print_finished(plan, path)
        return _train(plan, model, folder, path, resume, lang_option)


def _print_finished(plan: PrivatePlan, path: Path) -> int:
    """Print what a complete training spent.

    Raises:
        UsageError E102: another number of epochs, which would need other noise from the start.
    """
    model, (epochs, _, _) = Model.load(path / MODEL), plan.schedule
    done = model.facts.get("epochs")
    if epochs != done and model.facts.get("ended") == "epochs":
        raise UsageError(
            "E102", where="--epochs", name="epochs", received=epochs,
            expected=fact("{epochs}, for which the noise was calibrated", epochs=done),
            fix=fact("another --out"),
        )  # fmt: skip
    screen.line(text_of("private_finished").format(run=path, spent=model.privacy_spent))
    return 0


def _print_setup(plan: PrivatePlan) -> None:
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
    """A range or the first levels."""
    if is_range(public):
        return text_of("private_range").format(low=public[0], high=public[1])
    return ", ".join(public[:5]) + (f", … +{len(public) - 5}" if len(public) > 5 else "")


def _train(
    plan: PrivatePlan, model: Model, folder: RunFolder, path: Path, resume: bool, lang_option: str
) -> int:
    """Train inside a claimed folder, save, and print the result."""
    options = plan.options
    if not resume:
        folder.write_text(CONFIG, to_toml(options, ""))
    recorder = run_writer.EventRecorder()
    epochs, batch_size, _ = plan.schedule
    _fit(model, plan, {
        "epochs": epochs, "batch_size": batch_size, "seed": options.seed, "privacy": plan.privacy,
        "callbacks": [recorder], "run": folder, "resume": resume,
    })  # fmt: skip
    for notice in recorder.notices:
        screen.line(getattr(notice, settings.lang), "yellow", to_errors=True)
    if recorder.was_interrupted:
        command = f"chainrule train {quoted(options.data)} --out {quoted(str(path))} --resume{lang_option}"
        screen.block(text_of("interrupted").format(command=command), "yellow", to_errors=True)
        return 1
    facts = {"data": plan.table.source, "target": plan.preparation.target, "command": options.command()}
    model.adopt(replace(model.state, facts={**model.facts, **facts}))
    run_writer.save(model, folder, {})
    if model.facts["ended"] == "budget":
        screen.line(text_of("private_budget"), "yellow")
    screen.line(text_of("private_spent").format(spent=model.privacy_spent))
    _print_scores(plan, model)
    files = ", ".join((MODEL, HISTORY, CONFIG))
    screen.line(text_of("written").format(run=path, files=files))
    screen.line(text_of("private_next").format(run=path) + lang_option)
    return 0


def _fit(model: Model, plan: PrivatePlan, named: dict[str, Any]) -> None:
    """Train; an error about epsilon has a fix for the command line."""
    try:
        model.fit(plan.table, plan.preparation.target, **named)
    except ChainruleError as error:
        words = str(error.fix)
        if error.code == "E592" and "epsilon=" in words:
            error.fix = f"--epsilon {words.partition('epsilon=')[2].partition(',')[0]}"
        raise


def _print_scores(plan: PrivatePlan, model: Model) -> None:
    """Print the scores of the rows of ``--test``, which are not protected."""
    options, preparation = plan.options, plan.preparation
    if not options.test:
        screen.line(text_of("private_no_test"))
        return
    table = read_source(options.test, options.reading)
    y, applied = preparation.targets(table), preparation.apply(table)
    screen.line()
    screen.line(text_of("private_test").format(file=options.test, rows=table.rows))
    screen.notices(applied.notices)
    scores = run_writer.to_scores(model, y, {"net": model_output(model, applied.x)})
    names = run_writer.metric_names(preparation.task, options.metric)
    result_table(run_writer.results_of(scores, names), preparation.task, options.metric)
    positive_class(preparation)
    interval_line(scores)
    screen.line()
