"""The callbacks by name."""

from __future__ import annotations

from chainrule.train.callback.callback import Callback
from chainrule.train.callback.checkpoint import Checkpoint
from chainrule.train.callback.histograms import Histograms
from chainrule.train.callback.logs import CSVLog, JSONLog
from chainrule.train.callback.tensorboard import TensorBoard
from chainrule.train.callback.time_limit import TimeLimit

CALLBACKS: dict[str, type[Callback]] = {
    kind.__name__: kind for kind in (Checkpoint, CSVLog, Histograms, JSONLog, TensorBoard, TimeLimit)
}
