"""The trials of a search and what it gained, as lines and tables in the language of the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chainrule.data.tables.findings import is_on_command_line
from chainrule.tabular.display import metric_title
from chainrule.tabular.option_names import option
from chainrule.tabular.search.search import SearchGain, Trial, best_of
from chainrule.tabular.texts import text_of

SHOWN = 5  # trials in the table of the best ones
Tabulated = tuple[str, list[str], list[tuple[Any, ...]]]


def words(options: Mapping[str, Any]) -> str:
    """Return options of a training as words of the command line, or as arguments in Python.

    Example:
        >>> words({"net": "64 relu", "penalty": 0.001})
        "net='64 relu', penalty=0.001"
    """
    separator = " " if is_on_command_line() else ", "
    return separator.join(option(name, value) for name, value in options.items())


def trial_line(trial: Trial, trials: Sequence[Trial], count: int, metric: str) -> str:
    """Return a trial in a line.

    Args:
        trials: the complete ones.
        count: how many the search makes.
        metric: name of the score.
    """
    return text_of("trial_line").format(
        number=trial.number,
        trials=count,
        score=trial.score,
        metric=metric_title(metric),
        best=best_of(trials).score,
        settings=words(trial.options),
    )


def best_trials(trials: Sequence[Trial], metric: str) -> Tabulated:
    """Return heading, titles and rows of a table of the best trials."""
    best = sorted(trials, key=lambda trial: (trial.score, trial.number))[:SHOWN]
    titles = [text_of("trial_number"), _score_titles(metric)[0], text_of("trial_settings")]
    rows = [(trial.number, trial.score, words(trial.options)) for trial in best]
    return text_of("best_trials").format(count=len(best), trials=len(trials)), titles, rows


def gain_table(gain: SearchGain) -> Tabulated:
    """Return heading, titles and rows of a table of what a search gained."""
    titles = [text_of("trial_settings"), *_score_titles(gain.metric)]
    rows = [(text_of("default_settings"), *gain.default), (text_of("best_trial"), *gain.best)]
    return text_of("search_gain"), titles, rows


def gain_sentence(gain: SearchGain) -> str:
    """Return what a search gained, and the part that the test rows do not confirm."""
    validation, test, overfit = (f"{value:+.4g}" for value in (*gain.changes, gain.overfit))
    metric = metric_title(gain.metric)
    return text_of("search_overfit").format(validation=validation, test=test, overfit=overfit, metric=metric)


def _score_titles(metric: str) -> list[str]:
    return [text_of(name).format(metric=metric_title(metric)) for name in ("validation_score", "test_score")]
