"""``TimeLimit``: a limit on the duration of a training."""

from __future__ import annotations

import time
from dataclasses import KW_ONLY

from chainrule.errors import fact
from chainrule.events import Event, Listener, TrainingStarted
from chainrule.records import frozen
from chainrule.train.callback.callback import Callback, last_step_only
from chainrule.train.callback.training_view import TrainingView
from chainrule.validation import out_of_range, require_number


@frozen
class TimeLimit(Callback):
    """Limit of the duration of a training.

    The training ends after the current run of steps, at most about 0.1 s later. With ``run="folder"`` it is
    saved, and ``resume=True`` continues it, with the full duration again.

    Args:
        hours, minutes, seconds: the parts of the duration, whose sum must be positive.

    Raises:
        UsageError E102: the duration is not positive.

    Example:
        >>> import chainrule as cr
        >>> model = cr.Model(cr.Sequential(cr.Dense(1)), "mse", cr.SGD(0.1))
        >>> limit = TimeLimit(seconds=0.05)
        >>> history = model.fit([[1.0], [2.0]], [3.0, 5.0], epochs=10**7, callbacks=[limit], verbose=False)
        >>> len(history) < 10**7, model.facts["ended"]
        (True, 'callback')
    """

    chinese = ("时间限制", "到时间就结束训练。")
    _: KW_ONLY
    hours: float = 0.0
    minutes: float = 0.0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        for name in ("hours", "minutes", "seconds"):
            require_number(self, name, minimum=0)
        if not self.total > 0:
            fix = "cr.TimeLimit(minutes=30)"
            raise out_of_range(0, "the time", "TimeLimit", fact("> 0 seconds"), fix=fix)

    @property
    def total(self) -> float:
        """The duration in seconds."""
        return (self.hours * 60 + self.minutes) * 60 + self.seconds

    def start(self, training: TrainingView) -> Listener:
        end = time.monotonic() + self.total

        @last_step_only
        def watch(event: Event) -> bool:
            return not isinstance(event, TrainingStarted) and time.monotonic() >= end

        return watch
