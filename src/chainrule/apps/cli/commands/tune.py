"""``chainrule tune``: search the settings of a training, then train with the best ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from chainrule.apps.cli.commands.train import option_choices, run_training
from chainrule.apps.cli.signature import with_options
from chainrule.errors import UsageError, fact
from chainrule.model import Model
from chainrule.page import screen
from chainrule.tabular.options import Options
from chainrule.tabular.run_folder import MODEL, new_run, require_free
from chainrule.tabular.search.display import Tabulated, best_trials, gain_sentence, gain_table, trial_line
from chainrule.tabular.search.problem import Problem
from chainrule.tabular.search.search import SearchOptions, best_of, open_search
from chainrule.tabular.search.study import JOURNAL, ROUND
from chainrule.tabular.search.tune_table import SEARCHED, claimed_journal, is_resumed
from chainrule.tabular.texts import text_of

_REFUSED = (*SEARCHED, "epsilon", "delta", "public")  # each trial would spend privacy


@with_options({name: choice for name, choice in option_choices().items() if name not in _REFUSED})
def tune(
    data: Annotated[str, typer.Argument(help="=rows_file", metavar="DATA")],
    trials: Annotated[int, typer.Option(help="=tune_trials")] = 32,
    workers: Annotated[int, typer.Option(help="=tune_workers")] = 1,
    sampler: Annotated[str, typer.Option(help="=tune_sampler")] = "tpe",
    out: Annotated[str | None, typer.Option(help="=out", metavar="RUN")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="=tune_resume")] = False,
    *,
    storage: Annotated[str | None, typer.Option(help="=tune_storage", metavar="URL")] = None,
    cluster: Annotated[str | None, typer.Option(help="=tune_cluster", metavar="ADDRESS")] = None,
    round_size: Annotated[int, typer.Option(help="=tune_round_size")] = ROUND,
    lang: Annotated[str | None, typer.Option(help="=lang")] = None,
    **options: Any,
) -> int:
    """Search the settings of a training and train with the best ones.

    Args:
        data: a file or the name of a data set.
        sampler: one of ``SAMPLERS``.
        resume: continue the search in ``out``.
        storage: a database (``sqlite:///search.db``) or a journal file of Optuna, which processes share.
        cluster: the address of a cluster of Dask or Ray, whose workers compute the trials.
        round_size: how many trials are proposed at once.
        options: those of ``Options``; ``None`` if not passed.
    """
    how = SearchOptions(trials, workers, sampler, storage, cluster, round_size)
    if resume and out is None:
        raise UsageError(
            "E604", where="--resume", expected="--out RUN", received=fact("none"), fix="--out RUN --resume"
        )
    set_options = {k: v for k, v in options.items() if v not in (None, [])}
    passed: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in set_options.items()}
    path = Path(out) if out else None
    if path and not resume:
        require_free(path, JOURNAL)
    problem = Problem.of(Options(data).with_passed(passed))
    problem.plan(problem.space.defaults)  # refuses invalid options
    path = path or new_run(data)
    with claimed_journal(path):
        search = open_search(problem, path, how, resume)
        if storage:
            screen.line(text_of("search_shared").format(name=search.study.name, count=len(search.trials)))
        for trial in search.computed():
            screen.line(trial_line(trial, search.trials, trials, problem.metric))
    complete, best = search.trials, best_of(search.trials)
    _print(best_trials(complete, problem.metric), (0, 1))
    screen.line()
    chosen = problem.space.options(problem.base, best.settings)
    is_begun = is_resumed(path, chosen)
    fingerprint = problem.prepared.fingerprint if is_begun else ""
    code = run_training(chosen, path, is_begun, fingerprint)
    if code == 0:
        gain = search.gain(best, Model.load(path / MODEL))
        _print(gain_table(gain), (1, 2))
        screen.line(gain_sentence(gain))
    return code


def _print(table: Tabulated, numbers: tuple[int, ...]) -> None:
    heading, titles, rows = table
    screen.heading(heading)
    screen.table(titles, rows, numbers=numbers)
