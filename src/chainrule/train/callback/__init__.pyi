# Written by python -m pages.stub from __init__.py.

from chainrule.train.callback.callback import Callback as Callback
from chainrule.train.callback.callback import every_step as every_step
from chainrule.train.callback.callback import last_step_only as last_step_only
from chainrule.train.callback.checkpoint import Checkpoint as Checkpoint
from chainrule.train.callback.histograms import Histograms as Histograms
from chainrule.train.callback.histograms import RecordedHistograms as RecordedHistograms
from chainrule.train.callback.histograms import read_histograms as read_histograms
from chainrule.train.callback.logs import CSVLog as CSVLog
from chainrule.train.callback.logs import JSONLog as JSONLog
from chainrule.train.callback.mlflow_run import MLflow as MLflow
from chainrule.train.callback.registry import CALLBACKS as CALLBACKS
from chainrule.train.callback.tensorboard import TensorBoard as TensorBoard
from chainrule.train.callback.time_limit import TimeLimit as TimeLimit
from chainrule.train.callback.training_view import TrainingView as TrainingView
from chainrule.train.callback.wandb_run import WandB as WandB
