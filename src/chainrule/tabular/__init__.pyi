# Written by python -m pages.stub from __init__.py.

from chainrule.tabular.baselines import logistic as logistic
from chainrule.tabular.predicted_columns import prediction_columns as prediction_columns
from chainrule.tabular.threshold import Cost as Cost
from chainrule.tabular.threshold import threshold_of as threshold_of
from chainrule.tabular.threshold import with_threshold as with_threshold
from chainrule.tabular.training import TableRun as TableRun
