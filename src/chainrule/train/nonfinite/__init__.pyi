# Written by python -m pages.stub from __init__.py.

from chainrule.train.nonfinite.failed_step_replay import Recorder as Recorder
from chainrule.train.nonfinite.finite_check import is_finite as is_finite
from chainrule.train.nonfinite.nonfinite_report import failed_step_error as failed_step_error
from chainrule.train.nonfinite.nonfinite_report import report_nonfinite_predictions as report_nonfinite_predictions
from chainrule.train.nonfinite.nonfinite_report import trace_nonfinite as trace_nonfinite
from chainrule.train.nonfinite.record import Cause as Cause
from chainrule.train.nonfinite.record import InputValue as InputValue
from chainrule.train.nonfinite.record import NAME as NAME
from chainrule.train.nonfinite.record import NonfiniteReport as NonfiniteReport
from chainrule.train.nonfinite.record import StepStatistics as StepStatistics
from chainrule.train.nonfinite.record import read_nonfinite_report as read_nonfinite_report
from chainrule.train.nonfinite.record import remove_report as remove_report
from chainrule.train.nonfinite.record import write_report as write_report
from chainrule.train.nonfinite.report_text import remedy_of as remedy_of
from chainrule.train.nonfinite.report_text import report_lines as report_lines
