"""``tune_table``: what ``chainrule tune`` does, as a call."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Unpack, cast

from chainrule.data import Table
from chainrule.data.sample_types import Samples
from chainrule.errors import UsageError, fact
from chainrule.escaping import escape
from chainrule.events import notices
from chainrule.page import screen
from chainrule.records import frozen
from chainrule.settings import EngineName, settings
from chainrule.store import RunFolder
from chainrule.tabular.display import html_table, text_table
from chainrule.tabular.options import OF_ENSEMBLE, Options
from chainrule.tabular.run_folder import CONFIG, read_config, remove_training, require_free
from chainrule.tabular.search.display import Tabulated, best_trials, gain_sentence, gain_table, trial_line
from chainrule.tabular.search.problem import Problem
from chainrule.tabular.search.search import (
    FUNCTION,
    Search,
    SearchGain,
    SearchOptions,
    Trial,
    best_of,
    open_search,
)
from chainrule.tabular.search.study import JOURNAL, ROUND
from chainrule.tabular.train_table import TableOptions, passed_values, path_of, rows_in_memory, trained
from chainrule.tabular.training import TableRun
from chainrule.train.monitor.progress import is_verbose

SEARCHED = ("net", "penalty", "learning_rate", "histograms", *OF_ENSEMBLE)
"""The options of a training that a search sets; a search that takes none of them as an option."""


@frozen(eq=False)
class TableSearch:
    """The trials of a search, and the training with the settings of the best one.

    Printed, and in a notebook, it is a table of its best trials and what the search gained.

    Args:
        trials: by number.
        gain: the scores of the default settings and of the best trial on validation and on test rows.
        run: the training with the settings of the best trial.
    """

    trials: tuple[Trial, ...]
    gain: SearchGain
    run: TableRun

    @property
    def best(self) -> Trial:
        """The trial with the lowest score."""
        return best_of(self.trials)

    def __repr__(self) -> str:
        return f"<TableSearch: {len(self.trials):,} trials, best {self.best.score:.4g}; print it>"

    def __str__(self) -> str:
        tables = [f"{heading}\n{text_table(titles, rows)}" for heading, titles, rows in self._tables()]
        return "\n\n".join([*tables, gain_sentence(self.gain)])

    def _repr_html_(self) -> str:
        tables = [f"<p>{escape(heading)}</p>{html_table(t, rows)}" for heading, t, rows in self._tables()]
        return "".join([*tables, f"<p>{escape(gain_sentence(self.gain))}</p>"])

    def _tables(self) -> tuple[Tabulated, Tabulated]:
        return best_trials(self.trials, self.gain.metric), gain_table(self.gain)


def tune_table(
    data: Samples,
    target: str | None = None,
    *,
    test: Samples | None = None,
    trials: int = 32,
    workers: int = 1,
    sampler: str = "tpe",
    storage: str | None = None,
    cluster: str | None = None,
    round_size: int = ROUND,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    verbose: bool | None = None,
    **options: Unpack[TableOptions],
) -> TableSearch:
    """Search the settings of a training on a table, then train with the best ones.

    A trial of an ensemble is scored by its out-of-fold predictions, one of a single network (``quick=True``)
    on the validation rows: by log-loss, or by RMSE. The first trial has the settings of ``train_table``. The
    test rows are read once, at the end. The trials are those of ``chainrule tune`` with the same options.

    Args:
        data: as of ``train_table``; a file or a data set where ``workers`` or ``cluster`` compute the trials.
        target: the column to predict; ``None``: that of the data set.
        test: the rows that measure the search, as ``data``; ``None``: a fifth of the rows.
        trials: how many trainings the search makes.
        workers: processes of this machine that compute them; the result does not depend on it.
        sampler: ``"tpe"`` (tree-structured Parzen estimator) or ``"random"``.
        storage: a database (``"sqlite:///search.db"``) or a journal file of Optuna, which processes share.
        cluster: the address of a cluster of Dask or Ray, whose workers compute the trials.
        round_size: how many trials are proposed at once; the result depends on it.
        out: a folder for the trials and the training; ``None``: nothing is written until ``run.save``.
        resume: continue the search in ``out``.
        verbose: whether a line is printed for each trial; ``None``: in a terminal or notebook.
        options: the other options of ``train_table``, which apply to every trial.

    Returns:
        the trials, what the search gained on the test rows, and the training with the best settings.

    Raises:
        UsageError E101, E102, E601, E602, E603, E604, E614, E615: options, folders, storages and clusters
            that cannot be used. DataError E350: Optuna is not installed; others: as of ``train_table``.
        KeyboardInterrupt: the search was interrupted; with ``out`` it can be resumed.

    Example:
        >>> search = tune_table("iris", trials=2, quick=True, epochs=2, verbose=False)
        >>> len(search.trials), search.trials[0].options["learning_rate"]
        (2, 0.002)
        >>> search.best.score == search.gain.best[0]
        True
    """
    how = SearchOptions(trials, workers, sampler, storage, cluster, round_size)
    searched = [name for name in options if name in SEARCHED]
    if searched:
        problem = fact("is set by the search")
        raise UsageError("E601", where=FUNCTION, option=searched[0], problem=problem)
    values = passed_values(target, test, options, FUNCTION, SEARCHED)
    base = Options(path_of(data)).with_passed(values)
    tables = rows_in_memory(data, test)
    path = None if out is None else Path(out)
    _require_valid(how, tables, path, resume)
    with settings.using(engine=cast(EngineName, base.engine or settings.engine)):
        problem = Problem.of(base, *tables)
        problem.plan(problem.space.defaults)  # refuses invalid options
        with claimed_journal(path) as folder:
            search = open_search(problem, folder, how, resume)
            _compute(search, is_verbose(verbose))
            complete, best = search.trials, best_of(search.trials)
        chosen = problem.space.options(problem.base, best.settings)
        is_begun = path is not None and is_resumed(path, chosen)
        fingerprint = problem.prepared.fingerprint if is_begun else ""
        run = trained(chosen, tables, path, fingerprint, is_begun, verbose)
        return TableSearch(complete, search.gain(best, run.model), run)


def _compute(search: Search, is_shown: bool) -> None:
    """Compute the trials that are missing; each may be shown in a line."""
    for trial in search.computed():
        if is_shown:
            screen.line(trial_line(trial, search.trials, search.how.trials, search.problem.metric))


def _require_valid(
    how: SearchOptions, tables: Sequence[Table | None], path: Path | None, resume: bool
) -> None:
    """Refuse rows in memory that other processes compute, and a folder with a search."""
    other, fix = ("cluster", "cluster=None") if how.cluster else ("workers", "workers=1")
    if any(table is not None for table in tables) and (how.cluster or how.workers > 1):
        raise UsageError(
            "E601",
            where=FUNCTION,
            option=other,
            expected=fact("data in a file, which other processes read"),
            received=fact("rows in memory"),
            fix=fix,
        )
    if resume and path is None:
        raise UsageError(
            "E604", where=f"{FUNCTION}, resume", expected="out", received=fact("none"), fix='out="run"'
        )
    if path is not None and not resume:
        require_free(path, JOURNAL)


@contextmanager
def claimed_journal(path: Path | None) -> Iterator[Path]:
    """Yield the folder of the journal, claimed; a temporary one if nothing is to be written."""
    if path is None:
        with TemporaryDirectory() as temporary:
            yield Path(temporary)
        return
    with RunFolder.create(path).claim():
        yield path


def is_resumed(path: Path, chosen: Options) -> bool:
    """Return whether a folder has the training of the best trial; that of another trial is removed, with a
    notice.

    Args:
        chosen: the options of the training with the settings of the best trial.
    """
    if not (path / CONFIG).exists():
        return False
    saved, _ = read_config(RunFolder.open(path))
    if all(getattr(saved, name) == getattr(chosen, name) for name in SEARCHED):
        return True
    notices.emit(
        fact("{path}: another trial is the best one now; its training replaces the former", path=path)
    )
    remove_training(path)
    return False
