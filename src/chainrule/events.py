"""Events of a training, as frozen records, and the channels that deliver them to listeners.

A lower package never calls a higher one; it emits events. The progress bar, the history, the message of a
checkpoint and custom callbacks are listeners to the same events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from chainrule.errors import ChainruleError, TrainingError, fact
from chainrule.messages import rendered
from chainrule.records import frozen
from chainrule.thread_count import MAX_THREADS, faulty_variables


@frozen
class Event:
    """Base of every event."""


@frozen
class TrainingStarted(Event):
    """The start or resumption of a training.

    Args:
        rows: samples in the training set; 0 for batches of an iterable.
        epochs: the planned number of passes over them.
        steps_per_epoch: number of updates in one pass; 0 where it is not known.
        parameters: number of trainable values.
        step: number of updates so far (above 0 when a training resumes).
    """

    rows: int
    epochs: int
    steps_per_epoch: int
    parameters: int
    step: int = 0


@frozen
class StepDone(Event):
    """The completion of one update.

    Args:
        step: number of updates so far.
        epoch, batch: indices of the epoch and of the batch in it, from 0.
        loss: the loss of the batch, before the update.
        learning_rate: the learning rate of the update.
    """

    step: int
    epoch: int
    batch: int
    loss: float
    learning_rate: float


@frozen
class ProbeDone(Event):
    """Statistics of the network, measured before a step; see ``chainrule.train.monitor.probe.Probe``.

    Args:
        step: number of updates so far.
        epoch: complete passes over the data.
        values: statistics of the whole step.
        parts: statistics of each parameter and each layer, by path.
    """

    step: int
    epoch: int
    values: Mapping[str, float]
    parts: Mapping[str, Mapping[str, float]]


@frozen
class EpochDone(Event):
    """The completion of one pass over the training set.

    Args:
        epoch: its number, from 1.
        step: number of updates so far.
        values: the row of the history: ``epoch``, ``loss``, with several outputs ``NAME_loss``, with a
            penalty ``data_loss``, ``val_loss`` and the validation metrics.
        best: whether these weights are the best so far by the value that early stopping monitors.
    """

    epoch: int
    step: int
    values: Mapping[str, float]
    best: bool = False


@frozen
class CheckpointSaved(Event):
    """A saved checkpoint: everything needed to resume is on the disk.

    Args:
        path: the file.
        step: number of updates so far.
    """

    path: str
    step: int


@frozen
class Notice(Event):
    """A message for the user.

    Args:
        text: the message, a record of ``fact`` where it has a translation.
    """

    text: str

    @property
    def en(self) -> str:
        """The message in English."""
        return str(self.text)

    @property
    def zh(self) -> str:
        """The message in Chinese."""
        return str(rendered(self.text, "zh"))


@frozen
class TrainingEnded(Event):
    """The end of a training.

    Args:
        reason: ``"epochs"`` (all done), ``"converged"``, ``"early_stopping"``, ``"callback"``,
            ``"interrupted"``, or ``"budget"``: no further step keeps the guarantee of a private training.
        epoch: complete passes over the data.
        step: number of updates.
        best_epoch: the epoch whose weights the model has, with early stopping; the last one where that is the
            best.
        member_epochs: the same for each member of an ensemble, where they differ.
    """

    reason: str
    epoch: int
    step: int
    best_epoch: int | None = None
    member_epochs: tuple[int, ...] = ()


@frozen
class TrainingFailed(Event):
    """The failure of a training; its error is raised after all listeners were called.

    Args:
        epoch: complete passes over the data.
        step: number of updates.
        error: the error.
    """

    epoch: int
    step: int
    error: BaseException


Listener: TypeAlias = Callable[[Event], object]


@dataclass
class Channel:
    """Sender of every event to every listener, in order.

    Example:
        >>> seen = []
        >>> channel = Channel([seen.append])
        >>> channel.send(Notice(fact("no value")))
        False
        >>> seen[0].zh
        '没有值'
    """

    listeners: list[Listener] = field(default_factory=list)

    @property
    def last_step_only(self) -> bool:
        """Whether all listeners need only the last step of a multi-step run (``listener.last_step_only``)."""
        return all(getattr(listener, "last_step_only", False) for listener in self.listeners)

    @property
    def every_step(self) -> bool:
        """Whether a listener reads the weights after every step (``listener.every_step``)."""
        return any(getattr(listener, "every_step", False) for listener in self.listeners)

    def send(self, event: Event) -> bool:
        """Call all listeners (E511: one failed); returns whether one requested a stop by ``True``.

        Args:
            event: the event.
        """
        # All listeners are called, even if the first requests to stop.
        results = [_call_listener(listener, event) for listener in self.listeners]
        return any(result is True for result in results)


def _call_listener(listener: Listener, event: Event) -> object:
    """Call a listener and return its result; E511 names it for other exceptions than ``ChainruleError``."""
    try:
        return listener(event)
    except ChainruleError:
        raise
    except Exception as cause:
        name = getattr(listener, "__qualname__", type(listener).__qualname__).replace(".<locals>", "")
        expected = fact("no exception")
        received = f"{type(cause).__name__}: {cause}"[:200]
        fix = fact('fix it, then resume a training with run="folder" by resume=True')
        raise TrainingError(
            "E511", where=type(event).__name__, callback=name, expected=expected, received=received, fix=fix
        ) from cause


class NoticeQueue:
    """Queue that delivers each notice once per process.

    A notice about the process (an operation without a compiled kernel, a cache that cannot be written) is
    often emitted while there is no listener. It is then queued for the first one. If several channels are
    nested (a command that trains), the outermost receives it, so that it appears once.

    Example:
        >>> queue, received = NoticeQueue(), []
        >>> queue.emit("no cache")
        >>> with queue.deliver_to(Channel([received.append])):
        ...     queue.emit("no cache")
        >>> [notice.en for notice in received]
        ['no cache']
    """

    def __init__(self) -> None:
        self._emitted: set[Notice] = set()
        self._pending: list[Notice] = []
        self._channels: list[Channel] = []

    @property
    def has_listener(self) -> bool:
        """Whether a channel receives a notice at once."""
        return any(channel.listeners for channel in self._channels)

    def skip(self, text: str) -> None:
        """Count a notice as emitted, so that it is not delivered.

        Args:
            text: the notice, a message with its facts.
        """
        self._emitted.add(Notice(text))

    def emit(self, text: str) -> None:
        """Deliver a notice now or to the next channel, unless it was emitted before.

        Args:
            text: the notice, a message with its facts.
        """
        notice = Notice(text)
        if notice not in self._emitted:
            self._emitted.add(notice)
            self._pending.append(notice)
            self._deliver()

    @contextmanager
    def deliver_to(self, channel: Channel) -> Iterator[None]:
        """Deliver notices inside the ``with`` block to this channel, those that are pending first.

        Args:
            channel: the channel.
        """
        self._channels.append(channel)
        try:
            self._deliver()
            yield
        finally:
            self._channels.remove(channel)

    def _deliver(self) -> None:
        channel = next((c for c in self._channels if c.listeners), None)
        while channel is not None and self._pending:
            channel.send(self._pending.pop(0))


notices = NoticeQueue()

for _name, _text in faulty_variables():
    notices.emit(
        fact(
            "{setting} is ignored: it is not a number of threads from 1 to {most:,}",
            setting=f"{_name}={_text!r}",
            most=MAX_THREADS,
        )
    )
