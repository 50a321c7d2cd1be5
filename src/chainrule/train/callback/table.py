"""The callbacks by name."""

from __future__ import annotations

from chainrule.train.callback.checkpoint import Checkpoint
from chainrule.train.callback.contract import Callback
from chainrule.train.callback.histograms import Histograms
from chainrule.train.callback.limit import TimeLimit
from chainrule.train.callback.log import CSVLog, JSONLog
from chainrule.train.callback.tensorboard import TensorBoard

CALLBACKS: dict[str, type[Callback]] = {
    kind.__name__: kind for kind in (Checkpoint, CSVLog, Histograms, JSONLog, TensorBoard, TimeLimit)
}
