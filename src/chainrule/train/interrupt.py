"""Signals: Ctrl-C, SIGTERM and SIGHUP end a training after the current step, with its state saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interrupt:
    """A signal handler; ``is_requested`` is true from the first signal on.

    The second signal raises ``KeyboardInterrupt`` at once. Nothing is lost then either, since a checkpoint is
    replaced atomically.
    """

    def __init__(self) -> None:
        self.is_requested = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.is_requested:
            raise KeyboardInterrupt
        self.is_requested = True


@contextmanager
def handle_signals() -> Iterator[Interrupt]:
    """Handle signals inside the block by an ``Interrupt``; outside the main thread no signal is handled.

    Blocks may be nested: an inner block uses the ``Interrupt`` of the outer one, so that a signal before the
    inner block counts there too.
    """
    if threading.current_thread() is not threading.main_thread():
        yield Interrupt()
        return
    handlers = [signal.getsignal(number) for number in SIGNALS]
    interrupt = next((handler for handler in handlers if isinstance(handler, Interrupt)), Interrupt())
    before: dict[int, Any] = {}
    try:
        for number in SIGNALS:
            # Signals that the caller ignores stay ignored: under nohup a closed terminal must not end a
            # training.
            if signal.getsignal(number) not in (signal.SIG_IGN, None, interrupt):
                before[number] = signal.signal(number, interrupt)
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
