"""The black box: where a NaN or an infinity came from, and what led to it.

In: a step whose result is not finite, the state before it, the last states and losses. Out: a ``BlackBox``,
a frozen record that prints in both languages and lies in the RUN as ``blackbox.json``. The room never mends
anything and never decides whether a training stops: the loop does.

    finite.py      whether an array is finite
    recorder.py    what the loop keeps of the last steps
    origin.py      which operation was the first
    inside.py      the same inside a loop over time
    second.py      where only the compiled program overflows
    cause.py       why, and what to try
    course.py      how large everything was in the last steps
    record.py      the record, as plain data and back; run.py keeps it in a RUN
    telling.py     the record in words; word.py has them
    verdict.py     all of it, as an error
    answer.py      the same for answers of a trained net
"""

from __future__ import annotations

from typing import Any

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "prediction": "black_box_of warn_of_answers",
        "check": "is_finite",
        "record": "BlackBox Cause Moment Read",
        "recorder": "Recorder",
        "run_file": "NAME forget_black_box read_black_box write_black_box",
        "narrative": "black_box_lines",
        "verdict": "blame",
    },
)


def __getattr__(name: str) -> Any:
    return _LAZY.load(name)


def __dir__() -> list[str]:
    return _LAZY.names
