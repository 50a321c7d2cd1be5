# Written by python -m pages.stub from __init__.py.

from chainrule.train.fit_on_data_loader import prepare_batches as prepare_batches
from chainrule.train.monitor.lr_finder import LearningRateSweep as LearningRateSweep
from chainrule.train.monitor.lr_finder import find_learning_rate as find_learning_rate
from chainrule.train.monitor.parity import parity as parity
from chainrule.train.monitor.profile import measure_step as measure_step
from chainrule.train.monitor.profile import plan_step as plan_step
from chainrule.train.monitor.progress_bar import show_notebook_progress as show_notebook_progress
from chainrule.train.monitor.progress_bar import show_progress_bar as show_progress_bar
from chainrule.train.nonfinite.nonfinite_report import trace_nonfinite as trace_nonfinite
from chainrule.train.nonfinite.record import NonfiniteReport as NonfiniteReport
from chainrule.train.nonfinite.record import read_nonfinite_report as read_nonfinite_report
from chainrule.train.parameter_loading import freeze as freeze
from chainrule.train.trainer import Batch as Batch
from chainrule.train.trainer import Trainer as Trainer
from chainrule.train.trainer import partial_fit as partial_fit
