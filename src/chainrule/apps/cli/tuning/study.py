"""A study: trials that are proposed in rounds, and stored in a journal.

The proposals of a round depend only on the seed and on the complete rounds before it: the sampler is created
for each round. One or several workers, and a search that was killed and resumed, therefore make the same
trials with the same results. A trial is stored when it is complete, in the order of the numbers; of a round
that was interrupted, the missing trials are repeated.

The journal is that of Optuna, so that its tools (``optuna-dashboard``) can show it. It contains JSON.

Reference: Bergstra, Bardenet, Bengio and Kegl, Algorithms for Hyper-Parameter Optimization, NeurIPS 2011.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.apps.cli.tuning.search_space import SearchSpace
from chainrule.data.readers.optional_dependency import missing
from chainrule.errors import FileError, fact
from chainrule.prng import fold, key_of
from chainrule.store import os_errors
from chainrule.store.open_folder import place_of

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

JOURNAL = "search.journal"
ROUND = 4  # trials that are proposed at once
MAX_BYTES = 2**26  # of a journal
MAX_LINE = 2**20  # bytes of a line of a journal
SAMPLERS = ("tpe", "random")


class Study:
    """The trials of a search.

    Args:
        path: the journal; it is created if there is none.
        space: the settings.
        seed: of the proposals.
        sampler: ``"tpe"`` (tree-structured Parzen estimator) or ``"random"``.

    Raises:
        DataError E350: Optuna is not installed. FileError E605: a journal that no search has written.
    """

    def __init__(self, path: Path, space: SearchSpace, seed: int, sampler: str = "tpe") -> None:
        self._optuna, self.path, self.space = _optuna(), path, space
        self.seed, self.sampler = seed, sampler
        _drop_torn_line(path)
        if path.exists() and os.path.getsize(path) > MAX_BYTES:
            raise self._damaged(fact("more than {limit} bytes", limit=MAX_BYTES))
        journal = self._optuna.storages.journal
        try:
            storage = journal.JournalStorage(journal.JournalFileBackend(str(path), _NoLock()))
            self._stored = self._optuna.create_study(
                study_name="search", storage=storage, load_if_exists=True
            )
            self.values  # noqa: B018 (refuses a damaged journal)
        except (ValueError, KeyError, TypeError, AttributeError, AssertionError, RecursionError) as cause:
            raise self._damaged(str(cause)[:80]) from cause

    @property
    def trials(self) -> list[FrozenTrial]:
        """The complete trials by number."""
        return self._stored.get_trials(deepcopy=False)

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
        """The settings of the trials that the present round still lacks."""
        trials, optuna = self.trials, self._optuna
        number, done = divmod(len(trials), ROUND)
        seed = int(fold(key_of(self.seed), number)[0])
        samplers = optuna.samplers
        sampler = (
            samplers.RandomSampler(seed)
            if self.sampler == "random"
            else samplers.TPESampler(seed=seed, n_startup_trials=2 * ROUND)
        )
        study = optuna.create_study(sampler=sampler)
        study.add_trials(trials[: number * ROUND])
        if number == 0:
            study.enqueue_trial(self.space.defaults)
        space = _distributions(optuna, self.space)
        return [dict(study.ask(space).params) for _ in range(ROUND)][done:]

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
    """The number of the trial with the lowest score, the first of equal ones."""
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
    """The library, without its messages."""
    try:
        optuna = import_module("optuna")
    except ImportError as cause:
        raise missing("tune", "chainrule tune") from cause
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
