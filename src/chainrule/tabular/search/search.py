"""A search from its options to its best settings, and their scores on the test rows.

The test rows are read once, at the end, by the best trial and by the default settings: the part of the
improvement that the test rows do not confirm is what the search has fitted to the validation rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from chainrule.errors import FileError, UsageError, fact
from chainrule.model import Model
from chainrule.records import frozen
from chainrule.store.open_folder import refuse_link
from chainrule.tabular.option_names import command, option, place
from chainrule.tabular.run_folder import to_toml
from chainrule.tabular.search.problem import Problem
from chainrule.tabular.search.space import Settings
from chainrule.tabular.search.storage import study_name
from chainrule.tabular.search.study import JOURNAL, ROUND, SAMPLERS, Study
from chainrule.tabular.search.workers import evaluator
from chainrule.validation import choice, integer

_HIGHEST = {"trials": 10_000, "workers": 256, "round_size": 1_000}
FUNCTION = "tune_table"


@frozen
class SearchOptions:
    """How the trials of a search are proposed and computed.

    Args:
        trials: how many trainings the search makes.
        workers: processes of this machine that compute them; the result does not depend on it.
        sampler: ``"tpe"`` (tree-structured Parzen estimator) or ``"random"``.
        storage: a database (``sqlite:///search.db``) or a journal file of Optuna, which processes share.
        cluster: the address of a cluster of Dask or Ray, whose workers compute the trials.
        round_size: how many trials are proposed at once; the result depends on it.

    Raises:
        UsageError E101, E102: a value outside its range.
    """

    trials: int = 32
    workers: int = 1
    sampler: str = "tpe"
    storage: str | None = None
    cluster: str | None = None
    round_size: int = ROUND

    def __post_init__(self) -> None:
        for name, high in _HIGHEST.items():
            value = getattr(self, name)
            integer(value, option(name), place(name, FUNCTION), minimum=1, maximum=high)
        choice(self.sampler, SAMPLERS, option("sampler"), command(FUNCTION))


@frozen
class Trial:
    """A trial of a search.

    Args:
        number: from 1 on.
        options: the options of ``train_table`` that it stands for, such as ``{"units": 64, "dropout": 0.1}``.
        score: on rows that did not influence its training; lower is better.
        settings: what the search proposed.
    """

    number: int
    options: dict[str, Any]
    score: float
    settings: Settings


@frozen(eq=False)
class Search:
    """The trials of a problem.

    Args:
        how: the options of the search.
    """

    problem: Problem
    study: Study
    how: SearchOptions

    def computed(self) -> Iterator[Trial]:
        """Compute the trials that are missing; yields each when it is stored.

        Raises:
            UsageError E614, E615: a storage or a cluster that cannot be used. KeyboardInterrupt.
        """
        how = self.how
        with evaluator(self.problem, how.workers, how.cluster) as evaluate:
            at_once = how.round_size if how.cluster else how.workers
            for settings, score in self.study.searched(how.trials, at_once, evaluate.scores):
                yield self._trial(len(self.study.trials), settings, score)

    @property
    def trials(self) -> tuple[Trial, ...]:
        """The complete trials by number: all of a journal, of a shared storage as many as are requested."""
        values = self.study.values[: self.how.trials if self.how.storage else None]
        return tuple(self._trial(number, *value) for number, value in enumerate(values, 1))

    def _trial(self, number: int, settings: Settings, score: float) -> Trial:
        return Trial(number, self.problem.space.to_options(settings), score, settings)

    def gain(self, best: Trial, model: Model) -> SearchGain:
        """Return what the search gained; trains a network with the default settings.

        Args:
            model: trained with the settings of the best trial.
        """
        problem, settings = self.problem, (self.problem.space.defaults, best.settings)
        models = problem.trained(settings[0]), model
        pairs = zip(models, settings, strict=True)
        scores = [(problem.validation_score(one, values), problem.test_score(one)) for one, values in pairs]
        return SearchGain(problem.metric, *scores)


@frozen
class SearchGain:
    """The scores of the default settings and of the best trial; lower is better.

    Args:
        metric: ``"log_loss"`` or ``"rmse"``.
        default, best: the score on validation and on test rows.
    """

    metric: str
    default: tuple[float, float]
    best: tuple[float, float]

    @property
    def changes(self) -> tuple[float, float]:
        """The change of the score on validation and on test rows."""
        return self.best[0] - self.default[0], self.best[1] - self.default[1]

    @property
    def overfit(self) -> float:
        """The change of the test score minus that of the validation score; 0: all of it is confirmed."""
        return self.changes[1] - self.changes[0]


def best_of(trials: Sequence[Trial]) -> Trial:
    """Return the trial with the lowest score, the first of equal ones."""
    return min(trials, key=lambda trial: (trial.score, trial.number))


def open_search(problem: Problem, folder: Path, how: SearchOptions, resume: bool) -> Search:
    """Open the search of a problem.

    Args:
        folder: of the journal, claimed; it is not used with a storage.
        resume: whether the journal must exist.

    Raises:
        FileError E604: no search to resume. E605: a journal that no search has written. UsageError E603: a
            search with other options or rows. E614: a storage that cannot be used. DataError E350: Optuna is
            not installed.
    """
    facts, seed, size = _facts(problem, how), problem.base.seed, how.round_size
    if how.storage:
        place_in, name = how.storage, study_name(problem.base.data, facts)
        study = Study(folder, problem.space, seed, how.sampler, storage=place_in, name=name, round_size=size)
        return Search(problem, study, how)
    journal = refuse_link(folder / JOURNAL)
    if resume and not journal.exists():
        expected = fact("a folder with {content}", content=JOURNAL)
        fix = fact("tune without {option}", option=option("resume"))
        raise FileError("E604", where=str(folder), expected=expected, received=fact("none"), fix=fix)
    study = Study(journal, problem.space, seed, how.sampler, round_size=size)
    if not study.facts:
        study.record(facts)
    elif dict(study.facts) != facts:
        expected = fact("the options and rows of the search")
        where = place("resume", FUNCTION)
        raise UsageError("E603", where=where, expected=expected, received=fact("others"))
    return Search(problem, study, how)


def _facts(problem: Problem, how: SearchOptions) -> dict[str, str]:
    """Return what must be equal for two searches to be the same one."""
    options = to_toml(problem.base, problem.prepared.fingerprint)
    facts = {"options": options, "sampler": how.sampler}
    return facts if how.round_size == ROUND else {**facts, "round size": str(how.round_size)}
