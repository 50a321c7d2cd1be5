"""Callbacks: what users attach to a training, and how their listeners ask for events.

Two things can listen to a training. A *function* receives every event (``chainrule.events``) and stops the
training by returning ``True``. A *callback* is a record of settings that creates such a function for each
training, from a read-only view of it: weights, gradients, history. So a callback can be printed, compared and
used twice, and nothing of one training leaks into the next.

The engine makes many updates in one call and reports only loss and learning rate of each. A listener that
reads weights after every update is marked with ``every_step``: then the updates are made one at a time. A
listener that needs the ends of epochs only, as most do, is marked with ``last_step_only`` and costs nothing.
"""

from __future__ import annotations

from typing import TypeVar

from chainrule.events import Listener
from chainrule.extension import Extensible
from chainrule.records import frozen
from chainrule.train.callback.training_view import TrainingView

L = TypeVar("L")


@frozen
class Callback(Extensible):
    """Base class of callbacks: defines ``start``, and ``watches`` if it needs columns of the history.

    Example:
        >>> from chainrule.events import EpochDone
        >>> class Largest(Callback):
        ...     def start(self, training):
        ...         def watch(event):
        ...             if isinstance(event, EpochDone):
        ...                 norms = training.gradient_norms()
        ...                 print(event.epoch, max(norms, key=norms.get))
        ...         return watch
        >>> import chainrule as cr
        >>> model = cr.Model(cr.Dense(1), "mse")
        >>> history = model.fit([[1.0], [2.0]], [3.0, 5.0], epochs=1, callbacks=[Largest()], verbose=False)
        1 weight
    """

    keeps_state = True

    def start(self, training: TrainingView) -> Listener:
        """The listener of one training; it receives every event from ``TrainingStarted`` on.

        Args:
            training: a view that can be read at every event.
        """
        raise TypeError(f"{type(self).__name__} listens to nothing")

    def watches(self) -> tuple[str, ...]:
        """The columns of the history that it needs, such as ``"val_f1"``; they are measured."""
        return ()


def last_step_only(listener: L) -> L:
    """Mark a listener as content with the last update of a multi-step run: not every update is sent."""
    vars(listener)["last_step_only"] = True
    return listener


def every_step(listener: L) -> L:
    """Mark a listener as reading weights after every update, so that updates are made one at a time.

    Example:
        >>> every_step(lambda event: None).every_step
        True
    """
    vars(listener)["every_step"] = True
    return listener
