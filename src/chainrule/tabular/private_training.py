"""A private training of one small network on a table.

Rows are read for noisy gradients only. There is no split, no early stopping, no baseline, no report and no
fingerprint of the rows; the run folder contains what the user stated, the number of rows and the parameters.
Another file may be scored with ``test``; its rows are not protected.

What is public about the columns is in a TOML file::

    target = ["healthy", "ill"]

    [columns]
    age = [0, 120]
    city = ["Ulm", "Bonn"]
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from typing import Any, cast

from chainrule.data import Finding, Preparation, PublicColumns, Table, public_preparation, unused_columns
from chainrule.data.readers.sources import read_source
from chainrule.data.tables.findings import is_on_command_line
from chainrule.data.tables.task import Head
from chainrule.errors import ChainruleError, DataError, UsageError, fact
from chainrule.model import Model
from chainrule.nn import OPTIMIZERS, net_from_text
from chainrule.records import frozen
from chainrule.settings import EngineName
from chainrule.store import RunFolder, atomic_write
from chainrule.tabular.comparison import Scores
from chainrule.tabular.evaluation import model_output, to_scores
from chainrule.tabular.option_names import command, option, place
from chainrule.tabular.options import ENSEMBLE, Options, schedule_of
from chainrule.tabular.run_folder import CONFIG, to_toml
from chainrule.tabular.training import EventRecorder, save
from chainrule.train.private import Privacy
from chainrule.validation import out_of_range

NET = "32 tanh"  # the network unless another one is chosen
MAX_BYTES = 2**18
KEYS = ("columns", "target")
SHOWN = 40  # columns of the template


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
        """Read the table and the file of ``--public``; E601: no file; E313: no target or column."""
        table = read_source(options.data, options.reading)
        target = options.target or table.target
        if not target:
            expected = fact("the name of the target column")
            fix = option("target", "COLUMN")
            raise DataError(
                "E313", where=table.source, name="", expected=expected, received=fact("none"), fix=fix
            )
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
        """Return the untrained model."""
        head, options = Head.of(self.preparation.labels), self.options
        optimizer_class: Any = OPTIMIZERS[options.optimizer]  # all have a learning rate
        net = net_from_text(NET if options.net == ENSEMBLE else options.net, head.outputs)
        engine = cast(EngineName | None, options.engine or None)
        return Model(net, head.loss, optimizer_class(learning_rate=self.schedule[2]), engine=engine)


def fit_private(plan: PrivatePlan, model: Model, folder: RunFolder, resume: bool) -> EventRecorder:
    """Train the untrained private model in a claimed folder, and save it unless it was interrupted."""
    options, (epochs, batch_size, _) = plan.options, plan.schedule
    if not resume:
        folder.write_text(CONFIG, to_toml(options, ""))
    recorder = EventRecorder()
    _fit(
        model,
        plan,
        {
            "epochs": epochs,
            "batch_size": batch_size,
            "seed": options.seed,
            "privacy": plan.privacy,
            "callbacks": [recorder],
            "run": folder,
            "resume": resume,
        },
    )
    if not recorder.was_interrupted:
        facts = {"data": plan.table.source, "target": plan.preparation.target, "command": options.command()}
        model.adopt(replace(model.state, facts={**model.facts, **facts}))
        save(model, folder, {})
    return recorder


def require_same_epochs(plan: PrivatePlan, model: Model) -> None:
    """Refuse other epochs than those of a complete training, whose noise would differ (E102)."""
    (epochs, _, _), done = plan.schedule, model.facts.get("epochs")
    if epochs != done and model.facts.get("ended") == "epochs":
        expected = fact("{epochs}, for which the noise was calibrated", epochs=done)
        fix = fact("another {option}", option=option("out"))
        raise out_of_range(epochs, "epochs", place("epochs"), expected, fix=fix)


def _fit(model: Model, plan: PrivatePlan, named: dict[str, Any]) -> None:
    """Train; an error about epsilon has a fix for the command line."""
    try:
        model.fit(plan.table, plan.preparation.target, **named)
    except ChainruleError as error:
        words = str(error.fix)
        if is_on_command_line() and error.code == "E592" and "epsilon=" in words:
            error.fix = f"--epsilon {words.partition('epsilon=')[2].partition(',')[0]}"
        raise


def test_scores(plan: PrivatePlan, model: Model) -> tuple[Scores, list[Finding]]:
    """Score the rows of ``test``, which are not protected; returns the scores and notices about the rows."""
    table = read_source(plan.options.test, plan.options.reading)
    y, applied = plan.preparation.targets(table), plan.preparation.apply(table)
    return to_scores(model, y, {"net": model_output(model, applied.x)}), list(applied.notices)


def read_privacy(epsilon: float, delta: float, path: str) -> Privacy:
    """Return the guarantee with the ranges and levels of a file.

    Raises:
        FileError: E401, E402, E403, E404. UsageError E601: not such a file. UsageError E102: a number, a
            range or levels that are not valid.
    """
    entries = _entries(path)
    columns, target = entries.get("columns"), entries.get("target")
    if not isinstance(columns, dict) or not columns or target is None:
        raise _invalid(path, ", ".join(entries) or fact("none"))
    PublicColumns.of(columns, target, path)  # its errors name the file
    return Privacy(epsilon, delta, columns=columns, target=target)


def _entries(path: str) -> dict[str, Any]:
    content = atomic_write.read(path, MAX_BYTES)
    try:
        entries = tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as cause:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise _invalid(path, str(cause)[:120]) from cause
    unknown = [name for name in entries if name not in KEYS]
    if unknown:
        raise _invalid(path, f'"{unknown[0][:80]}"')
    return entries


def _invalid(path: str, received: str) -> UsageError:
    expected = fact("TOML with target = [...] and [columns]")
    fix = fact("put the columns below the line [columns]")
    return UsageError(
        "E601", where=path, option=option("public"), expected=expected, received=received, fix=fix
    )


def missing_file(table: Table, target: str) -> UsageError:
    """Return the error for a private training of a table without ``--public``, with a file template."""
    names = [name for name in table.columns if name != target]
    lines = [f"{_key(name)} = [0, 1]" for name in names[:SHOWN]]
    more = [f"# ... {len(names) - SHOWN}"] if len(names) > SHOWN else []
    return UsageError(
        "E601",
        where=command(),
        option=option("public"),
        expected=fact("a TOML file with what is public about the columns"),
        received=fact("none"),
        notes=[
            fact(
                "a template: replace each [0, 1] by a range, or by levels such as {levels}",
                levels='["no", "yes"]',
            ),
            'target = ["no", "yes"]',
            "[columns]",
            *lines,
            *more,
        ],
        fix=option("public", "columns.toml"),
    )


def _key(name: str) -> str:
    """Return a key of TOML."""
    is_bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if is_bare else json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")
