"""What happens while a network trains, as frozen records that anyone may listen to.

A lower room never calls an upper one; it tells what happened. The progress bar, the history, a checkpoint's
message and a user's own callback are all listeners to the same events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from chainrule.errors import ChainruleError, TrainingError
from chainrule.records import frozen


@frozen
class Event:
    """Base of every event."""


@frozen
class TrainingStarted(Event):
    """A training begins, or goes on.

    Args:
        rows: samples in the training set.
        epochs: how many passes over them are planned.
        steps_per_epoch: updates in one pass.
        parameters: how many numbers are trained.
        step: updates already made (above 0 when a training is resumed).
    """

    rows: int
    epochs: int
    steps_per_epoch: int
    parameters: int
    step: int = 0


@frozen
class StepDone(Event):
    """One update has been made.

    Args:
        step: updates made so far.
        epoch, batch: where in the data this batch lay, from 0.
        loss: the loss of the batch, before the update.
        rate: the learning rate of the update.
    """

    step: int
    epoch: int
    batch: int
    loss: float
    rate: float


@frozen
class ProbeDone(Event):
    """A look into the net has been taken, before a step; see ``chainrule.train.monitor.probe.Probe``.

    Args:
        step: updates made so far.
        epoch: complete passes over the data.
        values: numbers of the whole step.
        parts: numbers of each parameter and each layer, by path.
    """

    step: int
    epoch: int
    values: Mapping[str, float]
    parts: Mapping[str, Mapping[str, float]]


@frozen
class EpochDone(Event):
    """One pass over the training set is complete.

    Args:
        epoch: its number, from 1.
        step: updates made so far.
        values: the row of the history: ``epoch``, ``loss``, ``val_loss`` and the validation metrics.
        best: whether the weights are the best so far, by what early stopping watches.
    """

    epoch: int
    step: int
    values: Mapping[str, float]
    best: bool = False


@frozen
class CheckpointSaved(Event):
    """Everything needed to go on is on the disk.

    Args:
        path: the file.
        step: updates made so far.
    """

    path: str
    step: int


@frozen
class Notice(Event):
    """Something a person should know, in English and Chinese."""

    en: str
    zh: str


@frozen
class TrainingEnded(Event):
    """The training is over.

    Args:
        reason: ``"epochs"`` (all done), ``"converged"``, ``"early_stopping"``, ``"callback"`` or
            ``"interrupted"``.
        epoch: complete passes over the data.
        step: updates made.
        best_epoch: the pass whose weights were kept, when early stopping chose.
    """

    reason: str
    epoch: int
    step: int
    best_epoch: int | None = None


@frozen
class TrainingFailed(Event):
    """The training ends with an error, which is raised when all have been told.

    Args:
        epoch: complete passes over the data.
        step: updates made.
        fault: what the error says.
    """

    epoch: int
    step: int
    fault: str


Listener: TypeAlias = Callable[[Event], object]


@dataclass
class Channel:
    """Hands every event to every listener, in order.

    Example:
        >>> seen = []
        >>> channel = Channel([seen.append])
        >>> channel.send(Notice("hello", "你好"))
        False
        >>> seen[0].zh
        '你好'
    """

    listeners: list[Listener] = field(default_factory=list)

    @property
    def is_patient(self) -> bool:
        """Whether every listener is content with the last step of a stretch (``listener.is_patient``)."""
        return all(getattr(listener, "is_patient", False) for listener in self.listeners)

    @property
    def reads_steps(self) -> bool:
        """Whether a listener looks at weights after every step (``listener.reads_steps``)."""
        return any(getattr(listener, "reads_steps", False) for listener in self.listeners)

    def send(self, event: Event) -> bool:
        """Tell all; whether one of them answered ``True``, which asks the training to stop.

        Fails:
            TrainingError E511: a listener failed.
        """
        answers = [_told(listener, event) for listener in self.listeners]  # all, whatever the first says
        return any(answer is True for answer in answers)


def _told(listener: Listener, event: Event) -> object:
    """What a listener answers.

    Fails:
        TrainingError E511: it failed, in a way that is no error of chainrule's own; says which and how.
    """
    try:
        return listener(event)
    except ChainruleError:
        raise
    except Exception as cause:
        name = getattr(listener, "__qualname__", type(listener).__qualname__).replace(".<locals>", "")
        raise TrainingError(
            "E511", where=type(event).__name__, callback=name, expected="no exception",
            received=f"{type(cause).__name__}: {cause}"[:200],
            fix='mend it; what was trained with run="folder" goes on with resume=True',
        ) from cause  # fmt: skip


class Bulletin:
    """Says each notice once in the life of a process.

    What holds for a whole process (an operation without a compiled kernel, a cache that cannot be written) is
    often found out while nobody listens. It then waits for the first who does. Where several listen, one
    inside the other (a command that trains), the outermost is told, so that nobody is told twice.

    Example:
        >>> bulletin, heard = Bulletin(), []
        >>> bulletin.say("no cache", "没有缓存")
        >>> with bulletin.heard_by(Channel([heard.append])):
        ...     bulletin.say("no cache", "没有缓存")
        >>> [notice.en for notice in heard]
        ['no cache']
    """

    def __init__(self) -> None:
        self._said: set[Notice] = set()
        self._waiting: list[Notice] = []
        self._channels: list[Channel] = []

    def say(self, en: str, zh: str) -> None:
        """Tell whoever listens, now or later, unless it was said before."""
        notice = Notice(en, zh)
        if notice not in self._said:
            self._said.add(notice)
            self._waiting.append(notice)
            self._tell()

    @contextmanager
    def heard_by(self, channel: Channel) -> Iterator[None]:
        """Inside the block, these listeners are told; first what has been waiting for someone to listen."""
        self._channels.append(channel)
        try:
            self._tell()
            yield
        finally:
            self._channels.remove(channel)

    def _tell(self) -> None:
        channel = next((c for c in self._channels if c.listeners), None)
        while channel is not None and self._waiting:
            channel.send(self._waiting.pop(0))


bulletin = Bulletin()
