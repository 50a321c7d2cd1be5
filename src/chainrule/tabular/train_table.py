"""``train_table``: what ``chainrule train`` does, as a call."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack, cast

from chainrule.data import Table
from chainrule.data.readers.read_options import ReadOptions
from chainrule.data.readers.sources import read_source
from chainrule.data.sample_types import Samples
from chainrule.errors import UsageError, fact
from chainrule.settings import EngineName, settings
from chainrule.store import RunFolder
from chainrule.tabular.option_names import place
from chainrule.tabular.options import EXAMPLES, Options, require_equal
from chainrule.tabular.run_folder import REPORT, claimed, read_config, require_free
from chainrule.tabular.training import TableRun, evaluate, fit_model, prepare_training
from chainrule.tabular.training_plan import TrainingPlan, is_image_source
from chainrule.validation import boolean, integer, number, random_seed, unknown

Names = str | Sequence[str]


class TableOptions(TypedDict, total=False):
    """The options of ``train_table``, with the meaning and the defaults of ``Options``."""

    task: str
    net: str
    quick: bool
    epochs: int | None
    batch_size: int
    optimizer: str
    learning_rate: float
    learning_rate_at: Names
    penalty: float
    patience: int
    units: int
    dropout: float
    weight_decay: float
    intervals: int
    interval_method: str
    class_weight: str
    positive: str | int | bool
    threshold: str
    cost: str
    learning_curve: bool
    robustness: float
    robust: str
    radius: str | float
    seed: int
    engine: str
    precision: str
    size: int
    augment: str
    damaged: str
    histograms: int
    metric: Names
    split: str
    weight: str
    id: Names
    category: Names
    number: Names
    date: Names
    text: Names
    drop: Names
    delimiter: str
    skip: int
    encoding: str
    header: str
    table: str
    query: str
    decimal: str
    day_first: bool
    month_first: bool
    missing: Names


def train_table(
    data: Samples,
    target: str | None = None,
    *,
    test: Samples | None = None,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    verbose: bool | None = None,
    **options: Unpack[TableOptions],
) -> TableRun:
    """Train a network on a table, and compare it with baselines.

    By default it is an ensemble over the folds of a cross-validation, so that every row trains most of the
    networks and is scored by one that it did not train. The result has the same bits as that of ``chainrule
    train`` with the same options.

    Args:
        data: a file, the name of a bundled data set, a folder of images, a data frame of pandas or polars, a
            table of Arrow, or columns by name.
        target: the column to predict; ``None``: that of the data set.
        test: the rows that score the model, as ``data``; ``None``: a part of ``data``, or cross-validation.
        out: a folder for checkpoints and the result; ``None``: nothing is written until ``save``.
        resume: resume the training in ``out``; the files of a complete one stay as they are.
        verbose: whether progress is shown; ``None``: in a terminal or notebook.
        options: the other options of ``chainrule train`` by name, such as ``quick=True``, ``epochs=50``,
            ``split="time:date"``, ``drop=["id"]``, ``cost="1:5"`` or ``seed=1``; ``None`` is the default. See
            ``Options``.

    Returns:
        the trained model with its scores, its report, and everything else that was measured.

    Raises:
        UsageError E101, E102, E601, E608: an unknown option, or a value that it does not take. UsageError
            E602: ``out`` contains a training. DataError: data that cannot be read or learned from.
        KeyboardInterrupt: the training was interrupted; with ``out`` it can be resumed.

    Example:
        >>> run = train_table("iris", quick=True, epochs=3, verbose=False)
        >>> sorted(run.scores), run.scores["net"]["accuracy"] <= 1
        (['boosting', 'linear', 'net', 'trivial'], True)
    """
    path, fingerprint = None if out is None else Path(out), ""
    values = passed_values(target, test, options)
    chosen = Options(path_of(data)).with_passed(values)
    if resume:
        chosen, fingerprint = _saved_options(path, chosen, values)
    elif path is not None:
        require_free(path)
    return trained(chosen, rows_in_memory(data, test), path, fingerprint, resume, verbose)


def trained(
    chosen: Options,
    tables: Sequence[Table | None],
    path: Path | None,
    fingerprint: str = "",
    resume: bool = False,
    verbose: bool | None = None,
) -> TableRun:
    """Train, evaluate and save a network.

    Args:
        tables: rows and test rows, if they are not in the files of the options.
        path: the run folder; ``None``: nothing is written.
        fingerprint: of the rows of the training to resume.
        resume, verbose: as of ``train_table``.
    """
    with settings.using(engine=cast(EngineName, chosen.engine or settings.engine)):
        plan = prepare_training(chosen, *tables)
        if fingerprint not in ("", plan.prepared.fingerprint):
            other = fact("other rows in {data}", data=plan.prepared.table.source)
            expected = fact("the rows of the training")
            raise UsageError("E603", where="train_table, resume", expected=expected, received=other)
        if path is None:
            return _run(plan, None, resume=False, verbose=verbose)
        with claimed(path, resume) as folder:
            run = _run(plan, folder, resume, verbose)
            if not (path / REPORT).exists():  # more epochs delete the report of a complete training
                run.write(folder)
            return run


def _run(plan: TrainingPlan, folder: RunFolder | None, resume: bool, verbose: bool | None) -> TableRun:
    model = plan.model()
    if fit_model(model, plan, folder, resume, verbose).was_interrupted:
        raise KeyboardInterrupt
    return evaluate(model, plan, folder)


def _saved_options(path: Path | None, chosen: Options, values: dict[str, Any]) -> tuple[Options, str]:
    """Return the options of the training in a folder, and the fingerprint of its rows.

    Raises:
        UsageError E601: no folder. E603: other options. FileError: as ``read_config``.
    """
    if path is None:
        where = "train_table"
        expected = fact("{first} and {second} together", first="out", second="resume")
        raise UsageError(
            "E601", where=where, option="resume", received=fact("none"), expected=expected, fix='out="runs/1"'
        )
    saved, fingerprint = read_config(RunFolder.open(path))
    has_images = is_image_source(chosen.data)
    return require_equal(saved, values, chosen.data, str(path), has_images), fingerprint


def rows_in_memory(*sources: Samples | None) -> list[Table | None]:
    """Return the table of each source that is in memory, ``None`` for the others."""
    return [
        None if source is None or is_path(source) else read_source(source, ReadOptions())
        for source in sources
    ]


def is_path(source: object) -> bool:
    """Return whether data are named by a path or the name of a data set."""
    return isinstance(source, str | os.PathLike)


def path_of(source: Any) -> str:
    """Return the path of data; empty for rows in memory."""
    return os.fspath(source) if is_path(source) else ""


def passed_values(
    target: str | None,
    test: object,
    arguments: Mapping[str, Any],
    function: str = "train_table",
    without: Collection[str] = (),
) -> dict[str, Any]:
    """Return the passed options by name.

    Args:
        function: what was called, for errors.
        without: options that it does not take.

    Raises:
        UsageError E101: an unknown name. E102: a value of another type.
    """
    values = {"target": target or "", "test": path_of(test)}
    values = {name: value for name, value in values.items() if value}
    known = [name for name in TableOptions.__annotations__ if name not in without]
    for name, value in arguments.items():
        if name not in known:
            fix = "" if name in EXAMPLES else "{}=..."  # of a private training, not a typo
            raise unknown(function, name, known, fix)
        if value is not None:
            values[name] = _checked(name, value, function)
    return values


def _checked(name: str, value: Any, function: str) -> Any:
    """Return the value of an option with the type of its default."""
    default = getattr(Options(""), name)
    if name == "seed":
        return random_seed(value, function)
    if name == "radius":
        return value if isinstance(value, str) else repr(float(number(value, name, function)))
    if name == "positive":  # the label itself
        return str(value)
    if isinstance(default, bool):
        return boolean(value, name, function)
    if isinstance(default, int):
        return integer(value, name, function)
    if isinstance(default, float):
        return float(number(value, name, function))
    if isinstance(default, tuple):
        value = (value,) if isinstance(value, str) else tuple(value)
    texts = value if isinstance(value, tuple) else (value,)
    if not all(isinstance(text, str) for text in texts):
        raise UsageError(
            "E102",
            where=place(name, function),
            name=name,
            expected=fact("a text"),
            received=type(value).__name__,
        )
    return value
