"""Threads with little stack train and predict: in a child process, which a segmentation fault would end."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from chainrule.engines.large_stack import ENOUGH, STACK, THREAD, on_large_stack, stack_bytes

PROGRAM = """
import sys
import threading

import numpy as np

import chainrule as cr

rng = np.random.default_rng(0)
x, images = rng.normal(size=(300, 8)).astype("float32"), rng.normal(size=(64, 9, 9, 2)).astype("float32")
y = (x[:, 0] > 0).astype(int)


def work():
    table = cr.Model(cr.Sequential(cr.Dense(64, "relu"), cr.Dense(2)), "cross_entropy")
    table.fit(x, y, epochs=2, verbose=False)
    conv = cr.Model(cr.Sequential(cr.Conv(4, 3), cr.Flatten(), cr.Dense(2)), "cross_entropy")
    conv.fit(images, y[:64], epochs=2, verbose=False)
    results.append([table.predict_proba(x).tobytes(), table.predict(x[:1]).tobytes(),
                    conv.predict_proba(images).tobytes()])


def in_thread(size):
    threading.stack_size(size * 1024)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


results = []
for size in map(int, sys.argv[1:]):
    in_thread(size)
work()
print(len(results), all(result == results[0] for result in results))
"""


@pytest.mark.long
@pytest.mark.parametrize("first", [128, 256, 512])
def test_threads_with_little_stack_train_and_predict(first: int) -> None:
    sizes = [str(size) for size in (first, 128, 192, 320, 8192)]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *sizes], capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "6 True"), done.stderr[-2000:]


def in_thread(size: int, work: object) -> None:
    before = threading.stack_size(size)
    thread = threading.Thread(target=work)  # pyright: ignore[reportArgumentType]
    thread.start()
    threading.stack_size(before)
    thread.join()


@pytest.mark.parametrize("size", [256 * 1024, 2 * ENOUGH])
def test_the_size_of_the_stack_is_measured(size: int) -> None:
    """At least the requested size: a C library may reuse the larger stack of a thread that has ended."""
    seen: list[tuple[int | None, bool, int | None]] = []

    def work() -> None:
        seen.append((stack_bytes(), THREAD.is_small, on_large_stack(stack_bytes)))

    in_thread(size, work)
    ((own, is_small, used),) = seen
    if own is None:
        assert (is_small, used) == (False, None)
        return
    assert own >= size
    assert is_small == (own < ENOUGH)
    assert used is not None
    assert used >= STACK if is_small else used == own


def test_an_error_on_the_other_thread_is_raised() -> None:
    seen: list[str] = []

    def work() -> None:
        try:
            on_large_stack(int, "x")
        except ValueError as error:
            seen.append(str(error))

    in_thread(256 * 1024, work)
    assert len(seen) == 1
