"""The non-finite tracer: where a NaN or an infinity came from, and what led to it.

Input: a step whose result is not finite, the state before it, recent states and losses. Output: an immutable
record that prints in both languages and is stored in the RUN as ``blackbox.json``. The tracer changes nothing
and does not decide whether a training stops: the loop does.

    check.py          whether an array is finite
    recorder.py       what the loop keeps of recent steps;  context.py  what it passes when a step fails
    origin.py         the first operation whose result is not finite;  scan_origin.py  inside a loop over time
    rounding.py       overflows in compiled code only
    cause.py          the cause, and what to try
    recent_steps.py   the magnitude of values in recent steps
    record.py         the record and its plain form;  run_file.py  stores it in a RUN
    narrative.py      the record as text;  texts.py  its sentences
    verdict.py        everything as an error
    prediction.py     the same for predictions of a trained network
"""

from __future__ import annotations

from typing import Any

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "prediction": "black_box_of report_nonfinite_predictions",
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
