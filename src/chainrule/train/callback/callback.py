"""``Callback``: the base class of callbacks, and marks of listeners that select the events they receive.

A listener is a *function* that receives every event (``chainrule.events``) and stops the training by
returning ``True``. A *callback* is a record of settings that creates a listener for each training, from a
read-only view of weights, gradients and history. A callback can therefore be printed, compared and reused,
and has no state of a training.

The engine executes several updates in one call and reports only loss and learning rate of each. A listener
that reads weights after every update is marked with ``every_step``: the engine then executes one update for
each call. A listener that needs only the ends of epochs, as most do, is marked with ``last_step_only``, which
costs nothing.
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
    """Base class of callbacks; a subclass defines ``start``, and ``watches`` if it needs columns of the
    history.

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
        """Return the listener of one training; it receives every event from ``TrainingStarted`` on.

        Args:
            training: a view of the training; its properties are current at every event.
        """
        raise TypeError(f"{type(self).__name__} defines no start")

    def watches(self) -> tuple[str, ...]:
        """Return the columns of the history, such as ``"val_f1"``, that the callback needs to be measured."""
        return ()


def last_step_only(listener: L) -> L:
    """Mark a listener that needs only the last update of a multi-step run, not every update."""
    vars(listener)["last_step_only"] = True
    return listener


def every_step(listener: L) -> L:
    """Mark a listener that reads weights after every update: each call of the engine executes one update.

    Example:
        >>> every_step(lambda event: None).every_step
        True
    """
    vars(listener)["every_step"] = True
    return listener
