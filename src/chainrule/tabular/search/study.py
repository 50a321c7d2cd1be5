"""A study: trials that are proposed in rounds, and stored in a journal.

The proposals of a round depend only on the seed and on the complete rounds before it: the sampler is created
for each round. One or several workers, and a search that was killed and resumed, therefore make the same
trials with the same results. A trial is stored when it is complete, in the order of the numbers; of a round
that was interrupted, the missing trials are repeated.

The journal is that of Optuna, so that its tools (``optuna-dashboard``) can show it. It contains JSON. Several
processes share a database or another journal instead (``storage``).

Reference: Bergstra, Bardenet, Bengio and Kegl, Algorithms for Hyper-Parameter Optimization, NeurIPS 2011.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.errors import FileError, fact
from chainrule.optional_dependency import missing
from chainrule.prng import fold, key_of
from chainrule.store import os_errors
from chainrule.store.open_folder import place_of
from chainrule.tabular.option_names import command, option
from chainrule.tabular.search.space import SearchSpace, Settings
from chainrule.tabular.search.storage import SLOT, Claims, open_storage, reported

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

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
        fix = fact("another {option}", option=option("out"))
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
        raise missing("tune", command("tune_table")) from cause
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
