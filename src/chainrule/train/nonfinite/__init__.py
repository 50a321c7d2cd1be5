"""The non-finite tracer: the operation in which a NaN or an infinity arose, and its cause.

Input: a step whose result is not finite, the state before it, recent states and losses. Output: an immutable
report, which prints in both languages and is stored in the run folder as ``nonfinite.json``. The tracer
changes nothing and does not decide whether a training stops: the training loop does.

    finite_check.py       whether an array is finite
    failed_step_replay.py  recent states and losses, and what the loop passes when a step fails
    origin.py             the first operation whose result is not finite, also inside a scan
    cause.py              the cause
    record.py             the report and its serialization;  run_file.py  its file in a run folder
    narrative.py          the report as text, with a remedy;  texts.py  its sentences
    step_report.py        report and error of a failed step, overflows in compiled code, the last steps
    prediction_report.py  report of non-finite predictions
"""

from __future__ import annotations

from chainrule.lazy_imports import LazyNames

_LAZY = LazyNames(
    __name__,
    {
        "prediction_report": "report_nonfinite_predictions trace_nonfinite",
        "finite_check": "is_finite",
        "record": "Cause InputValue NonfiniteReport StepStatistics",
        "failed_step_replay": "Recorder",
        "run_file": "NAME read_nonfinite_report remove_report write_report",
        "narrative": "remedy_of report_lines",
        "step_report": "failed_step_error",
    },
)
__getattr__, __dir__ = _LAZY.hooks
