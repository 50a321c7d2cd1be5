"""Ctrl-C and polite kill signals end a training at the next step, with everything saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interrupt:
    """Whether someone has asked to stop; true from the first signal on.

    The second signal is not waited for: it raises ``KeyboardInterrupt`` where the program stands. Nothing is
    lost then either, since a checkpoint is replaced whole or not at all.
    """

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def listening() -> Iterator[Interrupt]:
    """An ``Interrupt`` that signals set inside the block; outside the main thread none does.

    Blocks may be nested: an inner block has the ``Interrupt`` of the outer one, so that a signal that came
    before the inner block counts there too.
    """
    if threading.current_thread() is not threading.main_thread():
        yield Interrupt()
        return
    handlers = [signal.getsignal(number) for number in SIGNALS]
    interrupt = next((each for each in handlers if isinstance(each, Interrupt)), Interrupt())
    before: dict[int, Any] = {}
    try:
        for number in SIGNALS:
            # What the caller ignores stays ignored: under nohup a closed terminal must not end the training.
            if signal.getsignal(number) not in (signal.SIG_IGN, None, interrupt):
                before[number] = signal.signal(number, interrupt)
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
