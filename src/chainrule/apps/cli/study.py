"""A study: trials that are proposed in rounds, and stored in a journal.

The proposals of a round depend only on the seed and on the complete rounds before it: the sampler is created
for each round. One or several workers, and a search that was killed and resumed, therefore make the same
trials with the same results. A trial is stored when it is complete, in the order of the numbers; of a round
that was interrupted, the missing trials are repeated.

The journal is that of Optuna, so that its tools (``optuna-dashboard``) can show it. It contains JSON. Several
processes share a database or another journal instead (``search_storage``).

Reference: Bergstra, Bardenet, Bengio and Kegl, Algorithms for Hyper-Parameter Optimization, NeurIPS 2011.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.apps.cli.search_storage import SLOT, Claims, open_storage, reported
from chainrule.data import PreparedData
from chainrule.data.tables.prepared_data import PreparedRows
from chainrule.errors import FileError, TrainingError, fact
from chainrule.escaping import quoted
from chainrule.model import Model
from chainrule.optional_dependency import missing
from chainrule.prng import fold, key_of
from chainrule.records import frozen
from chainrule.store import os_errors
from chainrule.store.open_folder import place_of
from chainrule.tabular.evaluation import model_output, to_scores
from chainrule.tabular.options import Options
from chainrule.tabular.training import EventRecorder
from chainrule.tabular.training_plan import TrainingPlan, is_ensemble, plan_of, prepare_data
from chainrule.train.default_table_ensemble import recipe_for

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

# The settings that ``chainrule tune`` searches, and the options of a training that they stand for.


@frozen
class Range:
    """The values of one setting.

    Args:
        low, high: the range, both ends included.
        default: the value of the first trial, that of ``chainrule train DATA``.
        is_log: whether the logarithm is sampled uniformly.
        is_integer: whether values are integers.
    """

    low: float
    high: float
    default: float
    is_log: bool = False
    is_integer: bool = False

    def contains(self, value: object) -> bool:
        """Return whether a value from a file is one of these."""
        kinds = int if self.is_integer else (int, float)
        is_number = isinstance(value, kinds) and not isinstance(value, bool)
        return is_number and math.isfinite(value) and self.low <= value <= self.high  # type: ignore[operator]


@frozen
class SearchSpace:
    """The settings of one kind of network.

    Args:
        to_options: the options of ``chainrule train`` that settings stand for.
    """

    ranges: Mapping[str, Range]
    to_options: Callable[[Mapping[str, float]], dict[str, Any]]

    @property
    def defaults(self) -> dict[str, float]:
        """The settings of the first trial."""
        return {name: values.default for name, values in self.ranges.items()}

    def options(self, base: Options, values: Mapping[str, float]) -> Options:
        """Return the options of the training that a trial stands for.

        Args:
            base: the options of the command.
            values: a value for each setting.

        Example:
            >>> options = NETWORK.options(Options("iris"), {**NETWORK.defaults, "layers": 1, "dropout": 0.0})
            >>> options.net, options.penalty
            ('64 relu', 0.001)
        """
        return base.with_passed(self.to_options(values))

    def words(self, values: Mapping[str, float]) -> str:
        """Return the settings as options on the command line.

        Example:
            >>> ensemble_space(1_000).words(ensemble_space(1_000).defaults)
            '--units 64 --dropout 0 --intervals 8 --weight-decay 0.1 --learning-rate 0.002'
        """
        return " ".join(
            f"--{name.replace('_', '-')} {quoted(value if isinstance(value, str) else f'{value:g}')}"
            for name, value in self.to_options(values).items()
        )


def _network_options(values: Mapping[str, float]) -> dict[str, Any]:
    dropout = _rounded(values["dropout"])
    layer = f"{int(values['units'])} relu" + (f", dropout {dropout:g}" if dropout else "")
    return {
        "net": ", ".join([layer] * int(values["layers"])),
        "penalty": _rounded(values["penalty"]),
        "learning_rate": _rounded(values["learning_rate"]),
    }


def _ensemble_options(values: Mapping[str, float]) -> dict[str, Any]:
    names = ("units", "dropout", "intervals", "weight_decay", "learning_rate")
    return {name: values[name] if isinstance(values[name], int) else _rounded(values[name]) for name in names}


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")


NETWORK = SearchSpace(
    {
        "layers": Range(1, 4, 2, is_integer=True),
        "units": Range(8, 256, 64, is_log=True, is_integer=True),
        "dropout": Range(0.0, 0.5, 0.2),
        "penalty": Range(1e-6, 0.1, 1e-3, is_log=True),
        "learning_rate": Range(2e-4, 2e-2, 2e-3, is_log=True),
    },
    _network_options,
)
"""The settings of a single network; the first trial is that of ``chainrule train DATA --quick``."""


def ensemble_space(rows: int) -> SearchSpace:
    """Return the settings of an ensemble; the first trial is the recipe for this number of rows."""
    recipe = recipe_for(rows)
    ranges = {
        "units": Range(16, 256, recipe.units, is_log=True, is_integer=True),
        "dropout": Range(0.0, 0.5, recipe.dropout),
        "intervals": Range(3, 48, recipe.intervals, is_log=True, is_integer=True),
        "weight_decay": Range(1e-3, 1.0, recipe.weight_decay, is_log=True),
        "learning_rate": Range(3e-4, 3e-2, recipe.learning_rate, is_log=True),
    }
    return SearchSpace(ranges, _ensemble_options)


# Trials: a training each, scored on rows that did not influence it.

METRIC = {"classification": "log_loss", "regression": "rmse"}
Settings = Mapping[str, float]


@frozen(eq=False)
class Problem:
    """What every trial of a search is trained and scored on.

    Args:
        base: the options of the command.
        prepared: the rows.
    """

    base: Options
    prepared: PreparedData
    space: SearchSpace

    @staticmethod
    def of(base: Options) -> Problem:
        """Read and prepare the rows of a command; an ensemble is searched if one would be trained."""
        prepared = prepare_data(base)
        if is_ensemble(base, len(prepared.preparation.shape) > 1):
            return Problem(base, prepared, ensemble_space(len(prepared.training.y)))
        return Problem(base, prepared, NETWORK)

    @property
    def metric(self) -> str:
        """The name of the score; lower is better."""
        return METRIC[self.prepared.task.kind]

    def plan(self, settings: Settings) -> TrainingPlan:
        """Return the training that a trial stands for."""
        return plan_of(self.space.options(self.base, settings), self.prepared)

    def trained(self, settings: Settings) -> Model:
        """Return the trained model of a trial; raises ``KeyboardInterrupt`` if it was interrupted."""
        plan = self.plan(settings)
        model, rows, recorder = plan.model(), self.prepared.training, EventRecorder()
        named = plan.fit_options()
        named["callbacks"] = [*named["callbacks"], recorder]
        model.fit(rows.x, self.prepared.labels(rows), **named, probes=False, doctor=False, verbose=False)
        if recorder.was_interrupted:
            raise KeyboardInterrupt
        return model

    def score(self, settings: Settings) -> float:
        """Return the score of a trial on rows outside its training; infinite if the training fails."""
        try:
            model = self.trained(settings)
        except TrainingError as error:
            if error.code != "E501":
                raise
            return math.inf
        score = self.validation_score(model, settings)
        return score if math.isfinite(score) else math.inf

    def validation_score(self, model: Model, settings: Settings) -> float:
        """Return the score on validation rows; those of an ensemble are predicted out of fold."""
        held_out = self.plan(settings).held_out(model)
        return self._score(model, held_out.rows, held_out.output)

    def test_score(self, model: Model) -> float:
        """Return the score on the test rows."""
        rows = self.prepared.test
        return self._score(model, rows, model_output(model, rows.x))

    def _score(self, model: Model, rows: PreparedRows, output: np.ndarray) -> float:
        scores = to_scores(model, rows.y, {"net": output}, rows.weights)
        return scores.metrics("net", [self.metric])[self.metric]


JOURNAL = "search.journal"
ROUND = 4  # trials that are proposed at once by default
MAX_BYTES = 2**26  # of a journal
MAX_LINE = 2**20  # bytes of a line of a journal
POLL = 0.5  # seconds between two looks at the trials of other processes
Scores = Callable[[Sequence[Settings]], Iterator[float]]
SAMPLERS = ("tpe", "random")


class Study:
    """The trials of a search.

    Args:
        path: the journal; it is created if there is none.
        seed: of the proposals.
        sampler: ``"tpe"`` (tree-structured Parzen estimator) or ``"random"``.
        storage: a database or a file that other processes share, in place of the journal.
        name: of the study in the storage.
        round_size: how many trials are proposed at once; the proposals depend on it.

    Raises:
        DataError E350: Optuna is not installed. FileError E605: a journal that no search has written.
        UsageError E614: a storage that cannot be used.
    """

    def __init__(
        self,
        path: Path,
        space: SearchSpace,
        seed: int,
        sampler: str = "tpe",
        *,
        storage: str | None = None,
        name: str = "search",
        round_size: int = ROUND,
    ) -> None:
        self._optuna, self.path, self.space, self.round_size = _optuna(), path, space, round_size
        self.seed, self.sampler, self.storage, self.name = seed, sampler, storage, name
        if storage is None:
            self._open_journal()
        else:
            with reported(storage):
                self._create(open_storage(self._optuna, storage))

    def _open_journal(self) -> None:
        path, journal = self.path, self._optuna.storages.journal
        _drop_torn_line(path)
        if path.exists() and os.path.getsize(path) > MAX_BYTES:
            raise self._damaged(fact("more than {limit} bytes", limit=MAX_BYTES))
        try:
            self._create(journal.JournalStorage(journal.JournalFileBackend(str(path), _NoLock())))
        except (ValueError, KeyError, TypeError, AttributeError, AssertionError, RecursionError) as cause:
            raise self._damaged(str(cause)[:80]) from cause

    def _create(self, storage: Any) -> None:
        self._stored = self._optuna.create_study(study_name=self.name, storage=storage, load_if_exists=True)
        self._claims = Claims(self._optuna, self._stored)
        self.values  # noqa: B018 (refuses a damaged journal)

    @property
    def trials(self) -> list[FrozenTrial]:
        """The complete trials by number."""
        if self.storage is None:
            return self._stored.get_trials(deepcopy=False)
        return self._claims.complete()

    @property
    def values(self) -> list[tuple[Mapping[str, float], float]]:
        """Settings and score of each complete trial.

        Raises:
            FileError E605: settings outside the search space.
        """
        values, ranges = [], self.space.ranges
        for trial in self.trials:
            is_valid = trial.params.keys() == ranges.keys() and trial.value is not None
            if not is_valid or not all(ranges[name].contains(value) for name, value in trial.params.items()):
                raise self._damaged(fact("trial {number}", number=trial.number))
            values.append((trial.params, float(trial.value or 0.0)))
        return values

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the search was started with, as ``record`` stored it."""
        return self._stored.user_attrs

    def record(self, facts: Mapping[str, str]) -> None:
        """Store what the search was started with."""
        for name, value in facts.items():
            self._stored.set_user_attr(name, value)

    def proposals(self) -> list[dict[str, float]]:
        """Return the settings of the trials that the present round still lacks."""
        return self._round()[len(self.trials) % self.round_size :]

    def _round(self) -> list[dict[str, float]]:
        """Return the settings of all trials of the present round."""
        optuna, number = self._optuna, self._complete_rounds()
        seed = int(fold(key_of(self.seed), number)[0])
        samplers = optuna.samplers
        sampler = (
            samplers.RandomSampler(seed)
            if self.sampler == "random"
            else samplers.TPESampler(seed=seed, n_startup_trials=2 * ROUND)
        )
        study = optuna.create_study(sampler=sampler)
        study.add_trials(self.trials[: number * self.round_size])
        if number == 0:
            study.enqueue_trial(self.space.defaults)
        space = _distributions(optuna, self.space)
        return [dict(study.ask(space).params) for _ in range(self.round_size)]

    def _complete_rounds(self) -> int:
        """Return the number of rounds that are complete; processes may complete trials in any order."""
        slots = self._slots()
        return next(slot for slot in range(len(slots) + 1) if slot not in slots) // self.round_size

    def _slots(self) -> set[int]:
        """Return the numbers of the complete trials in the search."""
        return {trial.user_attrs.get(SLOT, trial.number) for trial in self.trials}

    def searched(self, trials: int, workers: int, scores: Scores) -> Iterator[tuple[Settings, float]]:
        """Compute the trials up to a number that are missing, and store each; yields settings and score.

        Args:
            workers: the trials that are computed at once.
            scores: yields the score of each of several settings.
        """
        while not self._slots().issuperset(range(trials)):
            if self.storage is None:
                proposals = self.proposals()[: trials - len(self.trials)]
                for settings, score in zip(proposals, scores(proposals), strict=True):
                    self.add(settings, score)
                    yield settings, score
                continue
            with reported(self.storage):
                claimed = self._claimed(trials, workers)
            if not claimed:
                time.sleep(POLL)
            for (slot, own, settings), score in zip(claimed, scores([c[2] for c in claimed]), strict=True):
                with reported(self.storage):
                    self._claims.finish(own, slot, score)
                yield settings, score

    def _claimed(self, trials: int, count: int) -> list[tuple[int, int, Settings]]:
        """Claim trials of the present round; returns slot, trial and settings of each."""
        first = self.round_size * self._complete_rounds()
        free = self._claims.free(range(first, min(first + self.round_size, trials)))
        settings = self._round() if free else []
        space, claimed = _distributions(self._optuna, self.space), []
        for slot in free:
            own = self._claims.claim(slot, settings[slot - first], space)
            if own is not None:
                claimed.append((slot, own, settings[slot - first]))
            if len(claimed) == count:
                break
        return claimed

    def add(self, settings: Mapping[str, float], score: float) -> None:
        """Store a complete trial."""
        trial = self._optuna.trial.create_trial(
            params=dict(settings), distributions=_distributions(self._optuna, self.space), value=score
        )
        self._stored.add_trial(trial)

    def _damaged(self, received: str) -> FileError:
        expected = fact("the trials of a search")
        fix = fact("another --out")
        return FileError("E605", where=str(self.path), expected=expected, received=received, fix=fix)


class _NoLock:
    """The lock of a journal in a claimed run folder: no other process writes it."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        return None


def _drop_torn_line(path: Path) -> None:
    """Remove the end of a journal that was not written completely when its process was killed.

    Raises:
        FileError: E434 for a link, also a hard one; E402 for what is no file.
    """
    try:
        with place_of(path, path.parent) as place, open(place.open(os.O_RDWR), "r+b") as file:
            start = max(0, file.seek(0, os.SEEK_END) - MAX_LINE)
            file.seek(start)
            end = file.read().rfind(b"\n") + 1
            if end or not start:
                file.truncate(start + end)
    except FileNotFoundError:
        return
    except FileError:
        raise
    except OSError as cause:
        raise os_errors.read_error(cause, path) from cause


def best_of(values: Sequence[tuple[Mapping[str, float], float]]) -> int:
    """Return the number of the trial with the lowest score, the first of equal ones."""
    return min(range(len(values)), key=lambda number: (values[number][1], number))


def _distributions(optuna: Any, space: SearchSpace) -> dict[str, BaseDistribution]:
    kinds = optuna.distributions
    return {
        name: kinds.IntDistribution(int(r.low), int(r.high), log=r.is_log)
        if r.is_integer
        else kinds.FloatDistribution(r.low, r.high, log=r.is_log)
        for name, r in space.ranges.items()
    }


def _optuna() -> Any:
    """Return the library, without its messages."""
    try:
        optuna = import_module("optuna")
    except ImportError as cause:
        raise missing("tune", "chainrule tune") from cause
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
