"""``chainrule tune``: search the settings of a training, then train with the best ones.

A trial of an ensemble is scored by its out-of-fold predictions, one of a single network on the validation
rows. The test rows are read once, at the end, by the best trial and by the default settings: the part of the
improvement that the test rows do not confirm is what the search has fitted to the validation rows.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from chainrule.apps.cli.commands.train import option_choices, run_training
from chainrule.apps.cli.search_storage import study_name
from chainrule.apps.cli.search_workers import evaluator
from chainrule.apps.cli.signature import with_options
from chainrule.apps.cli.study import JOURNAL, ROUND, SAMPLERS, Problem, Settings, Study, best_of
from chainrule.apps.cli.texts import text_of
from chainrule.errors import FileError, UsageError, fact
from chainrule.model import Model
from chainrule.page import screen
from chainrule.store import RunFolder
from chainrule.store.open_folder import refuse_link
from chainrule.tabular.display import metric_title
from chainrule.tabular.options import OF_ENSEMBLE, Options
from chainrule.tabular.run_folder import CONFIG, MODEL, new_run, require_free, to_toml
from chainrule.validation import choice, out_of_range

_SEARCHED = ("net", "penalty", "learning_rate", "histograms", *OF_ENSEMBLE)  # options that the search sets
_REFUSED = (*_SEARCHED, "epsilon", "delta", "public")  # each trial would spend privacy
HIGHEST = {"trials": 10_000, "workers": 256, "round_size": 1_000}
SHOWN = 5  # trials in the table of the best ones


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
    _require_valid({"trials": trials, "workers": workers, "round_size": round_size}, sampler, out, resume)
    set_options = {k: v for k, v in options.items() if v not in (None, [])}
    passed: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in set_options.items()}
    base = Options(data).with_passed(passed)
    if not base.split and not base.test:
        base = replace(base, split="random")  # of an ensemble, too: the test rows measure the search
    path = Path(out) if out else None
    if path and not resume:
        require_free(path, JOURNAL)
    problem = Problem.of(base)
    problem.plan(problem.space.defaults)  # refuses invalid options
    path = path or new_run(data)
    folder = RunFolder.create(path)
    with folder.claim():
        proposed = sampler, round_size
        if storage:
            study = _shared(storage, path, problem, proposed)
        else:
            study = _open(path, problem, proposed, resume)
        with evaluator(problem, workers, cluster) as evaluate:
            searched = study.searched(trials, round_size if cluster else workers, evaluate.scores)
            _print_trials(searched, study, problem, trials)
    values = study.values[:trials]
    best = values[best_of(values)][0]
    _print_best(values, problem)
    is_begun = os.path.exists(path / CONFIG)
    fingerprint = problem.prepared.fingerprint if is_begun else ""
    code = run_training(problem.space.options(base, best), path, is_begun, fingerprint)
    if code == 0:
        _print_overfit(problem, best, path)
    return code


def _require_valid(counts: Mapping[str, int], sampler: str, out: str | None, resume: bool) -> None:
    """Refuse options of the search outside their range."""
    for name, value in counts.items():
        high = HIGHEST[name]
        if not 1 <= value <= high:
            where = f"--{name.replace('_', '-')}"
            raise out_of_range(value, name, where, fact("1 to {high}", high=high))
    choice(sampler, SAMPLERS, "--sampler")
    if resume and out is None:
        raise UsageError(
            "E604", where="--resume", expected="--out RUN", received=fact("none"), fix="--out RUN --resume"
        )


def _open(path: Path, problem: Problem, proposed: tuple[str, int], resume: bool) -> Study:
    """Open a study in a claimed run folder (E604: no search to resume) with the same options (E603)."""
    journal = refuse_link(path / JOURNAL)
    if resume and not journal.exists():
        expected = fact("a folder with {content}", content=JOURNAL)
        fix = fact("tune without --resume")
        raise FileError("E604", where=str(path), expected=expected, received=fact("none"), fix=fix)
    sampler, round_size = proposed
    study = Study(journal, problem.space, problem.base.seed, sampler, round_size=round_size)
    facts = _facts(problem, proposed)
    if not study.facts:
        study.record(facts)
    elif dict(study.facts) != facts:
        expected = fact("the options and rows of the search")
        raise UsageError("E603", where="--resume", expected=expected, received=fact("others"))
    return study


def _facts(problem: Problem, proposed: tuple[str, int]) -> dict[str, str]:
    """Return what must be equal for two searches to be the same one."""
    sampler, round_size = proposed
    facts = {"options": to_toml(problem.base, problem.prepared.fingerprint), "sampler": sampler}
    return facts if round_size == ROUND else {**facts, "round size": str(round_size)}


def _shared(storage: str, path: Path, problem: Problem, proposed: tuple[str, int]) -> Study:
    """Open the study of these options and rows in a storage that processes share."""
    facts, (sampler, round_size) = _facts(problem, proposed), proposed
    name, seed = study_name(problem.base.data, facts), problem.base.seed
    study = Study(path, problem.space, seed, sampler, storage=storage, name=name, round_size=round_size)
    screen.line(text_of("tune_shared").format(name=name, count=len(study.trials)))
    return study


def _print_trials(
    searched: Iterable[tuple[Settings, float]], study: Study, problem: Problem, trials: int
) -> None:
    """Make the trials that are missing, and print each."""
    for settings, score in searched:
        values = study.values
        screen.line(
            text_of("tune_trial").format(
                number=len(values),
                trials=trials,
                score=score,
                metric=metric_title(problem.metric),
                best=values[best_of(values)][1],
                settings=problem.space.words(settings),
            )
        )


def _print_best(values: Sequence[tuple[Settings, float]], problem: Problem) -> None:
    order = sorted(range(len(values)), key=lambda number: (values[number][1], number))[:SHOWN]
    screen.heading(text_of("tune_best").format(count=len(order), trials=len(values)))
    header = [text_of("tune_number"), _titles(problem)[0], text_of("tune_settings")]
    rows = [(number + 1, values[number][1], problem.space.words(values[number][0])) for number in order]
    screen.table(header, rows, numbers=(0, 1))
    screen.line()


def _titles(problem: Problem) -> list[str]:
    """Return the titles of the scores on validation and on test rows."""
    metric = metric_title(problem.metric)
    return [text_of(name).format(metric=metric) for name in ("tune_validation", "tune_test")]


def _print_overfit(problem: Problem, best: Settings, path: Path) -> None:
    """Print the scores of the default settings and of the best trial on validation and test rows."""
    settings = problem.space.defaults, best
    models = problem.trained(settings[0]), Model.load(path / MODEL)
    scores = [
        (problem.validation_score(model, values), problem.test_score(model))
        for model, values in zip(models, settings, strict=True)
    ]
    screen.heading(text_of("tune_overfit_heading"))
    header = [text_of("tune_settings"), *_titles(problem)]
    names = text_of("tune_default"), text_of("tune_chosen")
    screen.table(header, [(name, *row) for name, row in zip(names, scores, strict=True)], (1, 2))
    changes = [after - before for before, after in zip(*scores, strict=True)]
    validation, test, overfit = (f"{value:+.4g}" for value in (*changes, changes[1] - changes[0]))
    words = {
        "validation": validation,
        "test": test,
        "overfit": overfit,
        "metric": metric_title(problem.metric),
    }
    screen.line(text_of("tune_overfit").format(**words))
