"""A search in an Optuna storage that several processes share: a database, or a journal file.

The proposals of a round are the same in every process (``study``). Each has a slot: its number in the whole
search. A process claims a slot by a trial in the state *running*; of several claims the trial with the lowest
number holds, because a storage numbers trials one after another. A complete trial keeps its slot.

A killed process leaves its claims. They are void when they are older than twice the longest trial of the
search; the slot is then computed a second time, with the same result. For ages, each process uses its own
clock.

The name of the study contains a digest of rows and options: processes with the same ones share it, and a
storage may contain other searches. The address of a storage, which may contain a password, is not stored in
the RUN and not printed with the password.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.errors import ChainruleError, UsageError, fact
from chainrule.escaping import printable, without_credentials
from chainrule.tabular.option_names import command, option

if TYPE_CHECKING:
    from optuna.study import Study as OptunaStudy
    from optuna.trial import FrozenTrial

SCHEMES = ("sqlite", "postgresql", "mysql")  # a storage of Redis would be read by pickle
SLOT = "slot"
MIN_PATIENCE = 10.0  # seconds after which a claim is void at the earliest
LOCK_SECONDS = 60  # that a process waits for the lock of an SQLite file
PAUSES = (0.1, 0.3)  # seconds after a failure to connect


def study_name(data: str, facts: Mapping[str, str]) -> str:
    """Return the name of a search: that of its data, and a digest of rows and options.

    Example:
        >>> study_name("data/houses.csv", {"options": "seed = 0"})
        'houses-0525688b8c'
    """
    stem = re.sub(r"[^\w-]+", "-", Path(data).stem).strip("-")[:40] or "search"
    digest = hashlib.sha256("\0".join(f"{k}={facts[k]}" for k in sorted(facts)).encode()).hexdigest()
    return f"{stem}-{digest[:10]}"


def open_storage(optuna: Any, storage: str) -> Any:
    """Return the storage at an address, such as ``sqlite:///search.db``, or in a journal file.

    Raises:
        UsageError E101: another kind of address. Others: see ``reported``.
    """
    scheme, is_address, _ = storage.partition("://")
    if not is_address:
        journal = optuna.storages.journal
        return journal.JournalStorage(journal.JournalFileBackend(storage))
    kind = scheme.partition("+")[0]
    if kind not in SCHEMES:
        expected = fact("a file, or an address that begins with {schemes}", schemes=", ".join(SCHEMES))
        raise UsageError(
            "E101",
            where=command("tune_table"),
            name=option("storage"),
            expected=expected,
            received=without_credentials(storage),
            fix=option("storage", "sqlite:///search.db"),
        )
    options = {"connect_args": {"timeout": LOCK_SECONDS}} if kind == "sqlite" else {}
    for pause in PAUSES:  # another process may create the same tables at the same time
        with suppress(Exception):
            return optuna.storages.RDBStorage(storage, engine_kwargs=options)
        time.sleep(pause)
    return optuna.storages.RDBStorage(storage, engine_kwargs=options)


@contextmanager
def reported(storage: str) -> Iterator[None]:
    """Raise what a storage raises as E614, without credentials."""
    try:
        yield
    except (ChainruleError, KeyboardInterrupt):
        raise
    except Exception as cause:  # of Optuna, SQLAlchemy and drivers of databases
        lines = str(cause).strip().splitlines() or [""]
        received = printable(without_credentials(f"{type(cause).__name__}: {lines[0]}"), 200)
        where = without_credentials(storage)
        expected = fact("a database or a journal file of Optuna that can be written")
        fix = option("storage", "sqlite:///search.db")
        raise UsageError("E614", where=where, expected=expected, received=received, fix=fix) from cause


class Claims:
    """The slots of a search that this process and others compute.

    Args:
        stored: the study in the storage.
    """

    def __init__(self, optuna: Any, stored: OptunaStudy) -> None:
        self._states, self._create = optuna.trial.TrialState, optuna.trial.create_trial
        self._stored = stored
        self._seen: dict[int, float] = {}  # when this process first saw a claim of another one

    def complete(self) -> list[FrozenTrial]:
        """Return the complete trials by slot; of a slot with two, the first."""
        by_slot: dict[int, FrozenTrial] = {}
        for trial in self._stored.get_trials(deepcopy=False, states=(self._states.COMPLETE,)):
            by_slot.setdefault(trial.user_attrs.get(SLOT, trial.number), trial)
        return [by_slot[slot] for slot in sorted(by_slot)]

    def free(self, slots: range) -> list[int]:
        """Return the slots that no other process computes."""
        done = {trial.user_attrs.get(SLOT) for trial in self.complete()}
        return [slot for slot in slots if slot not in done and not self._valid(slot)]

    def claim(self, slot: int, settings: Mapping[str, float], distributions: Mapping[str, Any]) -> int | None:
        """Claim a slot; returns the number of the trial, or ``None`` if another process has claimed it."""
        trial = self._create(
            state=self._states.RUNNING,
            params=dict(settings),
            distributions=dict(distributions),
            user_attrs={SLOT: slot},
        )
        storage, study = self._stored._storage, self._stored._study_id
        own = storage.create_new_trial(study, template_trial=trial)
        number = storage.get_trial_number_from_id(own)
        if self._valid(slot, before=number):
            storage.set_trial_state_values(own, self._states.FAIL)
            return None
        return own

    def finish(self, own: int, slot: int, score: float) -> None:
        """Store the score of a claimed slot, unless another process has stored it in the meantime."""
        is_done = any(trial.user_attrs.get(SLOT) == slot for trial in self.complete())
        state = self._states.FAIL if is_done else self._states.COMPLETE
        self._stored._storage.set_trial_state_values(own, state, None if is_done else [score])

    def _valid(self, slot: int, before: int | None = None) -> bool:
        """Return whether a claim of a slot is valid, of those before a number."""
        now, patience = time.monotonic(), self._patience()
        for trial in self._stored.get_trials(deepcopy=False, states=(self._states.RUNNING,)):
            if trial.user_attrs.get(SLOT) != slot or (before is not None and trial.number >= before):
                continue
            if now - self._seen.setdefault(trial.number, now) < patience:
                return True
        return False

    def _patience(self) -> float:
        durations = [t.duration.total_seconds() for t in self.complete() if t.duration is not None]
        return max(MIN_PATIENCE, 2 * max(durations, default=0.0))
