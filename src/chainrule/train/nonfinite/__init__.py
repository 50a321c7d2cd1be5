"""The non-finite tracer: the operation in which a NaN or an infinity arose, and its cause.

Input: a step whose result is not finite, the state before it, recent states and losses. Output: an immutable
report, which prints in both languages and is stored in the run folder as ``nonfinite.json``. The tracer
changes nothing and does not decide whether a training stops: the training loop does.

    finite_check.py               whether an array is finite
    failed_step_replay.py         recent states and losses, and what the loop passes when a step fails
    first_nonfinite_operation.py  the first operation whose result is not finite, also inside a scan
    cause.py                      the cause
    record.py                     the report, its serialization, and its file in a run folder
    report_text.py                the report as text, with a remedy
    nonfinite_report.py           report and error of a failed step, and of predictions; compiled overflows
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "nonfinite_report": "report_nonfinite_predictions trace_nonfinite failed_step_error",
        "finite_check": "is_finite",
        "record": (
            "Cause InputValue NonfiniteReport StepStatistics NAME read_nonfinite_report remove_report "
            "write_report"
        ),
        "failed_step_replay": "Recorder",
        "report_text": "remedy_of report_lines",
    },
)
__getattr__, __dir__ = _LAZY.hooks
